"""/api/v1/listings/"""

from dataclasses import asdict
from typing import Any, ClassVar

from django.db.models import Case, CharField, Exists, F, OuterRef, Prefetch, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.access import Area
from inventory.api.errors import Refused
from inventory.api.fields import Code, Identity, JsonObject, SkuField
from inventory.api.filters import ByCode, BySku, Filters, check_query
from inventory.api.resource import Changes, Creates, Reads, Strict, StrictModel
from inventory.models import Sku

from .. import registration
from ..credentials import connector_of
from ..models import Channel, Debt, Listing, StockTarget
from ..numbers import explanations_now, numbers_now
from .plugins import check_fields

STATUSES = ("inactive", "disconnected", "not_sent", "parked", "retrying", "pending", "in_sync")


class ListingSerializer(StrictModel):
    """One SKU offered on one channel. ``published`` is what it should show now, ``shown`` what we believe it shows."""

    id = Identity()
    channel = Code(queryset=Channel.objects.all())
    sku = SkuField(queryset=Sku.objects.select_related("product"))
    external = JsonObject(required=False)
    published = serializers.SerializerMethodField()
    shown = serializers.SerializerMethodField()
    pushed_at = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=STATUSES, read_only=True)
    last_error = serializers.SerializerMethodField()

    class Meta:
        model = Listing
        fields = (
            "id", "channel", "sku", "external", "fulfilled_by", "is_active", "published", "shown", "pushed_at",
            "status", "last_error",
        )  # fmt: skip
        validators: list[object] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A listing stays where it is; its ids are the connector's, and taken once."""
        held: Listing | None = self.instance
        moved = [name for name in ("channel", "sku") if held is not None and attrs.pop(name, None) is not None]
        if moved:
            message = _("This cannot be changed; remap/ gives a listing another SKU.")
            raise serializers.ValidationError(dict.fromkeys(moved, message))
        if held is None or "external" in attrs:
            channel, sku = attrs.get("channel") or held.channel, attrs.get("sku") or held.sku  # type: ignore[union-attr]
            check_external(channel, sku, attrs.get("external", {}), listing=held)
        return attrs

    def get_published(self, listing: Listing) -> int | None:
        """Units; null where the channel fulfils."""
        numbers: dict[int, int] | None = getattr(self.context["view"], "numbers", None)
        return (numbers_now([listing]) if numbers is None else numbers).get(listing.pk)

    def get_shown(self, listing: Listing) -> int | None:
        """Units over all remote locations; null is unknown."""
        shown = [target.shown for target in listing.live]  # type: ignore[attr-defined]
        return None if not shown or None in shown else sum(shown)

    def get_pushed_at(self, listing: Listing) -> str | None:
        """When the channel acknowledged a number last."""
        times = [target.pushed_at for target in listing.live if target.pushed_at]  # type: ignore[attr-defined]
        return serializers.DateTimeField().to_representation(max(times)) if times else None

    def get_last_error(self, listing: Listing) -> str:
        """What the channel said last, where it refused."""
        return next((target.last_error for target in listing.live if target.last_error), "")  # type: ignore[attr-defined]


def check_external(channel: Channel, sku: Sku, external: dict[str, Any], *, listing: Listing | None) -> None:
    """Raise Refused where the ids are not the connector's, and 409 where another listing has them."""
    connector = connector_of(channel)
    check_fields("external", external, connector.external_fields)
    key = connector.external_key(external, sku_code=sku.code)
    taken = Listing.objects.filter(channel=channel, external_key=key)
    if (taken if listing is None else taken.exclude(pk=listing.pk)).exists():
        message = _("{channel} has a listing of {key} already").format(channel=channel.code, key=key[:200])
        raise Refused(message, status=409, fields={"external": [message]})


class ListingFilters(Filters):
    """By every field; `external_id` is the connector's own key."""

    channel = ByCode("channel")
    sku = BySku("sku")
    external_id = filters.CharFilter(field_name="external_key")
    status = filters.ChoiceFilter(choices=[(status, status) for status in STATUSES])
    pushed_at__gte = filters.IsoDateTimeFilter(field_name="targets__pushed_at", lookup_expr="gte", distinct=True)
    pushed_at__lte = filters.IsoDateTimeFilter(field_name="targets__pushed_at", lookup_expr="lte", distinct=True)

    class Meta(Filters.Meta):
        model = Listing
        fields = ("channel", "sku", "fulfilled_by", "is_active")


class Remap(Strict):
    """Another SKU behind the listing, other ids of the channel, or both."""

    sku = SkuField(queryset=Sku.objects.select_related("product"), required=False)
    external = JsonObject(required=False)


class StepSerializer(serializers.Serializer):
    """One step of the composition."""

    rule = serializers.CharField()
    scope = serializers.CharField()
    input = serializers.IntegerField()
    output = serializers.IntegerField()
    note = serializers.CharField()
    rule_id = serializers.CharField(allow_null=True, help_text=_("Of the saved rule behind it, where there is one."))
    remote = serializers.CharField(
        help_text=_("The channel's own name of the location whose number it is; empty where it keeps one number.")
    )


class ExplanationSerializer(serializers.Serializer):
    """The number, and how it came about: over all remote locations, with the steps of each."""

    published = serializers.IntegerField(allow_null=True, help_text=_("Null where the channel fulfils."))
    steps = StepSerializer(many=True)


def _status() -> Case:
    targets = StockTarget.objects.filter(listing=OuterRef("pk"), is_active=True)
    unsettled = Q(shown=None) | Q(claimed_until__isnull=False) | ~Q(shown=F("published"))
    owed = Debt.objects.filter(target__listing=OuterRef("pk"))
    return Case(
        When(Q(is_active=False) | Q(channel__is_active=False), then=Value("inactive")),
        When(channel__disconnected_at__isnull=False, then=Value("disconnected")),
        When(~Exists(targets), then=Value("not_sent")),
        When(Exists(targets.exclude(parked_reason="")), then=Value("parked")),
        When(Exists(targets.filter(attempts__gt=0)), then=Value("retrying")),
        When(Exists(owed) | Exists(targets.filter(unsettled)), then=Value("pending")),
        default=Value("in_sync"),
        output_field=CharField(),
    )


class Listings(Creates, Changes, Reads):
    """SKUs on channels. Ids are text."""

    area = Area.CHANNELS
    spans_locations = True
    queryset = Listing.objects.select_related("channel", "sku__product")
    serializer_class = ListingSerializer
    filterset_class = ListingFilters
    lookup_value_regex = "[0-9]{1,18}"
    numbers: dict[int, int] | None = None
    summaries: ClassVar = {"remap": "Give a listing another SKU or other ids", "explain": "Explain a listing's number"}
    refusals: ClassVar = {
        "create": ("listing_taken",), "partial_update": ("listing_taken",), "remap": ("listing_taken",),
        "explain": ("unknown_filter",),
    }  # fmt: skip

    def get_queryset(self) -> "QuerySet[Any]":
        """Listings with their targets and status."""
        live = Prefetch("targets", StockTarget.objects.filter(is_active=True).order_by("remote"), to_attr="live")
        rows = super().get_queryset().annotate(status=_status()).prefetch_related(live)
        return rows.order_by("channel__code", "sku__code", "id")

    def paginate_queryset(self, queryset: Any) -> Any:
        """The page, and its numbers together."""
        page = super().paginate_queryset(queryset)
        self.numbers = numbers_now(page or ())
        return page

    def make(self, serializer: Any) -> Listing:
        """Offer a SKU by its verb."""
        return registration.create_listing(**serializer.validated_data)

    def change(self, serializer: Any) -> Listing:
        """Change it by its verb."""
        return registration.update_listing(serializer.instance, **serializer.validated_data)

    @extend_schema(request=Remap, responses=ListingSerializer)
    @action(detail=True, methods=["post"])
    def remap(self, request: Request, pk: str) -> Response:
        """Give the listing another SKU or other ids; lines parked for want of it are taken up."""
        listing = self.get_object()
        changes = self.body(Remap).validated_data
        if not changes:
            raise Refused(_("Give sku, external, or both."))
        sku, external = changes.get("sku", listing.sku), changes.get("external", listing.external)
        check_external(listing.channel, sku, external, listing=listing)
        return self.carry_out(lambda: (200, self.shown(registration.update_listing(listing, **changes))))

    @extend_schema(responses=ExplanationSerializer)
    @action(detail=True)
    def explain(self, request: Request, pk: str) -> Response:
        """Why the listing shows its number, step by step."""
        check_query(request, set(), paging=())
        if not self.caller.standing.sees(Area.RULES):
            self.permission_denied(
                request, message=_("The role {role} does not see rules.").format(role=self.caller.role)
            )
        listing = self.get_object()
        parts = explanations_now([listing]).get(listing.pk)
        published = sum(part.published for part in parts.values()) if parts else None
        steps = [
            {**asdict(step), "remote": remote} for remote, part in sorted((parts or {}).items()) for step in part.steps
        ]
        return Response(ExplanationSerializer({"published": published, "steps": steps}).data)
