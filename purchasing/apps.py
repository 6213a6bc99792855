from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from inventory.kernel.areas import About, Area


class PurchasingConfig(AppConfig):
    name = "purchasing"
    verbose_name = _("Purchasing")
    default_auto_field = "django.db.models.BigAutoField"
    areas = {
        "reorderrule": About(Area.REORDERING, location="location"),
        "reorderalert": About(Area.REORDERING, location="rule__location"),
    }

    def ready(self) -> None:
        from . import receivers  # noqa: F401  (connects the signals of the apps below)
