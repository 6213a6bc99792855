"""/api/v1/parked/"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.db.models import Model
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channels import inbox, sync
from channels.models import Delivery, DeliveryStatus, StockTarget
from inventory.api.access import Area
from inventory.api.errors import Refused, invalid
from inventory.api.filters import check_query
from inventory.api.resource import Resource, Why

from ..intake import resolve_parked
from ..models import SalesOrderLine, Shipment
from ..models.shipment import NewsStatus
from ..news import tell_again
from ..parked import KINDS, ParkedRow, count_parked, parked_rows

_PARAMETERS = [OpenApiParameter(name, OpenApiTypes.STR) for name in ("kind", "channel", "reason", "search")]


class ParkedSerializer(serializers.Serializer):
    """One thing that waits for a person: what it is, whose, why, and its evidence."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    channel = serializers.CharField()
    subject = serializers.CharField()
    reason = serializers.CharField()
    detail = serializers.CharField()
    parked_at = serializers.DateTimeField(source="at", allow_null=True)
    actions = serializers.ListField(child=serializers.CharField())

    def to_representation(self, row: ParkedRow) -> dict[str, Any]:
        """The row, and where a POST does something about it."""
        name = f"{row.kind}-{row.id}"
        return {
            "id": name, "kind": row.kind, "channel": row.channel, "subject": row.subject, "reason": row.reason,
            "detail": row.detail, "parked_at": row.at, "actions": [f"/api/v1/parked/{name}/retry/"],
        }  # fmt: skip


class RetrySerializer(serializers.Serializer):
    """Whether it is still parked after the retry; what is worked off later is so until then no more."""

    id = serializers.CharField()
    parked = serializers.BooleanField()


class _Rows:
    """The list as the pages read it: a count and slices, each by one query."""

    def __init__(self, conditions: Mapping[str, str]) -> None:
        self.conditions = dict(conditions)

    def count(self) -> int:
        return count_parked(**self.conditions)

    def __getitem__(self, wanted: slice) -> list[ParkedRow]:
        return parked_rows(**self.conditions, offset=wanted.start, limit=wanted.stop - wanted.start)


class Parked(Resource):
    """What could not be worked off: deliveries, order lines, numbers for channels, news of shipments."""

    area = Area.ORDERS
    spans_locations = True
    serializer_class = ParkedSerializer
    lookup_value_regex = "[a-z]+-[0-9]{1,18}"
    summaries: ClassVar = {"list": "List what is parked", "retry": "Try a parked thing again"}
    filter_backends = ()

    @extend_schema(parameters=_PARAMETERS, responses=ParkedSerializer(many=True))
    def list(self, request: Request) -> Response:
        """What waits, the newest first. `search` looks into subjects and details."""
        names = {"kind", "channel", "reason", "search"}
        check_query(request, names)
        conditions = {name: request.query_params[name] for name in names if name in request.query_params}
        for name, value in conditions.items():
            if "\x00" in value:
                raise invalid(name, _("Text must not hold the character U+0000."))
        if conditions.get("kind", KINDS[0]) not in KINDS:
            raise invalid("kind", _("There are: {kinds}.").format(kinds=", ".join(KINDS)))
        page = self.paginate_queryset(_Rows(conditions))  # type: ignore[arg-type]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=Why, responses=RetrySerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Try it again, after what was wrong is mended."""
        self.body(Why)
        kind, _dash, number = pk.partition("-")
        if kind not in _RETRIES or not _is_parked(kind, int(number)):
            raise Refused(_("Nothing of this id is parked."), status=404)

        def deed() -> tuple[int, Any]:
            _RETRIES[kind](int(number), self.caller.actor)
            return 200, {"id": pk, "parked": _is_parked(kind, int(number))}

        return self.carry_out(deed)


def _is_parked(kind: str, row_id: int) -> bool:
    model, condition = _PARKED[kind]
    rows = model._default_manager.filter(pk=row_id)
    return (rows.filter(**condition) if condition else rows.exclude(parked_reason="")).exists()


_PARKED: Mapping[str, tuple[type[Model], Mapping[str, str]]] = {
    "delivery": (Delivery, {"status": DeliveryStatus.PARKED}),
    "line": (SalesOrderLine, {}),
    "target": (StockTarget, {}),
    "shipment": (Shipment, {"news": NewsStatus.PARKED}),
}

_RETRIES: Mapping[str, Callable[[int, str], object]] = {
    "delivery": lambda row_id, actor: inbox.replay([row_id], actor=actor),
    "line": lambda row_id, actor: resolve_parked([row_id]),
    "target": lambda row_id, actor: sync.unpark([row_id]),
    "shipment": lambda row_id, actor: tell_again([row_id]),
}
