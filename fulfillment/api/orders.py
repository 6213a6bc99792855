"""/api/v1/sales-orders/"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import uuid4

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channels.publishing import feeding_locations
from inventory.api.access import Area, Caller
from inventory.api.filters import ByCode, Filters
from inventory.api.resource import Reads, Why

from .. import orders
from ..coverage import is_covered, seen_at
from ..models import SalesOrder, SalesOrderLine
from . import errors  # noqa: F401  (says how what can go wrong is answered)
from .order_forms import OrderSerializer, RequestedOrder


class OrderFilters(Filters):
    """By every field; `sku` finds orders with a line of it."""

    channel = ByCode("channel")
    sku = filters.CharFilter(method="having")
    has_problem = filters.BooleanFilter(field_name="problem", method="troubled")

    class Meta(Filters.Meta):
        model = SalesOrder
        fields = {
            "external_id": ["exact"],
            "status": ["exact"],
            "currency": ["exact"],
            "placed_at": ["gte", "lte"],
            "recorded_at": ["gte", "lte"],
            "promised_at": ["gte", "lte"],
            "ship_by": ["gte", "lte"],
        }

    def having(self, rows: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        """Orders with a line of that SKU."""
        return rows.filter(pk__in=SalesOrderLine.objects.filter(sku__codes__code=value).values("order"))

    def troubled(self, rows: "QuerySet[Any]", name: str, value: bool) -> "QuerySet[Any]":
        """Orders that need a look, or those that do not."""
        return rows.exclude(problem="") if value else rows.filter(problem="")


def seen_by(caller: Caller, rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """The orders that hold or held stock at the caller's locations."""
    return seen_at(caller.location_ids, rows)


class Orders(Reads):
    """Sales orders, newest first. POST is for channels whose orders people type; all others come from the channel."""

    area = Area.ORDERS
    queryset = SalesOrder.objects.select_related("channel").order_by("-id")
    serializer_class = OrderSerializer
    filterset_class = OrderFilters
    lookup_value_regex = "[0-9]{1,18}"
    summaries: ClassVar = {
        "create": "Ask for an order", "cancel": "Cancel a sales order", "hold": "Pause a sales order",
        "release": "End a sales order's pause",
    }  # fmt: skip
    refusals: ClassVar = {
        "create": ("order_short", "order_exists", "other_location"), "cancel": ("order_ended",), "hold": ("order_ended",),
        "release": ("order_ended",),
    }  # fmt: skip

    def limited(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """Orders that concern the caller, with their lines."""
        lines = SalesOrderLine.objects.select_related("sku").order_by("position", "id")
        return seen_by(self.caller, rows).prefetch_related(Prefetch("lines", lines))

    @extend_schema(request=RequestedOrder, responses={201: OrderSerializer})
    def create(self, request: Request) -> Response:
        """Ask for an order: 201, or 409 `insufficient_stock` with `fields.lines` and nothing reserved."""
        given = dict(self.body(RequestedOrder).validated_data)
        for location_id, _remote in feeding_locations(given["channel"]):
            self.check_location(location_id)
        given["lines"] = [orders.RequestLine(**line) for line in given["lines"]]
        given.setdefault("external_id", uuid4().hex[:12].upper())
        return self.carry_out(partial(self._request, given))

    def _request(self, given: dict[str, Any]) -> tuple[int, Any]:
        order = orders.request_order(**given, actor=self.caller.actor)
        return 201, self.shown(order)

    @extend_schema(request=Why, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel what has not been shipped; its reservations are released."""
        return self._act("cancelled", orders.cancel_order)

    @extend_schema(request=Why, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """Pause an order; it keeps its reservations."""
        return self._act("paused", orders.hold_order)

    @extend_schema(request=Why, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """End a pause."""
        return self._act("released", orders.release_order)

    def _act(self, done: str, verb: Callable[..., SalesOrder]) -> Response:
        self._check_covered(self.get_object())
        return self.act(done, lambda order: verb(order, actor=self.caller.actor))

    def _check_covered(self, order: SalesOrder) -> None:
        """An order that holds stock elsewhere too is not for a key that is limited to some locations."""
        if not is_covered(order, location_ids=self.caller.location_ids):
            self.permission_denied(self.request, message=_("This order holds stock at other locations too."))
