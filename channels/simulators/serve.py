"""Simulated marketplaces as a process of their own: ``python -m channels.simulators.serve --config FILE``.

The configuration is JSON:

    {"target": "http://127.0.0.1:8000",          where webhooks go; may be set later (verb ``aim``)
     "control_port": 0,                          the control endpoint (``control.py``); 0 takes any
     "catalogue": [["A", "SKU-A", 100, "9.90"]], offers of every marketplace that has none of its own
     "stock": {"SKU-A": 100},                    what exists; without it the largest number in any book
     "log_limit": null,                          how many purchases and changes to remember
     "shopping": {"rate": 2.0, "seed": 1},       shoppers who come at once; without it none
     "marketplaces": [{"code": "shopify-uk", "secret": "whsec_...", "latency_ms": 50}]}

When everything listens, one line of JSON is printed: ``{"control": URL, "channels": {code: URL}}``. SIGTERM or SIGINT
ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from channels.simulators.control import Control
from channels.simulators.spec import read_offers, read_spec
from channels.simulators.wants import Shopping
from channels.simulators.world import World


def build(config: Mapping[str, Any]) -> World:
    """The world that a configuration describes."""
    catalogue = read_offers(config.get("catalogue", ()))
    return World(
        [read_spec(document, catalogue=catalogue) for document in config["marketplaces"]],
        config.get("target"),
        stock=config.get("stock"),
        log_limit=config.get("log_limit"),
    )


async def serve(
    config: Mapping[str, Any], *, with_parent: bool = False, opened: Callable[[], bool] = lambda: True
) -> None:
    """Serve until a signal comes; ``with_parent`` also ends when the parent process does. Shoppers wait for ``opened``."""
    parent = os.getppid()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    world = build(config)
    control = Control(world, port=int(config.get("control_port", 0)))
    await world.open()
    await control.listener.open()
    sys.stdout.write(json.dumps({"control": control.listener.base_url, "channels": control.channels()}) + "\n")
    sys.stdout.flush()
    gc.freeze()  # sixty thousand book lines live for ever: keep them out of every collection
    watch = loop.create_task(_watch_parent(parent, ended=ended)) if with_parent else None
    while not (await asyncio.to_thread(opened) or ended.is_set()):
        await asyncio.sleep(0.5)
    if config.get("shopping") and not ended.is_set():
        world.shop(Shopping.read(config["shopping"]))
    await ended.wait()
    if watch:
        watch.cancel()
    control.listener.close()
    await world.close()


async def _watch_parent(parent: int, *, ended: asyncio.Event) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(1.0)
    ended.set()


def main() -> None:
    """Read the configuration and serve."""
    parser = argparse.ArgumentParser(prog="python -m channels.simulators.serve", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--config", type=Path, required=True, help="JSON file; - reads standard input")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent process ends")
    arguments = parser.parse_args()
    text = sys.stdin.read() if str(arguments.config) == "-" else arguments.config.read_text()
    asyncio.run(serve(json.loads(text), with_parent=arguments.with_parent))


if __name__ == "__main__":
    main()
