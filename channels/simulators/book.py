"""A marketplace's stock book: what its buyers see, and the rules by which it may change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from channels.simulators.spec import Offer

Result = dict[str, Any]


@dataclass
class BookLine:
    """One offer's number. ``version`` is the version of the last applied write, None before the first."""

    offer: Offer
    quantity: int
    version: int | None = None
    written: int | None = None  # the number that the last applied write carried


class Book:
    """{external id: line}. Writes are fenced by version and, where asked for, compared with ``expected``."""

    def __init__(self, offers: Iterable[Offer], *, max_quantity: int = 1_000_000) -> None:
        self.lines = {offer.external_id: BookLine(offer, offer.quantity) for offer in offers}
        self._max_quantity = max_quantity

    def __iter__(self) -> Iterator[tuple[str, BookLine]]:
        return iter(self.lines.items())

    def quantity(self, external_id: str) -> int:
        """What buyers see; 0 for an id that is not offered."""
        line = self.lines.get(external_id)
        return line.quantity if line else 0

    def sell(self, external_id: str, *, quantity: int, lowers: bool = True) -> bool:
        """Sell what the book shows, all or nothing; whether it sold."""
        line = self.lines.get(external_id)
        if line is None or quantity < 1 or line.quantity < quantity:
            return False
        if lowers:
            line.quantity -= quantity
        return True

    def write(
        self, item: Any, *, rejected_ids: Collection[str] = (), seen: set[str] | None = None
    ) -> tuple[Result, BookLine | None]:
        """Apply one item of a PUT: its result, and the line if it took effect. ``seen`` are the PUT's ids so far."""
        if refused := self._refusal(item, rejected_ids=rejected_ids):
            return refused, None
        if seen is not None:
            if item["external_id"] in seen:
                return _rejection(item, code="duplicate_item", message="this id occurs twice in the request"), None
            seen.add(item["external_id"])
        line = self.lines[item["external_id"]]
        quantity, version, expected = item["quantity"], item["version"], item.get("expected")
        if line.version is not None and version < line.version:
            return _result(line, status="stale"), None
        if version == line.version:
            # A repeat of the write that already stands changes nothing, even if units were sold since.
            if quantity == line.written:
                return _result(line, status="applied"), None
            return _rejection(item, code="version_reused", message="this version carried another number"), None
        if expected is not None and expected != line.quantity:
            return _result(line, status="stale"), None
        line.quantity = line.written = quantity
        line.version = version
        return _result(line, status="applied"), line

    def _refusal(self, item: Any, *, rejected_ids: Collection[str]) -> Result | None:
        if not isinstance(item, dict) or not isinstance(item.get("external_id"), str):
            return _rejection({}, code="invalid_item", message="an item is an object with an external_id")
        if item["external_id"] not in self.lines:
            return _rejection(item, code="unknown_external_id", message="nothing is offered under this id")
        if item["external_id"] in rejected_ids:
            return _rejection(item, code="listing_blocked", message="this listing takes no changes")
        if not _is_whole(item.get("version")):
            return _rejection(item, code="invalid_version", message="version is a whole number")
        if not _is_whole(item.get("quantity")) or item["quantity"] < 0:
            return _rejection(item, code="invalid_quantity", message="quantity is a whole number, not negative")
        if item["quantity"] > self._max_quantity:
            return _rejection(item, code="quantity_too_high", message=f"quantity is at most {self._max_quantity}")
        if item.get("expected") is not None and not _is_whole(item["expected"]):
            return _rejection(item, code="invalid_expected", message="expected is a whole number")
        return None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _result(line: BookLine, *, status: str) -> Result:
    return {"external_id": line.offer.external_id, "status": status, "quantity": line.quantity}


def _rejection(item: dict[str, Any], *, code: str, message: str) -> Result:
    return {"external_id": item.get("external_id"), "status": "rejected", "code": code, "message": message}
