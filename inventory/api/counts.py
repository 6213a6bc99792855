"""/api/v1/counts/"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Count as Number
from django.db.models import OuterRef, Prefetch, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from .. import counts
from ..count_approval import approve
from ..errors import CountError, SecondPersonNeeded
from ..models import Count, CountLine, Location, StockClass
from ..tolerances import beyond
from .access import Area
from .errors import Refused, translates
from .fields import Code, NewCode, Units
from .filters import ByCode, BySku, Filters
from .lines import with_skus
from .resource import Changes, Creates, Reads, Strict, StrictModel, Why

SOME: dict[str, Any] = {"allow_empty": False, "max_length": 10_000}


class CountedLine(Strict):
    """What is on the shelf of one SKU; nothing, or null, where it is not counted yet."""

    sku = serializers.CharField(max_length=200)
    counted = Units(required=False, allow_null=True, help_text=_("Units on the shelf, those of orders among them."))
    picked = Units(
        required=False, help_text=_("Units taken from the shelf for orders, and not shipped yet. Default: 0.")
    )


class NamedLine(Strict):
    """A SKU of the count."""

    sku = serializers.CharField(max_length=200)


class Submitted(Strict):
    """The counting is over."""

    skip_uncounted = serializers.BooleanField(
        required=False, default=False, help_text=_("Lines that are not counted stay as they are.")
    )


class Again(Strict):
    """What to count anew; nothing means all lines over their tolerance, else all that differ."""

    lines = NamedLine(many=True, required=False, **SOME)


class CountSerializer(StrictModel):
    """A count of one location. Name SKUs, or a class, or days; none of them asks for all that the location has."""

    code = NewCode(max_length=100, required=False, help_text=_("Default: one is made."))
    location = Code(queryset=Location.objects.all())
    lines = CountedLine(many=True, required=False, **SOME, write_only=True)
    stock_class = serializers.ChoiceField(
        choices=StockClass.choices,
        required=False,
        write_only=True,
        help_text=_("By the value that left the location in 90 days: A made 80 % of it, B the next 15 %, C the rest."),
    )
    not_counted_days = Units(
        least=1, most=counts.MOST_DAYS, required=False, write_only=True, help_text=_("Not counted for so many days.")
    )
    asked_for = serializers.CharField(read_only=True)
    line_count = serializers.IntegerField(read_only=True)
    counted_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Count
        fields = (
            "code", "location", "status", "blind", "note", "asked_for", "line_count", "counted_count", "lines",
            "stock_class", "not_counted_days", "created_by", "created_at", "submitted_by", "submitted_at", "approved_by",
            "approved_at", "cancelled_by", "cancelled_at",
        )  # fmt: skip
        read_only_fields = (
            "status", "created_by", "created_at", "submitted_by", "submitted_at", "approved_by", "approved_at",
            "cancelled_by", "cancelled_at",
        )  # fmt: skip
        validators: list[object] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Only what was counted changes."""
        fixed = [name for name in attrs if name != "lines"] if self.instance is not None else []
        if fixed:
            raise serializers.ValidationError(dict.fromkeys(fixed, _("This cannot be changed.")))
        return attrs


class ShownCountLine(serializers.Serializer):
    """One SKU. What is expected, and how far it is off, is null for whoever counts blind."""

    sku = serializers.CharField()
    stock_class = serializers.CharField()
    counted = serializers.IntegerField(allow_null=True)
    picked = serializers.IntegerField()
    expected = serializers.IntegerField(allow_null=True)
    variance = serializers.IntegerField(allow_null=True)
    over_tolerance = serializers.BooleanField(allow_null=True)
    recount = serializers.IntegerField()
    counted_by = serializers.CharField()
    counted_at = serializers.DateTimeField(allow_null=True)


class ShownCount(CountSerializer):
    """A count with its lines."""

    lines = ShownCountLine(many=True, read_only=True)  # type: ignore[assignment]

    def to_representation(self, instance: Count) -> dict[str, Any]:
        """With the lines, as far as the caller may see them."""
        shown: dict[str, Any] = super(CountSerializer, self).to_representation(instance)
        lines: Sequence[CountLine] = list(instance.lines.all())
        over = {line.pk for line in beyond(lines)}
        seen = counts.shows_expected(instance, actor=self.context["request"].user.actor)
        at = serializers.DateTimeField().to_representation
        shown["lines"] = [
            {
                "sku": line.sku.code, "stock_class": line.stock_class, "counted": line.counted, "picked": line.picked,
                "expected": line.expected if seen else None, "variance": line.variance if seen else None,
                "over_tolerance": (line.pk in over) if seen and line.counted is not None else None,
                "recount": line.recount, "counted_by": line.counted_by,
                "counted_at": at(line.counted_at) if line.counted_at else None,
            }
            for line in lines
        ]  # fmt: skip
        return shown


class CountFilters(Filters):
    """By every field; ``sku`` finds counts with a line of it."""

    location = ByCode("location")
    sku = BySku("lines__sku")

    class Meta(Filters.Meta):
        model = Count
        fields = {
            "code": ["exact"], "status": ["exact"], "blind": ["exact"], "created_by": ["exact"], "approved_by": ["exact"],
            "created_at": ["gte", "lte"], "submitted_at": ["gte", "lte"], "approved_at": ["gte", "lte"],
        }  # fmt: skip


@extend_schema_view(
    retrieve=extend_schema(responses=ShownCount),
    create=extend_schema(responses={201: ShownCount}),
    partial_update=extend_schema(responses=ShownCount),
)
class Counts(Creates, Changes, Reads):
    """Counts, newest first; their lines stand in each of them, not in the list.

    Counting goes on while orders are picked: what is posted is how far a line was off at the instant when it was counted.
    """

    area = Area.STOCK
    location_path = "location"
    queryset = Count.objects.select_related("location").order_by("-id")
    serializer_class = CountSerializer
    filterset_class = CountFilters
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    summaries: ClassVar = {
        "create": "Open a count", "partial_update": "Take down what was counted", "submit": "End the counting",
        "approve": "Approve a count", "recount": "Have lines counted anew", "cancel": "Cancel a count",
    }  # fmt: skip
    refusals: ClassVar = {
        "create": ("other_location", "being_counted"), "partial_update": ("count_state", "bad_line"),
        "submit": ("count_state",), "approve": ("count_state", "second_person_needed", "too_few_left"),
        "recount": ("count_state",), "cancel": ("count_state",),
    }  # fmt: skip

    def get_queryset(self) -> Any:
        """With how much of it is done; with the lines where one count is asked for."""
        rows = super().get_queryset()
        lines = CountLine.objects.filter(count=OuterRef("pk")).order_by().values("count")
        rows = rows.annotate(
            line_count=Coalesce(Subquery(lines.annotate(number=Number("pk")).values("number")), 0),
            counted_count=Coalesce(Subquery(lines.annotate(number=Number("counted")).values("number")), 0),
        )
        if self.action == "list":
            return rows
        return rows.prefetch_related(Prefetch("lines", CountLine.objects.select_related("sku").order_by("sku__code")))

    def shown(self, row: Any) -> Any:
        """One count with its lines."""
        return ShownCount(self.get_queryset().get(pk=row.pk), context=self.get_serializer_context()).data

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One count with its lines."""
        return Response(self.shown(self.get_object()))

    def make(self, serializer: Any) -> Count:
        """Open one by its verb, and take down what is counted already."""
        given = dict(serializer.validated_data)
        self.check_location(given["location"].pk)
        rows = given.pop("lines", None)
        takes = None if rows is None else _takes(rows)
        skus = None if takes is None else [take.sku for take in takes]
        count = counts.open_count(**given, skus=skus, actor=self.caller.actor)
        done = [take for take in takes or () if take.counted is not None or take.picked]
        return counts.count_lines(count, done, actor=self.caller.actor) if done else count

    def change(self, serializer: Any) -> Count:
        """Take down what was counted."""
        takes = _takes(serializer.validated_data.get("lines", ()))
        return counts.count_lines(serializer.instance, takes, actor=self.caller.actor)

    @extend_schema(request=Submitted, responses=ShownCount)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, code: str) -> Response:
        """What was counted stands and waits for approval."""
        skip = self.body(Submitted).validated_data["skip_uncounted"]
        return self._do(lambda row: counts.submit(row, actor=self.caller.actor, skip_uncounted=skip))

    @extend_schema(request=Why, responses=ShownCount)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, code: str) -> Response:
        """How far each line was off is posted, with the reason `count` and the count's code.

        Where reserved units are gone, the latest orders that hold them wait for others. A count that is off by more than its
        tolerance is approved by somebody who has not counted.
        """
        return self.act("approved", lambda row: approve(row, actor=self.caller.actor))

    @extend_schema(request=Again, responses=ShownCount)
    @action(detail=True, methods=["post"])
    def recount(self, request: Request, code: str) -> Response:
        """Lines of a submitted count are counted anew; what was counted before is kept as evidence."""
        rows = self.body(Again).validated_data.get("lines")
        skus = None if rows is None else [take.sku for take in _takes(rows)]
        return self._do(lambda row: counts.recount(row, actor=self.caller.actor, skus=skus))

    @extend_schema(request=Why, responses=ShownCount)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, code: str) -> Response:
        """Nothing comes of it."""
        return self.act("cancelled", lambda row: counts.cancel(row, actor=self.caller.actor))

    def _do(self, verb: Callable[[Count], object]) -> Response:
        """Do it to the count that the address names; 200 with the count."""
        row: Count = self.get_object()

        def deed() -> tuple[int, Any]:
            verb(row)
            return 200, self.shown(row)

        return self.carry_out(deed)


def _takes(rows: Sequence[Mapping[str, Any]]) -> list[counts.Take]:
    """What the rows say, each SKU found by its code. Raises Refused naming every row whose SKU there is not."""
    return [
        counts.Take(sku, row.get("counted"), row.get("picked", 0), f"lines.{index}")
        for index, (sku, row) in enumerate(with_skus(rows))
    ]


@translates(CountError)
def _count_error(error: CountError) -> Refused:
    return Refused(
        error, status=409 if error.conflict else 400, fields={path: [said] for path, said in error.rows.items()}
    )


@translates(SecondPersonNeeded)
def _second_person(error: SecondPersonNeeded) -> Refused:
    return Refused(error, status=403, code="second_person_needed")
