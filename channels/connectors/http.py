"""The ``http`` connector: any system that has no connector of its own.

Both directions are signed by Standard Webhooks.
"""

import hashlib
import re
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import uuid4

import msgspec

from inventory.kernel.quantities import LARGEST, QuantityError, parse_quantity

from . import _standard_webhooks as standard_webhooks
from ._documents import read_document
from ._http_orders import read_order
from .base import (
    Account,
    Capabilities,
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    Connector,
    ConnectorError,
    Field,
    InboundRequest,
    MalformedPayload,
    OrderEvent,
    OrderPage,
    OutboundRequest,
    PolledOrder,
    PushItem,
    PushOutcome,
    PushResult,
    RemoteLevel,
    Response,
    ShipmentNews,
    StockPage,
)

TOPICS = {"order.created", "order.updated", "order.cancelled", "order.refunded"}

_ORDER_ID = re.compile(rb'"order"\s*:\s*\{\s*"id"\s*:\s*"([^"\\]{1,200})"')


class _OrderPage(msgspec.Struct):
    """Orders stay as they were sent: one that cannot be read must not take its page with it."""

    orders: list[msgspec.Raw]
    next: str | int | None = None


class Http(Connector):
    code = "http"
    label = "HTTP (any shop)"
    credential_fields: ClassVar[Sequence[Field]] = (
        Field("secret", "Secret", help_text="Standard Webhooks secret, whsec_..."),
    )
    setting_fields: ClassVar[Sequence[Field]] = (
        Field("max_batch", "Items per request", required=False, default=100, type=int),
        Field("compare_and_set", "Send the expected number", required=False, default=False, type=bool),
        Field(
            "lowers_on_sale", "The channel lowers its own number when it sells", required=False, default=True, type=bool
        ),
        Field(
            "pending_expires_hours", "Hours that an unpaid order keeps its units", required=False, default=168, type=int
        ),
    )
    external_fields: ClassVar[Sequence[Field]] = (Field("external_id", "External id"),)

    def capabilities(self, settings: Mapping[str, Any]) -> Capabilities:
        return Capabilities(
            takes_shipments=True,
            max_batch=int(settings.get("max_batch") or 100),
            compare_and_set=bool(settings.get("compare_and_set", False)),
            fences_by_version=True,
            lowers_on_sale=bool(settings.get("lowers_on_sale", True)),
        )

    def check(self, account: Account) -> None:
        super().check(account)
        standard_webhooks.signing_key(account.credentials.get("secret"))
        batch = account.settings.get("max_batch", 100)
        if not isinstance(batch, int) or isinstance(batch, bool) or not 1 <= batch <= 10_000:
            raise ConnectorError("settings.max_batch is a whole number from 1 to 10000")

    # Webhooks -------------------------------------------------------------------------------------------------

    def verify(self, request: InboundRequest, account: Account, *, now: datetime) -> None:
        key = standard_webhooks.signing_key(account.credentials.get("secret"))
        standard_webhooks.verify(key, request.body, headers=request.headers, now=now)

    def event_id(self, request: InboundRequest) -> str:
        return request.headers.get("webhook-id", "")

    def order_ref(self, body: bytes) -> str:
        found = _ORDER_ID.search(body, 0, 4096)
        if found:
            return found[1].decode("utf-8", "replace")
        try:
            identity = msgspec.json.decode(body)["order"]["id"]
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError, RecursionError):
            return ""
        return str(identity)[:200] if isinstance(identity, str | int) else ""

    def parse(self, body: bytes, *, topic: str) -> OrderEvent | None:
        event = read_document(body)
        kind = event.get("type")
        if not isinstance(kind, str):
            raise MalformedPayload("not_an_event", "type is missing")
        if kind not in TOPICS:
            return None
        order = event.get("order")
        if not isinstance(order, dict):
            raise MalformedPayload("not_an_event", "order is missing")
        return read_order(kind, event, order)

    # Stock ----------------------------------------------------------------------------------------------------

    def push_request(self, items: Sequence[PushItem], account: Account, *, now: datetime) -> OutboundRequest:
        compare = self.capabilities(account.settings).compare_and_set
        rows = []
        for item in items:
            row: dict[str, Any] = {
                "external_id": item.external_key,
                "quantity": item.quantity,
                "version": item.version,
            }
            if compare and item.expected is not None:
                row["expected"] = item.expected
            rows.append(row)
        return _signed("PUT", f"{account.base_url}/stock", account, now=now, body={"items": rows})

    def read_push(self, response: Response, items: Sequence[PushItem]) -> list[PushResult]:
        body = _answer(response)
        rows = body.get("results")
        if not isinstance(rows, list):
            raise ChannelUnclear("the answer has no results")
        by_id = {str(row.get("external_id")): row for row in rows if isinstance(row, dict)}
        return [_push_result(item, by_id.get(item.external_key)) for item in items]

    def stock_request(self, account: Account, *, cursor: str | None, now: datetime) -> OutboundRequest:
        return _signed("GET", _url(account, "stock", cursor=cursor), account, now=now)

    def read_stock(self, response: Response) -> StockPage:
        body = _answer(response)
        rows = body.get("items")
        if not isinstance(rows, list):
            raise ChannelUnclear("the answer has no list 'items'")
        levels = [level for row in rows if (level := _level(row)) is not None]
        return StockPage(levels, _next(body), unreadable=len(rows) - len(levels))

    # Orders ---------------------------------------------------------------------------------------------------

    def orders_request(
        self, account: Account, *, updated_since: datetime, cursor: str | None, now: datetime
    ) -> OutboundRequest:
        since = updated_since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return _signed("GET", _url(account, "orders", updated_since=since, cursor=cursor), account, now=now)

    def read_orders(self, response: Response) -> OrderPage:
        _answer(response, decode=False)
        try:
            page = msgspec.json.decode(response.body, type=_OrderPage)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ChannelUnclear(f"the answer is no page of orders: {error}") from None
        return OrderPage([_polled(bytes(order)) for order in page.orders], str(page.next) if page.next else None)

    def ship(
        self, news: ShipmentNews, account: Account, *, now: datetime
    ) -> Generator[OutboundRequest, Response, None]:
        body = {
            "order_id": news.order_external_id,
            "carrier": news.carrier,
            "tracking_number": news.tracking_number,
            "lines": [{"line_id": line, "quantity": quantity} for line, quantity in news.lines],
        }
        url = f"{account.base_url}/shipments"
        response = yield _signed("POST", url, account, now=now, body=body, identity=f"shp_{news.key.hex}")
        if not 200 <= response.status < 300:
            _answer(response)


def _signed(
    method: str, url: str, account: Account, *, now: datetime, body: Any = None, identity: str = ""
) -> OutboundRequest:
    data = b"" if body is None else msgspec.json.encode(body)
    key = standard_webhooks.signing_key(account.credentials.get("secret"))
    headers = standard_webhooks.sign(key, data, identity=identity or f"msg_{uuid4().hex}", now=now)
    if data:
        headers["content-type"] = "application/json"
    return OutboundRequest(method, url, data, headers)


def _url(account: Account, path: str, **query: str | None) -> str:
    given = urlencode({name: value for name, value in query.items() if value})
    return f"{account.base_url}/{path}" + (f"?{given}" if given else "")


def _answer(response: Response, *, decode: bool = True) -> dict[str, Any]:
    """The JSON object of a good answer (empty where it is not asked for); the right exception for any other."""
    text = response.body[:300].decode("utf-8", "replace")
    wait = _retry_after(response)
    if response.status == 429 or (response.status == 503 and wait is not None):  # it says itself that it did nothing
        raise ChannelBusy(f"{response.status}: {text}", retry_after_seconds=wait)
    if response.status >= 500 or 300 <= response.status < 400 or response.status in (408, 425):
        raise ChannelUnclear(f"{response.status}: {text}")
    if response.status >= 400:
        raise ChannelRefused(f"{response.status}: {text}", code=f"http_{response.status}")
    if not decode:
        return {}
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ChannelUnclear(f"the answer is not JSON: {text}") from None
    if not isinstance(body, dict):
        raise ChannelUnclear(f"the answer is not a JSON object: {text}")
    return body


def _retry_after(response: Response) -> float | None:
    """Seconds to wait, told so or as a date by the channel's clock (RFC 9110, 10.2.3); None where nothing sensible is."""
    value = response.headers.get("retry-after", "").strip()
    try:
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII):
            return min(float(value), 3600.0)
        seconds = (parsedate_to_datetime(value) - parsedate_to_datetime(response.headers["date"])).total_seconds()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), 3600.0)


def _polled(order: bytes) -> PolledOrder:
    try:
        given = msgspec.json.decode(order)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        given = None
    row = given if isinstance(given, dict) else {}
    identity = str(row.get("id", ""))
    version = str(row["version"]) if "version" in row else hashlib.sha256(order).hexdigest()
    body = b'{"type":"order.updated","order":' + order + b"}"
    return PolledOrder(f"poll:{identity}:{version}"[:200], identity[:200], body)


def _level(row: Any) -> RemoteLevel | None:
    """A number that the channel shows; None where the row cannot be read: it must not take its page with it."""
    key = row.get("external_id") if isinstance(row, dict) else None
    quantity = None if key is None else _shown(row.get("quantity"))
    if quantity is None or not isinstance(key, str | int) or "\0" in str(key):
        return None
    return RemoteLevel(str(key), quantity)


def _next(body: dict[str, Any]) -> str | None:
    cursor = body.get("next")
    return str(cursor) if cursor else None


def _push_result(item: PushItem, row: dict[str, Any] | None) -> PushResult:
    if row is None:
        return PushResult(item.target_id, PushOutcome.UNKNOWN, code="no_result", message="the answer has no result")
    remote = _shown(row.get("quantity"))
    code, message = str(row.get("code") or "")[:60], str(row.get("message") or "")[:400]
    status = row.get("status")
    if status == "applied":
        if remote is None and row.get("quantity") is not None:  # what it took is not known
            message = f"quantity is {row['quantity']!r}"[:400]
            return PushResult(item.target_id, PushOutcome.UNKNOWN, code="unreadable_quantity", message=message)
        return PushResult(item.target_id, PushOutcome.APPLIED, remote)
    if status == "stale":
        return PushResult(item.target_id, PushOutcome.STALE, remote, code or "stale", message)
    if status == "rejected":
        return PushResult(item.target_id, PushOutcome.REJECTED, remote, code or "rejected", message)
    return PushResult(item.target_id, PushOutcome.UNKNOWN, code="no_status", message=f"status is {status!r}")


def _shown(value: Any) -> int | None:
    """What the channel says it shows; None where that cannot be a number of units."""
    try:
        return parse_quantity(value, least=-LARGEST)
    except QuantityError:
        return None
