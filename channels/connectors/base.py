"""What a connector is given and what it answers. No I/O here: connectors translate, engines act."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID


class SignatureError(Exception):
    """The signature is missing, wrong or too old; the message says which."""


class MalformedPayload(Exception):
    """Bytes that are no event of this channel. ``reason`` is a code, the message names the place."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ConnectorError(ValueError):
    """Settings, credentials or ids that this connector cannot work with; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can do, declared instead of asked by name."""

    has_stock: bool = True  # numbers can be sent to it
    has_orders: bool = True  # it can be asked for orders
    has_webhooks: bool = True
    takes_requests: bool = False  # its orders are typed here, and refused when short
    takes_shipments: bool = False
    has_places: bool = False  # it keeps a number for each of several locations
    max_batch: int = 100
    parallel_requests: int = 1
    compare_and_set: bool = False
    rereads: bool = False  # the numbers of certain items can be asked for; one that is unknown is read before it is set
    fences_by_version: bool = False  # an older number never lands on a newer one, whatever arrives late
    lowers_on_sale: bool = True
    least_quantity: int = 0
    most_quantity: int = 1_000_000_000
    timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Account:
    """One channel as a connector sees it: addresses, settings and secrets, no rows."""

    code: str
    base_url: str
    settings: Mapping[str, Any]
    credentials: Mapping[str, Any] = field(repr=False)
    remotes: Sequence[str] = ()  # its own names of the locations that are mapped; filled only where stock is read back


@dataclass(frozen=True, slots=True)
class Field:
    """A setting, secret or id that a connector needs, for forms and checks."""

    name: str
    label: str
    required: bool = True
    default: Any = None
    help_text: str = ""
    type: type = str


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """A webhook as it arrived. Header names are lower-case."""

    body: bytes
    headers: Mapping[str, str]
    url: str = ""


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """A request for the transport to send."""

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """What the transport brought back. Header names are lower-case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class OrderState(StrEnum):
    PENDING = "pending"
    OPEN = "open"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class LineEvent:
    """One line of an order: quantities are cumulative and whole units."""

    external_id: str
    listing_key: str
    quantity: int
    cancelled: int = 0
    refunded: int = 0
    shipped: int = 0
    unit_price: Decimal | None = None
    problem: str = ""  # a reason code: this line cannot be recorded, the others can


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An order as the channel states it now. ``version`` grows with each change of the order."""

    external_id: str
    version: int
    state: OrderState
    placed_at: datetime
    occurred_at: datetime
    currency: str
    lines: Sequence[LineEvent]
    ship_to: Mapping[str, Any] = field(default_factory=dict)
    restates_lines: bool = True  # all of them: a known line that is left out is no longer part of the order
    problem: str = ""  # what a person should look at: the sale stands, something said beside it makes no sense


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """News that an order changed, without the order: it is to be asked for."""

    external_id: str


@dataclass(frozen=True, slots=True)
class PushItem:
    """One number to send. ``expected`` is what we believe is shown; None is unknown."""

    target_id: int
    external: Mapping[str, Any]
    external_key: str
    remote: str
    quantity: int
    expected: int | None
    version: int
    key: UUID


class PushOutcome(StrEnum):
    APPLIED = "applied"
    STALE = "stale"  # not applied: the channel shows another number than expected
    REJECTED = "rejected"  # not applied, and the same again would be refused again
    HELD_UP = "held_up"  # not applied for another item's sake: to be sent again at once, without that one
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of one item. ``remote_quantity`` is what the channel says it shows, where it says so."""

    target_id: int
    outcome: PushOutcome
    remote_quantity: int | None = None
    code: str = ""
    message: str = ""


class ChannelBusy(Exception):
    """The whole request was put off by the channel: nothing of it was applied. Wait that long."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TokenRejected(ChannelBusy):
    """The access token is not accepted (any more): nothing was applied; a new one is to be fetched."""


class ChannelRefused(Exception):
    """The whole request was refused: nothing of it was applied, and the same again would be refused again."""

    def __init__(self, message: str, *, code: str = "refused") -> None:
        super().__init__(message)
        self.code = code


class ChannelUnclear(Exception):
    """No answer, or one that does not say what was done."""


@dataclass(frozen=True, slots=True)
class RemoteLevel:
    external_key: str
    quantity: int
    remote: str = ""


@dataclass(frozen=True, slots=True)
class StockPage:
    levels: Sequence[RemoteLevel]
    next_cursor: str | None
    unreadable: int = 0  # rows that make no sense and are left out


@dataclass(frozen=True, slots=True)
class PolledOrder:
    """One order of a polled page: kept raw, in the form that ``parse`` reads."""

    event_id: str
    order_ref: str
    body: bytes


@dataclass(frozen=True, slots=True)
class OrderPage:
    orders: Sequence[PolledOrder]
    next_cursor: str | None
    read_until: datetime | None = None  # where orders are listed by their last change: the last change on this page


@dataclass(frozen=True, slots=True)
class ShipmentNews:
    """Units that left, for the channel to know."""

    order_external_id: str
    carrier: str
    tracking_number: str
    lines: Sequence[tuple[str, int]]  # (the channel's line id, units)
    key: UUID
    others: Sequence[tuple[str, Sequence[tuple[str, int]]]] = ()  # (tracking number, lines) of the order told before
    is_repeat: bool = False  # it was sent before, and whether it arrived is not known


class Connector:
    """Base of all connectors. A subclass has a ``code`` and a ``label`` and overrides what its channel can do."""

    code: ClassVar[str]
    label: ClassVar[str]
    credential_fields: ClassVar[Sequence[Field]] = ()
    setting_fields: ClassVar[Sequence[Field]] = ()
    external_fields: ClassVar[Sequence[Field]] = ()
    needs_base_url: ClassVar[bool] = True

    def capabilities(self, settings: Mapping[str, Any]) -> Capabilities:
        """What this channel can do, under these settings."""
        raise NotImplementedError

    def check(self, account: Account) -> None:
        """Raise ConnectorError where settings or credentials cannot work."""
        for kind, fields, values in (
            ("credentials", self.credential_fields, account.credentials),
            ("settings", self.setting_fields, account.settings),
        ):
            for wanted in fields:
                if wanted.required and not values.get(wanted.name):
                    raise ConnectorError(f"{kind}.{wanted.name} is missing")
        if self.needs_base_url and not account.base_url:
            raise ConnectorError("base_url is missing")
        if account.base_url and not account.base_url.startswith(("http://", "https://")):
            raise ConnectorError("base_url begins with https:// (or http://)")

    def external_key(self, external: Mapping[str, Any], *, sku_code: str) -> str:
        """The one text that names a listing on this channel. Raises ConnectorError where an id is missing."""
        wanted = self.external_fields[0].name
        value = external.get(wanted)
        if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
            raise ConnectorError(f"external.{wanted} is missing")
        return str(value)

    # Ids may be typed in several ways; kept, shown and compared they are in one.

    def kept_external(self, external: Mapping[str, Any]) -> dict[str, Any]:
        """A listing's ids, that ``external_key`` has accepted, as they are kept."""
        return dict(external)

    def kept_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings, that ``check`` has accepted, as they are kept."""
        return dict(settings)

    def kept_remote(self, remote: str) -> str:
        """The channel's own name of a location, as it is kept. Raises ConnectorError where it can be none."""
        return remote

    # Webhooks -------------------------------------------------------------------------------------------------

    def verify(self, request: InboundRequest, account: Account, *, now: datetime) -> None:
        """Raise SignatureError unless the channel sent these bytes."""
        raise NotImplementedError

    def event_id(self, request: InboundRequest) -> str:
        """The channel's own id of the delivery; the same on a retry."""
        raise NotImplementedError

    def topic(self, request: InboundRequest) -> str:
        """What kind of event the delivery says it is; empty where only the body says so."""
        return ""

    def order_ref(self, body: bytes) -> str:
        """The order's external id, found as cheaply as possible; empty where it cannot be found. Never raises."""
        raise NotImplementedError

    def parse(self, body: bytes, *, topic: str) -> OrderEvent | OrderChanged | None:
        """The event in these bytes; None where it is of no concern to us. Raises MalformedPayload."""
        raise NotImplementedError

    # Access ---------------------------------------------------------------------------------------------------

    def token_request(self, account: Account, *, now: datetime) -> OutboundRequest | None:
        """What fetches a new access token, where the one that is held ends soon, ended, or is none; else None."""
        return None

    def read_token(self, response: Response, *, now: datetime) -> Mapping[str, Any]:
        """The credentials that changed. Raises ChannelBusy, ChannelRefused or ChannelUnclear."""
        raise NotImplementedError

    def token_ends_at(self, account: Account) -> datetime | None:
        """When the access token that is held stops working; None where it does not, or nothing is known."""
        return None

    def rest_seconds(self, response: Response) -> float:
        """How long to leave the channel alone after this answer, so that its budget is not overdrawn."""
        return 0.0

    # Stock ----------------------------------------------------------------------------------------------------

    def push_request(self, items: Sequence[PushItem], account: Account, *, now: datetime) -> OutboundRequest:
        raise NotImplementedError

    def read_push(self, response: Response, items: Sequence[PushItem]) -> list[PushResult]:
        """One result per item. Raises ChannelBusy, ChannelRefused or ChannelUnclear for the request as a whole."""
        raise NotImplementedError

    def levels_request(self, items: Sequence[PushItem], account: Account, *, now: datetime) -> OutboundRequest:
        """Ask for the numbers of these items (capability ``rereads``); at most ``max_batch`` of them."""
        raise NotImplementedError

    def read_levels(self, response: Response, items: Sequence[PushItem]) -> Mapping[int, int]:
        """What the channel shows, by target's id; without those it knows nothing of. Raises as ``read_push``."""
        raise NotImplementedError

    def stock_request(self, account: Account, *, cursor: str | None, now: datetime) -> OutboundRequest:
        raise NotImplementedError

    def read_stock(self, response: Response) -> StockPage:
        raise NotImplementedError

    # Orders ---------------------------------------------------------------------------------------------------

    def orders_request(
        self, account: Account, *, updated_since: datetime, cursor: str | None, now: datetime
    ) -> OutboundRequest:
        raise NotImplementedError

    def read_orders(self, response: Response) -> OrderPage:
        raise NotImplementedError

    def order_request(self, account: Account, *, external_id: str, now: datetime) -> OutboundRequest:
        """Ask for one order, where ``parse`` can answer OrderChanged; its answer is read by ``read_orders``."""
        raise NotImplementedError

    # Shipments ------------------------------------------------------------------------------------------------

    def ship(
        self, news: ShipmentNews, account: Account, *, now: datetime
    ) -> Generator[OutboundRequest, Response, None]:
        """Tell the channel of a shipment: yields requests, is sent their answers, and returns where the channel took it.

        Told again it does no harm: what the channel knows already is not told twice. Raises ChannelBusy, ChannelRefused or
        ChannelUnclear.
        """
        raise NotImplementedError
        yield
