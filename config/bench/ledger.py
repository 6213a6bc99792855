"""The ledger at a million entries: pages, what they read as history grows, statements of a posting, rebuilding."""

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import gettext as _

from config import servers
from config.bench import history, meters
from config.bench.stage import OURS, Stage
from inventory import rebuild
from inventory.adjustments import adjust
from inventory.costing.projection import catch_up
from inventory.costing.values import Worths
from inventory.kernel import clock
from inventory.models import LedgerEntry, Location, Person, Role, Sku, StockLevel
from inventory.signals import stock_changed

#: Pages of SKUs that are opened: so many drawn uniformly, so many by Zipf.
EACH = 20
#: How much longer the history is at the second look.
LONGER = 10


def measure_ledger(stage: Stage, *, runs: int) -> dict[str, Any]:
    """A short history and a long one over the same levels; everything else of the stack stands still."""
    pids = stage.pids()
    # the launcher too: a server that is stopped on purpose is no reason to end
    with meters.suspended([pids[name] for name in OURS], alone=[pids["launcher"]]):
        entries, skus = stage.size.entries, stage.size.ledger_skus
        stage.show(_("seeding {skus} SKUs in {places} places").format(skus=skus, places=history.PLACES))
        pairs, on_hand = history.build_places(skus=skus), dict[Any, int]()
        history.write_history(pairs, entries=entries // LONGER, seed=1, on_hand=on_hand)
        short = _look(stage, skus=skus)
        stage.show(_("writing {entries} entries").format(entries=entries))
        begun = time.monotonic()
        history.write_history(pairs, entries=entries - entries // LONGER, seed=2, on_hand=on_hand)
        writing = time.monotonic() - begun
        stage.show(_("valuing them"))
        valuing, _done = _timed(lambda: catch_up(wait=True, seconds=3600))
        long = _look(stage, skus=skus)
        found = {
            "valued_a_second": round(entries / valuing), "as_of": _as_of(),
            "entries": LedgerEntry.objects.count(), "levels": StockLevel.objects.count(), "skus": skus,
            "short": short, "long": long, "entries_a_second": round((entries - entries // LONGER) / writing),
            "statements": _statements_of_a_posting(), "verify_seconds": _timed(lambda: list(rebuild.verify()))[0],
        }  # fmt: skip
        stage.show(_("rebuilding every level"))
        return {**found, **_rebuild(stage, on_hand=sum(on_hand.values()) + 1)}  # the posting above


def _look(stage: Stage, *, skus: int) -> dict[str, dict[str, float]]:
    """Open each page after a restart of PostgreSQL: its seconds, and the buffers that it touched, at most and in the middle."""
    with stage.superuser() as owner:
        owner.execute("VACUUM ANALYZE")
        owner.execute("CHECKPOINT")
    client = _somebody(stage.host)
    _open(client, reverse("admin:inventory_sku_changelist"))  # what a process loads once
    connection.close()
    servers.restart_postgres(stage.layout)
    return {name: _open_all(client, addresses) for name, addresses in _addresses(skus).items()}


def _somebody(host: str) -> Client:
    user, made = User.objects.get_or_create(username="bench", is_staff=True)
    if made:
        Person.objects.create(user=user, role=Role.OPERATOR)
    client = Client(headers={"host": host})
    client.force_login(user)
    return client


def _addresses(skus: int) -> dict[str, list[str]]:
    codes = history.codes_to_look_at(skus, each=EACH, seed=3)
    ids = history.pages_of(codes)
    levels = reverse("admin:inventory_stocklevel_changelist")
    pages = StockLevel.objects.count() // 50
    place = Location.objects.earliest("pk").pk
    lists = [
        "",
        f"?q={codes[0]}",
        "?holding=out",
        "?o=-4",
        f"?location__id__exact={place}",
        f"?p={pages // 2}",
        f"?p={pages}",
    ]
    return {
        "stock_list": [f"{levels}{query}" for query in lists],
        "stock_list_api": ["/api/v1/stock-levels/", f"/api/v1/stock-levels/?sku={codes[0]}"],
        "sku_page": [reverse("admin:inventory_sku_change", args=(ids[code],)) for code in codes],
    }


def _open_all(client: Client, addresses: list[str]) -> dict[str, Any]:
    opened = {address: _open(client, address) for address in addresses}
    slowest = max(opened, key=lambda address: opened[address][0])
    buffers = sorted(touched for _seconds, touched in opened.values())
    return {
        "most_seconds": round(opened[slowest][0], 3), "slowest": slowest, "buffers": buffers[len(buffers) // 2],
        "each": {address: [round(seconds, 3), touched] for address, (seconds, touched) in opened.items()},
    }  # fmt: skip


def _open(client: Client, address: str) -> tuple[float, int]:
    """Seconds that the server takes, and the buffers that its connection touched."""
    before = _touched()
    seconds, answer = _timed(lambda: client.get(address))
    assert answer.status_code == 200, (address, answer.status_code)
    return seconds, _touched() - before


def _touched() -> int:
    """Buffers that connections, and the workers that help them, have found or read so far; vacuuming apart."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT coalesce(sum(hits), 0) + coalesce(sum(reads), 0) FROM pg_stat_io"
            " WHERE object = 'relation' AND backend_type IN ('client backend', 'background worker')"
        )
        return int(cursor.fetchone()[0])


def _as_of() -> dict[str, float]:
    """Seconds that the value of all stock takes, now and at an instant in the middle of its history, with a page of its rows."""
    middle = LedgerEntry.objects.order_by("pk").values_list("recorded_at", flat=True)[LedgerEntry.objects.count() // 2]
    found = {}
    for name, at in (("now", clock.now()), ("then", middle)):
        worths = Worths(at=at)
        found[name] = _timed(lambda worths=worths: (worths.totals(), worths[0:50]))[0]  # type: ignore[misc]
    return found


def _statements_of_a_posting() -> dict[str, int]:
    """Those of the ledger and those of the receivers, for one line that changes what is available."""
    inside: list[int] = []
    send = stock_changed.send

    def counted(*args: Any, **named: Any) -> Any:
        before = len(connection.queries_log)
        answer = send(*args, **named)
        inside.append(len(connection.queries_log) - before)
        return answer

    stock_changed.send = counted  # type: ignore[method-assign]
    try:
        with CaptureQueriesContext(connection) as captured:
            adjust(sku=Sku.objects.earliest("pk"), location=Location.objects.earliest("pk"), quantity=1, actor="bench")
    finally:
        stock_changed.send = send  # type: ignore[method-assign]
    frame = sum(query["sql"].split(" ", 1)[0] in ("BEGIN", "COMMIT") for query in captured.captured_queries)
    return {"receivers": sum(inside), "ledger": len(captured) - sum(inside) - frame - 2}


def _rebuild(stage: Stage, *, on_hand: int) -> dict[str, Any]:
    """Spoil every level, rebuild them all, and see that they are right."""
    with stage.superuser() as owner:
        owner.execute("UPDATE inventory_stocklevel SET available = available + 1, number = number + 1")
    seconds, mended = _timed(rebuild.repair)
    with stage.superuser() as owner:
        (held,) = owner.execute("SELECT sum(available) FROM inventory_stocklevel").fetchone()  # type: ignore[misc]
    problems = [] if int(held) == on_hand else [f"{held} units instead of {on_hand}"]
    if left := len(list(rebuild.verify())):
        problems.append(f"{left} differences after it")
    return {"rebuild_seconds": seconds, "rebuilt": mended, "problems": problems}


def _timed(deed: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    done = deed()
    return time.perf_counter() - begun, done
