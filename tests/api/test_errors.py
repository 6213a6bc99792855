"""Every error has one form, says what is wrong with what, and bad input is never a 500."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from channels.models import Channel
from inventory.api.pages import Pages
from inventory.models import Location, Sku
from tests.api.conftest import Api


def send(
    api: Api, content: bytes, *, path: str = "skus/", kind: str = "application/json"
) -> tuple[int, dict[str, Any]]:
    answer = api.client.generic("POST", f"/api/v1/{path}", content, content_type=kind)
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "fields"}
    return answer.status_code, body["error"]


@pytest.mark.parametrize(
    "content", [b"{not json", b"\xff\xfe", b"[" * 100_000, b'{"code": "\\ud800"}', b'{"a": NaN}', b'{"a": 1e999}', b"{"]
)
def test_what_is_no_json_is_malformed(admin: Api, content: bytes) -> None:
    status, error = send(admin, content)
    assert (status, error["code"]) == (400, "malformed")


@pytest.mark.parametrize("content", [b'"text"', b"[]", b"null", b"17", b"true", b'[{"code": "A"}]'])
def test_what_is_no_object_is_invalid(admin: Api, content: bytes) -> None:
    status, error = send(admin, content)
    assert (status, error["code"]) == (400, "invalid")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_another_media_type_is_415(admin: Api, kind: str) -> None:
    status, error = send(admin, b"code=A", kind=kind)
    assert (status, error["code"]) == (415, "unsupported_media_type")


def test_a_charset_that_does_not_exist_does_not_matter(admin: Api) -> None:
    status, _error = send(admin, b"{}", kind="application/json; charset=klingon")
    assert status == 400


def test_a_body_that_is_too_large_is_413(admin: Api, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    status, error = send(admin, b'{"code": "' + b"x" * 1000 + b'"}')
    assert (status, error["code"]) == (413, "too_large")


def test_a_missing_field_is_named(admin: Api) -> None:
    error = admin.refused("post", "skus/", {"code": "A"}, status=400)
    assert error == {
        "code": "invalid",
        "message": "name: This field is required.",
        "fields": {"name": ["This field is required."]},
    }


def test_several_are_named_by_their_paths(admin: Api, phone: Channel, mug: Sku) -> None:
    lines = [{"sku": "MUG", "quantity": 1}, {"sku": "MUG", "quantity": "many"}]
    error = admin.refused("post", "sales-orders/", {"channel": "phone", "lines": lines, "currency": "euro"}, status=400)
    assert set(error["fields"]) == {"lines.1.quantity", "currency"}


def test_an_unknown_field_is_named_and_not_swallowed(admin: Api) -> None:
    error = admin.refused("post", "skus/", {"code": "A", "name": "A", "colour": "blue"}, status=400)
    assert list(error["fields"]) == ["colour"]


def test_an_unknown_field_deep_inside_is_named(admin: Api, phone: Channel) -> None:
    body = {"channel": "phone", "lines": [{"sku": "A", "quantity": 1, "lot": "L"}], "ship_to": {"planet": "Mars"}}
    error = admin.refused("post", "sales-orders/", body, status=400)
    assert set(error["fields"]) == {"lines.0.lot", "ship_to.planet"}


def test_a_read_only_field_is_named(admin: Api, mug: Sku, w1: Location, web: Channel) -> None:
    error = admin.refused("patch", "channels/web/", {"webhook_url": "http://evil"}, status=400)
    assert error["fields"] == {"webhook_url": ["This field is read-only."]}


@pytest.mark.parametrize("path", ["skus/NONE/", "skus/a%00b/", "channels/none/", "listings/1/", "sales-orders/1/"])
def test_what_is_not_there_is_404(admin: Api, path: str) -> None:
    assert admin.refused("get", path, status=404)["code"] == "not_found"


@pytest.mark.parametrize("path", ["nothing/", "nothing", "listings/abc/", "listings/99999999999999999999/", ""])
def test_what_has_no_address_is_404_too(admin: Api, path: str) -> None:
    assert admin.refused("get", path, status=404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path"),
    [("put", "skus/MUG/"), ("delete", "skus/MUG/"), ("delete", "ledger-entries/"), ("post", "stock-levels/"),
     ("patch", "deliveries/1/"), ("options", "skus/"), ("get", "stock-adjustments/")],
)  # fmt: skip
def test_a_method_that_is_not_there_is_405(admin: Api, mug: Sku, method: str, path: str) -> None:
    answer = getattr(admin.client, method)(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


def test_another_code_that_is_taken_is_409_and_names_the_field(admin: Api, mug: Sku, web: Channel) -> None:
    for path, body in (
        ("skus/", {"code": "MUG", "name": "again"}),
        ("products/", {"code": "MUG", "name": "again"}),
        ("locations/", {"code": "W1", "name": "again", "kind": "store"}),
        ("channels/", {"code": "web", "name": "again", "connector": "manual"}),
    ):
        error = admin.refused("post", path, body, status=409)
        assert (error["code"], list(error["fields"])) == ("conflict", ["code"]), path


QUANTITIES = ["many", 1.5, 10**30, -(10**30), 2**31, 2**63, None, True, [], {}, "", "NaN", "1e3", 0, "\u0000"]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_quantity_that_is_none_is_a_clear_error(admin: Api, mug: Sku, w1: Location, quantity: object) -> None:
    body = {"sku": "MUG", "location": "W1", "quantity": quantity, "reason": "found"}
    error = admin.refused("post", "stock-adjustments/", body, status=400)
    assert list(error["fields"]) == ["quantity"]


@pytest.mark.parametrize("text", ["a\u0000b", "x" * 100_000, "\u0000", " ", "a\nb", "..", "."])
@pytest.mark.parametrize("path", ["skus/", "products/", "locations/"])
def test_a_code_that_is_none_is_a_clear_error(admin: Api, path: str, text: str) -> None:
    assert "code" in admin.refused("post", path, {"code": text, "name": "A", "kind": "store"}, status=400)["fields"]


@pytest.mark.parametrize("value", ["a\u0000b", 1.5, True, [], {}, None, "x" * 5000, 17, "nothing"])
def test_a_reference_to_nothing_is_a_clear_error(admin: Api, w1: Location, value: object) -> None:
    body = {"sku": value, "location": "W1", "quantity": 1, "reason": "found"}
    assert list(admin.refused("post", "stock-adjustments/", body, status=400)["fields"]) == ["sku"]


NESTED: dict[str, Any] = {}
for _ in range(200):
    NESTED = {"deeper": NESTED}


@pytest.mark.parametrize(
    "external", [NESTED, {"external_id": "\u0000"}, {"a\u0000": 1}, [], "x", 5, {"x": "y" * 70_000}]
)
def test_an_object_that_cannot_be_kept_is_a_clear_error(admin: Api, web: Channel, mug: Sku, external: object) -> None:
    body = {"channel": "web", "sku": "MUG", "external": external}
    assert "external" in str(admin.refused("post", "listings/", body, status=400)["fields"])


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "many"}, {"limit": -1}, {"limit": 0}, {"limit": 10**30}, {"offset": 10**30}, {"offset": -5},
        {"offset": "½"}, {"sku": "a\u0000b"}, {"at": "yesterday"}, {"at": "9999-12-31T23:59:59Z"}, {"at": ""},
        {"skuu": "A"}, {"available__gte": "lots"}, {"available": "1e400"}, {"available": "NaN"},
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_a_clear_error(admin: Api, query: dict[str, Any]) -> None:
    error = admin.refused("get", "stock-levels/", status=400, **query)
    assert list(error["fields"]) == list(query)


@pytest.mark.parametrize(
    "query", [{"sku": "x" * 5000}, {"location": "\U0001f600"}, {"available__gte": 10**40}, {"offset": 2 * 10**9}]
)
def test_a_query_for_nothing_finds_nothing(admin: Api, query: dict[str, Any]) -> None:
    assert admin.rows("stock-levels/", **query) == []


def test_a_filter_given_twice_is_refused(admin: Api) -> None:
    answer = admin.client.get("/api/v1/skus/?code=A&code=B")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["code"]


@pytest.mark.parametrize(
    "path", ["", "nothing", "v2/skus/", "v1x", "schemas/", "docs/x", "schema/x", "a%00b", "v1/channels/%0Aw/"]
)
def test_what_is_nowhere_under_the_api_is_404_in_the_same_form(client: Client, path: str) -> None:
    answer = client.get(f"/api/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_the_description_is_found_without_its_slash_too(client: Client) -> None:
    for name in ("schema", "docs"):
        assert client.get(f"/api/{name}").headers["location"] == f"/api/{name}/"


def test_an_explanation_takes_no_parameters(admin: Api, web: Channel, mug: Sku) -> None:
    listing = admin.post("listings/", {"channel": "web", "sku": "MUG", "external": {"external_id": "x"}})
    admin.get(f"listings/{listing['id']}/explain/")
    for name in ("at", "limit"):
        error = admin.refused("get", f"listings/{listing['id']}/explain/?{name}=1", status=400)
        assert list(error["fields"]) == [name]


@pytest.mark.parametrize("path", ["skus/", "parked/", "stock-levels/?at=2020-01-01T00:00:00Z"])
def test_no_page_is_longer_than_500(admin: Api, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    asked: list[int] = []
    whole = Pages.get_limit
    monkeypatch.setattr(Pages, "get_limit", lambda pages, request: asked.append(whole(pages, request)) or asked[-1])
    admin.get(path + ("&" if "?" in path else "?") + "limit=100000")
    assert asked == [500]
