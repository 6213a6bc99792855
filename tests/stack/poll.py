"""Make the product poll a channel's orders: by its command where there is one, else by waiting for its schedule."""

from __future__ import annotations

from tests.stack.client import eventually
from tests.stack.shop import Shop
from tests.stack.world import World

SCHEDULE_SECONDS = 100


def order_reads(shop: Shop) -> int:
    """How often the shop's order list has been read."""
    return _reads(shop, "/orders")


def stock_reads(shop: Shop) -> int:
    """How often the shop's stock has been read back."""
    return _reads(shop, "/stock")


def _reads(shop: Shop, path: str) -> int:
    with shop.lock:
        return sum((call.method, call.path.split("?")[0], call.status) == ("GET", path, 200) for call in shop.calls)


def reconcile(world: World, *, shop: Shop) -> str:
    """Read one channel back now, as ``manage.py reconcile`` does; what it prints is returned."""
    done = world.product.manage("reconcile", "--channel", shop.code)
    return done.stdout if "Unknown command" not in done.stderr else ""


def poll_orders(world: World, *, shop: Shop) -> None:
    """Have the shop's order list read once more, from now on."""
    before = order_reads(shop)
    reconcile(world, shop=shop)
    eventually(lambda: order_reads(shop) > before, seconds=SCHEDULE_SECONDS)
