"""Every golden, compared exactly. A new connector needs only its folder of files."""

import json
from pathlib import Path

import pytest

from channels.connectors import registry
from channels.connectors.http import Http
from inventory.kernel import clock
from tests.golden.connector import cases

ALL = [(code, path) for code in cases.codes() for path in cases.files(code)]


@pytest.mark.parametrize(("code", "path"), ALL, ids=[f"{code}/{path.stem}" for code, path in ALL])
def test_golden(code: str, path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    assert set(case) == {"about", "call", "given", "expected"} and case["about"].endswith(".")
    assert cases.run(code, case) == case["expected"]


def test_every_call_and_every_reason_has_a_golden() -> None:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in cases.files("http")]
    assert {case["call"] for case in found} == set(cases.CALLS)
    refused = {case["expected"]["reason"] for case in found if "reason" in (case["expected"] or {})}
    assert refused == {
        "not_utf8", "not_json", "not_an_event", "no_lines", "bad_line", "bad_id", "bad_version", "bad_time",
        "duplicate_line",
    }  # fmt: skip
    parked = {
        line["problem"].partition(":")[0]
        for case in found
        if case["call"] == "event" and "lines" in (case["expected"] or {})
        for line in case["expected"]["lines"]
    }
    assert parked == {"", "bad_quantity", "bad_listing"}


def test_every_call_and_every_reason_of_shopify_has_a_golden() -> None:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in cases.files("shopify")]
    plain_requests = {"push_request", "stock_request", "orders_request", "shipment_request", "shipment_answer"}
    assert {case["call"] for case in found} == (set(cases.CALLS) | set(cases.MORE_CALLS)) - plain_requests
    refused = {case["expected"].get("reason") for case in found if isinstance(case["expected"], dict)} - {None}
    assert refused == {
        "not_utf8", "not_json", "not_an_event", "no_lines", "bad_line", "bad_id", "bad_time", "duplicate_line",
    }  # fmt: skip
    results = [result for case in found if case["call"] == "push_answer" and isinstance(case["expected"], list)
               for result in case["expected"]]  # fmt: skip
    assert {result["outcome"] for result in results} == {"applied", "stale", "rejected", "held_up"}


def test_connectors_with_a_wire_have_goldens() -> None:
    wired = {code for code, plugin in registry.all().items() if plugin.capabilities({}).has_webhooks}
    assert wired - {"dummy"} <= set(cases.codes())


def test_an_order_of_ten_thousand_lines_is_read_in_a_moment() -> None:
    lines = [{"id": str(number), "external_id": f"x{number % 500}", "quantity": 1} for number in range(10_000)]
    order = {"id": "big", "version": 1, "placed_at": "2026-11-23T10:00:00Z", "currency": "EUR", "lines": lines}
    body = json.dumps({"type": "order.created", "order": order}).encode()
    began = clock.now()
    event = Http().parse(body, topic="")
    assert event is not None and len(event.lines) == 10_000
    assert (clock.now() - began).total_seconds() < 5
    assert Http().order_ref(body) == "big"
