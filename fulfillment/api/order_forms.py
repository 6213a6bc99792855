"""What an order of our own is asked for with, and how orders are shown."""

from collections import Counter
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channels.credentials import connector_of
from channels.models import Channel, FulfilledBy
from inventory.api.fields import Code, Currency, Identity, Money, Units
from inventory.api.resource import Strict
from inventory.codes import skus_by_code
from inventory.models import Sku

from ..models import SalesOrder, SalesOrderLine

#: How many lines a body may have.
SOME: dict[str, Any] = {"allow_empty": False, "max_length": 10_000}


class Address(Strict):
    """Where it goes."""

    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    country = serializers.CharField(max_length=2, required=False, allow_blank=True)
    region = serializers.CharField(max_length=100, required=False, allow_blank=True)
    postal_code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, allow_blank=True)
    latitude = serializers.FloatField(min_value=-90, max_value=90, required=False, allow_null=True)
    longitude = serializers.FloatField(min_value=-180, max_value=180, required=False, allow_null=True)


class RequestedLine(Strict):
    """One line: a SKU and how many."""

    external_id = serializers.CharField(max_length=200, required=False, help_text=_("Default: its position, from 1."))
    sku = serializers.CharField(max_length=100)
    quantity = Units(least=1)
    unit_price = Money(required=False, allow_null=True)
    fulfilled_by = serializers.ChoiceField(choices=FulfilledBy.choices, default=FulfilledBy.US.value)


class RequestedOrder(Strict):
    """An order of our own: accepted as a whole, or refused as a whole."""

    channel = Code(queryset=Channel.objects.all())
    external_id = serializers.CharField(max_length=200, required=False, help_text=_("Default: one is made."))
    placed_at = serializers.DateTimeField(required=False)
    currency = Currency(required=False, allow_blank=True, help_text=_("Default: the channel's."))
    ship_to = Address(required=False)
    promised_at = serializers.DateTimeField(required=False, allow_null=True)
    ship_by = serializers.DateTimeField(required=False, allow_null=True)
    lines = RequestedLine(many=True, **SOME)

    def validate_channel(self, channel: Channel) -> Channel:
        """Only channels whose orders are typed by people."""
        if not connector_of(channel).capabilities(channel.settings).takes_requests:
            message = _("The orders of {channel} come from the channel itself.").format(channel=channel.code)
            raise serializers.ValidationError(message)
        if not channel.is_active or channel.stopped_at or channel.disconnected_at:
            raise serializers.ValidationError(_("{channel} does not sell now.").format(channel=channel.code))
        return channel

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Lines with their SKUs, found together, and with an id each of its own."""
        skus = skus_by_code([line["sku"] for line in lines])
        for position, line in enumerate(lines, 1):
            line.setdefault("external_id", str(position))
        times = Counter(line["external_id"] for line in lines)
        errors = [_line_errors(line, skus, times) for line in lines]
        if any(errors):
            raise serializers.ValidationError(errors)
        return [{**line, "sku": skus[line["sku"]]} for line in lines]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The channel's own money."""
        held: str = attrs["channel"].currency
        given = attrs.setdefault("currency", held)
        if held and given and given != held:
            raise serializers.ValidationError({"currency": _("This channel sells in {held}.").format(held=held)})
        return attrs


def _line_errors(line: dict[str, Any], skus: dict[str, Sku], times: "Counter[str]") -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if line["sku"] not in skus:
        errors["sku"] = [_("There is no {value}.").format(value=line["sku"])]
    elif not skus[line["sku"]].is_active:
        errors["sku"] = [_("{value} is not active.").format(value=line["sku"])]
    if times[line["external_id"]] > 1:
        errors["external_id"] = [_("Another line has this id.")]
    return errors


class LineSerializer(serializers.Serializer):
    """One line. Quantities are cumulative units; a parked line has no SKU until its listing is mapped."""

    external_id = serializers.CharField()
    sku = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField()
    unit_price = serializers.CharField(allow_null=True)
    fulfilled_by = serializers.ChoiceField(choices=FulfilledBy.choices)
    reserved = serializers.IntegerField()
    short = serializers.IntegerField()
    shipped = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    refunded = serializers.IntegerField()
    returned = serializers.IntegerField()
    listing_key = serializers.CharField(help_text=_("The channel's id of what was sold."))
    parked_reason = serializers.CharField()
    parked_detail = serializers.CharField()


_PLAIN = (
    "external_id", "quantity", "fulfilled_by", "reserved", "short", "shipped", "cancelled", "refunded", "returned",
    "listing_key", "parked_reason", "parked_detail",
)  # fmt: skip


def shown_line(line: SalesOrderLine) -> dict[str, Any]:
    """A line as it is answered; built by hand, since orders may have ten thousand of them."""
    shown = {name: getattr(line, name) for name in _PLAIN}
    price = None if line.unit_price is None else Money().to_representation(line.unit_price)
    return {**shown, "sku": line.sku.code if line.sku else None, "unit_price": price}


class OrderSerializer(serializers.ModelSerializer):
    """Demand as the channel states it, in the newest version that we know. Its id is text."""

    id = Identity()
    channel = serializers.CharField(source="channel.code", read_only=True)
    lines = serializers.SerializerMethodField()

    class Meta:
        model = SalesOrder
        fields = (
            "id", "channel", "external_id", "version", "status", "placed_at", "currency", "ship_to", "promised_at",
            "ship_by", "recorded_at", "problem", "lines",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(LineSerializer(many=True))
    def get_lines(self, order: SalesOrder) -> list[dict[str, Any]]:
        """The lines in their order."""
        return [shown_line(line) for line in order.lines.all()]
