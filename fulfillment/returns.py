"""Units come back: each goes where its disposition says. Money is the channel's matter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Sum

from inventory.ledger import Posting, post
from inventory.lot_tracking import given_lot
from inventory.models import Location, Lot, Reason, State

from .contents import Contents, contents_of
from .models import Return, ReturnLine, ReturnStatus, SalesOrder, SalesOrderLine

#: Disposition -> (the column that counts it, the state that the unit goes to; None moves no stock).
DISPOSITIONS: Mapping[str, tuple[str, State | None]] = {
    "restock": ("restocked", State.AVAILABLE),
    "quarantine": ("quarantined", State.QUARANTINE),
    "missing": ("missing", None),
}


class ReturnError(Exception):
    """A return cannot be made or received; the message says why."""


@transaction.atomic
def create_return(*, order: SalesOrder, lines: Sequence[tuple[SalesOrderLine, int, str]], actor: str) -> Return:
    """Announce units of shipped lines as coming back: (line, units, reason). Raises ReturnError."""
    SalesOrder.objects.select_for_update(no_key=True).get(pk=order.pk)
    if not lines:
        raise ReturnError("a return names at least one line")
    announced = dict(ReturnLine.objects.filter(parcel__order=order).values_list("line").annotate(units=Sum("quantity")))
    parcel = Return.objects.create(order=order)
    rows = []
    for line, units, reason in lines:
        if line.order_id != order.pk:
            raise ReturnError(f"line {line.external_id} is of another order")
        if line.sku_id is None:
            raise ReturnError(f"line {line.external_id} has no SKU yet: map its listing first")
        left = line.shipped - announced.get(line.pk, 0)
        if not 0 < units <= left:
            raise ReturnError(f"line {line.external_id}: {units} units to return, {left} shipped and not yet announced")
        announced[line.pk] = announced.get(line.pk, 0) + units
        rows.append(ReturnLine(parcel=parcel, line=line, quantity=units, reason=reason[:200]))
    ReturnLine.objects.bulk_create(rows)
    return parcel


@transaction.atomic
def receive(
    parcel: Return,
    *,
    lines: Sequence[tuple[SalesOrderLine, Mapping[str, int], Location]] | None = None,
    location: Location | None = None,
    lots: Mapping[int, str] | None = None,
    actor: str,
) -> Return:
    """Receive units of a return: (line, units by disposition, location); None restocks all that is left at ``location``.

    ``lots`` names by line (its id) the lot of SKUs that keep them; units of such a SKU without one are not sold but lie in
    quarantine, of the lot "unassigned". Raises ReturnError where more comes than was announced, or for a disposition that is
    not known, and LotError.
    """
    order = (
        SalesOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("channel")
        .get(pk=parcel.order_id)
    )
    expected = {one.line_id: one for one in parcel.lines.select_for_update(of=("self",)).select_related("line__sku")}
    if lines is None:
        if location is None:
            raise ReturnError("say at which location the return is received")
        lines = [(one.line, {"restock": _left(one)}, location) for one in expected.values() if _left(one)]
    contents = contents_of([one.line for one in expected.values()])
    postings: list[Posting] = []
    for line, units_by, place in lines:
        one = expected.get(line.pk)
        if one is None:
            raise ReturnError(f"line {line.external_id} is not part of this return")
        how = _How(place, (lots or {}).get(line.pk, ""), contents[line.pk], f"return:{parcel.pk} {order.reference}")
        postings += _receive_line(one, units_by, how)
    post(postings, actor=actor, cause="return", reference=order.reference)
    ReturnLine.objects.bulk_update(expected.values(), ["restocked", "quarantined", "missing"], batch_size=1000)
    SalesOrderLine.objects.bulk_update([one.line for one in expected.values()], ["returned"], batch_size=1000)
    parcel.status = ReturnStatus.PARTLY_RECEIVED if any(map(_left, expected.values())) else ReturnStatus.RECEIVED
    parcel.save(update_fields=["status"])
    return parcel


@dataclass(frozen=True, slots=True)
class _How:
    """Where units of a line come back to, of which lot, what they are made of, and by which document."""

    place: Location
    lot: str
    contents: Contents
    reference: str


def _receive_line(one: ReturnLine, units_by: Mapping[str, int], how: _How) -> list[Posting]:
    sku = one.line.sku
    assert sku is not None
    named = given_lot(sku, how.lot, coming=False)
    postings: list[Posting] = []
    for disposition, units in units_by.items():
        if disposition not in DISPOSITIONS:
            raise ReturnError(f"disposition {disposition!r} is not known; there are: {', '.join(DISPOSITIONS)}")
        if units < 0:
            raise ReturnError(f"{disposition}: {units} units cannot come back")
        unknown = disposition == "restock" and sku.tracks_lots and named is None
        column, state = DISPOSITIONS["quarantine" if unknown else disposition]
        setattr(one, column, getattr(one, column) + units)
        if state is not None:
            postings += _come_back(one, units, state, how, named)
    if _left(one) < 0:
        raise ReturnError(f"line {one.line.external_id}: {-_left(one)} units more than announced")
    one.line.returned += sum(units for disposition, units in units_by.items() if disposition != "missing")
    return postings


def _come_back(one: ReturnLine, units: int, state: State, how: _How, lot: Lot | None) -> Iterator[Posting]:
    """Post units of a line as what they were made of when they left. Whatever of it keeps lots has one, or is looked at."""
    for run, parts in how.contents.take(units):
        for sku_id, per in parts.items():
            named = lot if sku_id == one.line.sku_id else None
            unknown = state == State.AVAILABLE and named is None and sku_id in how.contents.keep_lots
            target = State.QUARANTINE if unknown else state
            moved = (sku_id, how.place.pk, State.CUSTOMER, target, run * per, Reason.RETURN, how.reference, one.reason)
            yield Posting(*moved, lot=named, unlotted=True)


def _left(one: ReturnLine) -> int:
    return one.quantity - one.restocked - one.quarantined - one.missing
