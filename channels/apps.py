from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from inventory.kernel.areas import About, Area


class ChannelsConfig(AppConfig):
    name = "channels"
    verbose_name = _("Channels")
    default_auto_field = "django.db.models.BigAutoField"
    areas = {
        **dict.fromkeys(
            ("channel", "channellocation", "listing", "stocktarget", "pushlog", "drift"),
            About(Area.CHANNELS, spans=True),
        ),
        "allocationrule": About(Area.RULES, spans=True),
        "delivery": About(Area.ORDERS, spans=True),
    }

    import_kinds = "channels.imports"

    def ready(self) -> None:
        from . import receivers  # noqa: F401  (connects the signals of the apps below)
