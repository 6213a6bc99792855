"""The sample merchant's thirty marketplaces with their shoppers, as a process of their own."""

import asyncio
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db.models import Sum

from channels.credentials import account
from channels.models import Channel, Debt, StockTarget
from channels.simulators.serve import serve
from config.connections import let_go
from config.launcher import read_stack
from inventory.models import StockLevel

from .channels import CHANNELS, DemoChannel, price_in
from .world import SEED, shopping, sku_prices

ORDERS_KEPT = 2000  # of each marketplace, for the product's order polls
EVENTS_KEPT = 1000


def run(*, target: str, rate: float) -> None:
    """Serve until a signal comes. Books open at what the product believes they show: nothing is forgotten by a stop."""
    config = configuration(target=target, rate=rate)
    let_go()
    asyncio.run(serve(config, with_parent=True, opened=_are_open))


def _are_open() -> bool:
    """Whether everybody is at work and every shelf is filled: earlier sales would spoil the first quarter of an hour's lag."""
    stack = read_stack(settings.LAYOUT)
    if not stack or not stack["ready"]:
        return False
    owed = Debt.objects.exists()
    let_go()
    return not owed


def configuration(*, target: str, rate: float) -> dict[str, Any]:
    """What ``channels.simulators.serve`` is told."""
    prices = sku_prices()
    channels = {channel.code: channel for channel in Channel.objects.filter(code__in=[each.code for each in CHANNELS])}
    stock = StockLevel.objects.values_list("sku__code").annotate(Sum("available"))
    return {
        "target": target.rstrip("/"),
        "stock": dict(stock),
        "log_limit": EVENTS_KEPT,
        "shopping": asdict(shopping(rate)),
        "marketplaces": [
            _marketplace(each, channel=channels[each.code], prices=prices) for each in CHANNELS if each.code in channels
        ],
    }


def _marketplace(each: DemoChannel, *, channel: Channel, prices: dict[str, Any]) -> dict[str, Any]:
    targets = StockTarget.objects.filter(channel=channel, is_active=True)
    rows = targets.values_list("listing__external_key", "listing__sku__code", "shown").order_by("listing__sku__code")
    return {
        "code": each.code,
        "name": each.name,
        "secret": account(channel).credentials["secret"],
        "port": int(channel.base_url.rpartition(":")[2]),
        "currency": each.currency,
        "countries": list(each.countries),
        "latency_ms": each.latency_ms,
        "orders_kept": ORDERS_KEPT,
        "seed": SEED,
        "offers": [[key, sku, shown or 0, price_in(each.currency, prices[sku])] for key, sku, shown in rows],
    }
