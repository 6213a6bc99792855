"""A marketplace on the wire, whatever it speaks: rate limit, authentication, latency, misfortune, then the route."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from channels.simulators.faults import ReadFault, WriteFault
from channels.simulators.marketplace import Marketplace
from channels.simulators.orders import OrderRefused
from channels.simulators.pace import Pace
from channels.simulators.server import RESET, SILENCE, Listener, Request, Response, halved, refusal

Kind = TypeVar("Kind", bound=Marketplace)
Route = Callable[[Request, float], Response]


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


class BadRequest(Exception):
    """The request cannot be understood; the status, code and message of the answer."""

    def __init__(self, status: int, *, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class Wire(Generic[Kind]):
    """Serves one marketplace. It can be taken down, throttled and made slow while it runs.

    A kind of marketplace says who may ask (``_stranger``), what is asked for (``_route_of``) and what is a write.
    """

    def __init__(self, marketplace: Kind) -> None:
        self.marketplace = marketplace
        spec = marketplace.spec
        self.listener = Listener(self.handle, port=spec.port)
        self.latency_ms = spec.latency_ms
        self.is_hushed = False  # accept everything, answer nothing
        self.pace = Pace()
        self._bucket = TokenBucket(spec.rate_per_second, burst=spec.burst)
        self._throttled_until = 0.0
        self._jitter = random.Random(f"{spec.seed}:{spec.code}:latency")
        self._writes = self._reads = 0

    def throttle_for(self, seconds: float) -> None:
        """Refuse everything as coming too fast for so long; 0 ends it."""
        self._throttled_until = time.monotonic() + seconds

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        name, route = self._route_of(request)
        self.pace.note(time.monotonic())
        response = await self._answer(request, route=route, arrived=time.monotonic())
        outcome = "reset" if response.reset else "silent" if response.silent else str(response.status)
        self.marketplace.requests[name] += 1
        self.marketplace.requests[f"{name} {outcome}"] += 1
        return response

    async def _answer(self, request: Request, *, route: Route | None, arrived: float) -> Response:
        if self.is_hushed:
            return SILENCE
        if (wait := max(self._throttled_until - arrived, self._bucket.wait_seconds())) > 0:
            retry_after = {"retry-after": str(max(1, math.ceil(wait)))}
            return refusal(429, code="rate_limited", message="too many requests", headers=retry_after)
        if (stranger := self._stranger(request)) is not None:
            return stranger
        if route is None:
            return refusal(404, code="not_found", message="no such resource")
        travel = self._travel_seconds()
        await asyncio.sleep(travel / 2)
        try:
            return await self._befall(request, route=route, arrived=arrived, travel=travel)
        except OrderRefused as refused:
            status = 404 if refused.code == "unknown_order" else 422
            return refusal(status, code=refused.code, message="the order does not allow this")
        except BadRequest as bad:
            return refusal(bad.status, code=bad.code, message=bad.message)

    def _travel_seconds(self) -> float:
        if not self.latency_ms:
            return 0.0
        return self.latency_ms / 1000 * self._jitter.lognormvariate(0.0, self.marketplace.spec.latency_jitter)

    async def _befall(self, request: Request, *, route: Route, arrived: float, travel: float) -> Response:
        fault = self._draw(request)
        if fault:
            self.marketplace.requests[f"fault_{fault}"] += 1
        if fault in (WriteFault.ERROR_BEFORE, ReadFault.READ_ERROR):
            return refusal(503, code="unavailable", message="nothing was applied")
        if fault is WriteFault.TOO_FAST:
            return self._too_fast(request)
        if fault is WriteFault.RESET_BEFORE:
            return RESET
        if fault is WriteFault.SILENT:
            return SILENCE
        if fault is WriteFault.LATE:
            self._perform_late(request, route=route, arrived=arrived)
            return SILENCE
        response = await self._perform(request, route=route, arrived=arrived)
        await asyncio.sleep(travel / 2)
        return _answered(response, fault=fault)

    def _draw(self, request: Request) -> WriteFault | ReadFault | None:
        faults, dice = self.marketplace.faults, self.marketplace.dice
        if self._is_write(request):
            self._writes += 1
            return dice.write(self._writes, faults=faults)
        self._reads += 1
        return dice.read(self._reads, faults=faults)

    async def _perform(self, request: Request, *, route: Route, arrived: float) -> Response:
        return route(request, arrived)

    def _perform_late(self, request: Request, *, route: Route, arrived: float) -> None:
        """Nobody is answered, and some time later it is done all the same."""
        asyncio.get_running_loop().call_later(self.marketplace.faults.late_seconds, route, request, arrived)

    # What a kind of marketplace says

    def _route_of(self, request: Request) -> tuple[str, Route | None]:
        """The request's name in the counts, and who answers it."""
        raise NotImplementedError

    def _stranger(self, request: Request) -> Response | None:
        """The answer to somebody who may not ask; None lets them."""
        raise NotImplementedError

    def _is_write(self, request: Request) -> bool:
        raise NotImplementedError

    def _too_fast(self, request: Request) -> Response:
        return refusal(429, code="rate_limited", message="too many requests", headers={"retry-after": "1"})


def _answered(response: Response, *, fault: WriteFault | ReadFault | None) -> Response:
    if fault is WriteFault.ERROR_AFTER:
        return refusal(502, code="bad_gateway", message="the outcome is not known")
    if fault is WriteFault.RESET_AFTER:
        return RESET
    if fault in (WriteFault.HALF_AFTER, ReadFault.READ_HALF):
        return halved(response)
    return SILENCE if fault is WriteFault.TIMEOUT_AFTER else response


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries."""
    try:
        document = json.loads(request.body)
    except ValueError:
        raise BadRequest(400, code="invalid_json", message="the body is not JSON") from None
    if not isinstance(document, dict):
        raise BadRequest(400, code="invalid_body", message="the body is not an object")
    return document
