"""The description is whole: each operation says what it does, with an example of everything, and the examples are true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from inventory.api.refusals import MEANINGS, REFUSALS
from inventory.models import Role
from tests.api.conftest import Api

JSON = "application/json"


@pytest.fixture
def document(db: None) -> dict[str, Any]:
    return json.loads(Api().client.get("/api/schema/?format=json").content)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body that is sent or answered, by "request" or its status."""
    if "requestBody" in operation:
        yield "request", operation["requestBody"]["content"][JSON]
    for status, answer in operation["responses"].items():
        if "content" in answer:
            yield status, answer["content"][JSON]


def test_it_is_openapi(document: dict[str, Any]) -> None:
    validate_schema(document)
    assert document["openapi"].startswith("3.0")
    ids = [operation["operationId"] for _method, _path, operation in operations(document)]
    assert len(ids) == len(set(ids)) >= 70


def test_each_operation_says_what_it_does(document: dict[str, Any]) -> None:
    named = {}
    for method, path, operation in operations(document):
        name = f"{method} {path}"
        assert 3 < len(operation["summary"]) < 60, name
        assert len(operation["description"]) > 10, name
        named.setdefault(operation["summary"], name)
        assert named[operation["summary"]] == name, "two operations have one summary"
        for parameter in operation.get("parameters", ()):
            assert len(parameter["description"]) > 8, (name, parameter["name"])


def test_each_body_has_an_example_that_fits_it(document: dict[str, Any]) -> None:
    answered, sent = (as_json_schema(document["components"], sent=sent) for sent in (False, True))
    for method, path, operation in operations(document):
        for which, content in bodies(operation):
            assert content["examples"], (method, path, which)
            components = sent if which == "request" else answered
            schema = {**as_json_schema(content["schema"]), "components": components}
            for name, example in content["examples"].items():
                wrong = [error.message for error in Draft202012Validator(schema).iter_errors(example["value"])]
                assert wrong == [], (method, path, which, name)


def as_json_schema(part: Any, *, sent: bool = False) -> Any:
    """OpenAPI 3.0's own words as JSON Schema has them; what is read-only need not be sent."""
    if isinstance(part, list):
        return [as_json_schema(one, sent=sent) for one in part]
    if not isinstance(part, dict):
        return part
    turned = {name: as_json_schema(value, sent=sent) for name, value in part.items() if name != "nullable"}
    if sent and isinstance(part.get("required"), list):
        fields = part["properties"]
        turned["required"] = [name for name in part["required"] if not fields[name].get("readOnly")]
    return {"anyOf": [turned, {"type": "null"}]} if part.get("nullable") is True else turned


def test_each_operation_says_how_it_is_refused(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        name, refused = f"{method} {path}", {status for status in operation["responses"] if status >= "4"}
        assert {"401", "403", "406", "429", "503"} <= refused, name
        assert ("404" in refused) == ("{" in path), name
        assert ({"400", "413", "415"} <= refused) == (method in ("post", "patch")), name
        assert ("422" in refused) == (method == "post"), name
        for status in refused:
            content = operation["responses"][status]["content"][JSON]
            assert content["schema"] == {"$ref": "#/components/schemas/Error"}
            assert {REFUSALS[one][0] for one in content["examples"]} == {int(status)}, name


def test_a_write_of_stock_names_what_is_short(document: dict[str, Any]) -> None:
    for path in ("stock-adjustments/", "stock-moves/", "sales-orders/", "shipments/"):
        examples = document["paths"][f"/api/v1/{path}"]["post"]["responses"]["409"]["content"][JSON]["examples"]
        codes = {one["value"]["error"]["code"] for one in examples.values()}
        assert "insufficient_stock" in codes, path


def test_every_refusal_is_explained() -> None:
    assert {status for status, _body in REFUSALS.values()} == set(MEANINGS)


def test_keys_are_sent_as_the_description_says(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["key"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for method, path, operation in operations(document):
        assert {"key": []} in operation["security"], (method, path)


class Story:
    """The examples of the description, sent in an order in which they make sense."""

    def __init__(self, api: Api, document: dict[str, Any]) -> None:
        self.api, self.document = api, document
        self.ids: dict[str, str] = {}

    def example(self, method: str, path: str, which: str) -> Any:
        operation = self.document["paths"][f"/api/v1/{path}"][method]
        found = dict(bodies(operation))[which]["examples"]
        return next(iter(found.values()))["value"]

    def told(self, body: Any) -> Any:
        """An example's ids are not those of this world."""
        if isinstance(body, dict) and "order" in body:
            return {**body, "order": self.ids["order"]}
        return body

    def send(self, method: str, path: str, *, at: str = "", status: int, asked: Any = None) -> dict[str, Any]:
        body = self.told(self.example(method, path, "request") if asked is None else asked)
        address = path.replace("{id}", at).replace("{code}", at)
        send = self.api.patch if method == "patch" else self.api.post
        answer = send(address, body, status=status)
        shown = self.example(method, path, str(status))
        assert set(answer) == set(shown), (path, set(answer) ^ set(shown))
        for name, value in body.items():
            if name in shown and name in answer and name not in ("external", "lines", "settings"):
                assert answer[name] == value, (path, name)
        return answer


def test_the_examples_are_true(admin: Api, document: dict[str, Any]) -> None:
    story = Story(admin, document)
    for path in ("products/", "skus/", "locations/"):
        story.send("post", path, status=201)
    for path, code in (("products/", "MUG"), ("skus/", "MUG-BLUE"), ("locations/", "W1")):
        story.send("patch", f"{path}{{code}}/", at=code, status=200)
    story.send("post", "stock-adjustments/", status=201)
    story.send("post", "stock-moves/", status=201)
    story.send("post", "channels/", status=201)
    admin.post("channels/", {"code": "phone", "name": "Phone", "connector": "manual", "locations": ["W1"]})
    story.send("patch", "channels/{code}/", at="web", status=200)
    listing = story.send("post", "listings/", status=201)["id"]
    rule = story.send("post", "allocation-rules/", status=201)["id"]
    story.send("patch", "allocation-rules/{id}/", at=rule, status=200)
    explained = admin.get(f"listings/{listing}/explain/")
    assert set(explained["steps"][1]) == set(story.example("get", "listings/{id}/explain/", "200")["steps"][1])
    assert [step["rule_id"] for step in explained["steps"]] == [None, rule]
    story.send("post", "listings/{id}/remap/", at=listing, status=200)
    story.send("patch", "listings/{id}/", at=listing, status=200)
    order = story.ids["order"] = story.send("post", "sales-orders/", status=201)["id"]
    story.send("post", "counts/", status=201)
    story.send("patch", "counts/{code}/", at="C-00042", status=200)
    for action in ("submit", "recount", "cancel"):
        story.send("post", f"counts/{{code}}/{action}/", at="C-00042", status=200)
    shipment = story.send("post", "shipments/", status=201)["id"]
    story.send("patch", "shipments/{id}/", at=shipment, status=200)
    story.send("post", "shipments/{id}/dispatch/", at=shipment, status=200)
    parcel = story.send("post", "returns/", status=201)["id"]
    story.send("post", "returns/{id}/receive/", at=parcel, status=200)
    reorder = story.send("post", "reorder-rules/", status=201)["id"]
    story.send("patch", "reorder-rules/{id}/", at=reorder, status=200)
    for action in ("stop-selling", "disconnect", "resume"):
        story.send("post", f"channels/{{code}}/{action}/", at="web", status=200)
    for path in ("skus/", "locations/", "stock-levels/", "ledger-entries/", "channels/", "listings/", "sales-orders/",
                 "shipments/", "returns/", "reorder-rules/", "allocation-rules/"):  # fmt: skip
        rows = admin.rows(path)
        assert set(rows[0]) == set(story.example("get", path, "200")["results"][0]), path
    assert admin.get(f"sales-orders/{order}/")["lines"][0]["returned"] == 2


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("unauthenticated", lambda api: Api().client.get("/api/v1/skus/")),
        ("bad_key", lambda api: Api("abcdefgh.abcdefghijabcdefghij1234").client.get("/api/v1/skus/")),
        ("malformed", lambda api: api.client.post("/api/v1/skus/", b"{", content_type=JSON)),
        ("not_found", lambda api: api.client.get("/api/v1/skus/none/")),
        ("not_acceptable", lambda api: api.client.get("/api/v1/skus/", headers={"Accept": "text/csv"})),
        ("unsupported_media_type", lambda api: api.client.post("/api/v1/skus/", "x", content_type="text/plain")),
    ],
)
def test_refusals_read_as_described(name: str, call: Any, admin: Api) -> None:
    answer = call(admin)
    status, body = REFUSALS[name]
    assert answer.status_code == status
    said = answer.json()["error"]
    assert (said["code"], said["message"][:12]) == (body["error"]["code"], body["error"]["message"][:12])


def test_a_viewer_is_refused_as_described(by_role: Any) -> None:
    refused = by_role(Role.VIEWER).refused("post", "skus/", {"code": "A", "name": "A"}, status=403)
    assert refused == REFUSALS["forbidden"][1]["error"]
