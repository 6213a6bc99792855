"""Bundles, by what they are made of: one row for each component. All rows of a bundle are its recipe."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from ...bundles import BundleError, Component, complaints_among, links_of, set_components, take_turn
from ...codes import find_skus
from ...kernel.areas import Area
from ...models import BundleComponent, Sku
from ..cells import Code, Units
from ..kind import Change, Context, Entry, Finding, Kind, Outcome, Problem, Values, by_number

Links = dict[int, dict[int, int]]

MOST = 1_000_000


@dataclass(slots=True)
class _Recipe:
    """The rows of one bundle."""

    bundle: Sku
    entries: list[Entry] = field(default_factory=list)
    problems: dict[int, tuple[Problem, ...]] = field(default_factory=dict)


class Bundles(Kind):
    """Recipes, each set whole or not at all. Its first row carries the recipe; the others go with it."""

    code = "bundles"
    label = _("Bundles")
    area = Area.CATALOG
    model = "inventory.sku"
    whole = True
    chunk = 100
    fields = (
        Code("bundle", _("bundle"), always=True, aliases=("bundle sku", "kit", "kit sku", "parent sku", "composite sku")),
        Code("component", _("component"), always=True, aliases=("component sku", "child sku", "item sku", "sku")),
        Units("quantity", _("quantity"), always=True, aliases=("units", "qty", "component quantity"), least=1, most=MOST),
    )  # fmt: skip

    def look(self, entries: Sequence[Entry], context: Context) -> list[Finding]:
        """Each recipe of the file against those that there are, and those before it in the file."""
        skus = _skus_of(entries)
        recipes, strays = _by_bundle(entries, skus)
        links = links_of([sku.pk for sku in skus.values()])
        around = _around(links)
        found = {number: Finding(number, key, problems=problems) for number, (key, problems) in strays.items()}
        for recipe in recipes.values():
            for finding in _look_at(recipe, skus, links, around):
                found[finding.number] = finding
        return [found[entry.number] for entry in entries]

    def apply(self, changes: Sequence[Change], context: Context) -> list[Outcome]:
        """Set the recipes that are still what the check saw, then tell each other row whether it is so now."""
        take_turn()
        heads = [change for change in changes if "recipe" in change.target]
        skus = Sku.objects.in_bulk({each for change in heads for each in _named(change)})
        outcomes = by_number(_set(change, skus, undoing=context.undoing) for change in heads)
        led = {change.target["bundle"]: outcomes[change.number] for change in heads}
        held = _recipes({change.target["bundle"] for change in changes})
        for change in changes:
            if change.number not in outcomes:
                outcomes[change.number] = _followed(change, led.get(change.target["bundle"]), held)
        return [outcomes[change.number] for change in changes]

    def export(self, places: frozenset[int] | None) -> Iterator[Values]:
        """Every component of every bundle."""
        rows = BundleComponent.objects.order_by("bundle__code", "pk")
        for bundle, component, quantity in rows.values_list("bundle__code", "component__code", "quantity").iterator(
            chunk_size=2000
        ):
            yield {"bundle": bundle, "component": component, "quantity": quantity}


def _skus_of(entries: Sequence[Entry]) -> dict[str, Sku]:
    """The SKUs by the codes that rows name."""
    codes = {entry.values[name] for entry in entries for name in ("bundle", "component") if name in entry.values}
    named = find_skus(codes)
    there = Sku.objects.only("pk", "code").in_bulk({one.sku_id for one in named.values()})
    return {code: there[one.sku_id] for code, one in named.items()}


def _by_bundle(
    entries: Sequence[Entry], skus: Mapping[str, Sku]
) -> tuple[dict[int, _Recipe], dict[int, tuple[str, tuple[Problem, ...]]]]:
    """The rows of each bundle, and by number what is wrong with those that name none."""
    recipes: dict[int, _Recipe] = {}
    strays: dict[int, tuple[str, tuple[Problem, ...]]] = {}
    for entry in entries:
        bundle = skus.get(entry.values.get("bundle", ""))
        if bundle is None:
            strays[entry.number] = (_key(entry, None), _own_problems(entry, skus))
        else:
            recipes.setdefault(bundle.pk, _Recipe(bundle)).entries.append(entry)
    return recipes, strays


def _own_problems(entry: Entry, skus: Mapping[str, Sku]) -> tuple[Problem, ...]:
    """What is wrong with a row by itself."""
    unknown = [
        Problem("unknown", _now("There is no SKU {code}.").format(code=entry.values[name]), name)
        for name in ("bundle", "component")
        if name in entry.values and entry.values[name] not in skus
    ]
    return (*entry.problems, *unknown)


def _key(entry: Entry, bundle: Sku | None) -> str:
    return f"{bundle or entry.values.get('bundle', '')}: {entry.values.get('component', '')}"


def _around(links: Mapping[int, Mapping[int, int]]) -> dict[int, set[int]]:
    """The bundles (ids) that each SKU is in."""
    found: dict[int, set[int]] = {}
    for bundle, inside in links.items():
        for component in inside:
            found.setdefault(component, set()).add(bundle)
    return found


def _near(bundle: int, components: Sequence[Component], links: Links, around: Mapping[int, set[int]]) -> Links:
    """The recipes of whatever is around a bundle, and of what is to be in it."""
    above, below = {bundle}, {one.sku.pk for one in components}
    for ids, step in ((above, around), (below, links)):
        waiting = list(ids)
        while waiting:
            new = set(step.get(waiting.pop(), ())) - ids
            ids |= new
            waiting += new
    return {one: links[one] for one in above | below if one in links}


def _look_at(recipe: _Recipe, skus: Mapping[str, Sku], links: Links, around: dict[int, set[int]]) -> Iterator[Finding]:
    """What the rows of a bundle would do; ``links`` and ``around`` then have it as it would be."""
    bundle, entries = recipe.bundle, recipe.entries
    wrong = {entry.number: problems for entry in entries if (problems := _own_problems(entry, skus))}
    components = [
        Component(skus[e.values["component"]], e.values["quantity"]) for e in entries if e.number not in wrong
    ]
    if not wrong:
        near = _near(bundle.pk, components, links, around)
        for place, said in complaints_among(bundle, components, near).items():
            wrong[entries[place].number] = (Problem("bad_component", said, "component"),)
    if wrong:
        yield from _refused(recipe, wrong)
        return
    before = links.get(bundle.pk, {})
    after = {one.sku.pk: one.quantity for one in components}
    if before == after:
        yield from (Finding(entry.number, _key(entry, bundle)) for entry in entries)
        return
    yield from _findings(recipe, components, before)
    for component in before:
        around[component].discard(bundle.pk)
    for component in after:
        around.setdefault(component, set()).add(bundle.pk)
    links[bundle.pk] = after


def _refused(recipe: _Recipe, wrong: Mapping[int, tuple[Problem, ...]]) -> Iterator[Finding]:
    """Rows that are wrong, and those that are not but belong to the same bundle."""
    said = _now("Row {row} of {bundle} is not valid: a bundle is set whole or not at all.")
    whole = Problem("not_whole", said.format(row=min(wrong), bundle=recipe.bundle))
    for entry in recipe.entries:
        yield Finding(entry.number, _key(entry, recipe.bundle), problems=wrong.get(entry.number, (whole,)))


def _findings(recipe: _Recipe, components: Sequence[Component], before: Mapping[int, int]) -> Iterator[Finding]:
    bundle, head = recipe.bundle, recipe.entries[0].number
    after = {one.sku.pk: one.quantity for one in components}
    names = dict(Sku.objects.filter(pk__in=set(before) - set(after)).values_list("pk", "code")) if before else {}
    names |= {one.sku.pk: one.sku.code for one in components}
    for entry, one in zip(recipe.entries, components, strict=True):
        key = _key(entry, bundle)
        target: Values = {"bundle": bundle.pk, "component": one.sku.pk}
        there = before.get(one.sku.pk)
        was: Values | None = None if there is None else {"quantity": there}
        now: Values = {"quantity": one.quantity}
        if entry.number == head:
            target |= {"recipe": list(map(list, after.items())), "was": list(map(list, before.items()))}
            was, now = {"components": _told(before, names)} if before else None, {"components": _told(after, names)}
        if was == now:
            yield Finding(entry.number, key)
        else:
            yield Finding(entry.number, key, Change(entry.number, key, was, now, target, head))


def _told(recipe: Mapping[int, int], names: Mapping[int, str]) -> str:
    return ", ".join(f"{units} x {names[one]}" for one, units in recipe.items())


def _named(change: Change) -> set[int]:
    """The ids of the SKUs that a recipe names, and the bundle's."""
    return {change.target["bundle"], *(pk for name in ("recipe", "was") for pk, _units in change.target[name])}


def _recipes(bundle_ids: set[int]) -> Links:
    found: Links = {}
    rows = BundleComponent.objects.filter(bundle__in=bundle_ids).order_by("pk")
    for bundle, component, quantity in rows.values_list("bundle", "component", "quantity"):
        found.setdefault(bundle, {})[component] = quantity
    return found


def _set(change: Change, skus: Mapping[int, Sku], *, undoing: bool) -> Outcome:
    """Set one recipe, if it is still what the check saw."""
    was, wanted = dict(change.target["was"]), dict(change.target["recipe"])
    if undoing:
        was, wanted = wanted, was
    if missing := _named(change) - set(skus):
        said = _now("{count} of its SKUs are not there any more.").format(count=len(missing))
        return Outcome(change.number, problem=Problem("gone", said))
    bundle = skus[change.target["bundle"]]
    now = _recipes({bundle.pk}).get(bundle.pk, {})
    if now == wanted:
        return Outcome(change.number)
    if now != was:
        said = _now("What {bundle} is made of was changed since the check: it was not overwritten.")
        return Outcome(change.number, problem=Problem("moved_on", said.format(bundle=bundle), "component"))
    try:
        set_components(bundle, [Component(skus[component], units) for component, units in wanted.items()])
    except BundleError as error:
        return Outcome(change.number, problem=Problem("bad_component", str(error), "component"))
    return Outcome(change.number, change)


def _followed(change: Change, head: Outcome | None, held: Mapping[int, Mapping[int, int]]) -> Outcome:
    """What became of a row that goes with its bundle's first."""
    now = held.get(change.target["bundle"], {}).get(change.target["component"])
    if (head is not None and head.problem) or now != (change.after or {}).get("quantity"):
        return Outcome(change.number, problem=Problem("not_whole", _now("Its bundle was left as it is."), "component"))
    return Outcome(change.number, change if head is None or head.done is not None else None)
