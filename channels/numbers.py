"""The numbers that listings should show now, many at once, for people to look at.

What is sent is computed by ``publishing`` under a share lock; here nothing is locked, and a sale may come in between.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from inventory.availability import Kits, Recipe, count_for_sale, count_kits
from inventory.kernel import clock
from inventory.models import Sku
from inventory.recipes import available_of, members, recipes_of

from .allocation.engine import Explanation, Rule, Subject, explain, publish
from .models import FulfilledBy, Listing
from .publishing import feeding_of, load_rules, places_by_remote, subject_of


def numbers_now(listings: Sequence[Listing], *, trial: Iterable[Rule] = ()) -> dict[int, int]:
    """The number of each listing that we fulfil, by its id, over all its remote locations; with ``trial`` rules added.

    The listings come with their channel, SKU and product. Takes five queries, however many they are.
    """
    at = clock.now()
    return {
        listing.pk: sum(publish(subject, rules, at=at) for subject in subjects.values())
        for listing, subjects, rules in _compositions(listings, trial=trial)
    }


def explanations_now(listings: Sequence[Listing]) -> dict[int, dict[str, Explanation]]:
    """Why each listing that we fulfil shows its number: by its id, then by remote location. One query more for bundles."""
    at = clock.now()
    return {
        listing.pk: {remote: explain(subject, rules, at=at) for remote, subject in subjects.items()}
        for listing, subjects, rules in _compositions(listings, notes=True)
    }


def _compositions(
    listings: Sequence[Listing], *, trial: Iterable[Rule] = (), notes: bool = False
) -> Iterator[tuple[Listing, dict[str, Subject], Sequence[Rule]]]:
    """Each listing that we fulfil, its subjects by remote location, and the rules that may apply."""
    ours = [listing for listing in listings if listing.fulfilled_by == FulfilledBy.US]
    skus = {listing.sku_id for listing in ours}
    channels = {listing.channel_id for listing in ours}
    feeding = feeding_of(channels)
    recipes = recipes_of(skus)
    levels = available_of(skus | members(recipes))
    rules = _by_sku([*load_rules(channels, skus), *trial])
    codes = _codes(recipes.values()) if notes and recipes else {}
    for listing in ours:
        recipe, sku = recipes.get(listing.sku_id), listing.sku
        subjects = {}
        for remote, places in (places_by_remote(feeding[listing.channel_id]) or {"": []}).items():
            pool = count_for_sale(sku.pk, recipe, places, levels)
            subject = subject_of(listing.channel, sku.pk, pool, sku.product.category, sku.tags)
            if recipe is not None and codes:
                subject = replace(subject, pool_note=_note(recipe, count_kits(recipe, places, levels), codes))
            subjects[remote] = subject
        yield listing, subjects, [*rules[None], *rules.get(listing.sku_id, ())]


def _codes(recipes: Iterable[Recipe]) -> dict[int, str]:
    parts = {part_id for recipe in recipes for part_id in recipe.parts}
    return dict(Sku.objects.filter(pk__in=parts).values_list("pk", "code"))


def _note(recipe: Recipe, kits: Kits, codes: Mapping[int, str]) -> str:
    """What a bundle's pool comes of."""
    if kits.limit_id is None:
        return f"{kits.packed} packed"
    parts = ", ".join(f"{units} x {codes[part_id]}" for part_id, units in recipe.parts.items())
    where = "all of one from one location" if recipe.ships_together else "from any of the locations"
    made = f"{kits.made} to be put together of {parts}, {where}; {codes[kits.limit_id]} limits"
    return f"{kits.packed} packed and {made}" if kits.packed else made


def _by_sku(rules: Iterable[Rule]) -> dict[int | None, list[Rule]]:
    """Rules by the one SKU that they are for; None has those of many."""
    found: dict[int | None, list[Rule]] = {None: []}
    for rule in rules:
        found.setdefault(rule.sku_id, []).append(rule)
    return found
