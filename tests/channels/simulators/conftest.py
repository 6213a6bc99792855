"""A simulated Shopify shop for a test, with an inbox."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from channels.simulators import Marketplaces
from tests.channels.simulators.shopify_desk import TERMS, Desk, Inbox, spec


@pytest.fixture
def open_shop() -> Iterator[Callable[..., Desk]]:
    """Open a shop; ``terms`` are the shop's own, the rest is of every marketplace."""
    opened: list[Desk] = []

    def open_one(*, terms: dict[str, Any] | None = None, **changes: Any) -> Desk:
        inbox = Inbox()
        world = Marketplaces([spec(shopify=replace(TERMS, **(terms or {})), **changes)], inbox.url)
        world.start()
        opened.append(Desk(world, inbox))
        return opened[-1]

    yield open_one
    for desk in opened:
        desk.client.close()
        desk.world.stop()
        desk.inbox.close()


@pytest.fixture
def desk(open_shop: Callable[..., Desk]) -> Desk:
    """A shop that behaves."""
    return open_shop()
