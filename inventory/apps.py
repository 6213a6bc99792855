from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from .kernel.areas import About, Area


class InventoryConfig(AppConfig):
    name = "inventory"
    verbose_name = _("Inventory")
    default_auto_field = "django.db.models.BigAutoField"
    areas = {
        "product": About(Area.CATALOG),
        "sku": About(Area.CATALOG),
        "location": About(Area.CATALOG, location="pk"),
        "stocklevel": About(Area.STOCK, location="location"),
        "ledgerentry": About(Area.STOCK, location="level__location"),
        "lot": About(Area.STOCK),  # of no location
        "lotlevel": About(Area.STOCK, location="level__location"),
        "lotentry": About(Area.STOCK, location="level__location"),
        "levelbin": About(Area.STOCK, location="level__location"),
        "count": About(Area.STOCK, location="location"),
        "countline": About(Area.STOCK, location="location"),
        "recountrequest": About(Area.STOCK, location="location"),
        **dict.fromkeys(("importbatch", "importrow"), About(Area.STOCK)),  # what each kind is about, it says itself
        "importpreset": About(Area.STOCK),
        "counttolerance": About(Area.SETTINGS, spans=True),
        **dict.fromkeys(
            (
                "company",
                "exchangerate",
                "costscope",
                "costlayer",
                "costmove",
                "costingchange",
                "landedcost",
                "landedshare",
                "period",
                "periodamount",
                "valuation",
                "accountmap",
            ),
            About(Area.COST, spans=True),
        ),
        "reservation": About(Area.STOCK, location="level__location"),
        **dict.fromkeys(("bundlecomponent", "bundlepart", "bundleplace"), About(Area.CATALOG)),
        "assembly": About(Area.STOCK, location="location"),
        "assemblypart": About(Area.STOCK, location="assembly__location"),
        **dict.fromkeys(("transfer", "transferline", "transferstep"), About(Area.STOCK)),  # at two locations each
        **dict.fromkeys(
            ("apikey", "person", "accesslink", "secondfactor", "loginsession", "attemptcount", "accessevent"),
            About(Area.PEOPLE, spans=True),
        ),
        "auth.user": About(Area.PEOPLE, spans=True),
    }

    import_kinds = "inventory.imports.kinds"

    def ready(self) -> None:
        from . import receivers  # noqa: F401  (connects the signals of the apps below)
