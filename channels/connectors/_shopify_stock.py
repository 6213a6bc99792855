"""Numbers to Shopify and back: compare and set, and what its locations show."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid5

import msgspec

from inventory.kernel.quantities import LARGEST, QuantityError, parse_quantity

from . import _shopify_documents as documents
from ._shopify_answers import data, inside, next_cursor, rows
from ._shopify_ids import gid, number, required
from .base import (
    Account,
    ChannelBusy,
    ChannelRefused,
    ChannelUnclear,
    ConnectorError,
    PushItem,
    PushOutcome,
    PushResult,
    RemoteLevel,
    Response,
    StockPage,
)

_STALE = {"CHANGE_FROM_QUANTITY_STALE", "COMPARE_QUANTITY_STALE"}

#: A request of the same key is not answered yet, or said something else: what became of that one is not known.
_UNCLEAR = {"IDEMPOTENCY_CONCURRENT_REQUEST", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"}

#: An earlier request of this key failed, and so does this one for that reason alone; the next has another key.
_FAILED_BEFORE = "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"

#: In what form a place was named, and how the answer's alias says so: answers do not repeat the question.
_FORMS = ("default", "gid", "number")


def location_gid(remote: str) -> str:
    """The gid of a place that is mapped. Raises ConnectorError where that is none."""
    return required("Location", remote, where="the channel's name of a location")


def location(item: PushItem, account: Account) -> str:
    """The gid of the place at which an item is shown. Raises ConnectorError where none is known."""
    if item.remote:
        return location_gid(item.remote)
    return required("Location", account.settings.get("location_id"), where="settings.location_id")


def set_quantities(items: Sequence[PushItem], account: Account) -> dict[str, Any]:
    """The variables that set these numbers, all or none, each only where the channel shows what we believe."""
    quantities = [
        {
            "inventoryItemId": _inventory_item(item),
            "locationId": location(item, account),
            "quantity": item.quantity,
            "changeFromQuantity": item.expected,
        }
        for item in items
    ]
    contents = msgspec.json.encode(quantities).decode()
    key = uuid5(items[0].key, contents)
    document = {
        "name": "available",
        "reason": "correction",
        "referenceDocumentUri": f"gid://sellonce/StockUpdate/{key}",
        "quantities": quantities,
    }
    return {"input": document, "key": str(key)}


def read_set_quantities(response: Response, items: Sequence[PushItem]) -> list[PushResult]:
    """What became of each item. Raises where the request as a whole failed."""
    payload = data(response).get("inventorySetQuantities")
    errors = payload.get("userErrors") if isinstance(payload, dict) else None
    if not isinstance(errors, list) or not all(isinstance(error, dict) for error in errors):
        raise ChannelUnclear("the answer does not say what was set")
    if not errors:
        return [PushResult(item.target_id, PushOutcome.APPLIED) for item in items]
    blamed: dict[int, PushResult] = {}
    for error in errors:
        place = _place(error.get("field"), len(items))
        if place is None:
            return _blame_all(error, items)
        held = blamed.get(place)
        if held is None or held.outcome == PushOutcome.STALE:
            blamed[place] = _result(items[place], error)
    return [
        blamed.get(place) or PushResult(item.target_id, PushOutcome.HELD_UP, code="held_up")
        for place, item in enumerate(items)
    ]


def levels_variables(items: Sequence[PushItem], account: Account) -> tuple[int, dict[str, Any]]:
    """At how many places these items are shown, and the variables that ask for their numbers there."""
    variables: dict[str, Any] = {}
    places = _by_place(items)
    for turn, there in enumerate(places.values()):
        wanted = list(dict.fromkeys(_inventory_item(item) for item in there))
        variables |= {f"p{turn}": location(there[0], account), f"p{turn}Items": wanted}
    return len(places), variables


def read_levels(response: Response, items: Sequence[PushItem]) -> dict[int, int]:
    """What the channel shows of these items, by target."""
    found = data(response)
    levels: dict[int, int] = {}
    for turn, there in enumerate(_by_place(items).values()):
        shown = {
            str(node.get("id")): _available(inside(node, "inventoryLevel", "quantities"))
            for node in rows(found.get(f"p{turn}"))
        }
        for item in there:
            quantity = shown.get(_inventory_item(item))
            if quantity is not None:
                levels[item.target_id] = quantity
    return levels


def _by_place(items: Sequence[PushItem]) -> dict[str, list[PushItem]]:
    """The items by the name of their place, in the order in which the places are first named."""
    places: dict[str, list[PushItem]] = {}
    for item in items:
        places.setdefault(number("Location", item.remote), []).append(item)
    return places


def stock_query(account: Account, cursor: str | None) -> tuple[str, dict[str, Any]]:
    """The document and variables that ask for a page; the cursor says of which place, and from where on."""
    places = _places(account)
    turn, _, after = (cursor or "0:").partition(":")
    position = min(int(turn), len(places) - 1) if turn.isascii() and turn.isdigit() else 0
    form, place = places[position]
    document = documents.stock(f"place_{position}_of_{len(places)}_{form}")
    return document, {"location": place, "after": after or None}


def read_stock(response: Response) -> StockPage:
    """A page of what one place shows."""
    for alias, place in data(response).items():
        parts = alias.split("_")
        if len(parts) == 5 and parts[4] in _FORMS and parts[1].isdigit() and parts[3].isdigit():
            return _stock_page(place, position=int(parts[1]), places=int(parts[3]), form=parts[4])
    raise ChannelUnclear("the answer shows no place")


def _stock_page(place: Any, *, position: int, places: int, form: str) -> StockPage:
    if place is None:
        raise ChannelRefused("the shop has no such location", code="http_404")
    listed = inside(place, "inventoryLevels")
    given = inside(listed, "nodes")
    if not isinstance(given, list):
        raise ChannelUnclear("the answer lists no inventory levels")
    identity = str(inside(place, "id") or "")
    remote = {"default": "", "gid": identity, "number": number("Location", identity)}[form]
    levels = [level for row in given if (level := _level(row, remote)) is not None]
    after = next_cursor(listed)
    following = f"{position}:{after}" if after else f"{position + 1}:" if position + 1 < places else None
    return StockPage(levels, following, unreadable=len(given) - len(levels))


def _level(row: Any, remote: str) -> RemoteLevel | None:
    key = gid("ProductVariant", inside(row, "item", "variant", "id"))
    quantity = _available(inside(row, "quantities"))
    return RemoteLevel(key, quantity, remote) if key and quantity is not None else None


def _places(account: Account) -> list[tuple[str, str]]:
    """Every place that is read: the form in which it was named, and its gid."""
    places = []
    for remote in dict.fromkeys(account.remotes):
        form = "gid" if remote.strip().startswith("gid:") else "number"
        places.append((form, location_gid(remote)))
    default = account.settings.get("location_id")
    if not places or (default and gid("Location", default) not in [place for _, place in places]):
        places.append(("default", required("Location", default, where="settings.location_id")))
    return places


def _inventory_item(item: PushItem) -> str:
    return required("InventoryItem", item.external.get("inventory_item_id"), where="external.inventory_item_id")


def _available(quantities: Any) -> int | None:
    for row in rows(quantities):
        if row.get("name", "available") == "available":
            try:
                return parse_quantity(row.get("quantity"), least=-LARGEST)
            except QuantityError:
                return None
    return None


def _place(path: Any, count: int) -> int | None:
    """Which item an error is about: the number in ``["input", "quantities", "3", ...]``."""
    for step in path if isinstance(path, list) else ():
        text = str(step)
        if text.isascii() and text.isdigit() and not isinstance(step, bool):
            return int(text) if int(text) < count else None
    return 0 if count == 1 else None


def _result(item: PushItem, error: Mapping[str, Any]) -> PushResult:
    code, message = str(error.get("code") or "").upper(), str(error.get("message") or "")[:400]
    if code in _STALE:
        return PushResult(item.target_id, PushOutcome.STALE, None, code.lower(), message)
    _raise_for_keys(code, message)
    lowered = code.lower()[:60]
    if "stocked" in message.lower() or "STOCKED" in code:
        lowered, message = "not_stocked_at_location", f"{message} (stock the product at this location in Shopify)"[:400]
    return PushResult(item.target_id, PushOutcome.REJECTED, None, lowered or "rejected", message)


def _blame_all(error: Mapping[str, Any], items: Sequence[PushItem]) -> list[PushResult]:
    """An error that does not say which item it is about."""
    code, message = str(error.get("code") or "").upper(), str(error.get("message") or "")[:400]
    if code in _STALE:  # those that we compared are read anew
        return [
            PushResult(item.target_id, PushOutcome.HELD_UP, code="held_up")
            if item.expected is None
            else PushResult(item.target_id, PushOutcome.STALE, None, code.lower(), message)
            for item in items
        ]
    _raise_for_keys(code, message)
    raise ChannelRefused(message or code, code=code.lower()[:60] or "rejected")


def _raise_for_keys(code: str, message: str) -> None:
    if code in _UNCLEAR:
        raise ChannelUnclear(f"{code.lower()}: {message}")
    if code == _FAILED_BEFORE:
        raise ChannelBusy(f"{code.lower()}: {message}", retry_after_seconds=1.0)


def checked_ids(external: Mapping[str, Any]) -> tuple[str, str]:
    """The gids of a listing's variant and inventory item. Raises ConnectorError, saying what each is for."""
    try:
        variant = required("ProductVariant", external.get("variant_id"), where="external.variant_id")
    except ConnectorError as error:
        raise ConnectorError(f"{error}: Shopify's orders name what was sold by its variant") from None
    try:
        item = required("InventoryItem", external.get("inventory_item_id"), where="external.inventory_item_id")
    except ConnectorError as error:
        raise ConnectorError(f"{error}: Shopify keeps stock by inventory item") from None
    return variant, item
