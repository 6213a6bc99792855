"""Recalling a lot: taking it off sale everywhere, and everything that it has touched."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from .errors import LotError
from .expiry import reference_of
from .kernel import clock
from .models import Lot, LotLevel, LotPlace, Reason, State
from .models.lot import SOMETHING
from .withdrawal import Withdrawal, withdraw


@dataclass(frozen=True, slots=True)
class Movement:
    """Units of a lot that moved, with the ledger entry that they are part of; None where only their lot was said."""

    entry_id: int | None
    at: datetime
    location: str
    from_place: str
    to_place: str
    units: int
    reference: str
    reason: str
    actor: str

    @property
    def document(self) -> str:
        """Whom or what it was for: the order of a parcel, else the whole reference."""
        return self.reference.partition(" ")[2] or self.reference

    @property
    def from_name(self) -> str:
        """Where the units came from, in words."""
        return str(LotPlace(self.from_place).label)

    @property
    def to_name(self) -> str:
        """Where they went, in words."""
        return str(LotPlace(self.to_place).label)


@dataclass(slots=True)
class Buyer:
    """Whose order got units of a lot: how many, how many of them came back, and when."""

    document: str
    shipped: int = 0
    returned: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def kept(self) -> int:
        """Units that are still there."""
        return self.shipped - self.returned


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a lot has touched, as far as the asker may see."""

    lot: Lot
    levels: list[LotLevel]
    movements: list[Movement]
    buyers: list[Buyer] = field(default_factory=list)

    @property
    def received(self) -> list[Movement]:
        """What came in from outside; what came back from customers is told with them."""
        outside = (LotPlace.SUPPLIER, LotPlace.ADJUSTMENT, LotPlace.UNLOTTED, LotPlace.OTHER_LOT)
        return [one for one in self.movements if one.from_place in outside]

    @property
    def units_here(self) -> int:
        """On hand over all places."""
        return sum(level.on_hand for level in self.levels)

    @property
    def units_shipped(self) -> int:
        """Units that customers have got."""
        return sum(buyer.shipped for buyer in self.buyers)

    @property
    def units_returned(self) -> int:
        """Units that have come back from them."""
        return sum(buyer.returned for buyer in self.buyers)


_MOVEMENTS = """
SELECT entry.id, moved.recorded_at, location.code, moved.from_place, moved.to_place, moved.quantity, moved.reference,
    CASE WHEN 'other_lot' IN (moved.from_place, moved.to_place) OR moved.from_place = 'unlotted' THEN ''
        ELSE coalesce(entry.reason, '') END,
    moved.actor
FROM inventory_lotentry moved
JOIN inventory_stocklevel level ON level.id = moved.level_id
JOIN inventory_location location ON location.id = level.location_id
LEFT JOIN inventory_ledgerentry entry ON entry.level_id = moved.level_id AND entry.number = moved.number
    AND moved.from_place NOT IN ('unlotted', 'other_lot') AND moved.to_place <> 'other_lot'
WHERE moved.lot_id = %s AND (%s OR level.location_id = ANY(%s))
ORDER BY moved.id
"""


def report(lot: Lot, *, places: Collection[int] | None = None) -> Report:
    """Where a lot is, where it came from and who got it; at these locations, None is all."""
    levels = LotLevel.objects.filter(SOMETHING, lot=lot).select_related("level__location")
    if places is not None:
        levels = levels.filter(level__location__in=places)
    with connection.cursor() as cursor:
        cursor.execute(_MOVEMENTS, [lot.pk, places is None, sorted(places or ())])
        movements = [Movement(*row) for row in cursor.fetchall()]
    ordered = levels.order_by("level__location__priority", "level__location__code")
    return Report(lot, list(ordered), movements, _buyers(movements))


@transaction.atomic
def recall(lot: Lot, *, reason: str, actor: str) -> int:
    """Let none of a lot be sold from now on: its shelf units go to quarantine everywhere; the units moved.

    Orders that counted on them become short. What comes of it later is taken off sale too. Raises LotError.
    """
    held = Lot.objects.select_for_update(no_key=True).select_related("sku").get(pk=lot.pk)
    if held.is_recalled:
        raise LotError(_("lot %(lot)s of %(sku)s is recalled already") % {"lot": held, "sku": held.sku}, conflict=True)
    held.recalled_at, held.recalled_by, held.recall_reason = clock.now(), actor[:150], reason[:200]
    held.save(update_fields=["recalled_at", "recalled_by", "recall_reason"])
    shelved = LotLevel.objects.filter(lot=held, shelf__gt=0).select_related("lot", "level").order_by("pk")
    how = Withdrawal(State.QUARANTINE, Reason.RECALL, reference_of(held), actor, reason)
    return withdraw(lambda: list(shelved.all()), how)


@transaction.atomic
def end_recall(lot: Lot, *, actor: str) -> Lot:
    """Let what comes of a lot be sold again; what was taken off sale stays in quarantine until somebody moves it."""
    held = Lot.objects.select_for_update(no_key=True).select_related("sku").get(pk=lot.pk)
    if not held.is_recalled:
        raise LotError(_("lot %(lot)s of %(sku)s is not recalled") % {"lot": held, "sku": held.sku}, conflict=True)
    held.recalled_at, held.recalled_by, held.recall_reason = None, "", ""
    held.save(update_fields=["recalled_at", "recalled_by", "recall_reason"])
    return held


def _buyers(movements: Iterable[Movement]) -> list[Buyer]:
    """By order, in the order of the first parcel."""
    found: dict[str, Buyer] = {}
    for one in movements:
        if LotPlace.CUSTOMER not in (one.from_place, one.to_place):
            continue
        buyer = found.setdefault(one.document, Buyer(one.document))
        if one.to_place == LotPlace.CUSTOMER:
            buyer.shipped += one.units
            buyer.first_at = buyer.first_at or one.at
            buyer.last_at = one.at
        else:
            buyer.returned += one.units
    return list(found.values())
