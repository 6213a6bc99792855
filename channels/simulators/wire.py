"""A marketplace on the wire: authentication, rate limit, latency, misfortune, then the route."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from channels.simulators import signing
from channels.simulators.faults import WriteFault
from channels.simulators.marketplace import Marketplace
from channels.simulators.orders import OrderRefused
from channels.simulators.server import RESET, SILENCE, Listener, Request, Response, answer, refusal


class TokenBucket:
    """So many requests a second, and a burst."""

    def __init__(self, rate_per_second: float | None, *, burst: int) -> None:
        self._rate, self._burst = rate_per_second, float(burst)
        self._tokens, self._at = float(burst), time.monotonic()

    def wait_seconds(self) -> float:
        """Take a token: 0; or, where there is none, how long until there is one."""
        if self._rate is None:
            return 0.0
        now = time.monotonic()
        self._tokens, self._at = min(self._burst, self._tokens + (now - self._at) * self._rate), now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class Wire:
    """Serves one marketplace. It can be taken down, throttled and made slow while it runs."""

    def __init__(self, marketplace: Marketplace) -> None:
        self.marketplace = marketplace
        spec = marketplace.spec
        self.listener = Listener(self.handle, port=spec.port)
        self.latency_ms = spec.latency_ms
        self.is_hushed = False  # accept everything, answer nothing
        self._bucket = TokenBucket(spec.rate_per_second, burst=spec.burst)
        self._throttled_until = 0.0
        self._jitter = random.Random(f"{spec.seed}:{spec.code}:latency")
        self._writes = 0
        self._routes: dict[tuple[str, str], Callable[[Request, float], Response]] = {
            ("PUT", "/stock"): self._put_stock,
            ("GET", "/stock"): self._get_stock,
            ("GET", "/orders"): self._get_orders,
            ("POST", "/shipments"): self._post_shipment,
        }

    def throttle_for(self, seconds: float) -> None:
        """Answer 429 to everything for so long; 0 ends it."""
        self._throttled_until = time.monotonic() + seconds

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        arrived = time.monotonic()
        route = self._routes.get((request.method, request.path))
        response = await self._answer(request, route=route, arrived=arrived)
        name = f"{request.method} {request.path}" if route else "other"
        outcome = "reset" if response.reset else "silent" if response.silent else str(response.status)
        self.marketplace.requests[name] += 1
        self.marketplace.requests[f"{name} {outcome}"] += 1
        return response

    async def _answer(
        self, request: Request, *, route: Callable[[Request, float], Response] | None, arrived: float
    ) -> Response:
        if self.is_hushed:
            return SILENCE
        if (wait := max(self._throttled_until - arrived, self._bucket.wait_seconds())) > 0:
            retry_after = {"retry-after": str(max(1, math.ceil(wait)))}
            return refusal(429, code="rate_limited", message="too many requests", headers=retry_after)
        try:
            signing.verify(self.marketplace.key, headers=request.headers, body=request.body)
        except signing.SignatureRefused as refused:
            return refusal(401, code=refused.code, message="the signature does not hold")
        if route is None:
            return refusal(404, code="not_found", message="no such resource")
        travel = self._travel_seconds()
        await asyncio.sleep(travel / 2)
        try:
            return await self._route(request, route=route, arrived=arrived, travel=travel)
        except OrderRefused as refused:
            status = 404 if refused.code == "unknown_order" else 422
            return refusal(status, code=refused.code, message="the order does not allow this")
        except _BadRequest as bad:
            return refusal(bad.status, code=bad.code, message=bad.message)

    def _travel_seconds(self) -> float:
        if not self.latency_ms:
            return 0.0
        return self.latency_ms / 1000 * self._jitter.lognormvariate(0.0, self.marketplace.spec.latency_jitter)

    async def _route(
        self, request: Request, *, route: Callable[[Request, float], Response], arrived: float, travel: float
    ) -> Response:
        faults, fault = self.marketplace.faults, None
        if request.method == "PUT":
            self._writes += 1
            fault = self.marketplace.dice.write(self._writes, faults=faults)
        if fault:
            self.marketplace.requests[f"fault_{fault}"] += 1
        if fault is WriteFault.ERROR_BEFORE:
            return refusal(503, code="unavailable", message="nothing was applied")
        if fault is WriteFault.RESET_BEFORE:
            return RESET
        if fault is WriteFault.SILENT:
            return SILENCE
        if fault is WriteFault.LATE:
            asyncio.get_running_loop().call_later(faults.late_seconds, route, request, arrived)
            return SILENCE
        response = route(request, arrived)
        await asyncio.sleep(travel / 2)
        if fault is WriteFault.ERROR_AFTER:
            return refusal(502, code="bad_gateway", message="the outcome is not known")
        if fault is WriteFault.RESET_AFTER:
            return RESET
        return SILENCE if fault is WriteFault.TIMEOUT_AFTER else response

    # Routes

    def _put_stock(self, request: Request, arrived: float) -> Response:
        items = _read_object(request).get("items")
        if not isinstance(items, list):
            raise _BadRequest(400, code="invalid_items", message="items is a list")
        if len(items) > self.marketplace.spec.max_batch:
            limit = self.marketplace.spec.max_batch
            raise _BadRequest(413, code="batch_too_large", message=f"at most {limit} items")
        return answer({"results": self.marketplace.write(items, arrived=arrived)})

    def _get_stock(self, request: Request, arrived: float) -> Response:
        size, start = self.marketplace.spec.page_size, _read_cursor(request)
        lines = list(self.marketplace.book)
        items = [{"external_id": name, "quantity": line.quantity} for name, line in lines[start : start + size]]
        following = str(start + size) if start + size < len(lines) else None
        return answer({"items": items, "next": following})

    def _get_orders(self, request: Request, arrived: float) -> Response:
        since, after = _read_since(request), _read_cursor(request)
        orders, following = self.marketplace.orders.page(since=since, after=after, size=self.marketplace.spec.page_size)
        for order in orders:
            self.marketplace.tell(order.order_id)
        documents = [order.document() for order in orders]
        return answer({"orders": documents, "next": str(following) if following is not None else None})

    def _post_shipment(self, request: Request, arrived: float) -> Response:
        document = _read_object(request)
        try:
            first = self.marketplace.report_shipment(document)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _BadRequest(400, code="invalid_shipment", message="order_id and lines are needed") from None
        return answer({"status": "recorded" if first else "known"})


class _BadRequest(Exception):
    def __init__(self, status: int, *, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def _read_object(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.body)
    except ValueError:
        raise _BadRequest(400, code="invalid_json", message="the body is not JSON") from None
    if not isinstance(document, dict):
        raise _BadRequest(400, code="invalid_body", message="the body is not an object")
    return document


def _read_cursor(request: Request) -> int:
    text = request.query.get("cursor") or "0"
    if not text.isdecimal():
        raise _BadRequest(400, code="invalid_cursor", message="the cursor is not one of ours")
    return int(text)


def _read_since(request: Request) -> datetime | None:
    text = request.query.get("updated_since")
    if not text:
        return None
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        raise _BadRequest(400, code="invalid_updated_since", message="updated_since is an ISO 8601 instant") from None
    return since if since.tzinfo else since.replace(tzinfo=UTC)
