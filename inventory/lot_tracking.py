"""Which SKUs keep lots, and which lots there are: switched on and off, named, and said of units whose lot nobody knew.

Levels are locked before their SKU, as who makes a new level shares the SKU after the levels that it has.
"""

from datetime import date

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from . import lots
from .errors import InvalidMovement, LotError
from .kernel import clock
from .kernel.quantities import LARGEST
from .ledger import mark_lots
from .locks import LockedLevels, lock_levels
from .models import UNASSIGNED, Location, Lot, LotLevel, Sku, StockLevel, TransferLine
from .models.lot import PLACES, SOMETHING

LONGEST = 100


@transaction.atomic
def start(sku: Sku, *, actor: str) -> Sku:
    """Let a SKU keep lots; what it has is of the lot "unassigned" until somebody says more. Nothing where it does already."""
    levels = _hold(sku)
    if sku.tracks_lots:
        return sku
    lot = name_lot(sku, UNASSIGNED)
    _mark(sku, levels, kept=True)
    lots.begin(levels.values(), lot, under_way=_under_way(sku), actor=actor)
    return sku


@transaction.atomic
def stop(sku: Sku, *, actor: str) -> Sku:
    """Let a SKU keep lots no more. Raises LotError while any of its lots has units."""
    levels = _hold(sku)
    if not sku.tracks_lots:
        return sku
    held = LotLevel.objects.filter(SOMETHING, lot__sku=sku).select_related("lot", "level__location")
    some = [f"{one.lot} ({one.on_hand + one.in_transit} @ {one.level.location})" for one in held.order_by("pk")[:5]]
    if some:
        said = _("%(sku)s goes on keeping lots while they have units: %(some)s")
        raise LotError(said % {"sku": sku, "some": ", ".join(some)}, field="tracks_lots", conflict=True)
    _mark(sku, levels, kept=False)
    return sku


def name_lot(sku: Sku, code: str, *, expires_on: date | None = None) -> Lot:
    """The lot of that code, made where it is new. Raises LotError where it has another expiry date."""
    code = code.strip()
    if not code or len(code) > LONGEST or not code.isprintable() or code in (".", "..") or "/" in code:
        said = _("“%(code)s” cannot be a lot: 1 to %(most)d printable characters, no slash")
        raise LotError(said % {"code": code[:LONGEST], "most": LONGEST})
    if code == UNASSIGNED and expires_on is not None:
        raise LotError(_("the lot “unassigned” has no expiry date"), field="expires_on")
    lot, is_new = Lot.objects.get_or_create(
        sku=sku, code=code, defaults={"expires_on": expires_on, "created_at": clock.now()}
    )
    if not is_new and expires_on is not None and lot.expires_on != expires_on:
        said = _("lot %(lot)s of %(sku)s expires on %(known)s, not on %(given)s; a lot has one expiry date for ever")
        if lot.expires_on is None:
            said = _("lot %(lot)s of %(sku)s has no expiry date, not %(given)s; a lot has one expiry date for ever")
        words = {"lot": lot, "sku": sku, "known": lot.expires_on, "given": expires_on}
        raise LotError(said % words, field="expires_on", conflict=True)
    return lot


def known_lot(sku: Sku, code: str) -> Lot:
    """The lot of that code. Raises LotError where there is none."""
    lot = Lot.objects.filter(sku=sku, code=code.strip()).first()
    if lot is None:
        raise LotError(_("%(sku)s has no lot %(code)s") % {"sku": sku, "code": code.strip()[:LONGEST]})
    return lot


def given_lot(sku: Sku, code: str, *, expires_on: date | None = None, coming: bool) -> Lot | None:
    """The lot that somebody names for units; a new one may be named for what comes in. Raises LotError."""
    if not code:
        if expires_on is not None:
            raise LotError(_("an expiry date is a lot's: name the lot"), field="lot")
        return None
    if not sku.tracks_lots:
        raise LotError(_("%(sku)s keeps no lots: leave the lot %(code)s out") % {"sku": sku, "code": code[:LONGEST]})
    if coming:
        return name_lot(sku, code, expires_on=expires_on)
    lot = known_lot(sku, code)
    return name_lot(sku, lot.code, expires_on=expires_on)


@transaction.atomic
def assign(*, lot: Lot, target: Lot, location: Location, place: str, quantity: int, note: str = "", actor: str) -> None:
    """Say that units of one lot are of another: those that nobody knew the lot of, or that were taken for another one.

    No number on sale changes. Raises LotShort where the lot has fewer units there, InvalidMovement for what makes no sense.
    """
    if lot.sku_id != target.sku_id or lot.pk == target.pk:
        raise InvalidMovement(_("choose another lot of the same SKU"))
    if place not in PLACES:
        raise InvalidMovement(_("units of a lot are not there"))
    if not 0 < quantity <= LARGEST:
        raise InvalidMovement(f"{quantity} units cannot be moved; 1 to {LARGEST} can")
    levels = lock_levels([(lot.sku_id, location.pk)])
    level = levels[lot.sku_id, location.pk]
    lots.relabel(level, place=place, source=lot, target=target, units=quantity, reference=note[:200], actor=actor)


def _hold(sku: Sku) -> LockedLevels:
    """All levels of a SKU under lock, and then the SKU itself, so that none is added."""
    levels = LockedLevels()
    for _turn in ("what there is", "and what was made meanwhile"):
        pairs = [(sku.pk, place) for place in StockLevel.objects.filter(sku=sku).values_list("location", flat=True)]
        levels.update(lock_levels([pair for pair in pairs if pair not in levels], create=False))
        sku.tracks_lots = Sku.objects.select_for_update(no_key=True).get(pk=sku.pk).tracks_lots
    return levels


def _mark(sku: Sku, levels: LockedLevels, *, kept: bool) -> None:
    sku.tracks_lots = kept
    sku.save(update_fields=["tracks_lots"])
    mark_lots(levels, kept=kept)


def _under_way(sku: Sku) -> dict[int, dict[str, int]]:
    """Units in transit by level and transfer."""
    left = F("dispatched") - F("received") - F("damaged") - F("lost") - F("returned")
    lines = TransferLine.objects.filter(sku=sku).annotate(left=left).filter(left__gt=0)
    places = {level.location_id: level.pk for level in StockLevel.objects.filter(sku=sku)}
    found: dict[int, dict[str, int]] = {}
    for place, code, units in lines.values_list("transfer__to_location", "transfer__code", "left"):
        if place in places:
            found.setdefault(places[place], {})[code] = units
    return found
