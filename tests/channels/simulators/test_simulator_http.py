"""Round trips over real HTTP: a marketplace, a merchant's inbox, and everything that can go wrong between them."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urlsplit

import pytest

from channels.simulators import Faults, Marketplaces, MarketplaceSpec, Offer, signing
from channels.simulators.wants import Shopping

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = signing.secret_of(KEY)


class Inbox:
    """A merchant's webhook endpoint: verifies, remembers, and answers what it is told to."""

    def __init__(self) -> None:
        inbox = self
        self.received: list[tuple[str, dict]] = []
        self.statuses: list[int] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                message_id = signing.verify(KEY, headers=headers, body=body)
                inbox.received.append((message_id, json.loads(body)))
                self.send_response(inbox.statuses.pop(0) if inbox.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def types(self) -> list[str]:
        return [event["type"] for _, event in self.received]


class Caller:
    """The merchant's side of the wire."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)

    def call(self, method: str, target: str, document: object = None, *, key: bytes = KEY) -> tuple[int, dict]:
        body = b"" if document is None else json.dumps(document).encode()
        self.connection.request(method, target, body, signing.sign(key, message_id="m", body=body))
        response = self.connection.getresponse()
        self.headers = dict(response.getheaders())
        return response.status, json.loads(response.read())

    def put(self, external_id: str, quantity: int, version: int) -> tuple[int, dict]:
        return self.call(
            "PUT", "/stock", {"items": [{"external_id": external_id, "quantity": quantity, "version": version}]}
        )


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.server.shutdown()
    inbox.server.server_close()


@pytest.fixture
def open_world(inbox: Inbox) -> Iterator[Callable[..., Marketplaces]]:
    worlds: list[Marketplaces] = []

    def open_one(**changes: object) -> Marketplaces:
        offers = (Offer("A", "SKU-A", 10), Offer("B", "SKU-B", 3), Offer("Ü/1", "SKU-C", 4))
        specs = [
            MarketplaceSpec(**{"code": code, "secret": SECRET, "offers": offers, **changes}) for code in ("one", "two")
        ]
        worlds.append(Marketplaces(specs, inbox.url))
        worlds[-1].start()
        return worlds[-1]

    yield open_one
    for world in worlds:
        world.stop()


@pytest.fixture
def world(open_world: Callable[..., Marketplaces]) -> Marketplaces:
    return open_world()


def test_a_sale_is_told_signed_and_read_by_page(world: Marketplaces, inbox: Inbox) -> None:
    shop = world.channel("one")
    order = shop.buy_basket([("A", 2), ("Ü/1", 1)])
    assert order is not None
    wait_for(lambda: inbox.received)
    message_id, event = inbox.received[0]
    assert (event["type"], event["id"]) == ("order.created", message_id)
    told = event["order"]
    assert (told["id"], told["version"], told["currency"]) == (order.order_id, 1, "USD")
    assert told["placed_at"].endswith("Z") and len(told["placed_at"]) == 24
    assert [(line["external_id"], line["quantity"], line["cancelled"]) for line in told["lines"]] == [
        ("A", 2, 0),
        ("Ü/1", 1, 0),
    ]
    status, page = Caller(shop.base_url).call("GET", "/orders")
    assert (status, page) == (200, {"orders": [told], "next": None})
    assert world.books() == {"one": {"A": 8, "B": 3, "Ü/1": 3}, "two": {"A": 10, "B": 3, "Ü/1": 4}}


def test_nothing_is_sold_that_is_not_shown(world: Marketplaces, inbox: Inbox) -> None:
    shop = world.channel("one")
    assert shop.buy("B", quantity=4) is None
    assert shop.buy_basket([("A", 1), ("B", 4)]) is None
    assert shop.buy_basket([("B", 2), ("B", 2)]) is None
    partial = shop.buy_basket([("A", 1), ("B", 4)], partial=True)
    assert partial is not None and len(partial.lines) == 1
    assert shop.book() == {"A": 9, "B": 3, "Ü/1": 4}


def test_the_life_of_an_order(world: Marketplaces, inbox: Inbox) -> None:
    shop = world.channel("one")
    order = shop.buy("A", quantity=5, pending=True)
    assert order is not None and order.status == "pending"
    wait_for(lambda: len(inbox.received) == 1)
    shop.pay(order.order_id)
    wait_for(lambda: len(inbox.received) == 2)
    shop.cancel(order.order_id, quantities={"A": 1})
    wait_for(lambda: len(inbox.received) == 3)
    shop.ship(order.order_id, quantities={"A": 2})
    wait_for(lambda: len(inbox.received) == 4)
    shop.refund(order.order_id, quantities={"A": 3})
    wait_for(lambda: len(inbox.received) == 5)
    assert inbox.types() == ["order.created", *["order.updated"] * 3, "order.refunded"]
    assert inbox.received[0][1]["order"]["status"] == "pending"
    last = inbox.received[-1][1]["order"]
    assert last["version"] == 5
    line = last["lines"][0]
    assert (line["cancelled"], line["shipped"], line["refunded"]) == (1, 2, 3)
    # 5 - 1 - 3 = 1, but two are shipped: two are gone, three came back
    assert world.report()["units"] == 5
    assert world.world.stock.left["SKU-A"] == 8
    whole = shop.buy("B", quantity=1)
    assert whole is not None
    assert shop.cancel(whole.order_id).status == "cancelled"
    wait_for(lambda: "order.cancelled" in inbox.types())


def test_orders_by_page_and_by_time(open_world: Callable[..., Marketplaces]) -> None:
    shop = open_world(page_size=2).channel("one")
    orders = [shop.buy("A") for _ in range(5)]
    caller, seen, cursor = Caller(shop.base_url), [], ""
    while True:
        status, page = caller.call("GET", f"/orders?cursor={cursor}")
        assert status == 200
        seen += [order["id"] for order in page["orders"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == [order.order_id for order in orders if order]
    time.sleep(0.005)
    since = orders[-1].updated_at.isoformat() if orders[-1] else ""
    shop.cancel(seen[0])
    _, page = caller.call("GET", f"/orders?updated_since={quote(since)}")
    assert [order["id"] for order in page["orders"]] == [seen[4], seen[0]]
    assert caller.call("GET", "/orders?updated_since=yesterday")[0] == 400
    assert caller.call("GET", "/orders?cursor=x")[0] == 400
    _, first = caller.call("GET", "/stock")
    _, second = caller.call("GET", f"/stock?cursor={first['next']}")
    assert first["items"] + second["items"] == [
        {"external_id": "A", "quantity": 6 - 1},
        {"external_id": "B", "quantity": 3},
        {"external_id": "Ü/1", "quantity": 4},
    ]
    assert second["next"] is None


def test_stock_is_put_item_by_item(world: Marketplaces) -> None:
    caller = Caller(world.channel("one").base_url)
    items = [
        {"external_id": "A", "quantity": 7, "version": 3},
        {"external_id": "nothing", "quantity": 7, "version": 3},
        {"external_id": "B", "quantity": -1, "version": 3},
    ]
    status, answer = caller.call("PUT", "/stock", {"items": items})
    assert status == 200
    assert [result["status"] for result in answer["results"]] == ["applied", "rejected", "rejected"]
    assert caller.put("A", 5, 2)[1]["results"] == [{"external_id": "A", "status": "stale", "quantity": 7}]
    assert world.channel("one").book()["A"] == 7


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        ({"items": [{}] * 101}, 413, "batch_too_large"),
        ({"items": {}}, 400, "invalid_items"),
        ([], 400, "invalid_body"),
    ],
)
def test_malformed_writes(world: Marketplaces, document: object, status: int, code: str) -> None:
    answered, body = Caller(world.channel("one").base_url).call("PUT", "/stock", document)
    assert (answered, body["error"]["code"]) == (status, code)


def test_unsigned_and_unknown_requests(world: Marketplaces) -> None:
    caller = Caller(world.channel("one").base_url)
    assert caller.call("PUT", "/stock", {"items": []}, key=b"another")[0] == 401
    assert caller.call("GET", "/prices")[0] == 404
    caller.connection.request("GET", "/stock")
    response = caller.connection.getresponse()
    assert (response.status, json.loads(response.read())["error"]["code"]) == (401, "signature_missing")


def test_half_an_answer_after_the_write_and_refusals_by_seed(open_world: Callable[..., Marketplaces]) -> None:
    world = open_world(faults=Faults(half_after=1.0, read_half=1.0))
    shop = world.channel("one")
    for method, target, document in (
        ("PUT", "/stock", {"items": [{"external_id": "A", "quantity": 7, "version": 1}]}),
        ("GET", "/stock", None),
    ):
        with pytest.raises(http.client.IncompleteRead):
            Caller(shop.base_url).call(method, target, document)
    assert shop.book()["A"] == 7
    shop.misbehave(half_after=0.0, read_half=0.0, too_fast=1.0, read_error=1.0)
    caller = Caller(shop.base_url)
    assert (caller.put("A", 5, 2)[0], caller.headers["retry-after"]) == (429, "1")
    assert caller.call("GET", "/stock")[0] == 503
    assert shop.book()["A"] == 7


def test_large_and_chunked_bodies_over_one_connection(open_world: Callable[..., Marketplaces]) -> None:
    caller = Caller(open_world(max_batch=50_000).channel("one").base_url)
    items = [{"external_id": f"x{number}", "quantity": 1, "version": 1, "pad": "y" * 200} for number in range(40_000)]
    status, answer = caller.call("PUT", "/stock", {"items": items})
    assert (status, len(answer["results"])) == (200, 40_000)
    body = json.dumps({"items": [{"external_id": "A", "quantity": 1, "version": 1}]}).encode()
    headers = signing.sign(KEY, message_id="m", body=body)
    caller.connection.request("PUT", "/stock", iter([body[:10], body[10:]]), headers, encode_chunked=True)
    assert json.loads(caller.connection.getresponse().read())["results"][0]["status"] == "applied"
    caller.connection.putrequest("PUT", "/stock")
    caller.connection.putheader("content-length", str(21 * 1024 * 1024))
    caller.connection.endheaders()
    assert caller.connection.getresponse().status == 413


def test_shipments_are_recorded_once_and_echoed(world: Marketplaces, inbox: Inbox) -> None:
    shop = world.channel("one")
    order = shop.buy("A", quantity=3)
    assert order is not None
    caller = Caller(shop.base_url)
    shipment = {"order_id": order.order_id, "carrier": "UPS", "tracking_number": "1Z", "lines": []}
    shipment["lines"] = [{"line_id": order.lines[0].line_id, "quantity": 2}]
    assert caller.call("POST", "/shipments", shipment) == (200, {"status": "recorded"})
    assert caller.call("POST", "/shipments", shipment) == (200, {"status": "known"})
    assert order.lines[0].shipped == 2
    more = {**shipment, "tracking_number": "2Z"}
    assert caller.call("POST", "/shipments", more)[0] == 422
    assert caller.call("POST", "/shipments", {**shipment, "order_id": "none"})[0] == 404
    assert caller.call("POST", "/shipments", {"order_id": order.order_id})[0] == 400
    wait_for(lambda: inbox.types().count("order.updated") == 1)


def test_rate_limit_and_throttle(open_world: Callable[..., Marketplaces]) -> None:
    world = open_world(rate_per_second=5.0, burst=2)
    caller = Caller(world.channel("one").base_url)
    statuses = [caller.put("A", 1, version)[0] for version in range(1, 5)]
    assert statuses[:2] == [200, 200] and statuses[-1] == 429
    assert int(caller.headers["retry-after"]) >= 1
    world.channel("two").throttle_for(30)
    other = Caller(world.channel("two").base_url)
    assert other.put("A", 1, 1)[0] == 429
    assert 28 <= int(other.headers["retry-after"]) <= 30
    world.channel("two").throttle_for(0)
    assert other.put("A", 1, 1)[0] == 200


def test_latency(open_world: Callable[..., Marketplaces]) -> None:
    caller = Caller(open_world(latency_ms=100.0, latency_jitter=0.0).channel("one").base_url)
    begun = time.monotonic()
    caller.put("A", 1, 1)
    assert 0.09 < time.monotonic() - begun < 1.0


@pytest.mark.parametrize(
    ("fault", "seen", "applied"),
    [
        ("error_before", 503, False),
        ("error_after", 502, True),
        ("reset_before", ConnectionError, False),
        ("reset_after", ConnectionError, True),
        ("timeout_after", TimeoutError, True),
        ("silent", TimeoutError, False),
    ],
)
def test_faults_of_writes(world: Marketplaces, fault: str, seen: object, applied: bool) -> None:
    shop = world.channel("one")
    shop.misbehave(**{fault: 1.0})
    caller = Caller(shop.base_url)
    caller.connection.timeout = 0.3
    if isinstance(seen, int):
        assert caller.put("A", 2, 1)[0] == seen
    else:
        with pytest.raises((ConnectionError, TimeoutError, http.client.RemoteDisconnected)) as raised:
            caller.put("A", 2, 1)
        assert isinstance(raised.value, TimeoutError) == (seen is TimeoutError)
    assert shop.book()["A"] == (2 if applied else 10)
    assert Caller(shop.base_url).call("GET", "/stock")[0] == 200


def test_a_late_write_is_fenced_by_its_version(world: Marketplaces) -> None:
    shop = world.channel("one")
    shop.misbehave(late=1.0, late_seconds=0.3)
    caller = Caller(shop.base_url)
    caller.connection.timeout = 0.1
    with pytest.raises(TimeoutError):
        caller.put("A", 2, 1)
    caller.connection.close()
    shop.misbehave(late=0.0)
    assert Caller(shop.base_url).put("A", 3, 2)[0] == 200
    time.sleep(0.4)
    assert shop.book()["A"] == 3


def test_faults_of_webhooks(open_world: Callable[..., Marketplaces], inbox: Inbox) -> None:
    world = open_world(faults=Faults(drop_webhook=0.3, duplicate_webhook=0.3, delay_webhook=0.5, delay_seconds=0.2))
    shop = world.channel("one")
    shop.set_book_by_hand("A", quantity=40)
    for _ in range(40):
        assert shop.buy("A")
    wait_for(lambda: not world.status()["pending_webhooks"])
    counts = world.status()["webhooks"]
    assert 0 < counts["dropped"] < 40
    assert counts["duplicated"] > 0
    ids = [message_id for message_id, _ in inbox.received]
    assert len(ids) == counts["delivered"] == 40 - counts["dropped"] + counts["duplicated"]
    assert len(set(ids)) == 40 - counts["dropped"]
    assert ids != sorted(ids)


def test_webhooks_are_sent_again_under_the_same_id(world: Marketplaces, inbox: Inbox) -> None:
    inbox.statuses[:] = [503, 500]
    world.channel("one").buy("A")
    wait_for(lambda: len(inbox.received) == 3)
    assert len({message_id for message_id, _ in inbox.received}) == 1
    wait_for(lambda: not world.status()["pending_webhooks"])
    inbox.statuses[:] = [413]
    world.channel("one").buy("A")
    wait_for(lambda: world.status()["webhooks"].get("given_up") == 1)


def test_down_and_up_again_on_the_same_port(world: Marketplaces, inbox: Inbox) -> None:
    shop = world.channel("one")
    before = shop.base_url
    caller = Caller(before)
    assert caller.put("A", 1, 1)[0] == 200
    shop.down()
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        caller.put("A", 2, 2)
    with pytest.raises(ConnectionRefusedError):
        Caller(before).put("A", 2, 2)
    assert shop.buy("A") is not None
    shop.up()
    assert shop.base_url == before
    assert Caller(before).put("A", 2, 3)[0] == 200


def test_a_marketplace_that_accepts_and_never_answers(world: Marketplaces) -> None:
    shop = world.channel("one")
    shop.hush()
    caller = Caller(shop.base_url)
    caller.connection.timeout = 0.2
    with pytest.raises(TimeoutError):
        caller.call("GET", "/stock")
    shop.hush(False)
    assert Caller(shop.base_url).call("GET", "/stock")[0] == 200


def test_another_run_of_the_same_marketplace_does_not_use_its_order_ids_again(
    open_world: Callable[..., Marketplaces],
) -> None:
    first = open_world().channel("one").buy("A")
    time.sleep(1.1)
    second = open_world().channel("one").buy("A")
    named = open_world(order_prefix="W-").channel("one").buy("A")
    assert first and second and named
    assert first.order_id != second.order_id
    assert named.order_id == "W-0000001"


def test_hands_rejections_and_the_report(world: Marketplaces, inbox: Inbox) -> None:
    one, two = world.channel("one"), world.channel("two")
    one.set_book_by_hand("B", quantity=9)
    two.misbehave(reject_ids=frozenset({"B"}))
    assert Caller(two.base_url).put("B", 1, 1)[1]["results"][0]["code"] == "listing_blocked"
    assert one.buy("B", quantity=5) is not None
    report = world.report()
    assert report["oversold"] == {"SKU-B": 2}
    assert not report["books_agree"]
    Caller(one.base_url).put("B", 0, 1)
    two.misbehave(reject_ids=frozenset())
    Caller(two.base_url).put("B", 0, 2)
    report = world.report()
    assert report["books_agree"] and report["differences"] == []
    assert report["lag"]["count"] == 1
    assert report["calls"]["PUT /stock 200"] == 3
    world.restock("SKU-B", quantity=4)
    assert {each["left"] for each in world.report()["differences"]} == {2}


def test_shoppers_buy_what_they_see(world: Marketplaces, inbox: Inbox) -> None:
    world.shop(Shopping(rate=100.0, seconds=0.5, seed=3, cancel_share=0.2, pay_later_share=0.2, afterwards_seconds=0.2))
    wait_for(lambda: not world.status()["shoppers"]["running"])
    found = world.status()["shoppers"]
    assert found["visits"] > 20 and found["orders"] > 5 and found["found_nothing"] > 0
    wait_for(lambda: not world.status()["pending_webhooks"])
    assert inbox.types().count("order.created") == found["orders"]
    assert min(quantity for book in world.books().values() for quantity in book.values()) >= 0
