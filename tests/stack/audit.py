"""The ledger seen from outside: entries that explain their level, and the product's own checker."""

from __future__ import annotations

import subprocess
from collections import Counter

from tests.stack.world import World

INSIDE = ("available", "reserved", "quarantine", "damaged", "hold")


def verify(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py verify_ledger``."""
    return world.product.manage("verify_ledger", *words)


def assert_silent(world: World) -> None:
    """The checker finds nothing to say."""
    verified = verify(world)
    assert (verified.returncode, verified.stdout.strip()) == (0, ""), verified.stdout + verified.stderr


def assert_entries_explain_the_level(world: World, *, sku: str) -> None:
    """The entries are numbered without gaps and add up to what the level shows, state by state."""
    entries = sorted(world.api.rows("ledger-entries/", sku=sku), key=lambda entry: entry["number"])
    assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
    sums: Counter[str] = Counter()
    for entry in entries:
        assert entry["quantity"] > 0
        sums[entry["from_state"]] -= entry["quantity"]
        sums[entry["to_state"]] += entry["quantity"]
    level = world.level(sku)
    assert {state: sums[state] for state in INSIDE} == {state: level[state] for state in INSIDE}
    assert level["on_hand"] == sum(level[state] for state in INSIDE)
