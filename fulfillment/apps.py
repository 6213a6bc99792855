from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from inventory.kernel.areas import About, Area


class FulfillmentConfig(AppConfig):
    name = "fulfillment"
    verbose_name = _("Fulfilment")
    default_auto_field = "django.db.models.BigAutoField"
    areas = {
        "parked": About(Area.ORDERS, spans=True),
        "salesorder": About(Area.ORDERS),
        "salesorderline": About(Area.ORDERS),
        "shortfall": About(Area.ORDERS, spans=True),
        "shipment": About(Area.SHIPPING, location="location"),
        "shipmentline": About(Area.SHIPPING),
        "return": About(Area.SHIPPING),
        "returnline": About(Area.SHIPPING),
    }

    def ready(self) -> None:
        from . import receivers  # noqa: F401  (connects the signals of the apps below)
