"""/api/v1/channels/"""

from typing import Any, ClassVar

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.access import Area
from inventory.api.fields import Code, Currency, JsonObject
from inventory.api.filters import ByCode, Filters
from inventory.api.resource import Changes, Creates, Reads, Strict, StrictModel, Why
from inventory.kernel import clock
from inventory.models import Location

from .. import lag, registration, selling
from ..connectors import registry
from ..credentials import connector_of
from ..models import Channel, Debt, StockTarget
from .plugins import EVERYWHERE, check_fields


class Mapped(Strict):
    """A location that feeds the channel, and the channel's own name for it."""

    location = Code(queryset=Location.objects.all())
    remote = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class Lag(serializers.Serializer):
    """Seconds from a sale's arrival to the acknowledgement of its number, over the last hour; null where none came."""

    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class ChannelSerializer(StrictModel):
    """A shop window. Without locations it is fed by all of ours but the marketplaces' own warehouses."""

    settings = JsonObject(required=False)
    credentials = JsonObject(required=False, write_only=True, help_text=_("Kept encrypted, never shown."))
    locations = Code(many=True, queryset=Location.objects.all(), required=False)
    location_map = Mapped(many=True, required=False, help_text=_("Instead of locations, with the channel's names."))
    currency = Currency(required=False, allow_blank=True)
    webhook_url = serializers.SerializerMethodField()
    lag = serializers.SerializerMethodField()
    pending_pushes = serializers.IntegerField(read_only=True)
    unacknowledged = serializers.IntegerField(
        read_only=True, help_text=_("While selling is stopped: numbers that may still show more than 0.")
    )
    breaker = serializers.SerializerMethodField()

    class Meta:
        model = Channel
        fields = (
            "code", "name", "connector", "base_url", "settings", "credentials", "locations", "location_map", "priority",
            "fee_percent", "currency", "mode", "orders_from", "is_active", "stopped_at", "disconnected_at",
            "webhook_url", "lag", "pending_pushes", "unacknowledged", "breaker",
        )  # fmt: skip
        read_only_fields = ("stopped_at", "disconnected_at")
        extra_kwargs: Any = {"code": {"validators": []}}
        validators: list[object] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Settings and secrets that the connector knows; locations in one form; a code and connector for good."""
        if self.instance is not None:
            fixed = [name for name in ("code", "connector") if attrs.get(name) not in (None, self._held(name))]
            if fixed:
                raise serializers.ValidationError(dict.fromkeys(fixed, _("This cannot be changed.")))
        connector = registry.get(attrs.get("connector") or self._held("connector"))
        check_fields("settings", attrs.get("settings", {}), [*connector.setting_fields, *EVERYWHERE])
        check_fields("credentials", attrs.get("credentials", {}), connector.credential_fields)
        if "locations" in attrs and "location_map" in attrs:
            raise serializers.ValidationError({"location_map": _("Give either locations or location_map.")})
        feeding = self._feeding(attrs)
        places = [location.pk for location, _remote in feeding or ()]
        if len(set(places)) < len(places):
            raise serializers.ValidationError({"locations": _("A location is named twice.")})
        return {**attrs, "locations": feeding} if feeding is not None else attrs

    def _held(self, name: str) -> Any:
        return getattr(self.instance, name, None)

    def _feeding(self, attrs: dict[str, Any]) -> list[tuple[Location, str]] | None:
        """Pairs of location and remote name, as the verbs take them; None where nothing was said."""
        if "location_map" in attrs:
            return [(row["location"], row.get("remote", "")) for row in attrs.pop("location_map")]
        if "locations" in attrs:
            return [(location, "") for location in attrs["locations"]]
        return None

    def get_webhook_url(self, channel: Channel) -> str | None:
        """Where the channel sends its events; null where it sends none."""
        if channel.connector not in registry.all():
            return None
        if not connector_of(channel).capabilities(channel.settings).has_webhooks:
            return None
        return str(self.context["request"].build_absolute_uri(channel.webhook_path))

    @extend_schema_field(Lag)
    def get_lag(self, channel: Channel) -> dict[str, float | None]:
        """Percentiles in seconds."""
        known: dict[int, dict[str, float | None]] | None = getattr(self.context["view"], "lags", None)
        none: dict[str, float | None] = {"p50": None, "p95": None, "p99": None}
        return lag.percentiles(channel.pk) if known is None else known.get(channel.pk, none)

    @extend_schema_field(serializers.ChoiceField(choices=["closed", "open", "half_open"]))
    def get_breaker(self, channel: Channel) -> str:
        """open: calls fail and the next has to wait; half_open: the next call will tell; closed: all is well."""
        lane = getattr(channel, "lane", None)
        if lane is None or not lane.failures:
            return "closed"
        return "open" if lane.not_before is not None and lane.not_before > clock.now() else "half_open"


class ChannelFilters(Filters):
    """By every field that is compared."""

    location = ByCode("locations")

    class Meta(Filters.Meta):
        model = Channel
        fields = ("code", "name", "connector", "base_url", "priority", "currency", "mode", "is_active")


def _count(rows: "QuerySet[Any]", by: str = "channel") -> Coalesce:
    counted = rows.filter(**{by: OuterRef("pk")}).order_by().values(by).annotate(rows=Count("*")).values("rows")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


class Channels(Creates, Changes, Reads):
    """Channels: marketplaces, shops, and orders that people type (connector `manual`)."""

    area = Area.CHANNELS
    spans_locations = True
    queryset = Channel.objects.select_related("lane").prefetch_related("locations", "location_map__location")
    serializer_class = ChannelSerializer
    filterset_class = ChannelFilters
    lookup_field = "code"
    lookup_value_regex = "[-a-zA-Z0-9_]+"
    lags: dict[int, dict[str, float]] | None = None
    summaries: ClassVar = {
        "stop_selling": "Stop selling on a channel", "disconnect": "Disconnect a channel", "resume": "Resume a channel",
    }  # fmt: skip
    refusals: ClassVar = {"create": ("conflict",)}

    def get_queryset(self) -> "QuerySet[Any]":
        """Channels with the counts that they show."""
        live = StockTarget.objects.filter(is_active=True, listing__is_active=True)
        on_sale = live.exclude(shown=0).filter(channel__stopped_at__isnull=False)
        return (
            super()
            .get_queryset()
            .annotate(
                pending_pushes=_count(Debt.objects.all()) + _count(StockTarget.objects.exclude(claimed_until=None)),
                unacknowledged=_count(on_sale),
            )
            .order_by("priority", "code")
        )

    def paginate_queryset(self, queryset: Any) -> Any:
        """The page, and the lags of its channels by one query."""
        page = super().paginate_queryset(queryset)
        self.lags = lag.percentiles_of([channel.pk for channel in page or ()])
        return page

    def make(self, serializer: Any) -> Channel:
        """Store a new channel by its verb."""
        given = dict(serializer.validated_data)
        return registration.create_channel(**given, actor=self.caller.actor)

    def change(self, serializer: Any) -> Channel:
        """Change it by its verb: every number is owed again."""
        return registration.update_channel(serializer.instance, **serializer.validated_data, actor=self.caller.actor)

    @extend_schema(request=Why, responses=ChannelSerializer)
    @action(detail=True, methods=["post"], url_path="stop-selling")
    def stop_selling(self, request: Request, code: str) -> Response:
        """Show 0 everywhere; `unacknowledged` counts the numbers that are not at 0 yet."""
        return self.act("selling stopped", lambda channel: selling.stop_selling([channel], actor=self.caller.actor))

    @extend_schema(request=Why, responses=ChannelSerializer)
    @action(detail=True, methods=["post"])
    def disconnect(self, request: Request, code: str) -> Response:
        """Send nothing any more: what the channel shows last stays on sale there."""
        return self.act("disconnected", lambda channel: selling.disconnect(channel, actor=self.caller.actor))

    @extend_schema(request=Why, responses=ChannelSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, code: str) -> Response:
        """Sell and send again."""
        return self.act("resumed", lambda channel: selling.resume(channel, actor=self.caller.actor))
