"""Intake: signed webhooks over HTTP to committed orders with their debts for thirty channels, beside the floor of plain SQL.

The clock runs from the first byte sent to the last commit that a foreign connection sees. Sync and beat stand still
meanwhile: the floor has nobody who pays its debts either.
"""

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from psycopg import Connection

from config.bench import floor, meters, world
from config.bench.counts import Rows, differences, expected_rows
from config.bench.deliveries import requests_for, write_requests
from config.bench.hands import Hand, HandError
from config.bench.stage import ASIDE, Stage

CONNECTIONS = 16
STALL_SECONDS = 30.0
FAR_SECONDS, NEAR_SECONDS = 0.2, 0.02
#: From this share of the orders on, the foreign connection looks as often as it can without being a load itself.
NEAR = 0.9


def measure_intake(stage: Stage, *, runs: int) -> dict[str, Any]:
    """The floor and the product in turn, on one server."""
    with meters.suspended(list(stage.pids(*ASIDE).values())), stage.superuser() as connection:
        stage.show(_("seeding the floor: {n} SKUs on 30 channels").format(n=floor.SKUS))
        base = floor.Floor(stage.layout)
        base.build()
        stage.show(_("seeding the product: {n} SKUs on 30 channels").format(n=stage.size.skus))
        listings = world.build_world(skus=stage.size.skus)
        connection.execute("VACUUM ANALYZE")
        stage.show(_("warming up"))
        _send(stage, connection, run="warm", orders=stage.size.warm_up_orders)
        connection.execute("ANALYZE")  # as autovacuum would: what was planned for empty tables is planned anew
        found = []
        for number in range(1, runs + 1):
            lower = _sell_on_the_floor(stage, base)
            upper = _send(stage, connection, run=str(number), orders=stage.size.orders)
            found.append({**lower, **upper, "problems": [*lower["problems"], *upper["problems"]]})
            rates = {"ours": upper["orders_per_second"], "floor": lower["floor_tps"]}
            text = _("run {number} of {runs}: {ours} orders/s, floor {floor} sales/s").format(
                number=number, runs=runs, **rates
            )
            stage.show(text)
    asked = {"skus": stage.size.skus, "listings": listings, "floor_skus": floor.SKUS, "connections": CONNECTIONS}
    return {**asked, "orders_a_run": stage.size.orders, "runs": found}


def _sell_on_the_floor(stage: Stage, base: floor.Floor) -> dict[str, Any]:
    """One run of pgbench, with what it cost."""
    before, children = meters.cpu_seconds(stage.pids("postgres")), meters.children_cpu_seconds()
    found = base.run(seconds=stage.size.floor_seconds)
    costs = meters.spent(before, meters.cpu_seconds(stage.pids("postgres")))
    costs["pgbench"] = meters.children_cpu_seconds() - children
    sales = found["floor_transactions"] or 1
    return {**found, "floor_cpu_milliseconds_a_sale": {n: round(1000 * cost / sales, 3) for n, cost in costs.items()}}


def _send(stage: Stage, connection: Connection, *, run: str, orders: int) -> dict[str, Any]:
    """Fresh orders, each of another SKU; what came of them and what it cost."""
    world.settle_down(connection)
    skus = random.Random(run).sample(range(stage.size.skus), k=orders)
    before, last = Rows.count(connection), _last_order(connection)
    with tempfile.TemporaryDirectory(prefix="sellonce-bench-") as folder:
        file = Path(folder) / "requests"
        requests = requests_for(
            [world.sku_code(number) for number in skus], shops=world.shops(), host=stage.host, run=run
        )
        write_requests(file, requests)
        host, port = stage.host.rsplit(":", 1)
        arguments = [str(file), "--host", host, "--port", port, "--connections", str(CONNECTIONS)]
        with Hand("config.bench.sender", arguments) as sender:
            sender.wait_until_ready()
            costs, whole = meters.cpu_seconds(stage.pids()), meters.machine_cpu_seconds()
            sender.begin()
            committed = _last_commit(connection, after=last, wanted=orders)
            costs = meters.spent(costs, meters.cpu_seconds(stage.pids()))
            whole = meters.machine_cpu_seconds() - whole
            said = sender.result()
    time.sleep(NEAR_SECONDS)
    problems = differences(Rows.count(connection).since(before), expected=expected_rows(orders, skus=orders))
    if said["statuses"] != {"200": orders}:
        problems.append(_("answers by status: {statuses}").format(statuses=said["statuses"]))
    return {
        **_rates(said, committed=committed, orders=orders),
        **_costs(said, costs, whole, orders),
        "problems": problems,
    }


def _last_order(connection: Connection) -> int:
    row = connection.execute("SELECT coalesce(max(id), 0) FROM fulfillment_salesorder").fetchone()
    return int(row[0]) if row else 0


def _last_commit(connection: Connection, *, after: int, wanted: int) -> float:
    """When so many new orders are there for everybody to see, by the monotonic clock. They commit with all that they owe."""
    seen, moved = -1, time.monotonic()
    while True:
        row = connection.execute("SELECT count(*) FROM fulfillment_salesorder WHERE id > %s", [after]).fetchone()
        now, count = time.monotonic(), row[0] if row else 0
        if count >= wanted:
            return now
        if count != seen:
            seen, moved = count, now
        if now - moved > STALL_SECONDS:
            raise HandError(_("intake stands still at {n} of {wanted} orders").format(n=count, wanted=wanted))
        time.sleep(NEAR_SECONDS if count > NEAR * wanted else FAR_SECONDS)


def _rates(said: dict[str, Any], *, committed: float, orders: int) -> dict[str, Any]:
    seconds, answered = committed - said["begun"], said["ended"] - said["begun"]
    return {
        "orders_per_second": round(orders / seconds, 1),
        "answers_per_second": round(orders / answered, 1),
        "seconds": round(seconds, 3),
        "seconds_to_last_answer": round(answered, 3),
    }


def _costs(said: dict[str, Any], costs: dict[str, float], whole: float, orders: int) -> dict[str, Any]:
    """CPU seconds by part; ``elsewhere`` is whatever else the machine did meanwhile."""
    parts = {**costs, "sender": said["cpu_seconds"]}
    parts["elsewhere"] = round(max(0.0, whole - sum(parts.values())), 3)
    share = round(said["cpu_seconds"] / (said["ended"] - said["begun"]), 3)
    return {
        "cpu_seconds": parts,
        "cpu_milliseconds_an_order": {name: round(1000 * spent / orders, 3) for name, spent in parts.items()},
        "sender_share_of_a_core": share,
    }
