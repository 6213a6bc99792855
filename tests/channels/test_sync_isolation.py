"""The outbox: a channel that cannot even be asked holds up nobody, and a round that pays nothing leaves no flag behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from channels import outbox, publishing, reconcile, selling, sync
from channels.models import Channel
from channels.publishing import DRAIN
from fulfillment import polling
from inventory.kernel import clock
from tests.channels.shop import Answer, Seen, Shop
from tests.channels.world import Alarms, Hands, a_channel, a_listing, a_sku, drain, lane, owed, set_available, target_of

pytestmark = pytest.mark.django_db(transaction=True)

#: What becomes of a channel's row when its plug-in is taken out of the folder, or its settings are written by another hand.
BROKEN = [{"connector": "withdrawn"}, {"settings": {"max_batch": "many"}}]


@pytest.mark.parametrize("broken", BROKEN, ids=["plug-in", "settings"])
def test_a_channel_whose_connector_fails_does_not_hold_up_the_others(
    shop: Shop, alarms: Alarms, broken: dict[str, Any]
) -> None:
    sku = a_sku("A", available=5)
    bad = a_channel(shop, code="bad")
    a_listing(bad, sku, "x-bad")
    a_listing(a_channel(shop), sku)
    Channel.objects.filter(pk=bad.pk).update(**broken)
    alarms.forget()
    assert sync.drain_channels() == 1
    assert shop.book == {"x-A": 5}
    assert owed() == {"x-bad"}
    waits = lane(bad).not_before
    assert waits is not None and clock.now() < waits <= clock.now() + timedelta(seconds=30)
    assert lane(bad).last_error, "the reason is kept"
    assert sync.drain_channels() == 0
    assert lane(bad).failures == 1, "it is not looked at again before its time"


@pytest.mark.parametrize("broken", BROKEN[:1], ids=["plug-in"])
def test_the_others_are_read_back_and_asked_for_orders(shop: Shop, alarms: Alarms, broken: dict[str, Any]) -> None:
    bad, good = a_channel(shop, code="bad"), a_channel(shop)
    Channel.objects.filter(pk=bad.pk).update(**broken)
    reconcile.schedule_read_backs()
    polling.schedule_polls()
    for task in (reconcile.READ_BACK, polling.POLL):
        assert [ids for ids, _ in alarms.sent(task)] == [[good.pk]]


def test_a_round_that_could_compute_nothing_leaves_no_flag(
    shop: Shop, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else no change of the next two seconds would ring, on any channel."""
    a_listing(a_channel(shop), a_sku("A", available=5))

    def stumble(*_: Any, **__: Any) -> dict[int, int]:
        raise ValueError("a rule that fails")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "compute_numbers", stumble)
        assert sync.drain_channels() == 0
    assert not alarms.flag_is_up(DRAIN)


def test_a_round_whose_channels_were_all_disconnected_leaves_no_flag(
    shop: Shop, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = a_listing(a_channel(shop), a_sku("A", available=5))
    claim = outbox.claim_debts

    def claim_late(*args: Any, **named: Any) -> Any:
        claimed = claim(*args, **named)
        selling.disconnect(Channel.objects.get(pk=listing.channel_id), actor="test")
        return claimed

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "claim_debts", claim_late)
        assert sync.drain_channels() == 0
    assert not shop.writes
    assert not alarms.flag_is_up(DRAIN)


def test_a_channel_that_always_shows_another_number_is_told_every_few_seconds(shop: Shop, hands: Hands) -> None:
    """A shop with a limit of its own: not five times a second, for ever; what changes reaches it in time all the same."""
    sku = a_sku("A", available=500)
    listing = a_listing(a_channel(shop), sku)

    def cap(seen: Seen) -> Answer:
        rows = [{**row, "status": "applied", "quantity": min(row["quantity"], 99)} for row in seen.items]
        return Answer(body={"results": rows})

    shop.always = cap
    for _ in range(40):
        drain(listing.channel, hands, after=0.5)
    assert 7 <= len(shop.writes) <= 25, "in twenty seconds"
    assert target_of(listing).shown == 99 and owed() == {"x-A"}
    set_available(sku, 7)
    drain(listing.channel, hands, after=4.1)
    assert target_of(listing).shown == 7 and not owed()
