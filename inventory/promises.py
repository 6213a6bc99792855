"""What holders are promised, as a batch of changes has it in hand: steps, units by themselves, kits, and the book of all."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from .availability import Recipe, kits_of_parts
from .ledger import Posting
from .locks import LockedLevel, LockedLevels
from .models import Lot, Reason, State


@dataclass(frozen=True, slots=True)
class Reserve:
    """Set units aside, from the first location that covers them, else split over the locations in their order.

    Of a bundle: whole kits, those packed before first, then such as their components make.
    """

    holder_id: int
    sku_id: int
    quantity: int
    locations: Sequence[int]
    reason: str = Reason.SALE
    reference: str = ""
    occurred_at: datetime | None = None
    whole: bool = False  # refuse where short, instead of reserving what there is
    actor: str = ""  # else the batch's


@dataclass(frozen=True, slots=True)
class Release:
    """Give units back, those reserved last first; at one location only, where given."""

    holder_id: int
    quantity: int
    reason: str = Reason.CANCELLATION
    reference: str = ""
    occurred_at: datetime | None = None
    location_id: int | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Fulfil:
    """Ship units out of what is reserved, those reserved first first; from one location only, and of one lot, where given.

    Kits whose components lie at several locations ship from wherever each is reserved, after those that lie at the one.
    """

    holder_id: int
    quantity: int
    location_id: int | None = None
    reason: str = Reason.SHIPMENT
    reference: str = ""
    occurred_at: datetime | None = None
    actor: str = ""
    lot: Lot | None = None


Step = Reserve | Release | Fulfil


@dataclass(slots=True)
class Change:
    """What became of one holder, in units of what it holds: kits, where that is a bundle."""

    reserved: int = 0
    released: int = 0
    fulfilled: int = 0
    short: int = 0


@dataclass(slots=True)
class Row:
    """A reservation as it will stand: of one holder at one level. By itself its units are the holder's."""

    level: LockedLevel
    quantity: int = 0
    fulfilled: int = 0
    released: int = 0
    kit: int = 0
    units_per_kit: int = 1

    @property
    def open(self) -> int:
        return self.quantity - self.fulfilled - self.released

    @property
    def left(self) -> int:
        """Units that have left for the holder."""
        return self.fulfilled

    @property
    def parts(self) -> dict[int, int]:
        """Units of each SKU in one of the holder's."""
        return {self.level.sku_id: 1}

    @property
    def location_id(self) -> int | None:
        """Where all of it is."""
        return self.level.location_id

    @property
    def places(self) -> frozenset[int]:
        """The locations that have what is open."""
        return frozenset({self.level.location_id} if self.open else ())

    def take(self, units: int, *, last_first: bool = False) -> "Iterator[tuple[Row, int]]":
        """The rows that so many of the holder's units are taken from."""
        yield self, units


@dataclass(slots=True)
class Kit:
    """Kits of one making as they will stand: rows of one holder that belong together, in the order of reserving."""

    number: int
    rows: dict[int, Row] = field(default_factory=dict)  # by level

    @property
    def parts(self) -> dict[int, int]:
        """Units of each SKU in one kit."""
        return {row.level.sku_id: row.units_per_kit for row in self.rows.values()}

    @property
    def open(self) -> int:
        """Whole kits still promised."""
        return self._whole(attrgetter("open"))

    @property
    def left(self) -> int:
        """Whole kits that have left for the holder."""
        return self._whole(attrgetter("fulfilled"))

    def _whole(self, units_of: Callable[[Row], int]) -> int:
        units: dict[int, int] = defaultdict(int)
        for row in self.rows.values():
            units[row.level.sku_id] += units_of(row)
        return kits_of_parts(self.parts, units.__getitem__)

    @property
    def location_id(self) -> int | None:
        """Where all of it is; None where components lie at several locations."""
        places = {row.level.location_id for row in self.rows.values()}
        return places.pop() if len(places) == 1 else None

    @property
    def places(self) -> frozenset[int]:
        """The locations that have what is open."""
        return frozenset().union(*(row.places for row in self.rows.values()))

    def take(self, kits: int, *, last_first: bool = False) -> Iterator[tuple[Row, int]]:
        """The rows, and units of each, that so many kits are taken from."""
        left = {sku_id: kits * per_kit for sku_id, per_kit in self.parts.items()}
        rows = list(self.rows.values())
        for row in reversed(rows) if last_first else rows:
            units = min(left[row.level.sku_id], row.open)
            if units > 0:
                left[row.level.sku_id] -= units
                yield row, units


Promise = Row | Kit
Held = dict[int, Promise]  # of one holder: rows by level, kits by minus their number; in the order of reserving


@dataclass(slots=True)
class Book:
    """All that a batch has in hand."""

    levels: LockedLevels
    recipes: Mapping[int, Recipe]  # of the bundles that it reserves
    held: dict[int, Held]  # by holder
    free: dict[int, int] = field(default_factory=dict)  # by level: available as the steps so far leave it
    changes: dict[int, Change] = field(default_factory=lambda: defaultdict(Change))
    postings: list[Posting] = field(default_factory=list)
    shorts: list[tuple[Reserve, int, Sequence[tuple[int, int, int]]]] = field(default_factory=list)
    touched: dict[tuple[int, int, int], Row] = field(default_factory=dict)  # by holder, level and kit

    def available(self, sku_id: int, location_id: int) -> int:
        """Units that are still free."""
        level = self.levels.get((sku_id, location_id))
        return 0 if level is None else self.free[level.id]

    def post(self, step: Step, row: Row, units: int, source: str, target: str) -> None:
        """Note that so many units of a row move."""
        level = row.level
        lot = step.lot if isinstance(step, Fulfil) and step.lot and step.lot.sku_id == level.sku_id else None
        self.postings.append(
            Posting(
                level.sku_id,
                level.location_id,
                source,
                target,
                units,
                reason=step.reason,
                reference=step.reference,
                occurred_at=step.occurred_at,
                actor=step.actor,
                lot=lot,
            )
        )
        self.touched[step.holder_id, level.id, row.kit] = row

    def reserve(self, step: Reserve, row: Row, units: int) -> None:
        """Set so many units of a row aside."""
        row.quantity += units
        self.post(step, row, units, State.AVAILABLE, State.RESERVED)
        self.free[row.level.id] -= units
