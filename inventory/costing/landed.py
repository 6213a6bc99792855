"""Landed costs: freight, duty and the like, shared among receipts to the cent.

What is left of a receipt bears its part of the share and the rest is cost of goods sold at once. Cancelling books the same shares
the other way, by what is left then. By the moving average, too, what is left of a receipt is told by its layer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from ..companies import in_base, rate_of
from ..errors import CostError
from ..kernel import clock
from ..models import (
    CostMove,
    CostOrigin,
    CostPosition,
    LandedCost,
    LandedMethod,
    LandedShare,
    LedgerEntry,
    MoveKind,
    Sku,
)
from ..models.cost import CENT, cents
from .projection import advance, lock_horizon, value_next

#: So many receipts can share one cost.
MOST_RECEIPTS = 5000

LARGEST = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class Borne:
    """What a receipt bears, and what became of it."""

    entry: LedgerEntry
    amount: Decimal
    to_cogs: Decimal
    unit_cost: Decimal

    @property
    def in_stock(self) -> Decimal:
        """What stayed on the units that were left."""
        return self.amount - self.to_cogs


@transaction.atomic
def create_landed(
    *,
    method: str,
    amount: Decimal,
    receipts: Sequence[LedgerEntry],
    currency: str = "",
    code: str = "",
    note: str = "",
    actor: str,
) -> LandedCost:
    """Share a cost among receipts, and book it. Raises CostError where it cannot be shared so."""
    _check(amount, receipts, code)
    horizon = lock_horizon()
    while advance(horizon):
        pass
    places = _places(receipts)
    company = places[0].company
    rate = rate_of(currency, company=company)
    base = in_base(amount, rate, step=CENT)
    shares = largest_remainder(base, _weights(method, receipts, places))
    try:
        with transaction.atomic():
            landed = LandedCost.objects.create(
                code=code or _next_code(), company=company, method=method, amount=amount,
                currency=currency or company.base_currency, rate=rate, base_amount=base, note=note[:200],
                created_by=actor[:150], created_at=clock.now(),
            )  # fmt: skip
    except IntegrityError:
        raise CostError(_("there is a landed cost %s already") % code, field="code", conflict=True) from None
    rows = LandedShare.objects.bulk_create(
        LandedShare(landed=landed, entry=entry, amount=given) for entry, given in zip(receipts, shares, strict=True)
    )
    _book([(row, place, row.amount) for row, place in zip(rows, places, strict=True)])
    while value_next(horizon):
        pass
    return landed


@transaction.atomic
def cancel_landed(landed: LandedCost, *, reason: str, actor: str) -> LandedCost:
    """Book the same shares the other way. Raises CostError where that was done already."""
    horizon = lock_horizon()
    held = LandedCost.objects.select_for_update().get(pk=landed.pk)
    if held.cancelled_at is not None:
        raise CostError(_("landed cost %s is cancelled already") % held, conflict=True)
    while advance(horizon):
        pass
    rows = list(held.shares.order_by("pk"))
    places = {one.entry_id: one for one in CostPosition.objects.filter(entry__in=[row.entry_id for row in rows])}
    _book([(row, places[row.entry_id], -row.amount) for row in rows])
    while value_next(horizon):
        pass
    held.cancelled_by, held.cancelled_at, held.cancel_reason = actor[:150], clock.now(), reason[:200]
    held.save()
    return held


def largest_remainder(amount: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """An amount shared by weights to the cent: the cents that are left go to those that lost most by rounding down."""
    whole, total = int(amount.scaleb(2)), sum(weights)
    floors = [whole * weight // total for weight in weights]
    left = whole - sum(floors)
    by_loss = sorted(range(len(weights)), key=lambda place: (-(whole * weights[place] % total), place))
    for place in by_loss[:left]:
        floors[place] += 1
    return [Decimal(units).scaleb(-2) for units in floors]


def borne(landed: LandedCost) -> list[Borne]:
    """What each receipt bears, how much of it went to cost of goods sold at once, and what a unit cost with all charges."""
    rows = list(landed.shares.select_related("entry__level__sku", "entry__level__location").order_by("pk"))
    entries = [row.entry_id for row in rows]
    late = {
        move.position.share_id: -move.booked
        for move in CostMove.objects.filter(position__share__in=rows, kind=MoveKind.LATE, position__amount__gt=0)
        .select_related("position", "scope__sku")
    }  # fmt: skip
    paid = _values(entries)
    charged = dict(
        CostPosition.objects.filter(share__entry__in=entries, share__landed__cancelled_at=None)
        .values_list("share__entry")
        .annotate(Sum("amount"))
    )
    return [
        Borne(
            row.entry, row.amount, late.get(row.pk, Decimal("0.00")),
            ((paid[row.entry_id] + charged.get(row.entry_id, Decimal(0))) / row.entry.quantity).quantize(
                Decimal("0.000001")
            ),
        )
        for row in rows
    ]  # fmt: skip


def _check(amount: Decimal, receipts: Sequence[LedgerEntry], code: str) -> None:
    if not amount.is_finite() or not 0 < amount <= LARGEST or amount != cents(amount):
        raise CostError(_("an amount is more than 0, with at most two decimals"), field="amount")
    if not 1 <= len(receipts) <= MOST_RECEIPTS:
        raise CostError(_("name 1 to %d receipts") % MOST_RECEIPTS, field="receipts")
    if len({entry.pk for entry in receipts}) < len(receipts):
        raise CostError(_("a receipt is named twice"), field="receipts")
    if "/" in code or not code.isprintable() or code in (".", "..") or len(code) > 50:
        raise CostError(_("a code has at most 50 printable characters and no slash"), field="code")


def _places(receipts: Sequence[LedgerEntry]) -> list[CostPosition]:
    """Where the receipts stand in the order. Raises CostError where one is none, or is another company's."""
    rows = CostPosition.objects.filter(entry__in=[entry.pk for entry in receipts], entry__cost_layer__isnull=False)
    found = {row.entry_id: row for row in rows.select_related("company", "sku")}
    for entry in receipts:
        if entry.pk not in found:
            raise CostError(_("entry %d brought no units in: it is no receipt") % entry.pk, field="receipts")
    places = [found[entry.pk] for entry in receipts]
    if len({place.company_id for place in places}) > 1:
        raise CostError(_("the receipts are of more than one company"), field="receipts")
    return places


def _weights(method: str, receipts: Sequence[LedgerEntry], places: Sequence[CostPosition]) -> list[int]:
    units = [entry.quantity for entry in receipts]
    if method == LandedMethod.EQUAL:
        return [1] * len(units)
    if method == LandedMethod.QUANTITY:
        return units
    if method == LandedMethod.VALUE:
        values = _values([entry.pk for entry in receipts])
        weights = [int(values[entry.pk].scaleb(6)) for entry in receipts]
        if not any(weights):
            raise CostError(_("the receipts are worth nothing: share by another method"), field="method")
        return weights
    name = "weight_grams" if method == LandedMethod.WEIGHT else "volume_cm3"
    missing = sorted({place.sku.code for place in places if not getattr(place.sku, name)})
    if missing:
        what = Sku._meta.get_field(name).verbose_name  # type: ignore[union-attr]
        said = _("%(what)s is not known of %(skus)s") % {"what": what, "skus": ", ".join(missing[:10])}
        raise CostError(said, field="method")
    return [getattr(place.sku, name) * count for place, count in zip(places, units, strict=True)]


def _values(entries: Sequence[int]) -> Mapping[int, Decimal]:
    """What receipts were worth when they came."""
    rows = CostMove.objects.filter(position__entry__in=list(entries), quantity__gt=0)
    return dict(rows.values_list("position__entry", "fifo_cost"))


def _book(shares: Sequence[tuple[LandedShare, CostPosition, Decimal]]) -> None:
    """Give each share its place in the order, now."""
    now = clock.now()
    CostPosition.objects.bulk_create(
        CostPosition(
            company_id=place.company_id, sku_id=place.sku_id, share=share, amount=amount, origin=CostOrigin.GIVEN,
            booked_at=max(now, _last_booked(place)),
        )
        for share, place, amount in shares
        if amount
    )  # fmt: skip


def _last_booked(place: CostPosition) -> datetime:
    rows = CostPosition.objects.filter(company=place.company_id, sku=place.sku_id).order_by("-pk")
    return rows.values_list("booked_at", flat=True)[0]


def _next_code() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('inventory_landedcost', 'id'))")
        return f"LC-{cursor.fetchone()[0]}"
