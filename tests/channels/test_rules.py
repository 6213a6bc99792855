"""What a merchant decides: which rule wins, when it is felt, and what it owes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from channels import sync
from channels.allocation.engine import Explanation
from channels.allocation.rules.base import RuleError
from channels.models import AllocationRule, Channel, Debt, Listing
from channels.numbers import explanations_now
from channels.rules import delete_rule, save_rule
from inventory.kernel import clock
from tests.channels.shop import Shop
from tests.channels.world import Hands, a_channel, a_listing, a_sku, owed

pytestmark = pytest.mark.django_db(transaction=True)


def rule(kind: str = "buffer", value: int | None = 1, **scope: object) -> AllocationRule:
    return save_rule(AllocationRule(kind=kind, value=None if value is None else Decimal(value), **scope))


def explained(listing: Listing) -> Explanation:
    """Why it shows its number, now."""
    return explanations_now([listing])[listing.pk][""]


def test_the_most_specific_wins_then_the_newest(shop: Shop) -> None:
    sku = a_sku("A", available=100, category="mugs", tags=["blue"])
    channel = a_channel(shop)
    listing = a_listing(channel, sku)

    def shown() -> int:
        return explained(listing).published

    scopes: list[dict[str, object]] = [
        {},
        {"channel": channel},
        {"category": "mugs"},
        {"channel": channel, "category": "mugs"},
        {"sku": sku},
        {"channel": channel, "sku": sku},
    ]
    rules = []
    for number, scope in enumerate(scopes, 1):
        rules.append(rule(value=number, **scope))
        assert shown() == 100 - number, scope
    rule(value=50)
    rule(value=50, tag="blue")
    assert shown() == 94, "newer, and less specific"
    rule(value=60, channel=channel, sku=sku)
    assert shown() == 40, "as specific, and newer"
    steps = explained(listing).steps
    assert [(step.rule, step.scope) for step in steps] == [("pool", "all"), ("buffer", "channel + SKU")]


def test_rules_of_others_do_not_apply(shop: Shop) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=100, category="mugs", tags=["blue"]))
    rule(value=50, sku=a_sku("B"))
    rule(value=50, channel=a_channel(code="other"))
    rule(value=50, category="cups")
    rule(value=50, tag="red")
    rule(value=50, category="mugs", tag="red")
    rule(value=50, enabled=False)
    rule(value=50, starts_at=clock.now() + timedelta(hours=1))
    rule(value=50, ends_at=clock.now() - timedelta(hours=1))
    assert explained(listing).published == 100


@pytest.mark.parametrize(
    ("available", "rules", "number"),
    [
        (100, [("buffer", 10)], 90),
        (100, [("percent", 80)], 80),
        (3, [("percent", 50)], 1),
        (100, [("percent", 80), ("buffer", 10)], 70),
        (5, [("buffer", 10)], 0),
        (0, [("percent", 80)], 0),
        (100, [("percent", 0)], 0),
        (100, [("percent", 100)], 100),
        (100, [("stop_sell", None), ("buffer", 1)], 0),
    ],
)
def test_worked_cases(shop: Shop, available: int, rules: list[tuple[str, int | None]], number: int) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=available))
    for kind, value in rules:
        rule(kind, value)
    sync.drain_channel(listing.channel_id)
    assert shop.book == {"x-A": number}
    assert explained(listing).published == number


@pytest.mark.parametrize(
    ("kind", "value"), [("buffer", -1), ("buffer", None), ("buffer", 1.5), ("percent", 101), ("percent", None)]
)
def test_values_that_make_no_sense_are_refused(kind: str, value: object) -> None:
    with pytest.raises(RuleError):
        save_rule(AllocationRule(kind=kind, value=None if value is None else Decimal(str(value))))
    with pytest.raises(LookupError):
        save_rule(AllocationRule(kind="no_such_kind"))
    assert not AllocationRule.objects.exists()


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    now = clock.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        rule(starts_at=now, ends_at=now - timedelta(seconds=1))


@pytest.fixture
def listings(shop: Shop) -> dict[str, Channel]:
    """Two channels with three SKUs each, nothing owed."""
    skus = [a_sku("A", category="mugs"), a_sku("B", tags=["blue"]), a_sku("C", category="mugs", tags=["blue"])]
    channels = {code: a_channel(shop, code=code) for code in ("one", "two")}
    for code, channel in channels.items():
        for sku in skus:
            a_listing(channel, sku, f"{code}-{sku.code}")
    Debt.objects.all().delete()
    return channels


EVERYTHING = {f"{code}-{sku}" for code in ("one", "two") for sku in "ABC"}


@pytest.mark.parametrize(
    ("scope", "touched"),
    [
        ({}, EVERYTHING),
        ({"channel": "one"}, {"one-A", "one-B", "one-C"}),
        ({"sku": "B"}, {"one-B", "two-B"}),
        ({"category": "mugs"}, {"one-A", "two-A", "one-C", "two-C"}),
        ({"tag": "blue"}, {"one-B", "two-B", "one-C", "two-C"}),
        ({"category": "mugs", "tag": "blue"}, {"one-C", "two-C"}),
        ({"channel": "two", "sku": "A"}, {"two-A"}),
        ({"channel": "two", "tag": "blue"}, {"two-B", "two-C"}),
        ({"category": "nothing"}, set()),
    ],
    ids=lambda value: repr(value) if isinstance(value, dict) else f"{len(value)}",
)
def test_a_rule_owes_exactly_what_it_touches(
    listings: dict[str, Channel], scope: dict[str, str], touched: set[str]
) -> None:
    from inventory.models import Sku

    given: dict[str, object] = dict(scope)
    if "channel" in scope:
        given["channel"] = listings[scope["channel"]]
    if "sku" in scope:
        given["sku"] = Sku.objects.get(code=scope["sku"])
    saved = rule(**given)
    assert owed() == touched
    Debt.objects.all().delete()
    delete_rule(saved)
    assert owed() == touched


def test_a_rule_that_moves_owes_where_it_was_and_where_it_is(listings: dict[str, Channel]) -> None:
    saved = rule(channel=listings["one"])
    Debt.objects.all().delete()
    saved.channel = listings["two"]
    save_rule(saved)
    assert owed() == EVERYTHING


def test_a_window_is_felt_by_the_sweep_when_it_begins_and_ends(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=100))
    now = clock.now()
    rule(value=30, starts_at=now + timedelta(seconds=10), ends_at=now + timedelta(seconds=20))

    def after(seconds: float) -> int:
        hands.later(seconds)
        sync.sweep()
        sync.drain_channel(channel.pk)
        return shop.book["x-A"]

    assert after(1) == 100
    assert after(4) == 100 and not owed()
    assert after(6) == 70
    sync.sweep()
    assert not owed(), "felt once"
    assert after(8) == 70
    assert after(3) == 100


def test_a_window_that_passed_between_two_sweeps_is_felt_too(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=100))
    sync.drain_channel(channel.pk)
    now = clock.now()
    rule(value=30, starts_at=now + timedelta(seconds=10), ends_at=now + timedelta(seconds=20))
    hands.later(2)
    sync.drain_channel(channel.pk)
    hands.later(60)
    sync.sweep()
    assert owed() == {"x-A"}


def test_a_disabled_rule_is_not_felt(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=100))
    rule(value=30, starts_at=clock.now() + timedelta(seconds=10), enabled=False)
    sync.drain_channel(channel.pk)
    hands.later(15)
    sync.sweep()
    assert not owed()


def test_a_rule_reaches_the_channel(shop: Shop, hands: Hands) -> None:
    channel = a_channel(shop)
    a_listing(channel, a_sku("A", available=100))
    sync.drain_channel(channel.pk)
    saved = rule("stop_sell", None, channel=channel)
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 0}
    delete_rule(saved)
    hands.later(2)
    sync.drain_channel(channel.pk)
    assert shop.book == {"x-A": 100}
