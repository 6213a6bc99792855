"""The rows of imports: written and read many at once."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from ..models import ImportBatch, ImportRow, RowState
from .kind import Change, Finding, Outcome

_COPY = "COPY inventory_importrow (batch_id, number, position, state, key, before, after, target, problems) FROM STDIN"

_REVERSE = """
INSERT INTO inventory_importrow (batch_id, number, position, state, key, before, after, target, problems)
SELECT %s, number, -position, 'planned', key, after, before,
    CASE WHEN target ? 'units' THEN jsonb_set(target, '{units}', to_jsonb(-(target ->> 'units')::bigint)) ELSE target END,
    '[]'::jsonb
FROM inventory_importrow WHERE batch_id = %s AND state = 'done'
"""

_SETTLE = """
UPDATE inventory_importrow AS held
SET state = new.state, before = new.before, after = new.after, target = new.target, problems = new.problems
FROM jsonb_to_recordset(%s::jsonb) AS new (id bigint, state text, before jsonb, after jsonb, target jsonb, problems jsonb)
WHERE held.id = new.id
"""

#: What is read of a change, in the order of its fields.
_CHANGE = ("pk", "number", "key", "before", "after", "target", "position")

#: The longest text about a row that is kept.
LONGEST_KEY = 400


def store(batch: ImportBatch, findings: Iterable[Finding]) -> None:
    """Keep what was found about rows, but for those that are so already."""
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for finding in findings:
            change = finding.change
            if change is not None:
                row: tuple[Any, ...] = (
                    change.position,
                    RowState.PLANNED.value,
                    change.before,
                    change.after,
                    change.target,
                    [],
                )
            elif finding.problems:
                row = (0, RowState.ERROR.value, None, None, {}, [problem.as_json() for problem in finding.problems])
            else:
                continue
            position, state, before, after, target, problems = row
            copy.write_row((
                batch.pk, finding.number, position, state, finding.key[:LONGEST_KEY], _json(before), _json(after),
                json.dumps(target), json.dumps(problems),
            ))  # fmt: skip


def reverse(batch: ImportBatch, *, of: ImportBatch) -> int:
    """Plan the contrary of all that an import did; how many rows."""
    with connection.cursor() as cursor:
        cursor.execute(_REVERSE, [batch.pk, of.pk])
        return int(cursor.rowcount)


def planned(batch: ImportBatch, count: int, *, after: tuple[int, int] | None = None) -> list[tuple[int, Change]]:
    """The next rows to be applied, with their ids, in their order; those after a place and number where one is given.

    So many, and the rest of those that belong to the last of them.
    """
    rows = ImportRow.objects.filter(batch=batch, state=RowState.PLANNED).order_by("position", "number")
    if after is not None:
        rows = rows.extra(where=["(position, number) > (%s, %s)"], params=list(after))
    found = list(rows.values_list(*_CHANGE)[:count])
    if len(found) == count:
        number, *_rest, position = found[-1][1:]
        found += rows.filter(position=position, number__gt=number).values_list(*_CHANGE)
    return [(row[0], Change(*row[1:])) for row in found]


def settle(asked: Sequence[tuple[int, Change]], outcomes: Sequence[Outcome]) -> None:
    """Keep what became of rows."""
    as_planned, so_already, others = [], [], []
    for (pk, change), outcome in zip(asked, outcomes, strict=True):
        if outcome.done is not None and (outcome.done.before, outcome.done.after) == (change.before, change.after):
            as_planned.append(pk)
        elif outcome.done is None and outcome.problem is None:
            so_already.append(pk)
        else:
            others.append(_settled(pk, change, outcome))
    ImportRow.objects.filter(pk__in=as_planned).update(state=RowState.DONE)
    ImportRow.objects.filter(pk__in=so_already).update(state=RowState.UNCHANGED)
    if others:
        with connection.cursor() as cursor:
            cursor.execute(_SETTLE, [json.dumps(others)])


def _settled(pk: int, change: Change, outcome: Outcome) -> dict[str, Any]:
    shown = outcome.done or change
    problems = [outcome.problem.as_json()] if outcome.problem else []
    state = RowState.CONFLICT if outcome.problem else RowState.DONE
    return {
        "id": pk, "state": state.value, "before": shown.before, "after": shown.after, "target": shown.target,
        "problems": problems,
    }  # fmt: skip


def mark_undone(batch: ImportBatch, numbers: Sequence[int]) -> None:
    """Rows that were taken back."""
    ImportRow.objects.filter(batch=batch, number__in=numbers, state=RowState.DONE).update(state=RowState.UNDONE)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
