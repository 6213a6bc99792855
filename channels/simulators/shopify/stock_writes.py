"""Setting and adjusting quantities: all rows or none, each wrong row named by its path."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from channels.simulators.shopify.asking import Asking, Errors, error, once
from channels.simulators.shopify.deeds import ShopifyShop
from channels.simulators.shopify.idempotency import Payload
from channels.simulators.shopify.identity import number_of
from channels.simulators.shopify.paging import LARGEST_PAGE
from channels.simulators.shopify.queries import too_many
from channels.simulators.shopify.stock import Level
from channels.simulators.shopify.views import AdjustmentView, ItemView, LevelView, LocationView

LARGEST = 1_000_000_000
REASONS = frozenset(
    (
        *("correction", "cycle_count_available", "damaged", "movement_canceled", "movement_created"),
        *("movement_received", "movement_updated", "other", "promotion", "quality_control", "received"),
        *("reservation_created", "reservation_deleted", "reservation_updated", "restock", "safety_stock", "shrinkage"),
    )
)
Row = dict[str, Any]
Meant = tuple[Level | None, Row, tuple[str, ...]]  # the level, the row, its path
Wanted = Callable[[Level, Row], int]  # the number that a row asks for


def set_quantities(_root: Any, info: GraphQLResolveInfo, *, input: Row) -> Payload:
    """``inventorySetQuantities``."""
    rows = _rows(input, of="quantities", kind="InventoryQuantityInput")
    names = ("available", "on_hand")
    wrong = error("The quantity name must be either 'available' or 'on_hand'.", "input", "name", code="INVALID_NAME")

    def perform() -> Payload:
        errors = [] if input["name"] in names else [wrong]
        return _perform(info.context, input, rows=rows, path="quantities", wanted=lambda _level, row: int(row["quantity"]),
                        errors=errors, unique=True)  # fmt: skip

    return once(info, asked=input, perform=perform, refused=_refused)


def adjust_quantities(_root: Any, info: GraphQLResolveInfo, *, input: Row) -> Payload:
    """``inventoryAdjustQuantities``; of the names only ``available``."""
    rows = _rows(input, of="changes", kind="InventoryChangeInput")
    message = "The simulated shop adjusts 'available' only."

    def perform() -> Payload:
        errors = [] if input["name"] == "available" else [error(message, "input", "name", code="INVALID_QUANTITY_NAME")]
        errors += [
            error("A ledger document URI is not allowed when adjusting available.", "input", "changes", str(number),
                  "ledgerDocumentUri", code="INVALID_AVAILABLE_DOCUMENT")
            for number, row in enumerate(rows)
            if row.get("ledger_document_uri")
        ]  # fmt: skip
        return _perform(info.context, input, rows=rows, path="changes", errors=errors,
                        wanted=lambda level, row: level.available + int(row["delta"]))  # fmt: skip

    return once(info, asked=input, perform=perform, refused=_refused)


def activate(
    _root: Any,
    info: GraphQLResolveInfo,
    *,
    inventory_item_id: str,
    location_id: str,
    available: int | None = None,
    on_hand: int | None = None,
    stock_at_legacy_location: bool | None = None,
) -> Payload:
    """``inventoryActivate``: a level that has numbers already keeps them."""
    asking: Asking = info.context
    asked = {"item": inventory_item_id, "location": location_id, "available": available, "on_hand": on_hand}

    def perform() -> Payload:
        level = _level(asking.shop, item=inventory_item_id, location=location_id)
        if isinstance(level, dict):
            return {"inventory_level": None, "user_errors": [level]}
        wanted = available if available is not None else None if on_hand is None else on_hand - level.committed
        if level.is_active and wanted is not None:
            message = "Not allowed to set available quantity when the item is already active at the location."
            return {"inventory_level": None, "user_errors": [error(message, "available")]}
        level.is_active = True
        level.move(available=0 if wanted is None else wanted - level.available)
        asking.shop.note_level(level, source="write", arrived=asking.arrived)
        return {"inventory_level": LevelView(asking.shop, level), "user_errors": []}

    def refused(_code: str, message: str) -> Payload:
        return {"inventory_level": None, "user_errors": [error(message)]}

    return once(info, asked=asked, perform=perform, refused=refused)


def _rows(document: Row, *, of: str, kind: str) -> list[Row]:
    """The rows; what makes the whole request wrong is an error of its own, before any row is looked at."""
    rows: list[Row] = document[of]
    if len(rows) > LARGEST_PAGE:
        raise too_many(len(rows))
    if any("change_from_quantity" not in row for row in rows):
        message = f"{kind} must include the following argument: changeFromQuantity."
        raise GraphQLError(message, extensions={"code": "INVALID_FIELD_ARGUMENTS"})
    return rows


def _perform(
    asking: Asking,
    document: Row,
    *,
    rows: Sequence[Row],
    path: str,
    wanted: Wanted,
    errors: Errors,
    unique: bool = False,
) -> Payload:
    shop = asking.shop
    shop.requests["stock_calls"] += 1
    errors += _document_errors(document)
    meant: list[tuple[Level, Row]] = []
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows):
        found, wrong = _row(shop, document["name"], row=row, path=("input", path, str(number)), wanted=wanted)
        pair = (row["inventory_item_id"], row["location_id"])
        if unique and pair in seen:
            wrong.append(error("The combination of inventoryItemId and locationId must be unique.", "input", path,
                               str(number), code="NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"))  # fmt: skip
        seen.add(pair)
        errors += wrong
        meant += [(found, row)] if found else []
    if errors:
        stale = sum(each["code"] == "CHANGE_FROM_QUANTITY_STALE" for each in errors)
        shop.requests["items_stale"] += stale
        shop.requests["items_rejected"] += len(errors) - stale
        return {"inventory_adjustment_group": None, "user_errors": errors}
    return {"inventory_adjustment_group": _apply(asking, document, meant=meant, wanted=wanted), "user_errors": []}


def _document_errors(document: Row) -> Errors:
    errors = []
    if document["reason"] not in REASONS:
        errors.append(error("The specified reason is invalid.", "input", "reason", code="INVALID_REASON"))
    scheme, mark, rest = (document.get("reference_document_uri") or "a:b").partition(":")
    if not (scheme and mark and rest):
        message = "The specified reference document is invalid."
        errors.append(error(message, "input", "referenceDocumentUri", code="INVALID_REFERENCE_DOCUMENT"))
    return errors


def _row(
    shop: ShopifyShop, name: str, *, row: Row, path: tuple[str, ...], wanted: Wanted
) -> tuple[Level | None, Errors]:
    found = _level(shop, item=row["inventory_item_id"], location=row["location_id"])
    if isinstance(found, dict):
        return None, [{**found, "field": [*path, *found["field"]]}]
    if found.item.item_id in shop.faults.reject_ids:
        message = "The specified inventory item is not allowed to be adjusted via API."
        return None, [error(message, *path, "inventoryItemId", code="NON_MUTABLE_INVENTORY_ITEM")]
    number, current = wanted(found, row), found.quantity(name)
    field = "quantity" if "quantity" in row else "delta"
    errors = []
    if name == "on_hand" and number < 0:
        errors.append(error("The quantity can't be negative.", *path, field, code="INVALID_QUANTITY_NEGATIVE"))
    if number > LARGEST:
        message = "The total quantity can't be higher than 1,000,000,000."
        errors.append(error(message, *path, field, code="INVALID_QUANTITY_TOO_HIGH"))
    if number < -LARGEST:
        message = "The total quantity can't be lower than -1,000,000,000."
        errors.append(error(message, *path, field, code="INVALID_QUANTITY_TOO_LOW"))
    if row["change_from_quantity"] is not None and row["change_from_quantity"] != current:
        message = "The changeFromQuantity argument no longer matches the persisted quantity."
        errors.append(error(message, *path, "changeFromQuantity", code="CHANGE_FROM_QUANTITY_STALE"))
    return found, errors


def _level(shop: ShopifyShop, *, item: str, location: str) -> Level | dict[str, Any]:
    item_id, location_id = number_of(item, kind="InventoryItem"), number_of(location, kind="Location")
    if item_id not in shop.shelves.items:
        message = "The specified inventory item could not be found."
        return error(message, "inventoryItemId", code="INVALID_INVENTORY_ITEM")
    if location_id not in shop.shelves.places:
        return error("The specified location could not be found.", "locationId", code="INVALID_LOCATION")
    return shop.shelves.level(item_id, location_id=location_id)


def _apply(
    asking: Asking, document: Row, *, meant: Sequence[tuple[Level, Row]], wanted: Wanted
) -> AdjustmentView | None:
    """Every row takes effect at one instant; the group of what changed, None where nothing did."""
    shop, now, changes = asking.shop, time.monotonic(), []
    for level, row in meant:
        delta = wanted(level, row) - level.quantity(document["name"])
        if delta:
            level.move(available=delta)
            changes += _changes(shop, level, delta=delta)
            shop.note_level(level, source="write", at=now, arrived=asking.arrived)
        else:
            shop.note_same(level, at=now, arrived=asking.arrived)
    shop.requests["items_applied"] += len(meant)
    if not changes:
        return None
    return AdjustmentView(shop, changes, reason=document["reason"], uri=document.get("reference_document_uri"))


def _changes(shop: ShopifyShop, level: Level, *, delta: int) -> list[dict[str, Any]]:
    item, location = ItemView(shop, level.item), LocationView(shop, level.place)
    return [
        {
            "name": name,
            "delta": delta,
            "quantity_after_change": level.quantity(name),
            "item": item,
            "location": location,
            "ledger_document_uri": None,
        }
        for name in ("available", "on_hand")
    ]


def _refused(code: str, message: str) -> Payload:
    return {"inventory_adjustment_group": None, "user_errors": [error(message, code=code)]}
