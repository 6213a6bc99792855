"""The sample merchant: made once in a data folder of its own, and found again at the next start."""

import json
import os
import random
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from channels.models import AllocationRule, Channel, SyncLane
from channels.registration import update_channel
from channels.rules import save_rule
from channels.simulators.signing import secret_of
from channels.simulators.wants import Popularity, Shopping
from config.simulation.seeding import (
    ChannelSeed,
    seed_channels,
    seed_listings,
    seed_locations,
    seed_skus,
    seed_stock,
)
from inventory.kernel import clock
from inventory.models import Sku
from purchasing.models import ReorderRule

from .catalogue import catalogue
from .channels import CHANNELS, external_id

SEED = 7
ACTOR = "system"
LOGIN = "admin"
MOST_UNITS = 5000
OPENING_SECONDS = 8  # before the first number is sent: the marketplaces are still opening their doors

WAREHOUSES: tuple[dict[str, Any], ...] = (
    {
        "code": "NEWARK", "name": "Newark, New Jersey", "country": "US", "postal_code": "07102", "latitude": 40.7357,
        "longitude": -74.1724, "time_zone": "America/New_York", "cut_off": time(16), "priority": 10,
    },
    {
        "code": "DALLAS", "name": "Dallas, Texas", "country": "US", "postal_code": "75201", "latitude": 32.7865,
        "longitude": -96.797, "time_zone": "America/Chicago", "cut_off": time(15), "priority": 20,
    },
    {
        "code": "LA", "name": "Los Angeles, California", "country": "US", "postal_code": "90058", "latitude": 33.9731,
        "longitude": -118.2479, "time_zone": "America/Los_Angeles", "cut_off": time(14), "priority": 30,
    },
)  # fmt: skip

#: kind, channel, category, tag, value, note
RULES = (
    ("percent", "amazon-us", "", "", 80, "Keeps a fifth for our own shops"),
    ("percent", "wayfair", "", "", 50, "Slow to take a number back"),
    ("buffer", "tiktok-us", "", "", 3, "Sells in bursts"),
    ("buffer", "tiktok-uk", "", "", 3, "Sells in bursts"),
    ("buffer", "", "Clothing", "", 1, "Returns are being pressed"),
    ("buffer", "", "", "seasonal", 2, "Held for the shop windows"),
    ("stop_sell", "target-plus", "Pets", "", None, "Category not approved yet"),
)


def shopping(rate: float) -> Shopping:
    """What the sample merchant's buyers are like."""
    return Shopping(
        rate=rate, seed=SEED, zipf=0.8, multi_line_share=0.3, pay_later_share=0.05, cancel_share=0.02,
        refund_share=0.03, afterwards_seconds=90.0,
    )  # fmt: skip


@dataclass
class State:
    """What a demo remembers between its starts, readable by its owner only."""

    file: Path
    password: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    made: bool = False

    @classmethod
    def load(cls, folder: Path) -> "State":
        """The state in a data folder; a new one where there is none."""
        file = folder / "demo.json"
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return cls(file, **json.loads(file.read_text()))
        return cls(file, secrets.token_urlsafe(9))

    def save(self) -> None:
        """Write it, never half of it."""
        scratch = self.file.with_suffix(".new")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump({"password": self.password, "ports": self.ports, "made": self.made}, stream)
        scratch.replace(self.file)


def prepare(state: State, *, rate: float, show: Callable[[str], None]) -> None:
    """Make what is not there yet; the marketplaces keep their addresses as long as their ports are free."""
    state.ports = _ports(state.ports)
    state.save()
    if not state.made:
        show(_("Making the sample catalogue, its stock and thirty channels ..."))
        _make(state, rate=rate)
        state.made = True
        state.save()
    for channel in Channel.objects.filter(code__in=state.ports):
        if channel.base_url != _address(state, channel.code):
            update_channel(channel, base_url=_address(state, channel.code), actor=ACTOR)
    _login(state)
    SyncLane.objects.update(not_before=clock.now() + timedelta(seconds=OPENING_SECONDS))


def _make(state: State, *, rate: float) -> None:
    seeds = catalogue(seed=SEED)
    ids = seed_skus(seeds)
    places = [place.pk for place in seed_locations(WAREHOUSES).values()]
    ranking = Popularity([seed.code for seed in seeds], exponent=shopping(rate).zipf, seed=SEED)
    units = {code: _units(ranking, rank, rate) for rank, code in enumerate(ranking.ranking)}
    seed_stock(_spread(units, ids=ids, places=places), reference="demo:opening", actor=ACTOR)
    channels = seed_channels((_channel_seed(state, number) for number in range(len(CHANNELS))), actor=ACTOR)
    for rule in RULES if not AllocationRule.objects.exists() else ():
        _save_rule(rule, channels)
    seed_listings((channels[each.code] for each in CHANNELS), skus=ids, external_id=external_id)
    _reorder_rules(ranking, units=units, ids=ids, rate=rate)


def _channel_seed(state: State, number: int) -> ChannelSeed:
    channel = CHANNELS[number]
    return ChannelSeed(
        code=channel.code,
        name=channel.name,
        base_url=_address(state, channel.code),
        secret=secret_of(secrets.token_bytes(24)),
        currency=channel.currency,
        priority=channel.priority,
        fee_percent=Decimal(channel.fee_percent),
    )


def _units_a_second(ranking: Popularity, rank: int, rate: float) -> float:
    """What buyers are expected to take of the SKU of this rank: about two units an order over all SKUs."""
    return rate * 2.0 * ranking.share(rank)


def _units(ranking: Popularity, rank: int, rate: float) -> int:
    """Opening stock: some hours of selling, and a shelf's worth."""
    draw = random.Random(f"{SEED}:units:{rank}")
    hours = draw.uniform(2, 6)
    return min(MOST_UNITS, int(_units_a_second(ranking, rank, rate) * hours * 3600) + draw.randint(4, 60))


def _spread(units: dict[str, int], *, ids: dict[str, int], places: list[int]) -> Iterator[tuple[int, int, int]]:
    """Half, three tenths and a fifth over the warehouses; one SKU in five lies in a single one."""
    draw = random.Random(f"{SEED}:places")
    for code in sorted(units):
        total = units[code]
        if draw.random() < 0.2:
            yield ids[code], draw.choice(places), total
            continue
        second, third = total * 3 // 10, total // 5
        for place, part in zip(places, (total - second - third, second, third), strict=True):
            if part:
                yield ids[code], place, part


def _save_rule(rule: tuple[str, str, str, str, int | None, str], channels: dict[str, Channel]) -> None:
    kind, channel, category, tag, value, note = rule
    number = None if value is None else Decimal(value)
    owner = channels[channel] if channel else None
    save_rule(AllocationRule(kind=kind, channel=owner, category=category, tag=tag, value=number, note=note))


def _reorder_rules(ranking: Popularity, *, units: dict[str, int], ids: dict[str, int], rate: float) -> None:
    """Points that the bestsellers cross within twenty minutes, and more that wait for their day."""
    draw = random.Random(f"{SEED}:reorder")
    rules = []
    for rank, code in enumerate(ranking.ranking[:200]):
        soon = _units_a_second(ranking, rank, rate) * draw.uniform(20, 1200)
        point = max(1, units[code] - max(3, int(soon)) if rank < 25 else units[code] // 5)
        rules.append(ReorderRule(sku_id=ids[code], reorder_point=point, quantity=units[code]))
    ReorderRule.objects.bulk_create(rules, ignore_conflicts=True)


def _login(state: State) -> None:
    """An administrator whose password only this copy knows; one that a person has changed is left alone."""
    users = get_user_model().objects
    if not users.filter(username=LOGIN).exists():
        users.create_superuser(LOGIN, email="", password=state.password)


def password_shown(state: State) -> str:
    """The password, or that somebody has changed it."""
    user = get_user_model().objects.get(username=LOGIN)
    return state.password if user.check_password(state.password) else _("(changed since)")


def _address(state: State, channel: str) -> str:
    return f"http://127.0.0.1:{state.ports[channel]}"


def _ports(known: dict[str, int]) -> dict[str, int]:
    """A free port a channel: the one it had where that is still free."""
    ports: dict[str, int] = {}
    with_sockets: list[socket.socket] = []
    try:
        for channel in CHANNELS:
            held = _bound(known.get(channel.code, 0)) or _bound(0)
            assert held is not None
            with_sockets.append(held)
            ports[channel.code] = held.getsockname()[1]
    finally:
        for held in with_sockets:
            held.close()
    return ports


def _bound(port: int) -> socket.socket | None:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        return None
    return held


def sku_prices() -> dict[str, Decimal]:
    """Prices in dollars by SKU."""
    return {code: price or Decimal(1) for code, price in Sku.objects.values_list("code", "price")}
