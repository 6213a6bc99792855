"""Stock that goes from one location to another, in two steps: what has left is in transit until it is received.

Each verb locks the document's row first, then all levels once, and posts once. ``places`` are the locations that whoever acts is
limited to; they are looked at under that lock, since a draft may be changed until then. Units in transit are kept at the
destination: a unit leaves the source for ``transfer`` and comes from there, so that each level's entries add up by themselves.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, connection, transaction

from .errors import InsufficientStock, KeyConflict, Short
from .expiry import turn_away
from .kernel import clock
from .kernel.idempotency import fingerprint
from .ledger import Posting, post
from .locks import LockedLevels, lock_levels
from .manifest import Arrived, NotYours, TransferError, Units, WrongStep, check_lines, match
from .models import Location, Lot, Reason, State, StepKind, Transfer, TransferLine, TransferStatus, TransferStep
from .models.transfer import OPEN


@dataclass(frozen=True, slots=True)
class _Deed:
    """Who does which step, and under which key."""

    kind: StepKind
    actor: str
    key: str | None
    contents: bytes
    note: str = ""

    def done(self) -> Transfer | None:
        """The transfer that this very step was done to already. Raises KeyConflict where the key did something else."""
        step = self.key and TransferStep.objects.select_related("transfer").filter(key=self.key).first()
        if not step:
            return None
        if bytes(step.fingerprint) != self.contents:
            raise KeyConflict(f"the key {self.key!r} was used for another step of a transfer")
        return step.transfer

    def remember(self, transfer: Transfer, units: int) -> None:
        """Keep who did it and when."""
        TransferStep.objects.create(
            transfer=transfer, kind=self.kind, units=units, actor=self.actor[:150], note=self.note[:200],
            at=clock.now(), key=self.key, fingerprint=self.contents,
        )  # fmt: skip


@transaction.atomic
def create_transfer(
    *,
    from_location: Location,
    to_location: Location,
    lines: Sequence[Units],
    code: str = "",
    note: str = "",
    actor: str,
    key: str | None = None,
) -> Transfer:
    """A draft; nothing moves yet. A code is made where none is given. Raises TransferError."""
    contents = _contents("create", code, from_location.pk, to_location.pk, note, _listed(lines))
    deed = _Deed(StepKind.CREATED, actor, key, contents)
    done = deed.done()
    if done is not None:
        return done
    _check_code(code)
    _check_places(from_location, to_location)
    check_lines(lines)
    try:
        with transaction.atomic():
            transfer = Transfer(from_location=from_location, to_location=to_location, note=note, created_at=clock.now())
            transfer.pk, transfer.code = (None, code) if code else _next_code()
            transfer.save(force_insert=True)
            _write_lines(transfer, lines)
            deed.remember(transfer, sum(line.quantity for line in lines))
    except IntegrityError:
        done = deed.done()  # the same request twice at once
        if done is not None:
            return done
        if Transfer.objects.filter(code=code).exists():
            raise WrongStep(f"there is a transfer {code} already", fields={"code": ["there is one already"]}) from None
        raise
    return transfer


@transaction.atomic
def amend(
    transfer: Transfer,
    *,
    from_location: Location | None = None,
    to_location: Location | None = None,
    lines: Sequence[Units] | None = None,
    note: str | None = None,
    actor: str,
    key: str | None = None,
    places: frozenset[int] | None = None,
) -> Transfer:
    """Change a draft: ``lines`` replace those that it has. Raises TransferError, WrongStep once something has left."""
    held = _lock(transfer)
    _refuse_strangers(places, held.from_location, held.to_location)
    ends = [None if place is None else place.pk for place in (from_location, to_location)]
    contents = _contents("amend", held.code, ends, note, None if lines is None else _listed(lines))
    deed = _Deed(StepKind.AMENDED, actor, key, contents)
    if deed.done() is not None:
        return held
    if not held.is_draft:
        raise WrongStep(f"transfer {held} is {_stands(held)}: only a draft can be changed")
    held.from_location, held.to_location = from_location or held.from_location, to_location or held.to_location
    _refuse_strangers(places, held.from_location, held.to_location)
    _check_places(held.from_location, held.to_location)
    held.note = held.note if note is None else note
    held.save(update_fields=["from_location", "to_location", "note"])
    if lines is not None:
        check_lines(lines)
        held.lines.all().delete()
        _write_lines(held, lines)
    deed.remember(held, sum(held.lines.values_list("quantity", flat=True)))
    return held


@transaction.atomic
def dispatch(
    transfer: Transfer,
    *,
    lines: Sequence[Units] | None = None,
    actor: str,
    key: str | None = None,
    places: frozenset[int] | None = None,
) -> Transfer:
    """Send off the given units, or all that waits; the rest may follow. Raises InsufficientStock naming every short line."""
    held = _lock(transfer)
    _refuse_strangers(places, held.from_location)
    deed = _Deed(StepKind.DISPATCHED, actor, key, _contents("dispatch", held.code, _listed(lines)))
    if deed.done() is not None:
        return held
    _refuse_closed(held)
    _check_places(held.from_location, held.to_location)
    rows = _rows(held)
    chosen = [Units(row.sku, row.waiting) for row in rows if row.waiting] if lines is None else lines
    if lines is None and not chosen:
        raise WrongStep(f"transfer {held}: everything has been dispatched already")

    def too_many(row: TransferLine, units: int) -> str:
        return (
            f"{row.sku}: {units} units to dispatch, {row.waiting} of {row.quantity} asked for are left; "
            f"dispatch at most {row.waiting} and make another transfer for more"
        )

    found = match(rows, chosen, units=lambda line: line.quantity, most=lambda row: row.waiting, too_many=too_many)
    ends = (held.from_location_id, held.to_location_id)
    levels = lock_levels((row.sku_id, place) for row, _line in found for place in ends)
    _refuse_short(held, found, levels)
    postings = []
    for row, line in found:
        postings += [
            _posting(held, row, State.AVAILABLE, State.TRANSFER, line.quantity, at_source=True, lot=line.lot),
            _posting(held, row, State.TRANSFER, State.IN_TRANSIT, line.quantity),
        ]
        row.dispatched += line.quantity
    return _finish(held, rows, postings, levels, deed, sum(line.quantity for _row, line in found))


@transaction.atomic
def receive(
    transfer: Transfer,
    *,
    lines: Sequence[Arrived] | None = None,
    actor: str,
    key: str | None = None,
    places: frozenset[int] | None = None,
) -> Transfer:
    """Take in what came, good or damaged, or all that is under way; as often as something comes. Raises WrongStep."""
    held = _lock(transfer)
    _refuse_strangers(places, held.to_location)
    deed = _Deed(StepKind.RECEIVED, actor, key, _contents("receive", held.code, _listed(lines)))
    if deed.done() is not None:
        return held
    rows = _rows_under_way(held)
    chosen = [Arrived(row.sku, row.under_way) for row in rows if row.under_way] if lines is None else lines

    def too_many(row: TransferLine, units: int) -> str:
        return (
            f"{row.sku}: {units} units received, {row.under_way} under way; receive {row.under_way} and add the "
            f"{units - row.under_way} too many to the stock of {held.to_location} as found"
        )

    found = match(rows, chosen, units=lambda line: line.units, most=lambda row: row.under_way, too_many=too_many)
    postings = []
    for row, line in found:
        for state, units in ((State.AVAILABLE, line.quantity), (State.DAMAGED, line.damaged)):
            if units:
                postings.append(_posting(held, row, State.IN_TRANSIT, state, units, lot=line.lot))
        row.received += line.quantity
        row.damaged += line.damaged
    levels = lock_levels((row.sku_id, held.to_location_id) for row, _line in found)
    return _finish(held, rows, postings, levels, deed, sum(line.units for _row, line in found))


@transaction.atomic
def report_lost(
    transfer: Transfer,
    *,
    lines: Sequence[Units],
    note: str = "",
    actor: str,
    key: str | None = None,
    places: frozenset[int] | None = None,
) -> Transfer:
    """Units that left will not come. Raises WrongStep where more are lost than are under way."""
    held = _lock(transfer)
    _refuse_strangers(places, held.to_location)
    deed = _Deed(StepKind.LOST, actor, key, _contents("lose", held.code, note, _listed(lines)), note)
    if deed.done() is not None:
        return held
    rows = _rows_under_way(held)

    def too_many(row: TransferLine, units: int) -> str:
        return f"{row.sku}: {units} units lost, {row.under_way} under way; only those can be reported lost"

    found = match(rows, lines, units=lambda line: line.quantity, most=lambda row: row.under_way, too_many=too_many)
    postings = []
    for row, line in found:
        lost = (State.IN_TRANSIT, State.ADJUSTMENT, line.quantity, Reason.LOSS, note)
        postings.append(_posting(held, row, *lost, lot=line.lot))
        row.lost += line.quantity
    levels = lock_levels((row.sku_id, held.to_location_id) for row, _line in found)
    return _finish(held, rows, postings, levels, deed, sum(line.quantity for _row, line in found))


@transaction.atomic
def cancel(
    transfer: Transfer,
    *,
    note: str = "",
    actor: str,
    key: str | None = None,
    places: frozenset[int] | None = None,
) -> Transfer:
    """End it: what is under way goes back to where it came from, what has come stays. Raises WrongStep where it has ended."""
    held = _lock(transfer)
    _refuse_strangers(places, held.from_location, *([held.to_location] if held.is_draft else []))
    deed = _Deed(StepKind.CANCELLED, actor, key, _contents("cancel", held.code, note), note)
    if deed.done() is not None:
        return held
    _refuse_closed(held)
    rows = _rows(held)
    postings, units = [], 0
    for row in rows:
        if row.under_way:
            units += row.under_way
            postings += [
                _posting(held, row, State.IN_TRANSIT, State.TRANSFER, row.under_way, Reason.CANCELLATION, note),
                _posting(held, row, State.TRANSFER, State.AVAILABLE, row.under_way, Reason.CANCELLATION, note, at_source=True),
            ]  # fmt: skip
            row.returned += row.under_way
    levels = lock_levels((posting.sku_id, posting.location_id) for posting in postings)
    held.status = TransferStatus.CANCELLED
    return _finish(held, rows, postings, levels, deed, units)


def _finish(
    held: Transfer,
    rows: Sequence[TransferLine],
    postings: Sequence[Posting],
    levels: LockedLevels,
    deed: _Deed,
    units: int,
) -> Transfer:
    """Post, and write down where the transfer stands now."""
    post(postings, actor=deed.actor, cause="transfer", reference=held.code, levels=levels)
    turn_away(postings, levels=levels)
    TransferLine.objects.bulk_update(rows, ["dispatched", "received", "damaged", "lost", "returned"], batch_size=1000)
    now = clock.now()
    if held.status != TransferStatus.CANCELLED:
        held.status = _status(rows)
    if deed.kind == StepKind.DISPATCHED:
        held.dispatched_at = held.dispatched_at or now
    held.closed_at = None if held.is_open else now
    held.save(update_fields=["status", "dispatched_at", "closed_at"])
    deed.remember(held, units)
    return held


def _status(rows: Sequence[TransferLine]) -> TransferStatus:
    if any(row.waiting or row.under_way for row in rows):
        return TransferStatus.PARTLY_RECEIVED if any(row.settled for row in rows) else TransferStatus.DISPATCHED
    return TransferStatus.RECEIVED


def _lock(transfer: Transfer) -> Transfer:
    """The document under this transaction's lock, before any level: two steps of one transfer never overlap."""
    rows = Transfer.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("from_location", "to_location").get(pk=transfer.pk)


def _rows(held: Transfer) -> list[TransferLine]:
    return list(held.lines.select_related("sku").order_by("position", "pk"))


def _rows_under_way(held: Transfer) -> list[TransferLine]:
    rows = _rows(held)
    if not any(row.under_way for row in rows):
        what = "dispatch it first" if held.is_draft else f"it is {_stands(held)}"
        raise WrongStep(f"transfer {held}: nothing is under way; {what}")
    return rows


def _refuse_strangers(places: frozenset[int] | None, *ends: Location) -> None:
    """One of these ends has to be a location of whoever acts, if they are limited to some."""
    if places is not None and not any(end.pk in places for end in ends):
        raise NotYours(f"that is for those of {' or '.join(end.code for end in ends)} to do")


def _refuse_closed(held: Transfer) -> None:
    if held.status not in OPEN:
        raise WrongStep(f"transfer {held} is {_stands(held)}: it has ended")


def _stands(held: Transfer) -> str:
    return str(held.get_status_display()).lower()


def _check_code(code: str) -> None:
    """A code is part of addresses."""
    if "/" in code or not code.isprintable() or code in (".", "..") or len(code) > 50:
        said = f"{code[:50]!r} cannot be a code: at most 50 printable characters, no slash"
        raise TransferError(said, fields={"code": [said]})


def _check_places(source: Location, target: Location) -> None:
    fields: dict[str, list[str]] = {}
    if source.pk == target.pk:
        fields["to_location"] = [f"{target} is where it comes from; choose another location"]
    for name, place in (("from_location", source), ("to_location", target)):
        if not place.is_active:
            fields.setdefault(name, []).append(f"{place} is not active")
    if fields:
        raise TransferError("; ".join(message for said in fields.values() for message in said), fields=fields)


def _refuse_short(held: Transfer, found: Sequence[tuple[TransferLine, Units]], levels: LockedLevels) -> None:
    there = {row.sku_id: levels[row.sku_id, held.from_location_id].available for row, _line in found}
    shorts = [
        Short(row.sku.code, held.from_location.code, line.quantity, there[row.sku_id])
        for row, line in found
        if line.quantity > there[row.sku_id]
    ]
    if shorts:
        raise InsufficientStock(shorts)


def _posting(
    held: Transfer,
    row: TransferLine,
    source: State,
    target: State,
    units: int,
    reason: str = Reason.RELOCATION,
    note: str = "",
    *,
    at_source: bool = False,
    lot: Lot | None = None,
) -> Posting:
    place = held.from_location_id if at_source else held.to_location_id
    return Posting(row.sku_id, place, source, target, units, reason, held.code, note[:200], lot=lot)


def _write_lines(transfer: Transfer, lines: Sequence[Units]) -> None:
    TransferLine.objects.bulk_create(
        TransferLine(transfer=transfer, sku=line.sku, position=position, quantity=line.quantity)
        for position, line in enumerate(lines)
    )


def _next_code() -> tuple[int, str]:
    """The next number, and the code that says it; one that somebody has given already is passed over."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT nextval(pg_get_serial_sequence('inventory_transfer', 'id'))")
            number: int = cursor.fetchone()[0]
            if not Transfer.objects.filter(code=f"T-{number}").exists():
                return number, f"T-{number}"


def _listed(lines: Sequence[Units] | Sequence[Arrived] | None) -> list[list[int]] | None:
    """Lines as they go into a fingerprint."""
    if lines is None:
        return None
    return sorted(
        [line.sku.pk, line.quantity, getattr(line, "damaged", 0), *([line.lot.pk] if line.lot else [])]
        for line in lines
    )


def _contents(*parts: object) -> bytes:
    return fingerprint(json.dumps(parts))
