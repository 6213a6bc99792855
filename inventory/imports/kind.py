"""What can be brought in: one file per kind in a package that an app names as ``import_kinds``; no other change is needed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from django.apps import apps

from ..kernel.areas import Area
from ..kernel.registry import Registry
from .cells import Field

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be applied: the column, a code for programs, a sentence for people."""

    code: str
    message: str
    field: str = ""

    def as_json(self) -> dict[str, str]:
        """As it is kept."""
        return {"field": self.field, "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a file, as far as each cell by itself makes sense; ``problems`` are those of its other cells."""

    number: int
    values: Values
    problems: tuple["Problem", ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a row is to do: values before and after. None before is something new, None after is its end.

    ``target`` is what the kind needs to find it again. Rows of one ``position`` are done in one transaction.
    """

    number: int
    key: str
    before: Values | None
    after: Values | None
    target: Values = field(default_factory=dict)
    position: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of looking at a row: a change, or what is wrong; neither where all is so already."""

    number: int
    key: str = ""
    change: Change | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of applying a change: done as given here, or why not; neither where all was so already."""

    number: int
    done: Change | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """For whom and how: one import."""

    reference: str
    actor: str
    reason: str
    mode: str = ""
    places: frozenset[int] | None = None
    undoing: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """How somebody else's files call the columns; the first heading that is there counts.

    ``skip`` are words that say nothing; ``marks`` are headings by which the program is known, of which nothing is taken.
    """

    code: str
    label: Any
    columns: Mapping[str, tuple[str, ...]]
    skip: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


class Kind:
    """One kind of thing. ``look`` changes nothing; ``apply`` runs in a transaction and either does a change or says why not."""

    code: ClassVar[str]
    label: ClassVar[Any]
    area: ClassVar[Area]
    fields: ClassVar[tuple[Field, ...]]
    presets: ClassVar[tuple[Preset, ...]] = ()
    modes: ClassVar[tuple[tuple[str, Any], ...]] = ()
    adding: ClassVar[frozenset[str]] = frozenset()  # modes in which the same file a second time would count double
    whole: ClassVar[bool] = (
        False  # rows belong together: all are looked at at once, with those that make no sense by themselves
    )
    spans: ClassVar[bool] = False  # about all locations at once: not for people who are limited to some
    chunk: ClassVar[int] = 500  # so many changes are one transaction
    model: ClassVar[str] = ""  # whose list leads here: app.model

    def look(self, entries: Sequence[Entry], context: Context) -> list[Finding]:
        """What each row would do, in the order given."""
        raise NotImplementedError

    def apply(self, changes: Sequence[Change], context: Context) -> list[Outcome]:
        """Do the changes that still fit, and say what came of each, in the order given."""
        raise NotImplementedError

    def export(self, places: frozenset[int] | None) -> Iterator[Values]:
        """Everything there is of it, as values by field."""
        raise NotImplementedError

    def fields_for(self, *, sees_cost: bool) -> tuple[Field, ...]:
        """The columns that a role may bring and see."""
        return self.fields if sees_cost else tuple(one for one in self.fields if not one.is_cost)


@cache
def _registries() -> tuple[Registry[Kind], ...]:
    packages = (getattr(config, "import_kinds", "") for config in apps.get_app_configs())
    return tuple(Registry(package, base=Kind) for package in packages if package)


def all_kinds() -> dict[str, Kind]:
    """Every kind by code, in the order in which a new shop needs them."""
    found: dict[str, Kind] = {}
    for registry in _registries():
        for code, kind in registry.all().items():
            if code in found:
                raise LookupError(f"two kinds of imports are called {code!r}")
            found[code] = kind
    order = ("products", "skus", "codes", "bundles", "locations", "stock", "listings")
    return dict(sorted(found.items(), key=lambda one: (order.index(one[0]) if one[0] in order else len(order), one[0])))


def get_kind(code: str) -> Kind:
    """The kind of that code. Raises LookupError naming those that there are."""
    kinds = all_kinds()
    if code not in kinds:
        raise LookupError(f"there is no kind {code!r}; there are: {', '.join(kinds)}")
    return kinds[code]


def forget_kinds() -> None:
    """Look anew, so that a kind dropped in since is found."""
    for registry in _registries():
        registry.reset()


def by_number(outcomes: Iterable[Outcome]) -> dict[int, Outcome]:
    """Outcomes by row."""
    return {outcome.number: outcome for outcome in outcomes}
