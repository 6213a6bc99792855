from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from inventory.kernel.areas import About, Area


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = _("Reports")
    default_auto_field = "django.db.models.BigAutoField"
    areas = {
        "alert": About(Area.ORDERS, spans=True),
        "backup": About(Area.SETTINGS, spans=True),
        "ledgercheck": About(Area.STOCK, spans=True),
    }

    def ready(self) -> None:
        from . import receivers  # noqa: F401  (connects the signals of the apps below)
