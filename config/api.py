"""The REST API's addresses: every app's resources under /api/v1/, their description beside it."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path, re_path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny
from rest_framework.routers import SimpleRouter

# Each of these tells the description what its app's objects look like.
import channels.api.examples  # noqa: F401
import fulfillment.api.examples  # noqa: F401
import inventory.api.cost_examples
import inventory.api.count_examples
import inventory.api.examples
import inventory.api.import_examples
import inventory.api.lot_examples  # noqa: F401
import purchasing.api.examples  # noqa: F401
import reports.api.examples  # noqa: F401
from channels.api.channels import Channels
from channels.api.deliveries import Deliveries
from channels.api.drifts import Drifts
from channels.api.listings import Listings
from channels.api.rules import Rules
from fulfillment.api.orders import Orders
from fulfillment.api.parked import Parked
from fulfillment.api.returns import Returns
from fulfillment.api.shipments import Shipments
from fulfillment.api.shortfalls import Shortfalls
from inventory.api.adjustments import Adjustments, Moves
from inventory.api.assemblies import Assemblies
from inventory.api.bundles import Bundles
from inventory.api.companies import Companies, Rates
from inventory.api.costs import CostLayers, CostMoves, Values
from inventory.api.counts import Counts
from inventory.api.entries import Entries
from inventory.api.imports import Exports, Imports
from inventory.api.landed_costs import LandedCosts
from inventory.api.levels import Levels
from inventory.api.locations import Locations
from inventory.api.lots import Lots
from inventory.api.periods import Periods
from inventory.api.products import Products
from inventory.api.skus import Skus
from inventory.api.transfers import Transfers
from purchasing.api.reorder_alerts import Alerts as ReorderAlerts
from purchasing.api.reorder_rules import Rules as ReorderRules
from reports.api.alerts import Alerts


class Router(SimpleRouter):
    """Addresses end with a slash or without one: a POST cannot be redirected."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"


router = Router()
for address, resource in (
    ("products", Products),
    ("skus", Skus),
    ("bundles", Bundles),
    ("locations", Locations),
    ("stock-levels", Levels),
    ("stock-adjustments", Adjustments),
    ("stock-moves", Moves),
    ("assemblies", Assemblies),
    ("lots", Lots),
    ("transfers", Transfers),
    ("counts", Counts),
    ("imports", Imports),
    ("exports", Exports),
    ("ledger-entries", Entries),
    ("stock-values", Values),
    ("cost-moves", CostMoves),
    ("cost-layers", CostLayers),
    ("landed-costs", LandedCosts),
    ("periods", Periods),
    ("companies", Companies),
    ("exchange-rates", Rates),
    ("channels", Channels),
    ("listings", Listings),
    ("allocation-rules", Rules),
    ("deliveries", Deliveries),
    ("sales-orders", Orders),
    ("shipments", Shipments),
    ("returns", Returns),
    ("reorder-rules", ReorderRules),
    ("reorder-alerts", ReorderAlerts),
    ("shortfalls", Shortfalls),
    ("parked", Parked),
    ("alerts", Alerts),
    ("drifts", Drifts),
):
    router.register(address, resource, basename=address)


@csrf_exempt
def nothing_here(request: HttpRequest, rest: str) -> JsonResponse:
    """404 in the form of every other error."""
    message = _("There is nothing at this address; /api/docs/ lists what there is.")
    return JsonResponse({"error": {"code": "not_found", "message": message, "fields": {}}}, status=404)


_ABOUT = """
One ledger of stock behind every sales channel.

* **Keys**: `Authorization: Bearer KEY`. Each key has a role, and may be limited to locations.
* **Lists** come in pages (`?limit=&offset=`) and are filtered by the fields that they show. A filter that does not exist is
  refused, not ignored.
* **Writes** that are sent again with the same `Idempotency-Key` and body are done once; the first answer comes again.
* **Errors** have one form: `{"error": {"code", "message", "fields"}}`. Programs go by `code`; `fields` names each place by its
  path, as `lines.0.quantity`.
* **Names**: objects are named by their codes. Ids are text, money is a decimal as text with its currency beside it, times are
  ISO 8601 with a zone.
"""
_settings = {"POSTPROCESSING_HOOKS": ["inventory.api.schema.add_examples"], "DESCRIPTION": _ABOUT}
_open = {"authentication_classes": (), "permission_classes": (AllowAny,)}

urlpatterns = [
    path("v1/", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(custom_settings=_settings, **_open), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema", **_open), name="docs"),
    re_path(r"^(?!(?:schema|docs)$)(?P<rest>[\s\S]*)$", nothing_here),  # a line feed in an address too
]
