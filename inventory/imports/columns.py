"""Which column of a file means what: guessed from the headings, by presets or by what columns are usually called."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ..models import ImportPreset
from .cells import KEEP, CellError, Field
from .errors import BadImport
from .kind import Entry, Kind, Problem
from .reading import Line

OURS = "sellonce"
GENERIC = "generic"

#: By field: the column's heading, or a fixed text for all rows; and words that say nothing.
Mapping_ = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Guess:
    """A mapping, and the preset that it is of."""

    preset: str
    mapping: Mapping_


def guess(kind: Kind, headings: Sequence[str], *, preset: str = "", sees_cost: bool = True) -> Guess:
    """What the columns mean: by the preset of that name, else by the one that explains the most of them."""
    fields = kind.fields_for(sees_cost=sees_cost)
    if preset:
        return Guess(preset, _by_name(kind, headings, preset, fields))
    ours = _match({field.name: (field.name,) for field in fields}, headings)
    found = [Guess(OURS, ours)]
    found += [Guess(one.code, _of_preset(one, headings, fields)) for one in kind.presets]
    found.append(Guess(GENERIC, _usual(headings, fields)))
    known = {one.code: sum(any(_same(mark, each) for each in headings) for mark in one.marks) for one in kind.presets}
    best = max(found, key=lambda one: (_is_whole(one.mapping, fields), len(one.mapping), known.get(one.preset, 0)))
    return best if _is_whole(best.mapping, fields) else Guess("", best.mapping)


def presets_of(kind: Kind) -> list[tuple[str, Any]]:
    """(code, label) of the presets that a kind has, those that people saved last."""
    saved = ImportPreset.objects.filter(kind=kind.code).values_list("name", flat=True)
    built_in = [
        (OURS, _("Our own export")),
        *((one.code, one.label) for one in kind.presets),
        (GENERIC, _("By usual names")),
    ]
    return [*built_in, *((name, name) for name in saved)]


def checked(kind: Kind, headings: Sequence[str], given: Mapping[str, Any], *, sees_cost: bool = True) -> Mapping_:
    """A mapping as people and programs give it, made whole. Raises BadImport naming every field that is wrong.

    A field may be given as its column's heading alone. What is named "" or None is left out.
    """
    fields = {field.name: field for field in kind.fields_for(sees_cost=sees_cost)}
    errors: dict[str, list[str]] = {}
    found: Mapping_ = {}
    for name, what in given.items():
        if name not in fields:
            errors[f"mapping.{name}"[:100]] = [
                _("There is no such field; there are: {names}.").format(names=", ".join(fields))
            ]
        elif what not in (None, "", {}):
            source = {"column": what} if isinstance(what, str) else what
            problem = _wrong(source, headings, fields[name])
            if problem:
                errors[f"mapping.{name}"] = [problem]
            else:
                found[name] = dict(source)
    for field in fields.values():
        if field.always and field.name not in found and f"mapping.{field.name}" not in errors:
            said = _("Say which column is {label}, or one text for all rows. The columns: {headings}.")
            columns = ", ".join(heading for heading in headings if heading)[:500]
            errors[f"mapping.{field.name}"] = [said.format(label=field.label, headings=columns)]
    if errors:
        raise BadImport("; ".join(messages[0] for messages in list(errors.values())[:3]), fields=errors)
    return found


def _wrong(source: Any, headings: Sequence[str], field: Field) -> str:
    if (
        not isinstance(source, Mapping)
        or not set(source) <= {"column", "value", "skip"}
        or ("column" in source) == ("value" in source)
    ):
        return _("Give a column's heading, or an object with column or value.")
    if "value" in source:
        try:
            field.parse(str(source["value"]).strip())
        except CellError as error:
            return str(error)
        return ""
    named = [heading for heading in headings if _same(heading, str(source["column"]))]
    if not named:
        return _("There is no column {name}.").format(name=str(source["column"])[:100])
    if headings.count(named[0]) > 1:
        return _("There are several columns {name}; give them different headings.").format(name=named[0][:100])
    return ""


def _by_name(kind: Kind, headings: Sequence[str], preset: str, fields: Sequence[Field]) -> Mapping_:
    if preset == OURS:
        return _match({field.name: (field.name,) for field in fields}, headings)
    if preset == GENERIC:
        return _usual(headings, fields)
    for one in kind.presets:
        if one.code == preset:
            return _of_preset(one, headings, fields)
    saved = ImportPreset.objects.filter(kind=kind.code, name=preset).first()
    if saved is None:
        names = ", ".join(code for code, _label in presets_of(kind))
        said = _("There is no preset {name}; there are: {names}.").format(name=preset, names=names)
        raise BadImport(said, fields={"preset": [said]})
    return {name: source for name, source in saved.mapping.items() if any(field.name == name for field in fields)}


def _of_preset(preset: Any, headings: Sequence[str], fields: Sequence[Field]) -> Mapping_:
    allowed = {field.name for field in fields}
    found = _match({name: names for name, names in preset.columns.items() if name in allowed}, headings)
    if preset.skip:
        for source in found.values():
            source["skip"] = list(preset.skip)
    return found


def _usual(headings: Sequence[str], fields: Sequence[Field]) -> Mapping_:
    return _match({field.name: (field.name, str(field.label), *field.aliases) for field in fields}, headings)


def _match(wanted: Mapping[str, Sequence[str]], headings: Sequence[str]) -> Mapping_:
    """The first name of each field that is a heading; no heading means two things."""
    found: Mapping_ = {}
    taken: set[str] = set()
    for name, names in wanted.items():
        for called in names:
            heading = next((one for one in headings if one and _same(one, called) and one not in taken), None)
            if heading is not None:
                found[name] = {"column": heading}
                taken.add(heading)
                break
    return found


def _is_whole(mapping: Mapping_, fields: Sequence[Field]) -> bool:
    return all(field.name in mapping for field in fields if field.always)


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(heading: str) -> str:
    return re.sub(r"[\W_]+", "", heading.casefold())


class Reader:
    """Turns rows of a file into values of a kind, as its mapping says."""

    def __init__(self, kind: Kind, headings: Sequence[str], mapping: Mapping_) -> None:
        places = {_plain(heading): place for place, heading in reversed(list(enumerate(headings)))}
        fields = {field.name: field for field in kind.fields}
        self._columns = [
            (
                fields[name],
                places[_plain(source["column"])],
                frozenset(word.casefold() for word in source.get("skip", ())),
            )
            for name, source in mapping.items()
            if "column" in source
        ]
        self._fixed = {
            name: fields[name].parse(str(source["value"]).strip())
            for name, source in mapping.items()
            if "value" in source
        }
        self._width = len(headings)

    def read(self, line: Line) -> Entry | None:
        """What a row says, with the problems of its cells; or None where one of its words says that it says nothing."""
        problems = [
            Problem("formula", _("There is a formula in it; only values are taken."), field.name)
            for field, place, _skip in self._columns
            if place in line.formulas
        ]
        if len(line.cells) > self._width and any(line.cells[self._width :]):
            said = _("It has {count} cells, but there are {width} headings.").format(
                count=len(line.cells), width=self._width
            )
            problems.append(Problem("too_many_cells", said))
        values = dict(self._fixed)
        for field, place, skip in self._columns:
            cell = line.cells[place] if place < len(line.cells) else ""
            if cell.casefold() in skip:
                return None
            try:
                value = _value(field, cell)
            except CellError as error:
                problems.append(Problem(error.code, str(error), field.name))
                continue
            if value is not KEEP:
                values[field.name] = value
        first = {problem.field: problem for problem in reversed(problems)}
        return Entry(line.number, values, tuple(one for one in problems if first[one.field] is one))


def _value(field: Field, cell: str) -> Any:
    if cell:
        return field.parse(cell)
    if field.always:
        raise CellError("required", _("It is empty."))
    return list(field.blank) if isinstance(field.blank, list) else field.blank
