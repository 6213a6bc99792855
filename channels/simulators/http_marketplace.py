"""A marketplace of the ``http`` connector: its stock is written by versions, its orders are told whole."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from channels.simulators import signing
from channels.simulators.book import Result
from channels.simulators.courier import Message
from channels.simulators.log import ClockLog, Stock
from channels.simulators.marketplace import Marketplace
from channels.simulators.orders import Order, OrderRefused, iso, units
from channels.simulators.spec import MarketplaceSpec


class HttpMarketplace(Marketplace):
    """What the product does to it, and how it tells of its orders."""

    def __init__(self, spec: MarketplaceSpec, *, stock: Stock, log: ClockLog) -> None:
        super().__init__(spec, stock=stock, log=log)
        self.key = signing.key_of(spec.secret)

    def write(self, items: Sequence[Any], *, arrived: float) -> list[Result]:
        """Apply a PUT's items one by one; a repeated id within one PUT is refused."""
        seen: set[str] = set()
        results: list[Result] = []
        now = time.monotonic()
        for item in items:
            result, line = self.book.write(item, rejected_ids=self.faults.reject_ids, seen=seen)
            if line is not None:
                self._note(line, at=now, source="write", arrived=arrived)
            self.requests[f"items_{result['status']}"] += 1
            results.append(result)
        return results

    def report_shipment(self, document: dict[str, Any]) -> bool:
        """Take note of a shipment; False if this very shipment was reported before."""
        order = self._order(str(document["order_id"]))
        self.shipments.append(document)
        if document in self.shipments[:-1]:
            self.requests["shipments_repeated"] += 1
            return False
        before = units(order.lines)
        quantities = {str(line["line_id"]): int(line["quantity"]) for line in document["lines"]}
        try:
            chosen = order.chosen(quantities, possible=lambda line: line.open)
        except OrderRefused:
            self.shipments.pop()
            raise
        for line, quantity in chosen:
            line.shipped += quantity
        if not any(line.open for line in order.lines):
            order.status = "shipped"
        self._change(order, event_type="order.updated" if self.spec.echoes_shipments else "", before=before)
        return True

    def _announce(self, event_type: str, *, order: Order) -> None:
        message_id = f"msg_{order.order_id}_{order.version}"
        occurred_at = iso(self._occurred_at(order))
        event = {"type": event_type, "id": message_id, "occurred_at": occurred_at, "order": order.document()}
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        sign = partial(signing.sign, self.key, message_id=message_id, body=body)
        message = Message(message_id, order.order_id, body, self.spec.path, sign)
        self.courier.send(message, fate=f"{order.number}:{order.version}", faults=self.faults)

    def _occurred_at(self, order: Order) -> datetime:
        return datetime.now(UTC)
