"""The kinds of marketplaces there are: how one behaves, and what it speaks."""

from __future__ import annotations

from typing import Any

from channels.simulators.http_marketplace import HttpMarketplace
from channels.simulators.http_wire import HttpWire
from channels.simulators.log import ClockLog, Stock
from channels.simulators.spec import MarketplaceSpec
from channels.simulators.wire import Wire


def wire_of(spec: MarketplaceSpec, *, stock: Stock, log: ClockLog) -> Wire[Any]:
    """A new marketplace of the spec's kind behind its wire."""
    if spec.kind == "http":
        return HttpWire(HttpMarketplace(spec, stock=stock, log=log))
    if spec.kind == "shopify":
        from channels.simulators.shopify.wire import wire_of_shop  # its schema takes time to build

        return wire_of_shop(spec, stock=stock, log=log)
    raise ValueError(f"unknown kind of marketplace: {spec.kind}")
