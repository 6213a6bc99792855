"""The numbers that listings should show now, many at once, for people to look at.

What is sent is computed by ``publishing`` under a share lock; here nothing is locked, and a sale may come in between.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from inventory.kernel import clock
from inventory.models import StockLevel

from .allocation.engine import Explanation, Rule, Subject, explain, publish
from .models import FulfilledBy, Listing
from .publishing import feeding_of, load_rules, subject_of


def numbers_now(listings: Sequence[Listing], *, trial: Iterable[Rule] = ()) -> dict[int, int]:
    """The number of each listing that we fulfil, by its id, over all its remote locations; with ``trial`` rules added.

    The listings come with their channel, SKU and product. Takes four queries, however many they are.
    """
    at = clock.now()
    return {
        listing.pk: sum(publish(subject, rules, at=at) for subject in subjects.values())
        for listing, subjects, rules in _compositions(listings, trial=trial)
    }


def explanations_now(listings: Sequence[Listing]) -> dict[int, dict[str, Explanation]]:
    """Why each listing that we fulfil shows its number: by its id, then by remote location. Four queries too."""
    at = clock.now()
    return {
        listing.pk: {remote: explain(subject, rules, at=at) for remote, subject in subjects.items()}
        for listing, subjects, rules in _compositions(listings)
    }


def _compositions(
    listings: Sequence[Listing], *, trial: Iterable[Rule] = ()
) -> Iterator[tuple[Listing, dict[str, Subject], Sequence[Rule]]]:
    """Each listing that we fulfil, its subjects by remote location, and the rules that may apply."""
    ours = [listing for listing in listings if listing.fulfilled_by == FulfilledBy.US]
    skus = {listing.sku_id for listing in ours}
    channels = {listing.channel_id for listing in ours}
    feeding = feeding_of(channels)
    levels = _levels(skus)
    rules = _by_sku([*load_rules(channels, skus), *trial])
    for listing in ours:
        pools: dict[str, int] = defaultdict(int)
        for location_id, remote in feeding[listing.channel_id]:
            pools[remote] += levels.get((listing.sku_id, location_id), 0)
        sku = listing.sku
        subjects = {
            remote: subject_of(listing.channel, sku.pk, pool, sku.product.category, sku.tags)
            for remote, pool in (pools or {"": 0}).items()
        }
        yield listing, subjects, [*rules[None], *rules.get(listing.sku_id, ())]


def _levels(sku_ids: Collection[int]) -> dict[tuple[int, int], int]:
    rows = StockLevel.objects.filter(sku_id__in=sku_ids).values_list("sku_id", "location_id", "available")
    return {(sku_id, location_id): available for sku_id, location_id, available in rows.order_by()}


def _by_sku(rules: Iterable[Rule]) -> dict[int | None, list[Rule]]:
    """Rules by the one SKU that they are for; None has those of many."""
    found: dict[int | None, list[Rule]] = {None: []}
    for rule in rules:
        found.setdefault(rule.sku_id, []).append(rule)
    return found
