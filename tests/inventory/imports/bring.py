"""Files to bring in, and the walk from a file to its end without a worker."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from inventory.imports import batches, work
from inventory.imports.batches import Asker, Wishes
from inventory.models import ImportBatch

ANN = Asker("user:ann")


def csv_of(*rows: Sequence[object], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Rows as a file, without any quoting."""
    return "".join(delimiter.join(map(str, row)) + "\r\n" for row in rows).encode(encoding)


def upload(kind: str, data: bytes, *, name: str = "file.csv", asker: Asker = ANN, **wishes: Any) -> ImportBatch:
    return batches.upload(io.BytesIO(data), kind=kind, file_name=name, asker=asker, wishes=Wishes(**wishes))


def check(kind: str, data: bytes, *, asker: Asker = ANN, **wishes: Any) -> ImportBatch:
    """Brought in and checked."""
    batch = upload(kind, data, asker=asker, **wishes)
    batches.check(batch, asker=asker)
    return finish(batch)


def finish(batch: ImportBatch) -> ImportBatch:
    """What a worker does."""
    work.run(batch.pk, at_once=True)
    batch.refresh_from_db()
    return batch


def apply(batch: ImportBatch, *, reason: str = "count", asker: Asker = ANN) -> ImportBatch:
    batches.apply(batch, asker=asker, reason=reason)
    return finish(batch)


def bring(kind: str, data: bytes, *, reason: str = "count", asker: Asker = ANN, **wishes: Any) -> ImportBatch:
    """All of it."""
    return apply(check(kind, data, asker=asker, **wishes), reason=reason, asker=asker)


def undo(batch: ImportBatch, *, rest: bool = False, asker: Asker = ANN, reason: str = "") -> ImportBatch:
    """The compensating import, done."""
    made = finish(batches.undo(batch, asker=asker, rest=rest, reason=reason))
    batch.refresh_from_db()
    return made


def counts(batch: ImportBatch) -> tuple[int, int, int, int]:
    """New, changed, unchanged, not valid."""
    return batch.new, batch.changed, batch.unchanged, batch.errors


def problems(batch: ImportBatch, state: str = "error") -> list[tuple[int, str, str]]:
    """(row, field, code) of everything that is wrong."""
    return [
        (row.number, problem["field"], problem["code"])
        for row in batch.rows.filter(state=state).order_by("number")
        for problem in row.problems
    ]
