"""The product against a model in plain Python: stories told twice and in disorder end with the model's numbers."""

from __future__ import annotations

import itertools
import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle.model import Model
from tests.oracle.stories import CHANNELS, SKUS, Delivery, disorder, orders
from tests.stack.client import Json, eventually
from tests.stack.shop import Shop
from tests.stack.world import World, by_line, external

PLENTY = 500
STORIES = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink a story on the real stack takes minutes
    suppress_health_check=list(HealthCheck),
)


class Stage:
    """Three shops, and for each story SKUs and order ids of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shops: dict[str, Shop] = {channel: world.shop(settle=False) for channel in CHANNELS}
        self.stories = itertools.count(1)

    def cast(self, *, opening: int) -> dict[str, str]:
        """SKUs for one story, listed in every shop."""
        skus = {name: self.world.sku(on_hand=opening) for name in SKUS}
        for sku in skus.values():
            for shop in self.shops.values():
                self.world.offer(shop, sku=sku)
        return skus

    def rename(self, event: Json, *, skus: dict[str, str], story: int) -> Json:
        """The event with this story's SKUs and ids."""
        told = json.loads(json.dumps(event))
        told["id"] = f"{story}-{told['id']}"
        told["order"]["id"] = f"{self.world.tag}-{story}-{told['order']['id']}"
        for line in told["order"]["lines"]:
            line["external_id"] = external(skus[line["external_id"]])
        return told

    def tell(self, channel: str, event: Json) -> None:
        """Deliver one event."""
        answer = self.world.deliver_raw(self.shops[channel], body=json.dumps(event).encode())
        assert answer.status_code == 200, answer.text


@pytest.fixture
def stage(world: World) -> Stage:
    return Stage(world)


@STORIES
@given(data=st.data())
def test_stories_told_in_disorder_end_with_the_models_numbers(stage: Stage, data: st.DataObject) -> None:
    told = data.draw(orders(), label="told")
    deliveries = data.draw(disorder(told=told), label="deliveries")
    story, skus = next(stage.stories), stage.cast(opening=PLENTY)
    listings = {(channel, external(sku)): name for channel in CHANNELS for name, sku in skus.items()}
    model = Model({"W": dict.fromkeys(SKUS, PLENTY)}, listings=listings)
    for channel, event in deliveries:
        renamed = stage.rename(event, skus=skus, story=story)
        model.deliver(channel, event=renamed)
        stage.tell(channel, renamed)
    assert not model.unspecified

    def agrees() -> bool:
        assert {name: stage.world.numbers(sku) for name, sku in skus.items()} == {
            name: model.numbers(name) for name in SKUS
        }
        return True

    eventually(agrees, seconds=10)
    for (channel, order_id), order in model.orders.items():
        recorded = stage.world.recorded(stage.shops[channel], external_id=order_id)
        assert {number: line["short"] for number, line in by_line(recorded).items()} == dict.fromkeys(order.lines, 0)
        if not any(line.refunded for line in order.lines.values()):
            # What becomes of an order whose unshipped units were all refunded is not written anywhere.
            assert recorded["status"] == order.status, recorded


def test_when_stock_is_scarce_what_is_short_is_what_the_model_says(stage: Stage) -> None:
    """Which of many parallel orders is short is chance; how much of each SKU is short is not."""
    chance, skus = random.Random(4), stage.cast(opening=20)
    listings = {(channel, external(sku)): name for channel in CHANNELS for name, sku in skus.items()}
    model = Model({"W": dict.fromkeys(SKUS, 20)}, listings=listings)
    deliveries: list[Delivery] = []
    for number in range(60):
        channel = chance.choice(CHANNELS)
        lines = [(external(skus[name]), chance.randint(1, 3)) for name in chance.sample(SKUS, chance.randint(1, 3))]
        order = stage.shops[channel].order(*lines)
        event = {"type": "order.created", "id": f"e{number}", "occurred_at": order["placed_at"], "order": order}
        deliveries.append((channel, event))
    model.deliver_all(deliveries)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda delivery: stage.tell(*delivery), deliveries))
    channels = [shop.code for shop in stage.shops.values()]
    eventually(lambda: sum(stage.world.api.count("sales-orders/", channel=code) for code in channels) == 60)
    found = [order for code in channels for order in stage.world.api.rows("sales-orders/", channel=code)]
    lines = [line for order in found for line in by_line(order).values()]
    for name, sku in skus.items():
        assert stage.world.numbers(sku) == model.numbers(name)
        assert sum(line["short"] for line in lines if line["sku"] == sku) == model.shortfall(name)
