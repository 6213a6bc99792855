"""What a person should know now, once per matter."""

from __future__ import annotations

import pytest

from channels import selling
from channels.models import Channel
from channels.signals import drift_found, parked
from fulfillment.signals import delivery_parked, lines_parked, shortfall_found
from reports.alerts import close, close_matter, raise_alert
from reports.models import Alert, AlertKind
from tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db


def alerts() -> list[tuple[str, str, int]]:
    return list(Alert.objects.order_by("pk").values_list("kind", "subject", "count"))


def test_the_same_matter_counts_up_and_says_the_latest() -> None:
    first = raise_alert(AlertKind.OVERSELL, subject="MUG", message="one")
    assert raise_alert(AlertKind.OVERSELL, subject="MUG", message="two") == first
    raise_alert(AlertKind.OVERSELL, subject="CUP", message="other")
    raise_alert(AlertKind.REORDER, subject="MUG", message="other")
    assert alerts() == [("oversell", "MUG", 2), ("oversell", "CUP", 1), ("reorder", "MUG", 1)]
    alert = Alert.objects.get(pk=first)
    assert alert.message == "two"
    assert alert.repeated_at > alert.raised_at


def test_a_matter_that_was_closed_and_comes_again_is_a_new_one() -> None:
    first = Alert.objects.get(pk=raise_alert(AlertKind.OVERSELL, subject="MUG", message="one"))
    assert close(first, actor="user:ann").closed_by == "user:ann"
    assert close(first, actor="user:bob").closed_by == "user:ann"
    assert raise_alert(AlertKind.OVERSELL, subject="MUG", message="two") != first.pk
    close_matter(AlertKind.OVERSELL, subject="MUG")
    assert set(Alert.objects.values_list("closed_by", flat=True)) == {"user:ann", "system"}


def test_long_subjects_and_messages_are_cut() -> None:
    alert = Alert.objects.get(pk=raise_alert(AlertKind.PARKED, subject="x" * 300, message="y" * 900))
    assert (len(alert.subject), len(alert.message)) == (200, 500)


def test_oversells_are_told_by_sku_and_backorders_not_at_all() -> None:
    line = {"order": "A-1", "sku": "MUG", "units": 2, "kind": "oversell"}
    shortfall_found.send(None, lines=[line, {**line, "units": 1}, {**line, "sku": "CUP", "kind": "backorder"}])
    assert alerts() == [("oversell", "MUG", 2)]
    assert Alert.objects.get().message == "MUG: order A-1 is short of 1 units"


def test_parked_lines_of_one_batch_are_one_alert_by_reason() -> None:
    line = {"order": "A-1", "line": "1", "reason": "unknown_listing", "detail": "no listing 'x'"}
    lines_parked.send(None, channel_code="shop", lines=[line, line, {**line, "reason": "bad_quantity"}])
    assert alerts() == [("parked", "shop: unknown_listing", 1), ("parked", "shop: bad_quantity", 1)]
    assert Alert.objects.get(subject="shop: unknown_listing").message.startswith("2 order lines are parked")


def test_parked_deliveries_and_targets_are_told_with_their_reason() -> None:
    delivery_parked.send(None, channel_code="shop", delivery_id=1, reason="not_json", detail="at byte 3")
    parked.send(None, channel_code="shop", what="target", subject="MUG", reason="gone", detail="no such item")
    assert alerts() == [("parked", "shop: not_json", 1), ("parked", "shop: gone", 1)]


def test_drift_is_told_with_its_excess() -> None:
    class Found:
        excess = 5

    drift_found.send(None, channel_code="shop", drifts=[Found(), Found()])
    assert "showed 2 wrong numbers, 10 units too many" in Alert.objects.get(kind="drift", subject="shop").message


def test_a_disconnected_channel_is_warned_of_until_it_is_resumed() -> None:
    channel: Channel = ChannelFactory(code="shop")
    selling.stop_selling([channel], actor="user:ann")
    assert alerts() == []
    selling.disconnect(channel, actor="user:ann")
    assert alerts() == [("disconnected", "shop", 1)]
    selling.resume(channel, actor="user:ann")
    assert Alert.objects.get().closed_by == "system"
