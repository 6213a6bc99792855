"""What holds for every resource: errors, idempotency, pages, filters."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.stack.client import Json
from tests.stack.world import World


def error_of(answer: httpx.Response) -> Json:
    """The error of an answer, after checking that it has the one shape that all errors have."""
    body = answer.json()
    assert set(body) == {"error"}, body
    assert {"code", "message", "fields"} <= set(body["error"]), body
    assert isinstance(body["error"]["code"], str)
    assert isinstance(body["error"]["message"], str)
    assert isinstance(body["error"]["fields"], dict), body
    return body["error"]


def adjustment(world: World, sku: str, **fields: object) -> Json:
    return {"sku": sku, "location": world.place, "reason": "found"} | fields


def post(world: World, path: str, body: object, key: str | None = None) -> httpx.Response:
    return world.api.request("POST", path=path, body=body, key=key)


# Errors


def test_a_missing_field_is_named(world: World) -> None:
    answer = post(world, "skus/", {"code": world.name("SKU")})
    assert answer.status_code == 400
    assert "name" in error_of(answer)["fields"]


def test_an_unknown_code_is_named_by_its_field(world: World) -> None:
    answer = post(world, "stock-adjustments/", adjustment(world, world.name("nothing"), quantity=1))
    assert answer.status_code in (400, 404)
    assert "sku" in error_of(answer)["fields"]


def test_a_code_that_is_taken_is_refused(world: World) -> None:
    sku = world.sku()
    answer = post(world, "skus/", {"code": sku, "name": "again"})
    assert answer.status_code in (400, 409)
    assert "code" in error_of(answer)["fields"]


def test_an_unknown_object_is_404_in_the_one_shape(world: World) -> None:
    answer = world.api.request("GET", path=f"skus/{world.name('nothing')}/")
    assert answer.status_code == 404
    error_of(answer)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_unknown_path_is_404_in_the_one_shape(world: World, method: str) -> None:
    answer = world.api.request(method, path="no-such-thing/")
    assert answer.status_code == 404
    error_of(answer)


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/skus/", 401), ("/webhooks/nowhere/", 404), ("/api/v1/no-such-thing/", 404)]
)
def test_a_refused_request_does_not_cost_the_next_one_on_its_connection(world: World, path: str, status: int) -> None:
    """Each request is answered, though nobody reads the bodies of those that are refused at the door."""
    with httpx.Client(base_url=world.product.base_url, timeout=10) as one_connection:
        answers = [one_connection.post(path, content=b"x" * 20_000).status_code for _ in range(200)]
    assert answers == [status] * 200


def test_a_method_that_is_not_there_is_405_in_the_one_shape(world: World) -> None:
    answer = world.api.request("DELETE", path="ledger-entries/")
    assert answer.status_code == 405
    error_of(answer)


@pytest.mark.parametrize("content", [b"{not json", b"\xff\xfe", b"[" * 100_000, b'"text"', b"[]", b"null", b"17"])
def test_a_body_that_is_no_object_is_400(world: World, content: bytes) -> None:
    headers = {"content-type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    answer = world.api.http.post("/api/v1/skus/", content=content, headers=headers)
    assert answer.status_code == 400, answer.text[:500]
    error_of(answer)


@pytest.mark.parametrize(
    "quantity", ["many", 1.5, 10**30, -(10**30), 2**31, 2**63, None, True, [], {}, "", "NaN", "1e3", 0]
)
def test_a_quantity_that_is_none_is_a_clear_error_and_moves_nothing(world: World, quantity: object) -> None:
    sku = world.sku(on_hand=5)
    answer = post(world, "stock-adjustments/", adjustment(world, sku, quantity=quantity))
    assert 400 <= answer.status_code < 500, f"{quantity!r}: {answer.status_code} {answer.text[:500]}"
    error_of(answer)
    assert world.numbers(sku) == (5, 5, 0)


@pytest.mark.parametrize(
    "text", ["a\u0000b", "x" * 100_000, "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")]
)
def test_strange_text_is_no_server_error(world: World, text: str) -> None:
    for body in ({"code": world.name("SKU"), "name": text}, {"code": f"{world.tag}{text}", "name": "thing"}):
        answer = post(world, "skus/", body)
        assert answer.status_code < 500, answer.text[:500]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "many"},
        {"limit": -1},
        {"limit": 10**30},
        {"offset": 10**30},
        {"offset": -5},
        {"sku": "a\u0000b"},
        {"sku": "x" * 5000},
        {"location": "\U0001f600"},
        {"at": "yesterday"},
        {"at": "9999-12-31T23:59:59Z"},
    ],
)
def test_strange_parameters_are_no_server_error(world: World, params: dict) -> None:
    answer = world.api.request("GET", path="stock-levels/", **params)
    assert answer.status_code < 500, f"{params}: {answer.text[:300]}"


# Idempotency


def test_the_same_key_and_body_answer_the_first_result_again(world: World) -> None:
    sku, key = world.sku(on_hand=5), uuid.uuid4().hex
    body = adjustment(world, sku, quantity=3)
    first, second = (post(world, "stock-adjustments/", body, key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert world.numbers(sku) == (8, 8, 0)


def test_the_same_key_with_another_body_is_422(world: World) -> None:
    sku, key = world.sku(on_hand=5), uuid.uuid4().hex
    assert post(world, "stock-adjustments/", adjustment(world, sku, quantity=3), key).status_code == 201
    answer = post(world, "stock-adjustments/", adjustment(world, sku, quantity=4), key)
    assert answer.status_code == 422
    assert error_of(answer)["code"] == "idempotency_key_reused"
    assert world.numbers(sku) == (8, 8, 0)


def test_the_same_key_ten_times_at_once_moves_stock_once(world: World) -> None:
    sku, key = world.sku(on_hand=5), uuid.uuid4().hex
    body = adjustment(world, sku, quantity=3)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(world, "stock-adjustments/", body, key), range(10)))
    assert 201 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {201, 409}, [answer.text[:200] for answer in answers]
    assert world.numbers(sku) == (8, 8, 0)


def test_two_keys_move_stock_twice(world: World) -> None:
    sku = world.sku(on_hand=5)
    for _ in range(2):
        world.adjust(sku, quantity=3)
    assert world.numbers(sku) == (11, 11, 0)


def test_an_own_order_sent_twice_under_one_key_is_one_order(world: World) -> None:
    sku, channel, key = world.sku(on_hand=5), world.manual(), uuid.uuid4().hex
    line = {"external_id": "1", "sku": sku, "quantity": 2, "unit_price": "1.00"}
    body = {"channel": channel, "external_id": world.name("order"), "currency": "EUR", "lines": [line]}
    first, second = (post(world, "sales-orders/", body, key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201), first.text + second.text
    assert first.json() == second.json()
    assert world.numbers(sku) == (5, 3, 2)


def test_a_stock_move_sent_twice_under_one_key_moves_once(world: World) -> None:
    sku, key = world.sku(on_hand=5), uuid.uuid4().hex
    body = adjustment(world, sku, from_state="available", to_state="hold", quantity=2)
    assert [post(world, "stock-moves/", body, key).status_code for _ in range(2)] == [201, 201]
    assert world.level(sku)["hold"] == 2


# Pages, filters and the description


def test_a_list_is_paged_in_the_one_shape(world: World) -> None:
    sku = world.sku(on_hand=1)
    for _ in range(4):
        world.adjust(sku, quantity=1)
    page = world.api.get("ledger-entries/", sku=sku, limit=2, offset=1)
    assert set(page) == {"count", "next", "previous", "results"}
    assert page["count"] == 5
    assert len(page["results"]) == 2
    assert "limit=2" in page["next"]
    assert page["previous"]


def test_pages_add_up_to_the_whole_list_without_repeats(world: World) -> None:
    sku = world.sku(on_hand=1)
    for _ in range(6):
        world.adjust(sku, quantity=1)
    pages = [world.api.get("ledger-entries/", sku=sku, limit=3, offset=offset)["results"] for offset in (0, 3, 6)]
    numbers = [row["number"] for page in pages for row in page]
    assert sorted(numbers) == list(range(1, 8))


def test_the_last_page_has_no_next(world: World) -> None:
    sku = world.sku(on_hand=1)
    page = world.api.get("ledger-entries/", sku=sku, limit=50)
    assert (page["next"], page["previous"]) == (None, None)


def test_levels_are_filtered_by_sku_and_location(world: World) -> None:
    sku, other, second = world.sku(on_hand=3), world.sku(on_hand=4), world.location()
    world.adjust(sku, quantity=7, at=second)
    assert {row["location"] for row in world.api.rows("stock-levels/", sku=sku)} == {world.place, second}
    assert {row["sku"] for row in world.api.rows("stock-levels/", location=world.place)} == {sku, other}
    assert world.api.row("stock-levels/", sku=sku, location=second)["on_hand"] == 7


@pytest.mark.parametrize(
    ("path", "field"),
    [("skus/", "code"), ("skus/", "name"), ("ledger-entries/", "reason"), ("ledger-entries/", "to_state")],
)
def test_lists_are_filtered_by_the_fields_they_show(world: World, path: str, field: str) -> None:
    sku = world.sku(on_hand=3)
    world.api.act("stock-moves/", body=adjustment(world, sku, from_state="available", to_state="hold", quantity=1))
    shown = next(row for row in world.api.rows(path) if sku in (row.get("code"), row.get("sku")))
    rows = world.api.rows(path, **{field: shown[field]})
    assert rows
    assert {row[field] for row in rows} == {shown[field]}


def test_channels_are_filtered_by_code(world: World) -> None:
    shop = world.shop(settle=False)
    world.shop(settle=False)
    assert [row["code"] for row in world.api.rows("channels/", code=shop.code)] == [shop.code]


def test_created_objects_are_answered_whole_and_named_by_code(world: World) -> None:
    code = world.name("SKU")
    made = world.api.post("skus/", body={"code": code, "name": "Mug", "unit_cost": "2.50", "price": "9.90"})
    assert made["code"] == code
    assert (made["unit_cost"], made["price"]) == ("2.50", "9.90") or float(made["unit_cost"]) == 2.5
    assert isinstance(made["unit_cost"], str), "money is a decimal string"
    assert world.api.get(f"skus/{code}/")["name"] == "Mug"


def test_a_channels_credentials_are_never_shown(world: World) -> None:
    shop = world.shop(settle=False)
    assert shop.secret not in world.api.request("GET", path=f"channels/{shop.code}/").text
    assert shop.secret not in world.api.request("GET", path="channels/").text


def test_a_channel_shows_where_its_webhooks_go(world: World) -> None:
    shop = world.shop(settle=False)
    assert world.api.get(f"channels/{shop.code}/")["webhook_url"].endswith(f"/webhooks/{shop.code}/")


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_the_description_of_the_api_is_there(world: World, path: str) -> None:
    answer = world.api.http.get(path, follow_redirects=True)
    assert answer.status_code == 200
