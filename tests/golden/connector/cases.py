"""Goldens of connectors: what came over the wire, and what it has to mean. One file a case.

A file has ``about``, ``call`` (one of ``CALLS``, or of ``MORE_CALLS``), ``given`` and ``expected``. Bytes stand as ``json``
(any document), ``text`` or ``base64``; what a call refuses stands as ``{"refused": exception, ...}`` with its reason code.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from channels.connectors import registry
from channels.connectors.base import (
    Account,
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    Connector,
    ConnectorError,
    InboundRequest,
    MalformedPayload,
    OutboundRequest,
    PushItem,
    Response,
    ShipmentNews,
    TokenRejected,
)

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"golden files know this secret...").decode()
KEY = UUID("01234567-89ab-cdef-0123-456789abcdef")

Json = Any


def files(code: str) -> list[Path]:
    return sorted((HERE / code).glob("*.json"))


def run(code: str, case: Json) -> Json:
    """What the connector makes of a case, in the words of JSON."""
    connector = registry.get(code)
    given = case["given"]
    try:
        found = (CALLS | MORE_CALLS)[case["call"]](connector, given)
    except MalformedPayload as error:
        return {"refused": "MalformedPayload", "reason": error.reason}
    except ConnectorError as error:
        return {"refused": "ConnectorError", "message": str(error)}
    except TokenRejected:
        return {"refused": "TokenRejected"}
    except ChannelBusy as error:
        return {"refused": "ChannelBusy", "retry_after_seconds": error.retry_after_seconds}
    except ChannelRefused as error:
        return {"refused": "ChannelRefused", "code": error.code}
    except ChannelUnclear:
        return {"refused": "ChannelUnclear"}
    return plain(found)


def plain(value: Any) -> Json:
    """Dataclasses, instants, decimals and bytes as JSON has them."""
    if isinstance(value, OutboundRequest):
        form = value.headers.get("content-type") == "application/x-www-form-urlencoded"
        document = dict(parse_qsl(value.body.decode())) if form else json.loads(value.body) if value.body else None
        headers = {name: text for name, text in value.headers.items() if not name.startswith("webhook-")}
        return {"method": value.method, "url": value.url, "json": document, "headers": headers}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in asdict(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def body_of(given: Json) -> bytes:
    if "base64" in given:
        return base64.b64decode(given["base64"])
    if "text" in given:
        return given["text"].encode()
    return json.dumps(given["json"]).encode()


def account(given: Json) -> Account:
    credentials = given.get("credentials", {"secret": SECRET})
    return Account(
        "golden", "https://shop.example/api", given.get("settings", {}), credentials, tuple(given.get("remotes", ()))
    )


def items(given: Json) -> list[PushItem]:
    return [
        PushItem(
            number, row.get("external", {"external_id": row["id"]}), row["id"], row.get("remote", ""),
            row.get("quantity", 0), row.get("expected"), row.get("version", 1), KEY,
        )
        for number, row in enumerate(given["items"], 1)
    ]  # fmt: skip


def response(given: Json) -> Response:
    return Response(given.get("status", 200), body_of(given), given.get("headers", {}))


def _event(connector: Connector, given: Json) -> Any:
    return connector.parse(body_of(given), topic=given.get("topic", ""))


def _push_request(connector: Connector, given: Json) -> Any:
    return connector.push_request(items(given), account(given), now=NOW)


def _orders_request(connector: Connector, given: Json) -> Any:
    since = datetime.fromisoformat(given["updated_since"])
    return connector.orders_request(account(given), updated_since=since, cursor=given.get("cursor"), now=NOW)


def _shipment_request(connector: Connector, given: Json) -> Any:
    lines = [(row["line"], row["quantity"]) for row in given["lines"]]
    news = ShipmentNews(given["order"], given["carrier"], given["tracking_number"], lines, KEY)
    return next(connector.ship(news, account(given), now=NOW))


def _shipment_answer(connector: Connector, given: Json) -> Any:
    steps = connector.ship(ShipmentNews("1", "DHL", "T", [("1", 1)], KEY), account(given), now=NOW)
    next(steps)
    with contextlib.suppress(StopIteration):  # took it
        steps.send(response(given))


def _shipment_talk(connector: Connector, given: Json) -> Any:
    """All that is asked while the answers are those given, in their order."""
    lines = [(row["line"], row["quantity"]) for row in given["lines"]]
    news = ShipmentNews(given["order"], given["carrier"], given["tracking_number"], lines, KEY)
    steps = connector.ship(news, account(given), now=NOW)
    asked = [json.loads(next(steps).body)]
    answers = iter(given["answers"])
    with contextlib.suppress(StopIteration):
        while True:
            asked.append(json.loads(steps.send(response({"json": next(answers)})).body))
    assert next(answers, None) is None, "an answer was never asked for"
    return [{"asked": _operation(one["query"]), "variables": one["variables"]} for one in asked]


def _operation(query: str) -> str:
    return query.split("(")[0].strip()


def _asked(request: OutboundRequest | None) -> Json:
    """A request as its operation, variables and address: its document is one of the connector's constants."""
    if request is None:
        return None
    plain_request = plain(request)
    document = plain_request.pop("json")
    return plain_request | {"operation": _operation(document["query"]), "variables": document["variables"]}


def _inbound(given: Json) -> InboundRequest:
    return InboundRequest(given.get("text", "").encode(), given["headers"])


def _external_key(connector: Connector, given: Json) -> Any:
    return connector.external_key(given["external"], sku_code=given.get("sku", "SKU"))


CALLS: dict[str, Callable[[Connector, Json], Any]] = {
    "event": _event,
    "order_ref": lambda connector, given: connector.order_ref(body_of(given)),
    "push_request": _push_request,
    "push_answer": lambda connector, given: connector.read_push(response(given), items(given)),
    "stock_request": lambda connector, given: connector.stock_request(
        account(given), cursor=given.get("cursor"), now=NOW
    ),
    "stock_page": lambda connector, given: connector.read_stock(response(given)),
    "orders_request": _orders_request,
    "orders_page": lambda connector, given: connector.read_orders(response(given)),
    "shipment_request": _shipment_request,
    "shipment_answer": _shipment_answer,
    "external_key": _external_key,
    "capabilities": lambda connector, given: connector.capabilities(given["settings"]),
}

#: Calls that only channels know which compare before they set, name orders without telling them, or have tokens that end.
MORE_CALLS: dict[str, Callable[[Connector, Json], Any]] = {
    "check": lambda connector, given: connector.check(account(given)),
    "kept": lambda connector, given: {
        "external": connector.kept_external(given["external"]),
        "settings": connector.kept_settings(given["settings"]),
        "remotes": [connector.kept_remote(remote) for remote in given["remotes"]],
    },
    "delivery": lambda connector, given: [connector.event_id(_inbound(given)), connector.topic(_inbound(given))],
    "set_request": lambda connector, given: _asked(connector.push_request(items(given), account(given), now=NOW)),
    "levels_request": lambda connector, given: _asked(connector.levels_request(items(given), account(given), now=NOW)),
    "levels_answer": lambda connector, given: {
        str(target): quantity for target, quantity in connector.read_levels(response(given), items(given)).items()
    },
    "stock_question": lambda connector, given: _asked(
        connector.stock_request(account(given), cursor=given.get("cursor"), now=NOW)
    ),
    "orders_question": lambda connector, given: _asked(_orders_request(connector, given)),
    "order_question": lambda connector, given: _asked(
        connector.order_request(account(given), external_id=given["order"], now=NOW)
    ),
    "token_request": lambda connector, given: connector.token_request(account(given), now=NOW),
    "token_answer": lambda connector, given: connector.read_token(response(given), now=NOW),
    "token_ends_at": lambda connector, given: connector.token_ends_at(account(given)),
    "rest_seconds": lambda connector, given: connector.rest_seconds(response(given)),
    "shipment_talk": _shipment_talk,
}


def codes() -> Iterator[str]:
    """Connectors that have goldens."""
    return (folder.name for folder in sorted(HERE.iterdir()) if folder.is_dir() and any(folder.glob("*.json")))
