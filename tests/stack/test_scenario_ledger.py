"""History cannot be edited: levels can be rebuilt from entries, and whoever goes behind the product's back is named."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from tests.stack.audit import assert_entries_explain_the_level, assert_silent, verify
from tests.stack.client import eventually
from tests.stack.product import Product
from tests.stack.shop import Shop
from tests.stack.world import World, external

OPERATIONS = int(os.environ.get("STACK_OPERATIONS", "1000"))


@pytest.fixture(scope="module")
def superuser(product: Product) -> Iterator[psycopg.Connection]:
    """The cluster's superuser: a person behind the product's back."""
    with psycopg.connect(product.superuser, autocommit=True) as connection:
        yield connection


@pytest.fixture
def application(product: Product) -> Iterator[psycopg.Connection]:
    """The role that the product's own processes use."""
    with psycopg.connect(product.database("APPLICATION_ROLE"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def behind_the_back(superuser: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The superuser with every trigger off."""
    superuser.execute("SET session_replication_role = replica")
    yield superuser
    superuser.execute("SET session_replication_role = origin")


def level_id(connection: psycopg.Connection, sku: str) -> int:
    """The primary key of the only level of a SKU."""
    query = "SELECT l.id FROM inventory_stocklevel l JOIN inventory_sku s ON s.id = l.sku_id WHERE s.code = %s"
    (row,) = connection.execute(query, [sku]).fetchall()
    return int(row[0])


def entry_ids(connection: psycopg.Connection, sku: str) -> list[int]:
    """The primary keys of a SKU's entries, as the API's ``id`` has them."""
    query = "SELECT id FROM inventory_ledgerentry WHERE level_id = %s ORDER BY number"
    return [int(row[0]) for row in connection.execute(query, [level_id(connection, sku)])]


@pytest.mark.timeout(300, func_only=True)
def test_random_operations_leave_no_difference(world: World) -> None:
    """Adjustments, moves, own orders with cancels, and marketplace sales at once: entries, levels and sums agree."""
    skus = [world.sku(on_hand=200) for _ in range(12)]
    own, shop = world.manual(), world.shop(*skus, settle=False)
    chance = random.Random(6)
    seeds = [chance.random() for _ in range(OPERATIONS)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(lambda seed: operate(world, own=own, shop=shop, skus=skus, seed=seed), seeds))
    assert set(outcomes) <= {200, 201, 409}, outcomes
    eventually(lambda: world.api.count("sales-orders/", channel=shop.code) == outcomes[200], seconds=20)
    world.settle(*skus, seconds=30)
    assert_silent(world)
    for sku in skus:
        assert_entries_explain_the_level(world, sku=sku)


def operate(world: World, *, own: str, shop: Shop, skus: list[str], seed: float) -> int:
    """One random operation; the status that it was answered with."""
    chance = random.Random(seed)
    sku, quantity = chance.choice(skus), chance.randint(1, 9)
    kind = chance.choice(["adjust", "lose", "move", "own", "own", "sale"])
    line = {"external_id": "1", "sku": sku, "quantity": quantity, "unit_price": "1.00"}
    match kind:
        case "adjust" | "lose":
            signed = quantity if kind == "adjust" else -quantity
            body = {"sku": sku, "location": world.place, "quantity": signed, "reason": kind}
            return world.api.request("POST", path="stock-adjustments/", body=body).status_code
        case "move":
            there, back = chance.sample(["available", "quarantine", "damaged", "hold"], 2)
            body = {"sku": sku, "location": world.place, "from_state": there, "to_state": back, "quantity": quantity}
            return world.api.request("POST", path="stock-moves/", body=body | {"reason": "inspection"}).status_code
        case "own":
            name = f"{world.tag}-{seed}"
            body = {"channel": own, "external_id": name, "currency": "EUR", "lines": [line]}
            answer = world.api.request("POST", path="sales-orders/", body=body)
            if answer.status_code == 201 and chance.random() < 0.5:
                made = answer.json()
                path = f"sales-orders/{made.get('code') or made['id']}/cancel/"
                assert world.api.request("POST", path=path, body={"reason": "changed mind"}).is_success
            return answer.status_code
        case _:
            return sell(world, shop=shop, sku=sku, quantity=quantity)


def test_a_level_that_is_off_by_three_is_printed_with_the_three(
    world: World, behind_the_back: psycopg.Connection
) -> None:
    sku = world.sku(on_hand=10)
    behind_the_back.execute(
        "UPDATE inventory_stocklevel SET available = available + 3 WHERE id = %s", [level_id(behind_the_back, sku)]
    )
    try:
        verified = verify(world)
        assert verified.returncode == 1, verified.stdout + verified.stderr
        lines = [line for line in verified.stdout.splitlines() if sku in line]
        assert lines, verified.stdout + verified.stderr
        assert "3" in " ".join(lines).replace(sku, "").replace(world.place, ""), lines
    finally:
        verify(world, "--repair")


def test_repair_brings_a_level_back_to_what_its_entries_say(world: World, behind_the_back: psycopg.Connection) -> None:
    sku = world.sku(on_hand=10)
    behind_the_back.execute(
        "UPDATE inventory_stocklevel SET available = available + 3 WHERE id = %s", [level_id(behind_the_back, sku)]
    )
    verify(world, "--repair")
    assert world.numbers(sku) == (10, 10, 0)
    assert_silent(world)


def test_only_the_level_that_is_off_is_printed(world: World, behind_the_back: psycopg.Connection) -> None:
    sound, off = world.sku(on_hand=10), world.sku(on_hand=10)
    behind_the_back.execute(
        "UPDATE inventory_stocklevel SET available = available - 3 WHERE id = %s", [level_id(behind_the_back, off)]
    )
    try:
        printed = verify(world).stdout
        assert off in printed
        assert sound not in printed
    finally:
        verify(world, "--repair")


def sell(world: World, *, shop: Shop, sku: str, quantity: int) -> int:
    """A shopper buys as much as the shop shows; 409 stands for an empty shelf."""
    with shop.lock:
        units = min(quantity, shop.book.get(external(sku), 0))
        order = shop.sell((external(sku), units)) if units else None
    return world.deliver(shop, order=order).status_code if order else 409


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory_ledgerentry SET quantity = quantity + 1",
        "DELETE FROM inventory_ledgerentry",
        "TRUNCATE inventory_ledgerentry",
        "TRUNCATE inventory_ledgerentry CASCADE",
        "ALTER TABLE inventory_ledgerentry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TABLE inventory_ledgerentry CASCADE",
    ],
)
def test_the_application_may_not_touch_written_entries(
    world: World, application: psycopg.Connection, statement: str
) -> None:
    sku = world.sku(on_hand=10)
    with pytest.raises(psycopg.Error):
        application.execute(sql.SQL(statement))  # type: ignore[arg-type]
    assert world.api.count("ledger-entries/", sku=sku) == 1


@pytest.mark.parametrize(
    "verb", ["UPDATE inventory_ledgerentry SET quantity = quantity", "DELETE FROM inventory_ledgerentry"]
)
def test_even_the_owner_of_the_tables_is_stopped_by_the_trigger(world: World, verb: str) -> None:
    world.sku(on_hand=10)
    with psycopg.connect(world.product.database("OWNER_ROLE"), autocommit=True) as owner, pytest.raises(psycopg.Error):
        owner.execute(sql.SQL(verb))  # type: ignore[arg-type]


def test_the_application_owns_no_table_and_is_no_superuser(application: psycopg.Connection) -> None:
    owned = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relowner = current_user::regrole"
    assert application.execute(owned).fetchone() == (0,)
    assert application.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


def test_an_entry_changed_with_triggers_off_is_named(world: World, behind_the_back: psycopg.Connection) -> None:
    sku = world.sku(on_hand=10)
    (changed,) = entry_ids(behind_the_back, sku)
    behind_the_back.execute("UPDATE inventory_ledgerentry SET reason = reason || 'x' WHERE id = %s", [changed])
    try:
        verified = verify(world)
        assert verified.returncode == 1, verified.stdout + verified.stderr
        assert any(sku in line for line in verified.stdout.splitlines()), verified.stdout + verified.stderr
    finally:
        behind_the_back.execute("UPDATE inventory_ledgerentry SET reason = left(reason, -1) WHERE id = %s", [changed])
    assert verify(world).returncode == 0


def test_an_entry_whose_quantity_and_level_were_changed_alike_is_named(
    world: World, behind_the_back: psycopg.Connection
) -> None:
    sku = world.sku(on_hand=10)
    (changed,) = entry_ids(behind_the_back, sku)
    level = level_id(behind_the_back, sku)
    change = "UPDATE inventory_ledgerentry SET quantity = quantity + %s, available_after = available_after + %s WHERE id = %s"
    behind_the_back.execute(change, [3, 3, changed])
    behind_the_back.execute("UPDATE inventory_stocklevel SET available = available + 3 WHERE id = %s", [level])
    try:
        verified = verify(world)
        assert verified.returncode == 1
        assert sku in verified.stdout, verified.stdout + verified.stderr
    finally:
        behind_the_back.execute(change, [-3, -3, changed])
        behind_the_back.execute("UPDATE inventory_stocklevel SET available = available - 3 WHERE id = %s", [level])
        value_anew(world)
    assert_silent(world)


def test_an_entry_removed_with_triggers_off_is_named(world: World, behind_the_back: psycopg.Connection) -> None:
    sku = world.sku(on_hand=10)
    world.adjust(sku, quantity=2)
    world.adjust(sku, quantity=-2)
    middle = entry_ids(behind_the_back, sku)[1]
    behind_the_back.execute("CREATE TEMP TABLE kept AS SELECT * FROM inventory_ledgerentry WHERE id = %s", [middle])
    behind_the_back.execute("DELETE FROM inventory_ledgerentry WHERE id = %s", [middle])
    try:
        verified = verify(world)
        assert verified.returncode == 1
        assert sku in verified.stdout, verified.stdout + verified.stderr
    finally:
        behind_the_back.execute("INSERT INTO inventory_ledgerentry OVERRIDING SYSTEM VALUE SELECT * FROM kept")
        behind_the_back.execute("DROP TABLE kept")
        value_anew(world)
    assert_silent(world)


def value_anew(world: World) -> None:
    """What it cost may have been worked out while the entry was gone or another one."""
    done = world.product.manage("rebuild_cost")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_past_instant_can_be_read(world: World) -> None:
    sku = world.sku(on_hand=10)
    past = world.api.row("ledger-entries/", sku=sku)["recorded_at"]
    world.adjust(sku, quantity=7)
    assert world.api.row("stock-levels/", sku=sku, location=world.place, at=past)["on_hand"] == 10
    assert world.api.row("stock-levels/", sku=sku, location=world.place)["on_hand"] == 17
