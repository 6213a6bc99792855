"""The dry run: what each row would change, and which rows are not valid. Begun anew from the start where it was cut short."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from ..kernel import clock
from ..models import ImportBatch, ImportRow, ImportStatus, RowState
from . import files, reading, rows
from .applying import context_of, settle_original, try_changes
from .batches import counts_double, kind_of
from .columns import Reader
from .errors import BadFile
from .kind import Context, Finding, Kind, Problem
from .lease import Lease
from .reading import Line

#: So many rows are looked at together.
CHUNK = 1000

Progress = Callable[[ImportBatch], None]


@dataclass(slots=True)
class _Tally:
    """What the check has come to so far."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    def count(self, finding: Finding) -> None:
        self.rows += 1
        if finding.problems:
            self.errors += 1
        elif finding.change is None:
            self.unchanged += 1
        elif finding.change.before is None:
            self.new += 1
        else:
            self.changed += 1

    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("new", "changed", "unchanged", "errors")}


def check_file(batch: ImportBatch, lease: Lease, *, progress: Progress) -> None:
    """Look at every row of the file. Raises BadFile, LeaseLost."""
    kind = kind_of(batch.kind)
    reader = Reader(kind, batch.headings, batch.mapping)
    context, tally, twice = context_of(batch), _Tally(), counts_double(batch)
    with transaction.atomic():
        lease.hold(batch)
        ImportRow.objects.filter(batch=batch).delete()
    shape = reading.Shape(batch.format, batch.encoding, batch.delimiter)
    with files.opened(batch) as file:
        lines = reading.read(file, shape)
        next(lines, None)  # the headings
        most = settings.IMPORT_MAX_ROWS
        while chunk := list(islice(lines, most + 1 if kind.whole else CHUNK)):
            if tally.rows + len(chunk) > most:
                raise BadFile(_("The file has more than {most} rows; divide it (IMPORT_MAX_ROWS).").format(most=most))
            findings = [_once(one, tally) for one in _look(kind, reader, chunk, context)]
            if twice:
                findings = [replace(one, change=None) for one in findings]
            _keep(batch, lease, findings, tally)
            batch.done, batch.total = tally.rows, max(batch.total, tally.rows)
            progress(batch)
    end = {"total": tally.rows, "done": tally.rows, "checked_at": clock.now(), "error": ""}
    with transaction.atomic():
        lease.end(batch, ImportStatus.CHECKED, **end, **tally.counts())


def check_undo(batch: ImportBatch, lease: Lease, *, progress: Progress) -> None:
    """Try the contrary of every row, and give it all back: what has moved on is told before anything is done."""
    assert batch.undoes is not None
    with transaction.atomic():
        lease.hold(batch)
        ImportRow.objects.filter(batch=batch).delete()
        total = rows.reverse(batch, of=batch.undoes)
        lease.renew(batch, total=total, done=0, conflicts=0)
    kind, context, place, stuck = kind_of(batch.kind), context_of(batch), None, 0
    batch.total, batch.done = total, 0
    while asked := rows.planned(batch, kind.chunk, after=place):
        changes = [change for _pk, change in asked]
        place = (changes[-1].position, changes[-1].number)
        with transaction.atomic():
            outcomes = try_changes(kind, changes, context)
            transaction.set_rollback(True)
        moved = [(one, outcome) for one, outcome in zip(asked, outcomes, strict=True) if outcome.problem]
        stuck, batch.done = stuck + len(moved), batch.done + len(asked)
        with transaction.atomic():
            lease.renew(batch, done=batch.done, conflicts=stuck)
            rows.settle([one for one, _outcome in moved], [outcome for _one, outcome in moved])
        progress(batch)
    _decide(batch, lease, stuck)


@transaction.atomic
def _decide(batch: ImportBatch, lease: Lease, stuck: int) -> None:
    """Go on, or leave everything as it is and say why."""
    if stuck and not batch.only_rest:
        assert batch.undoes is not None
        lease.end(batch, ImportStatus.REFUSED, checked_at=clock.now())
        settle_original(batch.undoes)
        return
    left = ImportRow.objects.filter(batch=batch, state=RowState.PLANNED).count()
    lease.end(
        batch, ImportStatus.APPLYING, checked_at=clock.now(), applied_at=clock.now(), total=left, done=0, changed=left
    )


@transaction.atomic
def _keep(batch: ImportBatch, lease: Lease, findings: list[Finding], tally: _Tally) -> None:
    for finding in findings:
        tally.count(finding)
    lease.renew(batch, done=tally.rows, total=max(batch.total, tally.rows), **tally.counts())
    rows.store(batch, findings)


def _look(kind: Kind, reader: Reader, lines: list[Line], context: Context) -> Iterator[Finding]:
    """What each line says, in their order."""
    read = [(line, reader.read(line)) for line in lines]
    entries = [said for _line, said in read if said is not None and (kind.whole or not said.problems)]
    found = {finding.number: finding for finding in (kind.look(entries, context) if entries else ())}
    for line, said in read:
        if line.number in found:
            yield found[line.number]
        else:
            key = " · ".join(cell for cell in line.cells[:3] if cell)
            yield Finding(line.number, key, problems=said.problems if said else ())


def _once(finding: Finding, tally: _Tally) -> Finding:
    """What a file says twice it may mean differently: the first is taken, the second is told."""
    if finding.problems or not finding.key:
        return finding
    first = tally.seen.setdefault(finding.key, finding.number)
    if first == finding.number:
        return finding
    said = _("{key} is in row {row} already.").format(key=finding.key, row=first)
    return Finding(finding.number, finding.key, problems=(Problem("named_twice", said),))
