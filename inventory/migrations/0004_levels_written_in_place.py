from django.db import migrations

# Room in each page for a level's next version, so that it is written beside its last one and no index is touched.
ROOM = "ALTER TABLE inventory_stocklevel SET (fillfactor = 70)"
NO_ROOM = "ALTER TABLE inventory_stocklevel RESET (fillfactor)"


class Migration(migrations.Migration):
    dependencies = [("inventory", "0003_people")]

    operations = [migrations.RunSQL(ROOM, NO_ROOM)]
