"""/api/v1/stock-adjustments/ and /api/v1/stock-moves/"""

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from .. import bins
from ..adjustments import adjust, move
from ..errors import LotError
from ..kernel.quantities import LARGEST
from ..lots import place_of
from ..models import LedgerEntry, Location, LotEntry, Sku, State
from ..reasons import parse_reason
from .access import Area, Caller
from .errors import Refused, translates
from .fields import Code, Currency, Money, ReasonText, SkuField, Units
from .resource import Resource, Strict

#: Reserved units are not among them: they follow their orders.
BY_HAND = [(state.value, state.label) for state in (State.AVAILABLE, State.QUARANTINE, State.DAMAGED, State.HOLD)]


class Adjustment(Strict):
    """Units that were found or lost: ``quantity`` by how many, or ``set_to`` the number that is there."""

    sku = SkuField(queryset=Sku.objects.all())
    location = Code(queryset=Location.objects.all())
    quantity = Units(least=-LARGEST, required=False)
    set_to = Units(required=False)
    state = serializers.ChoiceField(choices=BY_HAND, default=State.AVAILABLE.value)
    reason = ReasonText()
    reference = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    lot = serializers.CharField(
        max_length=100,
        required=False,
        help_text=_("Of a SKU that keeps lots. Needed for what comes; what goes is by default what expires first."),
    )
    bin = serializers.CharField(
        max_length=50, required=False, help_text=_("Where the units were put: added to the level's bins.")
    )
    expires_on = serializers.DateField(required=False, help_text=_("The lot's, where it is new: one for ever."))
    unit_cost = Money(
        max_digits=18,
        decimal_places=6,
        required=False,
        help_text=_("What each unit that comes in cost. Default: the SKU's own."),
    )
    currency = Currency(required=False, help_text=_("Of the unit cost. Default: the company's own."))

    def get_fields(self) -> dict[str, Any]:
        """The fields that the caller's role sees."""
        fields: dict[str, Any] = super().get_fields()
        caller: Caller | None = getattr(self.context.get("request"), "user", None)
        if caller is not None and not getattr(caller, "sees_cost", True):
            for name in ("unit_cost", "currency"):
                fields.pop(name)
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two numbers, and not none of it."""
        if ("quantity" in attrs) == ("set_to" in attrs):
            raise serializers.ValidationError({"quantity": _("Give either quantity or set_to.")})
        if "currency" in attrs and "unit_cost" not in attrs:
            raise serializers.ValidationError({"currency": _("It is of a unit cost, and none is given.")})
        if attrs.get("quantity") == 0:
            raise serializers.ValidationError({"quantity": _("An adjustment of 0 units changes nothing.")})
        return attrs


class Move(Strict):
    """Units that change their state where they are."""

    sku = SkuField(queryset=Sku.objects.all())
    location = Code(queryset=Location.objects.all())
    from_state = serializers.ChoiceField(choices=BY_HAND)
    to_state = serializers.ChoiceField(choices=BY_HAND)
    quantity = Units(least=1)
    reason = ReasonText()
    reference = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    lot = serializers.CharField(
        max_length=100, required=False, help_text=_("Of a SKU that keeps lots. Default: what expires first.")
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Two different states."""
        if attrs["from_state"] == attrs["to_state"]:
            raise serializers.ValidationError({"to_state": _("The units are in that state already.")})
        return attrs


class LotUnits(serializers.Serializer):
    """Units of one lot."""

    lot = serializers.CharField()
    quantity = serializers.IntegerField()


class Recorded(serializers.Serializer):
    """What was recorded: the ledger entry's id (null where ``set_to`` changed nothing), and units on hand after it."""

    id = serializers.CharField(allow_null=True)
    sku = serializers.CharField()
    location = serializers.CharField()
    quantity = serializers.IntegerField()
    reason = serializers.CharField()
    note = serializers.CharField()
    reference = serializers.CharField()
    actor = serializers.CharField()
    balance = serializers.IntegerField(required=False)
    number = serializers.IntegerField(required=False)
    recorded_at = serializers.DateTimeField(required=False)
    lots = LotUnits(many=True, help_text=_("Of which lots the units are, of a SKU that keeps them."))


class RecordedAdjustment(Recorded):
    """An adjustment as it was recorded; ``quantity`` is what changed."""

    state = serializers.CharField()


class RecordedMove(Recorded):
    """A move as it was recorded."""

    from_state = serializers.CharField()
    to_state = serializers.CharField()


class Adjustments(Resource):
    """Corrections of stock, each with its reason. They are listed among the ledger's entries."""

    area = Area.STOCK
    serializer_class = Adjustment
    summaries: ClassVar = {"create": "Adjust stock"}
    refusals: ClassVar = {"create": ("insufficient_stock", "other_location", "lot_date")}

    @extend_schema(request=Adjustment, responses={201: RecordedAdjustment, 200: RecordedAdjustment})
    def create(self, request: Request) -> Response:
        """Record one; 200 where ``set_to`` is what is there already."""
        given = self.body().validated_data
        self.check_location(given["location"].pk)
        return self.carry_out(lambda: self._record(given))

    def _record(self, given: dict[str, Any]) -> tuple[int, Any]:
        reason, note = parse_reason(given["reason"])
        asked = {name: value for name, value in given.items() if name != "bin"}
        entry = adjust(**{**asked, "reason": reason}, note=note, actor=self.caller.actor)
        if given.get("bin"):
            bins.add(sku=given["sku"], location=given["location"], name=given["bin"])
        shown = {**_shown(given, entry, actor=self.caller.actor), "state": given["state"]}
        if entry is None:
            return 200, {**shown, "quantity": 0}
        return 201, {**shown, "quantity": entry.quantity if entry.from_state == State.ADJUSTMENT else -entry.quantity}


class Moves(Resource):
    """Changes of state within a location. They are listed among the ledger's entries."""

    area = Area.STOCK
    serializer_class = Move
    summaries: ClassVar = {"create": "Move units between states"}
    refusals: ClassVar = {"create": ("insufficient_stock", "other_location")}

    @extend_schema(request=Move, responses={201: RecordedMove})
    def create(self, request: Request) -> Response:
        """Record one."""
        given = self.body().validated_data
        self.check_location(given["location"].pk)
        return self.carry_out(lambda: self._record(given))

    def _record(self, given: dict[str, Any]) -> tuple[int, Any]:
        reason, note = parse_reason(given["reason"])
        entry = move(**{**given, "reason": reason}, note=note, actor=self.caller.actor)
        states = {"from_state": entry.from_state, "to_state": entry.to_state, "quantity": entry.quantity}
        return 201, {**_shown(given, entry, actor=self.caller.actor), **states}


def _shown(given: dict[str, Any], entry: LedgerEntry | None, *, actor: str) -> dict[str, Any]:
    reason, note = parse_reason(given["reason"])
    shown: dict[str, Any] = {
        "id": None if entry is None else str(entry.pk), "sku": given["sku"].code, "location": given["location"].code,
        "reason": reason.value, "note": note, "reference": given["reference"], "actor": actor,
    }  # fmt: skip
    shown["lots"] = []
    if entry is not None and given["sku"].tracks_lots:
        of = LotEntry.objects.filter(level=entry.level_id, number=entry.number, from_place=place_of(entry.from_state))
        shown["lots"] = [
            {"lot": one.lot.code, "quantity": one.quantity} for one in of.select_related("lot").order_by("pk")
        ]
    if entry is not None:
        shown |= {"balance": entry.balance, "number": entry.number, "recorded_at": entry.recorded_at}
    return shown


@translates(LotError)
def _lot_error(error: LotError) -> Refused:
    return Refused(error, status=409 if error.conflict else 400, fields={error.field: [str(error)]})
