"""Units come back: each goes where its disposition says. Money is the channel's matter."""

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import Sum

from inventory.ledger import Posting, post
from inventory.lot_tracking import given_lot
from inventory.models import Location, Reason, State

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
    postings: list[Posting] = []
    for line, units_by, place in lines:
        one = expected.get(line.pk)
        if one is None:
            raise ReturnError(f"line {line.external_id} is not part of this return")
        lot = (lots or {}).get(line.pk, "")
        postings += _receive_line(one, units_by, place, lot, f"return:{parcel.pk} {order.reference}")
    post(postings, actor=actor, cause="return", reference=order.reference)
    ReturnLine.objects.bulk_update(expected.values(), ["restocked", "quarantined", "missing"], batch_size=1000)
    SalesOrderLine.objects.bulk_update([one.line for one in expected.values()], ["returned"], batch_size=1000)
    parcel.status = ReturnStatus.PARTLY_RECEIVED if any(map(_left, expected.values())) else ReturnStatus.RECEIVED
    parcel.save(update_fields=["status"])
    return parcel


def _receive_line(
    one: ReturnLine, units_by: Mapping[str, int], place: Location, lot: str, reference: str
) -> list[Posting]:
    sku = one.line.sku
    assert sku is not None
    named = given_lot(sku, lot, coming=False)
    postings = []
    for disposition, units in units_by.items():
        if disposition not in DISPOSITIONS:
            raise ReturnError(f"disposition {disposition!r} is not known; there are: {', '.join(DISPOSITIONS)}")
        if units < 0:
            raise ReturnError(f"{disposition}: {units} units cannot come back")
        unknown = disposition == "restock" and sku.tracks_lots and named is None
        column, state = DISPOSITIONS["quarantine" if unknown else disposition]
        setattr(one, column, getattr(one, column) + units)
        if units and state is not None:
            moved = (sku.pk, place.pk, State.CUSTOMER, state, units, Reason.RETURN, reference, one.reason)
            postings.append(Posting(*moved, lot=named, unlotted=True))
    if _left(one) < 0:
        raise ReturnError(f"line {one.line.external_id}: {-_left(one)} units more than announced")
    one.line.returned += sum(units for disposition, units in units_by.items() if disposition != "missing")
    return postings


def _left(one: ReturnLine) -> int:
    return one.quantity - one.restocked - one.quarantined - one.missing
