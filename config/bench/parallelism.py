"""Parallelism: sales of different SKUs on one connection and on four; a lock that all share would show."""

from contextlib import ExitStack
from typing import Any

from django.utils.translation import gettext as _
from psycopg import Connection

from config.bench import meters, world
from config.bench.counts import Rows, differences, expected_rows
from config.bench.hands import Hand
from config.bench.seller import WARM_UP
from config.bench.stage import ASIDE, Stage

MANY = 4


def measure_parallelism(stage: Stage, *, runs: int) -> dict[str, Any]:
    """One and four in turn, so that both meet the same machine."""
    with meters.suspended(list(stage.pids(*ASIDE).values())), stage.superuser() as connection:
        stage.show(_("seeding the product: {n} SKUs on 30 channels").format(n=stage.size.skus))
        world.build_world(skus=stage.size.skus)
        connection.execute("VACUUM ANALYZE")
        pairs: list[dict[str, float]] = []
        problems: list[str] = []
        for number in range(1, runs + 1):
            pair = {}
            for name, sellers in (("one", 1), ("four", MANY)):
                pair[name], wrong = _sell(stage, connection, name=f"{name}-{number}", sellers=sellers)
                problems += [f"{number}: {each}" for each in wrong]
            pairs.append(pair)
            text = _("run {number} of {runs}: {one} orders/s on one connection, {four} on four")
            stage.show(text.format(number=number, runs=runs, **pair))
    return {"pairs": pairs, "problems": problems, "seconds": stage.size.selling_seconds, "sellers": MANY}


def _sell(stage: Stage, connection: Connection, *, name: str, sellers: int) -> tuple[float, list[str]]:
    """Orders a second of so many sellers together, and what does not add up."""
    world.settle_down(connection)
    before, span = Rows.count(connection), stage.size.skus // MANY
    with ExitStack() as stack:
        hands = [
            stack.enter_context(Hand("config.bench.seller", _arguments(stage, f"{name}-{each}", each * span, span)))
            for each in range(sellers)
        ]
        for hand in hands:
            hand.wait_until_ready()
        for hand in hands:
            hand.begin()
        said = [hand.result() for hand in hands]
    counts = [int(each["orders"]) + WARM_UP for each in said]
    expected = expected_rows(sum(counts), skus=sum(min(span, count) for count in counts))
    problems = differences(Rows.count(connection).since(before), expected=expected)
    return round(sum(each["orders"] / each["seconds"] for each in said), 1), problems


def _arguments(stage: Stage, name: str, first: int, span: int) -> list[str]:
    numbers = ["--first", str(first), "--last", str(first + span)]
    return ["--name", name, *numbers, "--seconds", str(stage.size.selling_seconds)]
