"""The application's own role may add ledger entries, and nothing else: besides the triggers, it loses the rights."""

from django.db import migrations

REVOKE = """
DO $$
DECLARE grantee_name text;
BEGIN
    FOR grantee_name IN
        SELECT DISTINCT grantee FROM information_schema.table_privileges
        WHERE table_name = 'inventory_ledgerentry' AND table_schema = current_schema()
            AND grantee NOT IN (current_user, 'PUBLIC')
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON inventory_ledgerentry FROM %I', grantee_name);
    END LOOP;
END $$;
REVOKE UPDATE, DELETE, TRUNCATE ON inventory_ledgerentry FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial")]

    operations = [migrations.RunSQL(REVOKE, migrations.RunSQL.noop)]
