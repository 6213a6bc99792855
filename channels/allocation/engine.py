"""The order of composition: from what there is to what one channel shows, each step kept.

Pure: given the pool, the rules and the channel's limits, it returns the number and its explanation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from . import registry
from .rules.base import Step


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the engine sees it. Empty scope fields match everything."""

    id: int
    kind: str
    value: Decimal | None
    channel_id: int | None = None
    sku_id: int | None = None
    category: str = ""
    tag: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    note: str = ""

    def matches(self, subject: "Subject", at: datetime) -> bool:
        """Whether every given field fits the subject and the instant lies in the rule's window."""
        return (
            self.channel_id in (None, subject.channel_id)
            and self.sku_id in (None, subject.sku_id)
            and (not self.category or self.category == subject.category)
            and (not self.tag or self.tag in subject.tags)
            and (self.starts_at is None or self.starts_at <= at)
            and (self.ends_at is None or at < self.ends_at)
        )

    @property
    def specificity(self) -> int:
        """Channel and SKU (a listing), SKU, channel and tag or category, tag or category, channel, all."""
        grouped = bool(self.category or self.tag)
        if self.sku_id is not None:
            return 6 if self.channel_id is not None else 5
        if grouped:
            return 4 if self.channel_id is not None else 3
        return 2 if self.channel_id is not None else 1

    @property
    def scope(self) -> str:
        names = {6: "channel + SKU", 5: "SKU", 2: "channel", 1: "all"}
        group = "category" if self.category else "tag"
        return names.get(self.specificity) or (f"channel + {group}" if self.specificity == 4 else group)


@dataclass(frozen=True, slots=True)
class Subject:
    """One SKU on one channel: what rules are matched with and what the number starts from."""

    channel_id: int
    sku_id: int
    pool: int  # see ``pool_note``
    category: str = ""
    tags: Sequence[str] = ()
    channel_stopped: bool = False
    least: int = 0
    most: int = 1_000_000_000
    pool_note: str = "available over the locations that feed the channel"


@dataclass(frozen=True, slots=True)
class Explanation:
    published: int
    steps: Sequence[Step]


def explain(subject: Subject, rules: Iterable[Rule], *, at: datetime) -> Explanation:
    """What the channel should show at that instant, as a list of steps in the order of composition."""
    number = max(0, subject.pool)
    steps = [Step("pool", "all", subject.pool, number, subject.pool_note)]
    for kind_code, rule in _winners(subject, rules, at):
        output, note = registry.get(kind_code).apply(number, rule.value)
        why = f"{note} ({rule.note})" if rule.note else note
        steps.append(Step(kind_code, rule.scope, number, output, why, rule.id))
        number = output
    if subject.channel_stopped:
        steps.append(Step("stop_sell", "channel", number, 0, "selling on this channel is stopped"))
        number = 0
    limited = min(number, subject.most)
    limited = 0 if limited < subject.least else limited
    if limited != number:
        note = f"the channel takes numbers from {subject.least} to {subject.most}"
        steps.append(Step("limits", "channel", number, limited, note))
        number = limited
    return Explanation(number, steps)


def publish(subject: Subject, rules: Sequence[Rule], *, at: datetime) -> int:
    """The number alone, for the hot path; the same as ``explain(...).published``."""
    if not rules and not subject.channel_stopped:
        number = min(max(0, subject.pool), subject.most)
        return 0 if number < subject.least else number
    return explain(subject, rules, at=at).published


def _winners(subject: Subject, rules: Iterable[Rule], at: datetime) -> list[tuple[str, Rule]]:
    """The most specific rule of each kind, then the newest; in the order of composition."""
    best: dict[str, Rule] = {}
    for rule in rules:
        if not rule.matches(subject, at):
            continue
        held = best.get(rule.kind)
        if held is None or (rule.specificity, rule.id) > (held.specificity, held.id):
            best[rule.kind] = rule
    kinds: Mapping[str, int] = {code: kind.order for code, kind in registry.all().items()}
    return sorted(best.items(), key=lambda pair: (kinds.get(pair[0], 0), pair[0]))
