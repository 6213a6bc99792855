"""Marketplaces as a process of their own, driven over the control endpoint."""

import ast
import os
import signal
import time
from pathlib import Path

import pytest

import channels.simulators
from channels.simulators.remote import Process, RemoteRefused

ROOT = Path(channels.simulators.__file__).parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIG = {
    "catalogue": [["A", "SKU-A", 5, "9.90"], {"external_id": "B", "sku": "SKU-B", "quantity": 2}],
    "marketplaces": [
        {"code": "one", "secret": SECRET, "faults": {"reject_ids": ["B"]}},
        {"code": "two", "secret": SECRET, "offers": [["a2", "SKU-A", 5]]},
    ],
}


def test_a_process_sells_and_reports() -> None:
    with Process(CONFIG, root=ROOT) as process:
        remote = process.remote
        assert remote.call("channels") == process.base_urls
        assert set(process.base_urls) == {"one", "two"}
        order = remote.call("buy", channel="one", lines=[["A", 2]])["order"]
        assert order["lines"][0]["quantity"] == 2
        assert remote.call("buy", channel="one", lines=[["A", 9]])["order"] is None
        assert remote.call("books", external_ids=["A", "a2"]) == {"one": {"A": 3}, "two": {"a2": 5}}
        assert remote.call("orders", channel="one")["orders"][0]["id"] == order["id"]
        remote.call("hand", channel="two", external_id="a2", quantity=1)
        report = remote.call("report")
        assert (report["units"], report["books_agree"], report["lag"]["never"]) == (2, False, 1)
        log = remote.call("log")
        assert log["purchases"][0]["sku"] == "SKU-A" and log["changes"][-1]["source"] == "hand"
        assert remote.call("cancel", channel="one", order_id=order["id"])["order"]["status"] == "cancelled"
        remote.call("shop", rate=200, seconds=0.2, seed=1)
        time.sleep(0.3)
        assert remote.call("leave")["shoppers"]["visits"] > 10
        for verb in ("down", "up"):
            remote.call(verb, channel="one")
        remote.call("throttle", channel="one", seconds=1)
        remote.call("latency", channel="one", milliseconds=5)
        remote.call("faults", channel="one", silent=0.5)
        assert remote.call("restock", sku="SKU-A", quantity=3)["left"] >= 3
        for verb, arguments, code in (
            ("sing", {}, "unknown_verb"),
            ("buy", {"channel": "none", "lines": []}, "invalid_arguments"),
            ("pay", {"channel": "one", "order_id": "none"}, "unknown_order"),
            ("shop", {"speed": 3}, "invalid_arguments"),
        ):
            with pytest.raises(RemoteRefused) as refused:
                remote.call(verb, **arguments)
            assert refused.value.code == code
    assert process.child.returncode == 0


def test_a_process_that_cannot_start_says_so() -> None:
    with pytest.raises(RuntimeError):
        Process({"marketplaces": [{"code": "one", "secret": SECRET, "colour": "red"}]}, root=ROOT)


def test_a_process_ends_with_its_parent() -> None:
    reader, writer = os.pipe()
    parent = os.fork()
    if parent == 0:
        process = Process(CONFIG, root=ROOT)
        os.write(writer, str(process.child.pid).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(parent, 0)
    child = int(os.read(reader, 20))
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "the process outlived its parent"
        time.sleep(0.1)


def test_the_simulators_know_nothing_of_the_product() -> None:
    for path in Path(channels.simulators.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert not name.startswith(("django", "config", "inventory", "fulfillment")), f"{path.name}: {name}"
                assert not name.startswith("channels") or name.startswith("channels.simulators"), f"{path.name}: {name}"
