"""Kinds whose rows are rows of a table: found by a key, compared column by column, written many at once."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import IntegrityError, connection, models, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from .kind import Change, Context, Entry, Finding, Kind, Outcome, Problem, Values

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Held:
    """What there is under a key."""

    pk: int
    values: Values


class Table(Kind, Generic[Key]):
    """A kind that says how its rows are found, made, changed and taken away; when, is said here."""

    def key_of(self, values: Mapping[str, Any]) -> Key:
        """What a row is about."""
        raise NotImplementedError

    def name_of(self, key: Key) -> str:
        """How people call it."""
        return str(key)

    def held(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Held]:
        """What there is of these, with all its values; locked in one order for the rest of the transaction where told to."""
        raise NotImplementedError

    def complaints(
        self, entries: Sequence[Entry], held: Mapping[Key, Held], context: Context
    ) -> dict[int, list[Problem]]:
        """What is wrong with rows beyond their cells, by number."""
        return {}

    def make(self, rows: Sequence[Values], context: Context) -> None:
        """Store new ones."""
        raise NotImplementedError

    def change(self, rows: Sequence[tuple[Held, Values]], context: Context) -> None:
        """Write changed ones: what is there, and all its values as they should be."""
        raise NotImplementedError

    def remove(self, rows: Sequence[tuple[Change, Held]], context: Context) -> None:
        """Take away what an import has made. Raises ProtectedError or IntegrityError where something needs one of them."""
        raise NotImplementedError

    # The rest is the same for all of them.

    def look(self, entries: Sequence[Entry], context: Context) -> list[Finding]:
        """What each row would do."""
        keys = {entry.number: self.key_of(entry.values) for entry in entries}
        held = self.held(set(keys.values()))
        wrong = self.complaints(entries, held, context)
        return [self._finding(entry, keys[entry.number], held, wrong.get(entry.number, ())) for entry in entries]

    def _finding(self, entry: Entry, key: Key, held: Mapping[Key, Held], wrong: Sequence[Problem]) -> Finding:
        name = self.name_of(key)
        if wrong:
            return Finding(entry.number, name, problems=tuple(wrong))
        there = held.get(key)
        if there is None:
            missing = [field for field in self.fields if field.required and not entry.values.get(field.name)]
            if missing:
                said = _("It is new, and needs this: {label}.")
                return Finding(entry.number, name, problems=tuple(
                    Problem("required", said.format(label=field.label), field.name) for field in missing
                ))  # fmt: skip
            change = Change(entry.number, name, None, dict(entry.values), position=entry.number)
            return Finding(entry.number, name, change)
        fields = {field.name: field for field in self.fields}
        new = {
            column: value
            for column, value in entry.values.items()
            if column in there.values and not fields[column].same(there.values[column], value)
        }
        if not new:
            return Finding(entry.number, name)
        before = {column: there.values[column] for column in new}
        target = {column: there.values[column] for column in self.key_columns()}
        return Finding(entry.number, name, Change(entry.number, name, before, new, target, entry.number))

    def key_columns(self) -> list[str]:
        """The columns that ``key_of`` needs."""
        return [field.name for field in self.fields if field.always]

    def key_of_change(self, change: Change) -> Key:
        """What a change is about: of a new or ended thing its values say it, else its target."""
        return self.key_of({**change.target, **(change.before or {}), **(change.after or {})})

    def apply(self, changes: Sequence[Change], context: Context) -> list[Outcome]:
        """Do what still fits. Locks what there is before it looks."""
        keys = {change.number: self.key_of_change(change) for change in changes}
        held = self.held(set(keys.values()), lock=True)
        outcomes: dict[int, Outcome] = {}
        made: list[Change] = []
        changed: list[tuple[Change, Held]] = []
        ended: list[tuple[Change, Held]] = []
        for change in changes:
            there = held.get(keys[change.number])
            outcome = self._fits(change, there)
            if outcome is not None:
                outcomes[change.number] = outcome
            elif change.before is None:
                made.append(change)
            elif change.after is None:
                ended.append((change, there))  # type: ignore[arg-type]
            else:
                changed.append((change, there))  # type: ignore[arg-type]
        self._write(made, changed, context)
        outcomes |= {change.number: Outcome(change.number, change) for change in made}
        outcomes |= {change.number: Outcome(change.number, change) for change, _there in changed}
        outcomes |= self._end(ended, context)
        return [outcomes[change.number] for change in changes]

    def _write(self, made: Sequence[Change], changed: Sequence[tuple[Change, Held]], context: Context) -> None:
        if made:
            self.make([change.after or {} for change in made], context)
        if changed:
            self.change([(there, {**there.values, **(change.after or {})}) for change, there in changed], context)

    def _fits(self, change: Change, there: Held | None) -> Outcome | None:
        """None where the change can be done; else it is done already, or something else was done meanwhile."""
        if change.after is None:
            if there is None:
                return Outcome(change.number)
            return self._moved(change, there, change.before or {})
        if there is None:
            if change.before is None:
                return None
            return Outcome(change.number, problem=Problem("gone", _("It is not there any more.")))
        fields = {field.name: field for field in self.fields}
        after = {column: value for column, value in change.after.items() if column in there.values}
        if all(fields[column].same(there.values[column], value) for column, value in after.items()):
            return Outcome(change.number)
        if change.before is None:
            return Outcome(
                change.number, problem=Problem("made_meanwhile", _("Somebody has made it meanwhile, otherwise."))
            )
        return self._moved(change, there, change.before)

    def _moved(self, change: Change, there: Held, before: Values) -> Outcome | None:
        fields = {field.name: field for field in self.fields}
        for column, value in before.items():
            now = there.values.get(column, value)
            if not fields[column].same(now, value) and now != (change.after or {}).get(column, value):
                said = _("{label} was “{before}” and is “{now}” now: somebody has changed it since.")
                shown = {name: fields[column].write(one) for name, one in (("before", value), ("now", now))}
                message = said.format(label=fields[column].label, **shown)
                return Outcome(change.number, problem=Problem("moved_on", message, column))
        return None

    def _end(self, ended: Sequence[tuple[Change, Held]], context: Context) -> dict[int, Outcome]:
        """Take away, all at once where that goes, else in halves until what is needed stands alone."""
        if not ended:
            return {}
        try:
            with transaction.atomic():
                self.remove(ended, context)
        except (ProtectedError, IntegrityError):
            if len(ended) > 1:
                half = len(ended) // 2
                return self._end(ended[:half], context) | self._end(ended[half:], context)
            change = ended[0][0]
            problem = Problem("in_use", _("Something else refers to it by now: stock, an order, a listing."))
            return {change.number: Outcome(change.number, problem=problem)}
        return {change.number: Outcome(change.number, change) for change, _there in ended}


_UPDATE = (
    "UPDATE {table} AS held SET {sets} FROM jsonb_to_recordset(%s::jsonb) AS new ({columns}) WHERE held.id = new.id"
)


def update_rows(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the same columns of many rows by one statement: each with its ``id``, values as JSON has them."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    fields = {name: model._meta.get_field(name) for name in names}
    quote = connection.ops.quote_name
    columns = {quote(str(field.column)): field.db_type(connection) for field in fields.values()}  # type: ignore[union-attr]
    statement = _UPDATE.format(
        table=quote(model._meta.db_table),
        sets=", ".join(f"{column} = new.{column}" for column in columns),
        columns=", ".join(["id bigint", *(f"{column} {kind}" for column, kind in columns.items())]),
    )
    renamed = [{"id": row["id"], **{str(fields[name].column): row[name] for name in names}} for row in rows]  # type: ignore[union-attr]
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(renamed)])
