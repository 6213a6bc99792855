"""How the back office is laid out: its name, its sidebar, and what every page of it knows.

Settings hold ``UNFOLD``; everything that reads rows is named by a dotted path and called for each request.
"""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _

#: Sections of the sidebar: title, then pages as (title, icon, view of the admin site, permission, count of what waits).
SECTIONS: tuple[tuple[Any, tuple[tuple[Any, str, str, str, str], ...]], ...] = (
    (
        None,
        (
            (_("Overview"), "dashboard", "index", "", ""),
            (_("Parked"), "front_hand", "parked", "fulfillment.view_parked", "parked"),
            (_("Alerts"), "notifications", "reports_alert_changelist", "reports.view_alert", "alerts"),
            (
                _("Shortfalls"),
                "production_quantity_limits",
                "fulfillment_shortfall_changelist",
                "fulfillment.view_shortfall",
                "shortfalls",
            ),
            (_("Drifts"), "compare_arrows", "channels_drift_changelist", "channels.view_drift", ""),
        ),
    ),
    (
        _("Stock"),
        (
            (_("Stock levels"), "warehouse", "inventory_stocklevel_changelist", "inventory.view_stocklevel", ""),
            (_("Lots"), "event_busy", "inventory_lot_changelist", "inventory.view_lot", ""),
            (_("Transfers"), "swap_horiz", "inventory_transfer_changelist", "inventory.view_transfer", ""),
            (_("Imports"), "upload_file", "inventory_importbatch_changelist", "inventory.view_importbatch", ""),
            (_("Counts"), "checklist", "inventory_count_changelist", "inventory.view_count", "counts"),
            (
                _("Wanted recounts"),
                "problem",
                "inventory_recountrequest_changelist",
                "inventory.view_recountrequest",
                "recounts",
            ),
            (_("SKUs"), "barcode", "inventory_sku_changelist", "inventory.view_sku", ""),
            (_("Bundles"), "package_2", "inventory_bundlecomponent_changelist", "inventory.view_bundlecomponent", ""),
            (_("Assemblies"), "construction", "inventory_assembly_changelist", "inventory.view_assembly", ""),
            (_("Products"), "category", "inventory_product_changelist", "inventory.view_product", ""),
            (_("Ledger"), "receipt_long", "inventory_ledgerentry_changelist", "inventory.view_ledgerentry", ""),
            (_("Reservations"), "bookmark", "inventory_reservation_changelist", "inventory.view_reservation", ""),
            (_("Ledger checks"), "fact_check", "reports_ledgercheck_changelist", "reports.view_ledgercheck", ""),
        ),
    ),
    (
        _("Orders"),
        (
            (
                _("Sales orders"),
                "shopping_cart",
                "fulfillment_salesorder_changelist",
                "fulfillment.view_salesorder",
                "",
            ),
            (_("Shipments"), "local_shipping", "fulfillment_shipment_changelist", "fulfillment.view_shipment", ""),
            (_("Returns"), "assignment_return", "fulfillment_return_changelist", "fulfillment.view_return", ""),
        ),
    ),
    (
        _("Channels"),
        (
            (_("Channels"), "storefront", "channels_channel_changelist", "channels.view_channel", ""),
            (_("Listings"), "sell", "channels_listing_changelist", "channels.view_listing", ""),
            (_("Allocation rules"), "rule", "channels_allocationrule_changelist", "channels.view_allocationrule", ""),
            (_("Inbox"), "inbox", "channels_delivery_changelist", "channels.view_delivery", ""),
            (_("Stock targets"), "target", "channels_stocktarget_changelist", "channels.view_stocktarget", ""),
            (_("Pushes"), "outbox", "channels_pushlog_changelist", "channels.view_pushlog", ""),
        ),
    ),
    (
        _("Purchasing"),
        (
            (
                _("Reorder alerts"),
                "add_shopping_cart",
                "purchasing_reorderalert_changelist",
                "purchasing.view_reorderalert",
                "reorders",
            ),
            (
                _("Reorder rules"),
                "low_priority",
                "purchasing_reorderrule_changelist",
                "purchasing.view_reorderrule",
                "",
            ),
        ),
    ),
    (
        _("Books"),
        (
            (_("Stock values"), "payments", "inventory_costscope_changelist", "inventory.view_costscope", ""),
            (_("Changes of value"), "show_chart", "inventory_costmove_changelist", "inventory.view_costmove", ""),
            (_("Landed costs"), "sailing", "inventory_landedcost_changelist", "inventory.view_landedcost", ""),
            (_("Closed months"), "lock", "inventory_period_changelist", "inventory.view_period", ""),
            (_("Accounts"), "account_tree", "inventory_accountmap_changelist", "inventory.view_accountmap", ""),
            (
                _("Exchange rates"),
                "currency_exchange",
                "inventory_exchangerate_changelist",
                "inventory.view_exchangerate",
                "",
            ),
            (_("Companies"), "domain", "inventory_company_changelist", "inventory.view_company", ""),
        ),
    ),
    (
        _("People"),
        (
            (_("People"), "person", "auth_user_changelist", "auth.view_user", ""),
            (_("Invitations"), "mail", "inventory_accesslink_changelist", "inventory.view_accesslink", ""),
            (_("Sessions"), "devices", "inventory_loginsession_changelist", "inventory.view_loginsession", ""),
            (_("Failed attempts"), "gpp_bad", "inventory_attemptcount_changelist", "inventory.view_attemptcount", ""),
            (_("Record of access"), "history", "inventory_accessevent_changelist", "inventory.view_accessevent", ""),
        ),
    ),
    (
        _("Settings"),
        (
            (_("Locations"), "location_on", "inventory_location_changelist", "inventory.view_location", ""),
            (
                _("Count tolerances"),
                "tune",
                "inventory_counttolerance_changelist",
                "inventory.view_counttolerance",
                "",
            ),
            (_("API keys"), "key", "inventory_apikey_changelist", "inventory.view_apikey", ""),
            (
                _("Schedule"),
                "schedule",
                "django_celery_beat_periodictask_changelist",
                "django_celery_beat.view_periodictask",
                "",
            ),
            (_("Backups"), "database", "reports_backup_changelist", "reports.view_backup", ""),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar for this person, with the number of what waits for one."""
    from reports.dashboard import waiting

    counts = waiting(request)
    sections = []
    for title, pages in SECTIONS:
        items = [_item(page, counts) for page in pages if not page[3] or request.user.has_perm(page[3])]
        sections.append({"title": title, "separator": title is not None, "items": items})
    return [section for section in sections if section["items"]]


def _item(page: tuple[Any, str, str, str, str], counts: dict[str, int]) -> dict[str, Any]:
    title, icon, view, _permission, counter = page
    item = {"title": title, "icon": icon, "link": reverse(f"admin:{view}")}
    if counts.get(counter):
        item["badge"] = counts[counter]
    return item


def favicon(request: HttpRequest) -> str:
    """The picture beside the page's name."""
    return static("sellonce/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    """The few styles that are our own."""
    return static("sellonce/back_office.css")


def script(request: HttpRequest) -> str:
    """Writes instants in the time zone of who looks."""
    return static("sellonce/times.js")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "SellOnce",
    "SITE_HEADER": "SellOnce",
    "SITE_SUBHEADER": _("One stock, every channel"),
    "SITE_SYMBOL": "inventory_2",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.site.favicon"}],
    "STYLES": ["config.site.stylesheet"],
    "SCRIPTS": ["config.site.script"],
    "LOGIN": {"form": "inventory.people.login.LoginForm"},
    "ACCOUNT": {"navigation": [{"title": _("My account"), "link": reverse_lazy("account:home")}]},
    "DASHBOARD_CALLBACK": "reports.dashboard.dashboard",
    "GLOBAL_CALLBACK": "channels.admin.banner.banners",
    "COMMAND": {"search_callback": "reports.search.find"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "config.site.navigation",
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .013 236.62)",
            "100": "oklch(95.1% .026 236.824)",
            "200": "oklch(90.1% .058 230.902)",
            "300": "oklch(82.8% .111 230.318)",
            "400": "oklch(74.6% .16 232.661)",
            "500": "oklch(62% .15 237.323)",
            "600": "oklch(53% .135 241.966)",
            "700": "oklch(46% .12 242.749)",
            "800": "oklch(40% .1 240.79)",
            "900": "oklch(35% .085 240.876)",
            "950": "oklch(25% .06 243.157)",
        }
    },
}
