"""The ``shopify`` connector: Shopify's Admin GraphQL and its webhooks.

A listing is named by its variant, as Orders name this id.; numbers are set by its inventory item, at one location or several.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from . import _shopify_documents as documents
from . import _shopify_events as events
from . import _shopify_parcels as parcels
from . import _shopify_stock as stock
from . import _shopify_tokens as tokens
from ._shopify_answers import data, inside, next_cursor, rest_seconds
from ._shopify_ids import gid, number
from .base import (
    Account,
    Capabilities,
    ChannelUnclear,
    Connector,
    ConnectorError,
    Field,
    InboundRequest,
    OrderChanged,
    OrderEvent,
    OrderPage,
    OutboundRequest,
    PolledOrder,
    PushItem,
    PushResult,
    Response,
    ShipmentNews,
    SignatureError,
    StockPage,
)

API_VERSION = "2026-10"

#: Since this version numbers are compared and keys are required in the way in which we send them.
OLDEST_API_VERSION = "2026-04"

_VERSION = re.compile(r"20[0-9]{2}-(01|04|07|10)", re.ASCII)


class Shopify(Connector):
    code = "shopify"
    label = "Shopify"
    credential_fields: ClassVar[Sequence[Field]] = (
        Field(
            "access_token",
            "Admin API access token",
            required=False,
            help_text="shpat_...; fetched by itself where it can be.",
        ),
        Field("client_secret", "Client secret", help_text="Of the app; it signs the webhooks."),
        Field(
            "previous_client_secret", "Previous client secret", required=False, help_text="While it is being replaced."
        ),
        Field("client_id", "Client id", required=False, help_text="Of the app, where its tokens end."),
        Field("refresh_token", "Refresh token", required=False, help_text="Of a token that ends."),
        Field(
            "access_token_expires_at", "Token ends at", required=False, help_text="ISO 8601; kept up to date by itself."
        ),
    )
    setting_fields: ClassVar[Sequence[Field]] = (
        Field("api_version", "API version", required=False, default=API_VERSION),
        Field(
            "location_id",
            "Location",
            required=False,
            help_text="For a channel whose locations are not mapped one by one.",
        ),
        Field("notify_customer", "Shopify mails the tracking number", required=False, default=True, type=bool),
        Field(
            "pending_expires_hours", "Hours that an unpaid order keeps its units", required=False, default=168, type=int
        ),
    )
    external_fields: ClassVar[Sequence[Field]] = (
        Field("inventory_item_id", "Inventory item id", help_text="Its stock is set by this id."),
        Field("variant_id", "Variant id", help_text="orders name it"),
    )

    def capabilities(self, settings: Mapping[str, Any]) -> Capabilities:
        return Capabilities(
            takes_shipments=True,
            has_places=True,
            max_batch=documents.MOST_ITEMS,
            compare_and_set=True,
            rereads=True,
            timeout_seconds=10.0,
        )

    def check(self, account: Account) -> None:
        super().check(account)
        tokens.check(account.credentials)
        version = account.settings.get("api_version") or API_VERSION
        if not isinstance(version, str) or not _VERSION.fullmatch(version) or version < OLDEST_API_VERSION:
            raise ConnectorError(f"settings.api_version is {version!r:.40}; {OLDEST_API_VERSION} or later is expected")
        location = account.settings.get("location_id")
        if location and not gid("Location", location):
            raise ConnectorError(
                f"settings.location_id is {location!r:.80}; a number or gid://shopify/Location/... is expected"
            )

    def external_key(self, external: Mapping[str, Any], *, sku_code: str) -> str:
        return stock.checked_ids(external)[0]

    def kept_external(self, external: Mapping[str, Any]) -> dict[str, Any]:
        variant, item = stock.checked_ids(external)
        return {**external, "inventory_item_id": item, "variant_id": variant}

    def kept_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        location = gid("Location", settings.get("location_id"))
        return {**settings, **({"location_id": location} if location else {})}

    def kept_remote(self, remote: str) -> str:
        return stock.location_gid(remote) if remote.strip() else ""

    # Webhooks -------------------------------------------------------------------------------------------------

    def verify(self, request: InboundRequest, account: Account, *, now: datetime) -> None:
        given = _header(request, "hmac-sha256")
        if not given:
            raise SignatureError("the header x-shopify-hmac-sha256 is missing")
        secrets = [account.credentials.get(name) for name in ("client_secret", "previous_client_secret")]
        held = [secret for secret in secrets if isinstance(secret, str) and secret]
        if not held:
            raise SignatureError("the channel has no client_secret")
        signature = given.encode("utf-8", "replace")
        matches = [hmac.compare_digest(_signature(secret, request.body), signature) for secret in held]
        if not any(matches):
            raise SignatureError("the signature does not match")

    def event_id(self, request: InboundRequest) -> str:
        return _header(request, "webhook-id")

    def topic(self, request: InboundRequest) -> str:
        return _header(request, "topic").lower()

    def order_ref(self, body: bytes) -> str:
        return events.order_ref(body)

    def parse(self, body: bytes, *, topic: str) -> OrderEvent | OrderChanged | None:
        return events.parse(body, topic=topic)

    # Access ---------------------------------------------------------------------------------------------------

    def token_request(self, account: Account, *, now: datetime) -> OutboundRequest | None:
        return tokens.request(account, now=now)

    def read_token(self, response: Response, *, now: datetime) -> Mapping[str, Any]:
        return tokens.read(response, now=now)

    def token_ends_at(self, account: Account) -> datetime | None:
        return tokens.ends_at(account)

    def rest_seconds(self, response: Response) -> float:
        return rest_seconds(response)

    # Stock ----------------------------------------------------------------------------------------------------

    def push_request(self, items: Sequence[PushItem], account: Account, *, now: datetime) -> OutboundRequest:
        return _asked(account, documents.SET_QUANTITIES, stock.set_quantities(items, account))

    def read_push(self, response: Response, items: Sequence[PushItem]) -> list[PushResult]:
        return stock.read_set_quantities(response, items)

    def levels_request(self, items: Sequence[PushItem], account: Account, *, now: datetime) -> OutboundRequest:
        places, variables = stock.levels_variables(items, account)
        return _asked(account, documents.levels(places), variables)

    def read_levels(self, response: Response, items: Sequence[PushItem]) -> Mapping[int, int]:
        return stock.read_levels(response, items)

    def stock_request(self, account: Account, *, cursor: str | None, now: datetime) -> OutboundRequest:
        return _asked(account, *stock.stock_query(account, cursor))

    def read_stock(self, response: Response) -> StockPage:
        return stock.read_stock(response)

    # Orders ---------------------------------------------------------------------------------------------------

    def orders_request(
        self, account: Account, *, updated_since: datetime, cursor: str | None, now: datetime
    ) -> OutboundRequest:
        since = updated_since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # earlier by less than a second
        return _asked(account, documents.ORDERS, {"query": f"updated_at:>='{since}'", "after": cursor})

    def order_request(self, account: Account, *, external_id: str, now: datetime) -> OutboundRequest:
        identity = gid("Order", external_id)
        if not identity:
            raise ConnectorError(f"{external_id!r:.80} is no order of Shopify's")
        return _asked(account, documents.ORDER, {"id": identity})

    def read_orders(self, response: Response) -> OrderPage:
        found = data(response, without="shippingAddress")
        if "order" in found:
            asked = found["order"]
            return OrderPage([] if asked is None else [_polled("order", asked)], None)
        nodes = inside(found, "orders", "nodes")
        if not isinstance(nodes, list):
            raise ChannelUnclear("the answer is no page of orders")
        orders = [_polled("orders", node) for node in nodes]
        return OrderPage(orders, next_cursor(found["orders"]), _last_change(nodes))

    # Shipments ------------------------------------------------------------------------------------------------

    def ship(
        self, news: ShipmentNews, account: Account, *, now: datetime
    ) -> Generator[OutboundRequest, Response, None]:
        told = account.settings.get("notify_customer")
        steps = parcels.tell(news, notify=True if told is None else bool(told))
        try:
            document, variables = next(steps)
            while True:
                response = yield _asked(account, document, variables)
                document, variables = steps.send(response)
        except StopIteration:
            return


def _asked(account: Account, document: str, variables: Mapping[str, Any]) -> OutboundRequest:
    token = account.credentials.get("access_token")
    if not token:
        raise ConnectorError("credentials.access_token is missing")
    version = account.settings.get("api_version") or API_VERSION
    body = msgspec.json.encode({"query": document, "variables": variables})
    headers = {
        "x-shopify-access-token": str(token),
        "content-type": "application/json",
        "accept": "application/json",
    }
    return OutboundRequest("POST", f"{account.base_url}/admin/api/{version}/graphql.json", body, headers)


def _header(request: InboundRequest, name: str) -> str:
    """A header of a webhook, with the prefix that most deliveries still have, or the one of the newer ones."""
    return request.headers.get(f"x-shopify-{name}") or request.headers.get(f"shopify-{name}") or ""


def _signature(secret: str, body: bytes) -> bytes:
    return base64.b64encode(hmac.new(secret.encode("utf-8", "replace"), body, hashlib.sha256).digest())


def _last_change(nodes: Sequence[Any]) -> datetime | None:
    """The change of the last order of a page, by which they are sorted; None where it makes no sense."""
    try:
        instant = datetime.fromisoformat(str(inside(nodes[-1], "updatedAt")))
    except (IndexError, ValueError):
        return None
    return instant if instant.tzinfo else None


def _polled(holder: str, node: Any) -> PolledOrder:
    """One order, kept as it was listed, under the name of the list: that says how much of it was asked for."""
    identity = number("Order", inside(node, "id"))
    version = str(inside(node, "updatedAt") or "")
    body = msgspec.json.encode({holder: node})
    event_id = f"{'poll' if holder == 'orders' else 'asked'}:{identity}:{version or hashlib.sha256(body).hexdigest()}"
    return PolledOrder(event_id[:200], identity, body)
