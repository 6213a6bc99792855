"""/api/v1/transfers/"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from .. import transfers
from ..lot_tracking import given_lot
from ..manifest import Arrived, NotYours, TransferError, Units, WrongStep
from ..models import Location, Lot, Sku, Transfer
from .access import Area
from .errors import Refused, translates
from .fields import Code, NewCode
from .fields import Units as UnitsField
from .filters import ByCode, Filters
from .lines import with_skus
from .resource import Changes, Creates, Reads, Strict, StrictModel, Why

SOME: dict[str, Any] = {"allow_empty": False, "max_length": 10_000}


class AskedLine(Strict):
    """Units of one SKU."""

    sku = serializers.CharField(max_length=200)
    quantity = UnitsField(least=1)


class OfLot(Strict):
    """A line that may name the lot of its units."""

    lot = serializers.CharField(
        max_length=100, required=False, help_text=_("Of a SKU that keeps lots. Default: what expires first.")
    )


class LostLine(AskedLine, OfLot):
    """Units that will not come."""


class LeavingLine(OfLot):
    """Units of one of the transfer's SKUs."""

    sku = serializers.CharField(max_length=200)
    quantity = UnitsField(least=1, required=False, help_text=_("Default: all that waits."))


class ArrivedLine(OfLot):
    """What came of one of the transfer's SKUs."""

    sku = serializers.CharField(max_length=200)
    quantity = UnitsField(
        required=False, help_text=_("Good units. Default: all that is under way; 0 where damaged is given.")
    )
    damaged = UnitsField(required=False, help_text=_("Units that came damaged, beside the good ones. Default: 0."))


class Leaving(Strict):
    """What leaves now; nothing means all that waits."""

    lines = LeavingLine(many=True, required=False, **SOME)


class Came(Strict):
    """What came; nothing means all that is under way, in good order."""

    lines = ArrivedLine(many=True, required=False, **SOME)


class Lost(Why):
    """What will not come, and why."""

    lines = LostLine(many=True, **SOME)


class TransferSerializer(StrictModel):
    """Units that go from one location to another. A draft until something is dispatched."""

    code = NewCode(max_length=50, required=False, help_text=_("Default: one is made."))
    from_location = Code(queryset=Location.objects.all())
    to_location = Code(queryset=Location.objects.all())
    lines = AskedLine(many=True, **SOME, write_only=True)

    class Meta:
        model = Transfer
        fields = (
            "code", "from_location", "to_location", "status", "note", "lines", "created_at", "dispatched_at", "closed_at",
        )  # fmt: skip
        read_only_fields = ("status", "created_at", "dispatched_at", "closed_at")
        validators: list[object] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A code is given once and for all."""
        if self.instance is not None and "code" in attrs:
            raise serializers.ValidationError({"code": _("This cannot be changed.")})
        return attrs

    def to_representation(self, instance: Transfer) -> dict[str, Any]:
        """The transfer with its lines and steps."""
        shown: dict[str, Any] = super().to_representation(instance)
        counts = ("quantity", "dispatched", "received", "damaged", "lost", "returned")
        shown["lines"] = [
            {"sku": row.sku.code, **{name: getattr(row, name) for name in counts}, "in_transit": row.under_way}
            for row in instance.lines.all()
        ]
        at = serializers.DateTimeField().to_representation
        shown["steps"] = [
            {"step": step.kind, "units": step.units, "actor": step.actor, "at": at(step.at), "note": step.note}
            for step in instance.steps.all()
        ]
        return shown


class TransferredLine(serializers.Serializer):
    """Units of one SKU: asked for, dispatched, and what became of those; ``in_transit`` is the rest."""

    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    dispatched = serializers.IntegerField()
    received = serializers.IntegerField()
    damaged = serializers.IntegerField()
    lost = serializers.IntegerField()
    returned = serializers.IntegerField()
    in_transit = serializers.IntegerField()


class TransferStepSerializer(serializers.Serializer):
    """Who did what, and when."""

    step = serializers.CharField()
    units = serializers.IntegerField()
    actor = serializers.CharField()
    at = serializers.DateTimeField()
    note = serializers.CharField()


class ShownTransfer(TransferSerializer):
    """A transfer as it is answered."""

    lines = TransferredLine(many=True, read_only=True)  # type: ignore[assignment]
    steps = TransferStepSerializer(many=True, read_only=True)

    class Meta(TransferSerializer.Meta):
        fields = (*TransferSerializer.Meta.fields, "steps")  # type: ignore[assignment]


class TransferFilters(Filters):
    """By every field; ``location`` is either end, ``sku`` one of its lines."""

    from_location = ByCode("from_location")
    to_location = ByCode("to_location")
    location = filters.CharFilter(method="at_location")
    sku = filters.CharFilter(method="of_sku")

    class Meta(Filters.Meta):
        model = Transfer
        fields = {
            "code": ["exact"], "status": ["exact"], "created_at": ["gte", "lte"], "dispatched_at": ["gte", "lte"],
            "closed_at": ["gte", "lte"],
        }  # fmt: skip

    def at_location(self, rows: "QuerySet[Transfer]", name: str, value: str) -> "QuerySet[Transfer]":
        """From it or to it."""
        return rows.filter(Q(from_location__code=value) | Q(to_location__code=value))

    def of_sku(self, rows: "QuerySet[Transfer]", name: str, value: str) -> "QuerySet[Transfer]":
        """With a line of it; a transfer names a SKU once."""
        return rows.filter(lines__sku__codes__code=value)


@extend_schema_view(
    list=extend_schema(responses=ShownTransfer(many=True)),
    retrieve=extend_schema(responses=ShownTransfer),
    create=extend_schema(responses={201: ShownTransfer}),
    partial_update=extend_schema(responses=ShownTransfer),
)
class Transfers(Creates, Changes, Reads):
    """Transfers between locations, newest first. Who is limited to locations sees those from and to them."""

    area = Area.STOCK
    queryset = (
        Transfer.objects.select_related("from_location", "to_location")
        .prefetch_related("lines__sku", "steps")
        .order_by("-id")
    )
    serializer_class = TransferSerializer
    filterset_class = TransferFilters
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    summaries: ClassVar = {
        "create": "Draft a transfer", "partial_update": "Change a draft", "send_off": "Dispatch a transfer",
        "lose": "Report units lost on the way",
    }  # fmt: skip
    refusals: ClassVar = {
        "create": ("conflict", "other_location"), "partial_update": ("transfer_state", "other_location"),
        "send_off": ("insufficient_stock", "transfer_state", "other_location"),
        "receive": ("transfer_state", "too_many_received", "other_location"),
        "lose": ("transfer_state", "other_location"), "cancel": ("transfer_state", "other_location"),
    }  # fmt: skip

    def limited(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """From or to the caller's locations."""
        places = self.caller.location_ids
        return rows if places is None else rows.filter(Q(from_location__in=places) | Q(to_location__in=places))

    def make(self, serializer: Any) -> Transfer:
        """Draft one by its verb; one of its ends is the caller's."""
        given = dict(serializer.validated_data)
        self._check_either(given["from_location"], given["to_location"])
        lines = [Units(sku, row["quantity"]) for sku, row in with_skus(given.pop("lines"))]
        return transfers.create_transfer(**given, lines=lines, actor=self.caller.actor)

    def change(self, serializer: Any) -> Transfer:
        """Change a draft by its verb; given lines replace those that it has."""
        held: Transfer = serializer.instance
        given = dict(serializer.validated_data)
        self._check_either(given.get("from_location", held.from_location), given.get("to_location", held.to_location))
        rows = given.pop("lines", None)
        lines = None if rows is None else [Units(sku, row["quantity"]) for sku, row in with_skus(rows)]
        return transfers.amend(held, **given, lines=lines, **self._who)

    @extend_schema(request=Leaving, responses=ShownTransfer)
    @action(detail=True, methods=["post"], url_path="dispatch")
    def send_off(self, request: Request, code: str) -> Response:
        """Units leave the source and are in transit at the destination; refused as a whole where any line is short."""
        held: Transfer = self.get_object()
        self.check_location(held.from_location_id)
        rows = self.body(Leaving).validated_data.get("lines")

        def deed() -> tuple[int, Any]:
            lines = None if rows is None else _leaving(held, rows)
            transfers.dispatch(held, lines=lines, **self._who)
            return 200, self.shown(held)

        return self.carry_out(deed)

    @extend_schema(request=Came, responses=ShownTransfer)
    @action(detail=True, methods=["post"])
    def receive(self, request: Request, code: str) -> Response:
        """Units have come, good or damaged; as often as something comes."""
        held: Transfer = self.get_object()
        self.check_location(held.to_location_id)
        rows = self.body(Came).validated_data.get("lines")

        def deed() -> tuple[int, Any]:
            transfers.receive(held, lines=None if rows is None else _arrived(held, rows), **self._who)
            return 200, self.shown(held)

        return self.carry_out(deed)

    @extend_schema(request=Lost, responses=ShownTransfer)
    @action(detail=True, methods=["post"])
    def lose(self, request: Request, code: str) -> Response:
        """Units that left will not come: they leave the books with the reason `loss`."""
        held: Transfer = self.get_object()
        self.check_location(held.to_location_id)
        given = self.body(Lost).validated_data

        def deed() -> tuple[int, Any]:
            lines = [Units(sku, row["quantity"], _lot(sku, row)) for sku, row in with_skus(given["lines"])]
            transfers.report_lost(held, lines=lines, note=given["reason"], **self._who)
            return 200, self.shown(held)

        return self.carry_out(deed)

    @extend_schema(request=Why, responses=ShownTransfer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, code: str) -> Response:
        """It ends: what is under way goes back to the source's available, what has come stays."""
        held: Transfer = self.get_object()
        if held.is_draft:
            self._check_either(held.from_location, held.to_location)
        else:
            self.check_location(held.from_location_id)
        reason = self.body(Why).validated_data["reason"]

        def deed() -> tuple[int, Any]:
            transfers.cancel(held, note=reason, **self._who)
            return 200, self.shown(held)

        return self.carry_out(deed)

    @property
    def _who(self) -> dict[str, Any]:
        """Who acts, and at which locations, as the verbs take it."""
        return {"actor": self.caller.actor, "places": self.caller.location_ids}

    def _check_either(self, source: Location, target: Location) -> None:
        if not any(self.caller.may_act_at(place.pk) for place in (source, target)):
            self.check_location(source.pk)


def _leaving(held: Transfer, rows: Sequence[Mapping[str, Any]]) -> list[Units]:
    waiting = {row.sku_id: row.waiting for row in held.lines.all()}
    return [Units(sku, row.get("quantity", waiting.get(sku.pk, 1)), _lot(sku, row)) for sku, row in with_skus(rows)]


def _arrived(held: Transfer, rows: Sequence[Mapping[str, Any]]) -> list[Arrived]:
    under_way = {row.sku_id: row.under_way for row in held.lines.all()}
    return [
        Arrived(
            sku,
            row.get("quantity", 0 if row.get("damaged") else under_way.get(sku.pk, 1)),
            row.get("damaged", 0),
            _lot(sku, row),
        )
        for sku, row in with_skus(rows)
    ]


def _lot(sku: Sku, row: Mapping[str, Any]) -> Lot | None:
    """The lot that a row names. Raises LotError where there is no such lot."""
    return given_lot(sku, row.get("lot", ""), coming=False)


@translates(TransferError)
def _transfer_error(error: TransferError) -> Refused:
    return Refused(error, fields=error.fields)


@translates(WrongStep)
def _wrong_step(error: WrongStep) -> Refused:
    return Refused(error, status=409, fields=error.fields)


@translates(NotYours)
def _not_yours(error: NotYours) -> Refused:
    return Refused(error, status=403)
