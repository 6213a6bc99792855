"""Promising kits: whole ones only, those packed before first, then such as the components on hand make.

What a kit is made of is kept with its promise, so that it ships, is given back and breaks as it was promised, whatever becomes
of the recipe. Where a bundle need not ship together, kits that one location can make whole are still made there; only for the
rest are components taken from several.
"""

from collections.abc import Iterator, Sequence

from .availability import Recipe, kits_of_parts
from .locks import Pair
from .promises import Book, Held, Kit, Reserve, Row


def pairs_of(step: Reserve, recipe: Recipe) -> Iterator[Pair]:
    """The levels that promising these kits may take from."""
    for place in step.locations:
        yield step.sku_id, place
        if recipe.is_made_at(place):
            for part_id in recipe.parts:
                yield part_id, place


def reserve_kits(book: Book, step: Reserve, recipe: Recipe) -> int:
    """Set kits aside; how many are short."""
    lacking = _lacking(book, step, recipe) if step.whole else ()
    left = step.quantity
    for place, packed, made in _plan(book, step, recipe):
        if packed:
            _take_packed(book, step, place, packed)
        if made:
            _make(book, step, recipe, [place], made)
        left -= packed + made
    if left and not recipe.ships_together:
        makers = [place for place in step.locations if recipe.is_made_at(place)]
        split = min(left, kits_of_parts(recipe.parts, lambda part: sum(book.available(part, one) for one in makers)))
        if split:
            _make(book, step, recipe, makers, split)
            left -= split
    if left and step.whole:
        book.shorts.append((step, step.quantity - left, lacking))
    return left


def _plan(book: Book, step: Reserve, recipe: Recipe) -> list[tuple[int, int, int]]:
    """(location, kits packed before, kits to be made) in the order of taking: one location that has all, else each in turn."""
    wanted = step.quantity
    there = []
    for place in step.locations:
        made = kits_of_parts(recipe.parts, lambda part, place=place: book.available(part, place))  # type: ignore[misc]
        there.append((place, book.available(step.sku_id, place), made if recipe.is_made_at(place) else 0))
    for place, packed, _made in there:
        if packed >= wanted:
            return [(place, wanted, 0)]
    for place, packed, made in there:
        if packed + made >= wanted:
            return [(place, packed, wanted - packed)]
    found, left = [], wanted
    for place, packed, _made in there:
        found.append((place, min(left, packed), 0))
        left -= found[-1][1]
    for place, _packed, made in there:
        found.append((place, 0, min(left, made)))
        left -= found[-1][2]
    return found


def _take_packed(book: Book, step: Reserve, place: int, kits: int) -> None:
    level = book.levels[step.sku_id, place]
    row = book.held[step.holder_id].setdefault(level.id, Row(level))
    assert isinstance(row, Row)
    book.reserve(step, row, kits)


def _make(book: Book, step: Reserve, recipe: Recipe, places: Sequence[int], kits: int) -> None:
    """Reserve the components of so many kits, from these locations in their order."""
    held = book.held[step.holder_id]
    kit = _kit_of(held, recipe, places[0] if len(places) == 1 else None)
    for part_id, per_kit in recipe.parts.items():
        left = kits * per_kit
        for place in places:
            units = min(left, book.available(part_id, place))
            if units <= 0:
                continue
            level = book.levels[part_id, place]
            row = kit.rows.setdefault(level.id, Row(level, kit=kit.number, units_per_kit=per_kit))
            book.reserve(step, row, units)
            left -= units


def _kit_of(held: Held, recipe: Recipe, location_id: int | None) -> Kit:
    """The holder's kits that are made so, and there; else new ones."""
    kits = [promise for promise in held.values() if isinstance(promise, Kit)]
    for kit in kits:
        if kit.location_id == location_id and kit.parts == recipe.parts:
            return kit
    number = 1 + max((kit.number for kit in kits), default=0)
    fresh = Kit(number)
    held[-number] = fresh
    return fresh


def _lacking(book: Book, step: Reserve, recipe: Recipe) -> Sequence[tuple[int, int, int]]:
    """(part, units wanted, units there) of the parts of which there are too few for the kits that are not packed."""
    packed = sum(book.available(step.sku_id, place) for place in step.locations)
    makers = [place for place in step.locations if recipe.is_made_at(place)]
    missing = step.quantity - packed
    found = []
    for part_id, per_kit in recipe.parts.items() if makers and missing > 0 else ():
        there = sum(book.available(part_id, place) for place in makers)
        if there < missing * per_kit:
            found.append((part_id, missing * per_kit, there))
    return found
