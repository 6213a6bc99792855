"""The order of composition, against a few lines written from the documents alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.allocation import registry
from channels.allocation.engine import Explanation, Rule, Subject, explain, publish
from channels.allocation.rules.base import RuleError
from tests.properties.examples import PURE

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def rules_of(*told: tuple[str, object]) -> list[Rule]:
    return [Rule(n, kind, None if value is None else Decimal(str(value))) for n, (kind, value) in enumerate(told, 1)]


@pytest.mark.parametrize(
    ("pool", "told", "shown"),
    [
        (100, [], 100),
        (100, [("buffer", 10)], 90),
        (100, [("percent", 80)], 80),
        (3, [("percent", 50)], 1),
        (41, [("percent", 80)], 32),
        (8, [("buffer", 10)], 0),
        (0, [("percent", 80), ("buffer", 1)], 0),
        (100, [("percent", 100)], 100),
        (100, [("percent", 0)], 0),
        (7, [("percent", "33.3333")], 2),
        (100, [("stop_sell", None)], 0),
        (100, [("buffer", 10), ("percent", 80)], 70),
        (100, [("stop_sell", None), ("buffer", 10), ("percent", 80)], 0),
    ],
)
def test_worked_cases(pool: int, told: list[tuple[str, object]], shown: int) -> None:
    assert publish(Subject(1, 1, pool), rules_of(*told), at=NOW) == shown


def test_each_step_is_kept_in_the_order_of_composition() -> None:
    rules = rules_of(("buffer", 10), ("stop_sell", None), ("percent", 80))
    found = explain(Subject(1, 1, 100), rules, at=NOW)
    assert [(step.rule, step.input, step.output) for step in found.steps] == [
        ("pool", 100, 100), ("percent", 100, 80), ("buffer", 80, 70), ("stop_sell", 70, 0),
    ]  # fmt: skip
    assert all(step.note for step in found.steps)


def test_a_stopped_channel_shows_nothing_and_says_so() -> None:
    found = explain(Subject(1, 1, 100, channel_stopped=True), [], at=NOW)
    assert (found.published, found.steps[-1].rule, found.steps[-1].scope) == (0, "stop_sell", "channel")


@pytest.mark.parametrize(("pool", "shown"), [(3, 0), (5, 5), (50, 50), (51, 50)])
def test_a_channels_limits_come_last(pool: int, shown: int) -> None:
    assert publish(Subject(1, 1, pool, least=5, most=50), [], at=NOW) == shown
    assert publish(Subject(1, 1, pool, least=5, most=50), rules_of(("buffer", 0)), at=NOW) == shown


def test_a_window_includes_its_start_and_not_its_end() -> None:
    rule = Rule(1, "buffer", Decimal(10), starts_at=NOW, ends_at=NOW + timedelta(hours=1))
    shown = [
        publish(Subject(1, 1, 100), [rule], at=NOW + timedelta(seconds=seconds)) for seconds in (-1, 0, 3599, 3600)
    ]
    assert shown == [100, 90, 90, 100]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("percent", None), ("percent", "-1"), ("percent", "100.1"), ("buffer", None), ("buffer", "-1"), ("buffer", "1.5")],
)
def test_values_that_make_no_sense_are_refused(kind: str, value: str | None) -> None:
    with pytest.raises(RuleError):
        registry.get(kind).check(None if value is None else Decimal(value))


# A reference of its own: scopes in the documents' order, then the newest; percent, buffer, stop, limits.

ORDER = [
    lambda rule: rule.channel_id is not None and rule.sku_id is not None,
    lambda rule: rule.sku_id is not None,
    lambda rule: rule.channel_id is not None and bool(rule.tag or rule.category),
    lambda rule: bool(rule.tag or rule.category),
    lambda rule: rule.channel_id is not None,
    lambda rule: True,
]


def reference(subject: Subject, rules: list[Rule]) -> int:
    def fits(rule: Rule) -> bool:
        return (
            (rule.channel_id is None or rule.channel_id == subject.channel_id)
            and (rule.sku_id is None or rule.sku_id == subject.sku_id)
            and (rule.category == "" or rule.category == subject.category)
            and (rule.tag == "" or rule.tag in subject.tags)
            and (rule.starts_at is None or rule.starts_at <= NOW)
            and (rule.ends_at is None or rule.ends_at > NOW)
        )

    def best(kind: str) -> Rule | None:
        found = [rule for rule in rules if rule.kind == kind and fits(rule)]
        rank = {rule.id: min(place for place, wanted in enumerate(ORDER) if wanted(rule)) for rule in found}
        return min(found, key=lambda rule: (rank[rule.id], -rule.id), default=None)

    number = max(0, subject.pool)
    if (percent := best("percent")) is not None:
        number = floor(percent.value * number / 100)  # type: ignore[operator]
    if (buffer := best("buffer")) is not None:
        number = max(0, number - int(buffer.value))  # type: ignore[arg-type]
    if best("stop_sell") is not None or subject.channel_stopped:
        number = 0
    number = min(number, subject.most)
    return number if number >= subject.least else 0


instants = st.none() | st.integers(-2, 2).map(lambda hours: NOW + timedelta(hours=hours))


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Rule]:
    rules = []
    for number in draw(st.lists(st.integers(1, 10_000), unique=True, max_size=8)):
        kind = draw(st.sampled_from(("percent", "buffer", "stop_sell", "percent", "buffer")))
        value = {"percent": st.decimals(0, 100, places=4), "buffer": st.integers(0, 300).map(Decimal)}.get(kind)
        rules.append(
            Rule(
                number,
                kind,
                draw(value) if value is not None else None,
                channel_id=draw(st.sampled_from((None, 1, 2))),
                sku_id=draw(st.sampled_from((None, None, 1, 2))),
                category=draw(st.sampled_from(("", "", "toys", "home"))),
                tag=draw(st.sampled_from(("", "", "sale", "new"))),
                starts_at=draw(instants),
                ends_at=draw(instants),
            )
        )
    return rules


subjects = st.builds(
    Subject,
    channel_id=st.sampled_from((1, 2)),
    sku_id=st.sampled_from((1, 2)),
    pool=st.integers(-5, 10_000),
    category=st.sampled_from(("", "toys")),
    tags=st.lists(st.sampled_from(("sale", "new")), unique=True),
    channel_stopped=st.booleans(),
    least=st.sampled_from((0, 0, 5)),
    most=st.sampled_from((1_000_000_000, 250)),
)


@PURE
@given(subjects, rule_lists())
def test_any_rules_compose_to_what_the_documents_say(subject: Subject, rules: list[Rule]) -> None:
    found: Explanation = explain(subject, rules, at=NOW)
    assert found.published == publish(subject, rules, at=NOW) == reference(subject, rules)
    assert found.steps[0].rule == "pool"
    for before, after in zip(found.steps, found.steps[1:], strict=False):
        assert after.input == before.output
    assert found.steps[-1].output == found.published
    assert 0 <= found.published <= max(0, subject.pool)
