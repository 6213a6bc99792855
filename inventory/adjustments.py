"""What people change about stock, each change with its reason."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.db import transaction

from .costing.facts import UnitCost, check_fact, is_fact, keep_fact
from .errors import InvalidMovement, KeyConflict
from .ledger import Posting, post
from .locks import lock_levels
from .lot_tracking import given_lot
from .models import LedgerEntry, Location, Lot, LotEntry, Reason, Sku, State
from .models.ledger import BY_HAND


@transaction.atomic
def adjust(
    *,
    sku: Sku,
    location: Location,
    quantity: int | None = None,
    set_to: int | None = None,
    state: str = State.AVAILABLE,
    reason: str = Reason.OTHER,
    note: str = "",
    reference: str = "",
    lot: str = "",
    expires_on: date | None = None,
    unit_cost: Decimal | None = None,
    currency: str = "",
    actor: str,
    key: str | None = None,
) -> LedgerEntry | None:
    """Add or take units of one state, or set their number; None where ``set_to`` changes nothing.

    Units that come to a SKU that keeps lots name theirs, which is made where it is new. ``unit_cost`` is what each unit that
    comes in cost, in the company's own currency unless another is named. Raises InsufficientStock where fewer are there than
    are taken, LotError, CostError, and KeyConflict where the key moved something else.
    """
    _check(quantity, set_to, state, lot)
    named = given_lot(sku, lot, expires_on=expires_on, coming=(quantity or 0) > 0)
    cost = None if unit_cost is None else UnitCost(unit_cost, currency)
    levels = lock_levels([(sku.pk, location.pk)])
    level = levels[sku.pk, location.pk]
    done = _done_before(key, level.id)
    if done is not None:
        is_same = _is_adjustment(done, state, quantity, set_to) and _is_of_lot(done, named) and is_fact(done, cost)
        if not is_same:
            raise KeyConflict(f"the key {key!r} was used for another movement")
        return done
    delta = quantity if quantity is not None else (set_to or 0) - getattr(level, state)
    if set_to is not None and set_to < 0:
        raise InvalidMovement("set_to is a number of units, 0 or more")
    if not delta:
        if quantity is not None:
            raise InvalidMovement("an adjustment of 0 units changes nothing")
        return None
    if cost is not None:
        check_fact(cost, units=delta)
    source, target = (State.ADJUSTMENT, state) if delta > 0 else (state, State.ADJUSTMENT)
    posting = Posting(
        sku.pk,
        location.pk,
        source,
        target,
        abs(delta),
        reason=reason,
        note=note,
        reference=reference,
        key=key,
        lot=named,
    )
    (entry,) = post([posting], actor=actor, cause="adjustment", reference=reference, levels=levels)
    if cost is not None:
        keep_fact(cost, location=location, level_id=entry.level_id, number=entry.number)
    return LedgerEntry.objects.get(level_id=entry.level_id, number=entry.number)


@transaction.atomic
def move(
    *,
    sku: Sku,
    location: Location,
    from_state: str,
    to_state: str,
    quantity: int,
    reason: str = Reason.OTHER,
    note: str = "",
    reference: str = "",
    lot: str = "",
    actor: str,
    key: str | None = None,
) -> LedgerEntry:
    """Move units between two states of one level. Raises InsufficientStock, InvalidMovement, LotError, KeyConflict."""
    for state in (from_state, to_state):
        if state not in BY_HAND:
            raise InvalidMovement(f"units cannot be moved by hand from or to {state}")
    named = given_lot(sku, lot, coming=False)
    levels = lock_levels([(sku.pk, location.pk)])
    done = _done_before(key, levels[sku.pk, location.pk].id)
    if done is not None:
        if (done.from_state, done.to_state, done.quantity) != (from_state, to_state, quantity) or not _is_of_lot(
            done, named
        ):
            raise KeyConflict(f"the key {key!r} was used for another movement")
        return done
    posting = Posting(
        sku.pk, location.pk, from_state, to_state, quantity, reason=reason, note=note, reference=reference, key=key,
        lot=named,
    )  # fmt: skip
    (entry,) = post([posting], actor=actor, cause="move", reference=reference, levels=levels)
    return LedgerEntry.objects.get(level_id=entry.level_id, number=entry.number)


def open_stock(rows: Iterable[tuple[int, int, int]], *, actor: str, reference: str = "", batch: int = 2000) -> int:
    """Bring in opening stock: rows of (SKU's id, location's id, units). Returns the number of entries.

    It names no lots: where a SKU keeps them, its units are of the lot "unassigned" until somebody says more.
    """
    waiting: list[Posting] = []
    count = 0
    for sku_id, location_id, units in rows:
        if units > 0:
            states = (State.ADJUSTMENT, State.AVAILABLE)
            waiting.append(
                Posting(sku_id, location_id, *states, units, Reason.OPENING, reference=reference, unlotted=True)
            )
        if len(waiting) >= batch:
            count += _post_opening(waiting, actor, reference)
            waiting = []
    return count + _post_opening(waiting, actor, reference)


def _post_opening(postings: Sequence[Posting], actor: str, reference: str) -> int:
    return len(post(postings, actor=actor, cause="opening", reference=reference))


def _check(quantity: int | None, set_to: int | None, state: str, lot: str) -> None:
    if (quantity is None) == (set_to is None):
        raise InvalidMovement("give either quantity or set_to")
    if lot and set_to is not None:
        raise InvalidMovement(
            "set_to is the number of all lots together; of one lot give the quantity that comes or goes"
        )
    if state not in BY_HAND:
        raise InvalidMovement(f"stock in state {state} cannot be adjusted; it follows its orders and transfers")


def _is_of_lot(entry: LedgerEntry, lot: Lot | None) -> bool:
    """Whether an entry is of that lot, where one is named."""
    return lot is None or LotEntry.objects.filter(level=entry.level_id, number=entry.number, lot=lot).exists()


def _is_adjustment(entry: LedgerEntry, state: str, quantity: int | None, set_to: int | None) -> bool:
    """Whether an entry is what such an adjustment makes."""
    if {entry.from_state, entry.to_state} != {str(state), str(State.ADJUSTMENT)}:
        return False
    if set_to is not None:
        return bool(getattr(entry, f"{state}_after") == set_to)
    return quantity == (entry.quantity if entry.to_state == state else -entry.quantity)


def _done_before(key: str | None, level_id: int) -> LedgerEntry | None:
    """The entry that this key made already; an error where it made one of another level."""
    if key is None:
        return None
    entry = LedgerEntry.objects.filter(key=key).first()
    if entry is not None and entry.level_id != level_id:
        raise KeyConflict(f"the key {key!r} was used for another movement")
    return entry
