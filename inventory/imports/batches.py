"""What people ask of imports: bring in a file, say what its columns mean, check it, apply it, take it back.

These only write down what is wanted and ring; ``work`` does it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from ..kernel import clock
from ..kernel.workqueue import ring
from ..models import ImportBatch, ImportPreset, ImportStatus, RowState
from ..models.imports import IN_EFFECT
from ..people.roles import COST_FIELDS, Standing
from ..reasons import parse_reason
from . import columns, files, reading
from .errors import BadImport, NotYours, WrongStep
from .kind import Kind, get_kind

RUN = "inventory.tasks.run_import"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and what they may: no standing is the machine's owner."""

    actor: str
    standing: Standing | None = None

    @property
    def places(self) -> frozenset[int] | None:
        """The locations that they are limited to."""
        return None if self.standing is None else self.standing.location_ids

    @property
    def sees_cost(self) -> bool:
        """Whether they may see and bring what things cost."""
        return self.standing is None or self.standing.sees_cost


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a file is to be taken. What is empty is found out."""

    mapping: Mapping[str, Any] | None = None
    preset: str = ""
    mode: str = ""
    encoding: str = ""
    delimiter: str = ""
    reason: str = ""
    again: bool = False


def visible(asker: Asker) -> QuerySet[ImportBatch]:
    """The imports that somebody may see: made within their locations, and of no costs where they see none."""
    return visible_to(ImportBatch.objects.all(), asker)


def visible_to(rows: "QuerySet[ImportBatch]", asker: Asker) -> "QuerySet[ImportBatch]":
    """The same of some imports."""
    if asker.places is not None:
        rows = rows.filter(places__contained_by=sorted(asker.places))
    return rows if asker.sees_cost else rows.exclude(mapping__has_any_keys=sorted(COST_FIELDS))


def may(asker: Asker, kind: Kind) -> bool:
    """Whether somebody may bring in, apply and take back a kind."""
    if asker.standing is None:
        return True
    return asker.standing.changes(kind.area) and not (kind.spans and asker.standing.is_limited)


def check_may(asker: Asker, kind: Kind) -> None:
    """Raise NotYours where they may not."""
    if not may(asker, kind):
        role = asker.standing.role if asker.standing else ""
        raise NotYours(_("The role {role} may not bring in {kind} here.").format(role=role, kind=kind.label))


def kind_of(code: str) -> Kind:
    """The kind of that code. Raises BadImport."""
    try:
        return get_kind(code)
    except LookupError as error:
        raise BadImport(str(error), fields={"kind": [str(error)]}) from None


@transaction.atomic
def upload(file: IO[bytes], *, kind: str, file_name: str, asker: Asker, wishes: Wishes | None = None) -> ImportBatch:
    """Keep a file, and guess what its columns mean. Raises BadFile where it cannot be read, and NotYours."""
    wishes = wishes or Wishes()
    sort = kind_of(kind)
    check_may(asker, sort)
    mode = _mode(sort, wishes.mode)
    _check_reason(wishes.reason)
    sha256, size = files.measure(file)
    shape = reading.look(file, encoding=wishes.encoding, delimiter=wishes.delimiter)
    guessed = columns.guess(sort, shape.headings, preset=wishes.preset, sees_cost=asker.sees_cost)
    mapping, preset = guessed.mapping, guessed.preset
    if wishes.mapping is not None:
        wanted = {**mapping, **wishes.mapping} if wishes.preset else wishes.mapping
        mapping, preset = columns.checked(sort, shape.headings, wanted, sees_cost=asker.sees_cost), wishes.preset
    batch = _new(
        kind=kind, mode=mode, file_name=file_name[-255:].replace("\x00", ""), sha256=sha256, size=size, format=shape.format,
        encoding=shape.encoding, delimiter=shape.delimiter, headings=list(shape.headings), mapping=mapping, preset=preset,
        total=shape.rows, reason=wishes.reason.strip(), again=wishes.again, created_by=asker.actor,
        places=None if asker.places is None else sorted(asker.places), sees_cost=asker.sees_cost,
    )  # fmt: skip
    files.keep(batch, file)
    return batch


@transaction.atomic
def check(
    batch: ImportBatch, *, asker: Asker, mapping: Mapping[str, Any] | None = None, mode: str = "", again: bool | None = None,
    alarm: bool = True,
) -> ImportBatch:  # fmt: skip
    """Have it checked, with another mapping where one is given. Nothing is changed but the import itself."""
    held = _lock(batch, asker)
    if held.undoes_id or held.status not in (ImportStatus.UPLOADED, ImportStatus.CHECKED, ImportStatus.FAILED):
        raise WrongStep(
            _("{code} is {status}: it cannot be checked now.").format(code=held, status=held.get_status_display())
        )
    kind = kind_of(held.kind)
    held.mapping = columns.checked(
        kind, held.headings, held.mapping if mapping is None else mapping, sees_cost=held.sees_cost
    )
    if mapping is not None and held.mapping != batch.mapping:
        held.preset = ""
    held.mode = _mode(kind, mode or held.mode)
    held.again = held.again if again is None else again
    return _begin(held, ImportStatus.CHECKING, alarm=alarm)


@transaction.atomic
def apply(batch: ImportBatch, *, asker: Asker, reason: str = "", alarm: bool = True) -> ImportBatch:
    """Have what was checked applied. Raises WrongStep, and BadImport without a reason."""
    held = _lock(batch, asker)
    if held.status != ImportStatus.CHECKED:
        raise WrongStep(
            _("{code} is {status}: it cannot be applied now.").format(code=held, status=held.get_status_display())
        )
    held.reason = (reason or held.reason).strip()
    _check_reason(held.reason)
    if not held.reason:
        said = _("Say why: the ledger keeps it.")
        raise BadImport(said, fields={"reason": [said]})
    _claim_file(held)
    if counts_double(held) and held.new + held.changed:
        raise WrongStep(_("This file was applied meanwhile; check it again."))
    held.applied_by, held.applied_at = asker.actor, clock.now()
    return _begin(held, ImportStatus.APPLYING, alarm=alarm)


@transaction.atomic
def undo(batch: ImportBatch, *, asker: Asker, reason: str = "", rest: bool = False, alarm: bool = True) -> ImportBatch:
    """Have it taken back by a compensating import, which is answered.

    It is refused with the rows that have moved on, unless only the ``rest`` is asked for.
    """
    held = _lock(batch, asker)
    if held.undoes_id or held.status not in (ImportStatus.APPLIED, ImportStatus.PARTLY_UNDONE):
        raise WrongStep(
            _("{code} is {status}: it cannot be undone now.").format(code=held, status=held.get_status_display())
        )
    if not held.rows.filter(state=RowState.DONE).exists():
        raise WrongStep(
            _("{code} changed nothing that could be undone, or its rows are not kept any more.").format(code=held)
        )
    _check_reason(reason)
    made = _new(
        kind=held.kind, mode=held.mode, file_name=held.file_name, sha256=held.sha256, mapping=held.mapping, undoes=held,
        only_rest=rest, reason=reason.strip() or _("Undo of {code}").format(code=held), created_by=asker.actor,
        applied_by=asker.actor, places=held.places, sees_cost=held.sees_cost,
        total=held.rows.filter(state=RowState.DONE).count(),
    )  # fmt: skip
    ImportBatch.objects.filter(pk=held.pk).update(status=ImportStatus.UNDOING)
    return _begin(made, ImportStatus.CHECKING, alarm=alarm)


@transaction.atomic
def repeat(batch: ImportBatch, *, asker: Asker) -> ImportBatch:
    """The same file anew, with the same mapping: for what had moved on, or after it was undone."""
    check_may(asker, kind_of(batch.kind))
    if not batch.parts.exists():
        raise WrongStep(_("The file of {code} is not kept any more.").format(code=batch))
    same = (
        "kind",
        "mode",
        "file_name",
        "sha256",
        "size",
        "format",
        "encoding",
        "delimiter",
        "headings",
        "mapping",
        "preset",
    )
    made = _new(
        **{name: getattr(batch, name) for name in same}, reason=batch.reason, total=max(batch.total, 1),
        created_by=asker.actor, places=None if asker.places is None else sorted(asker.places), sees_cost=asker.sees_cost,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inventory_importpart (batch_id, number, data)"
            " SELECT %s, number, data FROM inventory_importpart WHERE batch_id = %s",
            [made.pk, batch.pk],
        )
    return check(made, asker=asker)


def applied_before(batch: ImportBatch) -> "QuerySet[ImportBatch]":
    """Imports of the very same file that are in effect, or about to be."""
    rows = ImportBatch.objects.filter(kind=batch.kind, sha256=batch.sha256, undoes=None, status__in=IN_EFFECT)
    some = Q(applied__gt=0) | Q(status=ImportStatus.APPLYING)
    return rows.filter(some).exclude(pk=batch.pk).exclude(sha256="")


def counts_double(batch: ImportBatch) -> bool:
    """Whether applying it would add again what was added, which nobody has asked for."""
    return _adds(batch) and not batch.again and applied_before(batch).filter(mode=batch.mode).exists()


def save_preset(name: str, *, batch: ImportBatch, asker: Asker) -> ImportPreset:
    """Keep an import's mapping under a name for the next file of that sort."""
    check_may(asker, kind_of(batch.kind))
    name = name.strip()[:100]
    built_in = {columns.OURS, columns.GENERIC, *(one.code for one in kind_of(batch.kind).presets)}
    if not name or name in built_in:
        said = _("Give the preset a name of its own.")
        raise BadImport(said, fields={"name": [said]})
    row, _made = ImportPreset.objects.update_or_create(
        kind=batch.kind, name=name,
        defaults={
            "mapping": batch.mapping, "mode": batch.mode, "created_by": asker.actor, "created_at": clock.now(),
        },
    )  # fmt: skip
    return row


def _adds(batch: ImportBatch) -> bool:
    return batch.mode in kind_of(batch.kind).adding


def _mode(kind: Kind, mode: str) -> str:
    modes = [code for code, _label in kind.modes]
    if not mode:
        return modes[0] if modes else ""
    if mode not in modes:
        said = _("There is no such mode; there are: {modes}.").format(modes=", ".join(modes) or _("none"))
        raise BadImport(said, fields={"mode": [said]})
    return mode


def _check_reason(reason: str) -> None:
    try:
        parse_reason(reason)
    except ValueError as error:
        raise BadImport(str(error), fields={"reason": [str(error)]}) from None


def _lock(batch: ImportBatch, asker: Asker) -> ImportBatch:
    held = visible(asker).select_for_update(no_key=True).filter(pk=batch.pk).first()
    if held is None:
        raise NotYours(_("You are limited to other locations."))
    check_may(asker, kind_of(held.kind))
    return held


def _claim_file(batch: ImportBatch) -> None:
    """Two imports of one file are begun one after the other, so that the later one sees the earlier."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"import:{batch.kind}:{batch.sha256}"])


def _new(**fields: Any) -> ImportBatch:
    """A new one, with a code made from its id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('inventory_importbatch', 'id'))")
        (number,) = cursor.fetchone()
    now = clock.now()
    kept = now + timedelta(days=settings.IMPORTS_KEPT_DAYS)
    return ImportBatch.objects.create(pk=number, code=f"IMP-{number:05}", created_at=now, kept_until=kept, **fields)


def _begin(batch: ImportBatch, status: str, *, alarm: bool) -> ImportBatch:
    batch.status, batch.done, batch.error = status, 0, ""
    batch.lease, batch.holder, batch.lease_until = "", "", None
    if not alarm:  # who asks does it too, and is waited for so long before a worker takes it up
        batch.lease_until = clock.now() + timedelta(seconds=10)
    batch.save()
    if alarm:
        ring(RUN, batch.pk)
    return batch
