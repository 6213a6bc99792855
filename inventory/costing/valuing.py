"""What each entry does to cost.

What comes in is worth what its receipt said; else the SKU's own cost of that time; else the last known average; else nothing, and
that is said aloud. Returned units come back at the cost that they left with. What goes from one company to another, or into
a kit, carries its cost along. All else that leaves takes its part.
"""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby

from ..models import CostPosition, LedgerEntry, MoveKind, Reason, State
from .book import Cost, Scope, share, to_micro
from .shelf import Shelf, document_of

#: Reasons with which units are found or corrected: no purchase, whatever they are said to cost.
_FOUND = frozenset(
    {Reason.COUNT, Reason.FOUND, Reason.CORRECTION, Reason.DAMAGE, Reason.THEFT, Reason.LOSS, Reason.QUALITY}
)


def value(positions: Sequence[CostPosition], shelf: Shelf) -> None:
    """Value positions in their order; what carries cost to one another comes whole."""
    for together in _together(positions):
        first = together[0]
        if first.share is not None:
            _charge(first, shelf)
        elif first.batch is not None:
            _carry(together, shelf)
        elif _comes(first):
            _receive(first, shelf)
        else:
            _issue(first, shelf)


def _together(positions: Sequence[CostPosition]) -> Iterator[list[CostPosition]]:
    for _key, some in groupby(positions, key=lambda one: one.batch or -one.pk):
        yield list(some)


def _entry(position: CostPosition) -> LedgerEntry:
    assert position.entry is not None
    return position.entry


def _comes(position: CostPosition) -> bool:
    outside = (State.SUPPLIER, State.CUSTOMER, State.ADJUSTMENT, State.TRANSFER, State.ASSEMBLY)
    return _entry(position).from_state in outside


def _receive(position: CostPosition, shelf: Shelf) -> None:
    """Units come in from outside."""
    entry, scope = _entry(position), shelf.scope(position)
    if entry.from_state == State.CUSTOMER:
        _take_back(position, shelf)
        return
    cost, known = _said(position, scope, entry.quantity)
    _enter(position, shelf, _kind(position), cost, known=known)


def _kind(position: CostPosition) -> MoveKind:
    """Whether units were bought or found."""
    entry = _entry(position)
    bought = entry.from_state == State.SUPPLIER or entry.reason in (Reason.RECEIPT, Reason.OPENING)
    given = position.origin == "given" and entry.reason not in _FOUND
    return MoveKind.RECEIPT if bought or given else MoveKind.ADJUSTMENT


def _said(position: CostPosition, scope: Scope, units: int) -> tuple[Cost, bool]:
    """What so many units are worth, and whether anybody knows."""
    each = to_micro(position.unit_cost) if position.unit_cost is not None else scope.unit_average()
    return Cost((each or 0) * units, (each or 0) * units), each is not None


def _take_back(position: CostPosition, shelf: Shelf) -> None:
    """Returned units: at the cost that they left with, where that is known; else at today's average."""
    entry, scope = _entry(position), shelf.scope(position)
    document = document_of(entry.reference)
    sold = shelf.sold[(position.company_id, position.sku_id), document]
    if entry.reference and sold.units >= entry.quantity:
        cost = Cost(
            *(
                share(held, [entry.quantity, sold.units - entry.quantity])[0]
                for held in (sold.cost.fifo, sold.cost.average)
            )
        )
        sold.units, sold.cost = sold.units - entry.quantity, sold.cost + -cost
        known = True
    elif position.origin != "given" and scope.unit_average() is not None:
        each = scope.unit_average() or 0
        cost, known = Cost(each * entry.quantity, each * entry.quantity), True
    else:
        cost, known = _said(position, scope, entry.quantity)
    _enter(position, shelf, MoveKind.RETURN, cost, known=known, document=document)


def _enter(
    position: CostPosition, shelf: Shelf, kind: MoveKind, cost: Cost, *, known: bool = True, document: str = ""
) -> None:
    entry = _entry(position)
    layer = shelf.scope(position).receive(entry.quantity, cost, entry_id=entry.pk, is_known=known)
    shelf.layers[entry.pk] = layer
    shelf.came[entry.pk] = ((position.company_id, position.sku_id), position.booked_at)
    shelf.note(position, kind, entry.quantity, cost, unknown=not known, document=document)


def _issue(position: CostPosition, shelf: Shelf) -> None:
    """Units leave: sold, or lost."""
    entry = _entry(position)
    cost = shelf.scope(position).issue(entry.quantity)
    sale = entry.to_state == State.CUSTOMER
    document = document_of(entry.reference) if sale else ""
    if document:
        sold = shelf.sold[(position.company_id, position.sku_id), document]
        sold.units, sold.cost = sold.units + entry.quantity, sold.cost + cost
    kind = MoveKind.SALE if sale else MoveKind.ADJUSTMENT
    shelf.note(position, kind, -entry.quantity, -cost, document=document)


def _carry(together: Sequence[CostPosition], shelf: Shelf) -> None:
    """What goes out gives its cost to what comes in: the same SKU in another company, or a kit of its parts."""
    elsewhere = State.TRANSFER in (_entry(together[0]).from_state, _entry(together[0]).to_state)
    kind = MoveKind.TRANSFER if elsewhere else MoveKind.ASSEMBLY
    pots: dict[int, Cost] = {}
    for position in together:
        if not _comes(position):
            entry = _entry(position)
            cost = shelf.scope(position).issue(entry.quantity)
            shelf.note(position, kind, -entry.quantity, -cost)
            pot = position.sku_id if elsewhere else 0
            pots[pot] = pots.get(pot, Cost()) + cost
    coming = [position for position in together if _comes(position)]
    for pot in sorted({position.sku_id if elsewhere else 0 for position in coming}):
        some = [position for position in coming if not elsewhere or position.sku_id == pot]
        _give(some, pots.get(pot), kind, shelf)


def _give(coming: Sequence[CostPosition], pot: Cost | None, kind: MoveKind, shelf: Shelf) -> None:
    """Share what went out among what comes in, by what it is worth here, or by units where nobody knows."""
    if pot is None or any(position.rate is None for position in coming):
        for position in coming:
            cost, known = _said(position, shelf.scope(position), _entry(position).quantity)
            _enter(position, shelf, kind, cost, known=known)
        return
    weights = [_weight(position, shelf) for position in coming]
    if None in weights or not any(weights):
        weights = [_entry(position).quantity for position in coming]
    shares = zip(coming, share(pot.fifo, weights), share(pot.average, weights), strict=True)  # type: ignore[arg-type]
    for position, fifo, average in shares:
        rate = position.rate or Decimal(1)
        _enter(position, shelf, kind, Cost(_times(fifo, rate), _times(average, rate)))


def _weight(position: CostPosition, shelf: Shelf) -> int | None:
    each = shelf.scope(position).unit_average()
    if each is None and position.unit_cost is not None:
        each = to_micro(position.unit_cost)
    return None if each is None else each * _entry(position).quantity


def _times(value: int, rate: Decimal) -> int:
    return value if rate == 1 else int((value * rate).to_integral_value(ROUND_HALF_UP))


def _charge(position: CostPosition, shelf: Shelf) -> None:
    """A share of a landed cost: what is left of the receipt bears its part, the rest is cost of goods sold."""
    assert position.share is not None and position.amount is not None
    amount = to_micro(position.amount)
    scope, layer = shelf.scope(position), shelf.layers[position.share.entry_id]
    stays = scope.charge(layer, amount)
    gone = Cost(stays.fifo - amount, stays.average - amount)
    scope.fifo, scope.average = scope.fifo - gone.fifo, scope.average - gone.average
    shelf.note(position, MoveKind.LANDED, 0, Cost(amount, amount))
    if gone != Cost():
        scope.fifo, scope.average = scope.fifo + gone.fifo, scope.average + gone.average
        shelf.note(position, MoveKind.LATE, 0, gone)
