"""What a Shopify shop speaks: the Admin GraphQL API and its token endpoint."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import execute_sync

from channels.simulators.log import ClockLog, Stock
from channels.simulators.server import Request, Response, answer
from channels.simulators.shopify.asking import Asking
from channels.simulators.shopify.deeds import ShopifyShop
from channels.simulators.shopify.documents import DOCUMENTS, Misread, Operation
from channels.simulators.shopify.points import Points, cost
from channels.simulators.shopify.queries import Queries
from channels.simulators.shopify.schema import served
from channels.simulators.shopify.terms import API_VERSIONS
from channels.simulators.spec import MarketplaceSpec
from channels.simulators.wire import Route, Wire

GRAPHQL = re.compile(r"^/admin/api/([^/]+)/graphql\.json$")
TOKENS = "/admin/oauth/access_token"
LIMITS = "https://shopify.dev/api/usage/rate-limits"
UNKNOWN_CALLER = "[API] Invalid API key or access token (unrecognized login or wrong password)"


@dataclass(frozen=True)
class Question:
    """What a request asks: an operation with its variables, or why it cannot be read."""

    operation: Operation | None
    variables: Mapping[str, Any]
    errors: list[dict[str, Any]]


class ShopifyWire(Wire[ShopifyShop]):
    """Serves one shop."""

    def __init__(self, marketplace: ShopifyShop) -> None:
        super().__init__(marketplace)
        served()
        self._points = Points(marketplace.terms)
        self._queries = Queries(marketplace)

    def throttle_for(self, seconds: float) -> None:
        """No cost points for so long: every query is THROTTLED; 0 ends it."""
        if seconds > 0:
            self._points.dry_up(seconds)
        else:
            self._points.fill()

    def _route_of(self, request: Request) -> tuple[str, Route | None]:
        if request.method != "POST":
            return "other", None
        if request.path == TOKENS:
            return f"POST {TOKENS}", self._token
        match = GRAPHQL.match(request.path)
        if match is None or match[1] not in API_VERSIONS:
            return "other", None
        request.notes["question"] = question = _read(request)
        kind = "mutation" if question.operation and question.operation.is_mutation else "query"
        return f"POST graphql {kind}", self._graphql

    def _stranger(self, request: Request) -> Response | None:
        if request.path == TOKENS or self.marketplace.tokens.admits(request.headers.get("x-shopify-access-token", "")):
            return None
        return answer({"errors": UNKNOWN_CALLER}, status=401)

    def _is_write(self, request: Request) -> bool:
        question = request.notes.get("question")
        return bool(question and question.operation and question.operation.is_mutation)

    def _too_fast(self, request: Request) -> Response:
        question: Question = request.notes["question"]
        assert question.operation is not None
        return _throttled(question.operation.requested(question.variables), points=self._points)

    def _hold(self, request: Request) -> None:
        question = request.notes.get("question")
        if question and question.operation:
            request.notes["held"] = self.marketplace.keys.hold(question.operation.keys(question.variables))

    async def _perform(self, request: Request, *, route: Route, arrived: float) -> Response:
        self._hold(request)
        if self._is_write(request) and self.marketplace.terms.processing_ms:
            await asyncio.sleep(self.marketplace.terms.processing_ms / 1000)
        return route(request, arrived)

    def _perform_late(self, request: Request, *, route: Route, arrived: float) -> None:
        """Under way all the time until it is done: its idempotency keys are taken."""
        self._hold(request)
        super()._perform_late(request, route=route, arrived=arrived)

    # Routes

    def _token(self, request: Request, _arrived: float) -> Response:
        return self.marketplace.tokens.answer(request)

    def _graphql(self, request: Request, arrived: float) -> Response:
        held = request.notes.get("held", frozenset())
        try:
            return self._answer_question(request.notes["question"], held=held, arrived=arrived)
        finally:
            self.marketplace.keys.release(held)

    def _answer_question(self, question: Question, *, held: frozenset[str], arrived: float) -> Response:
        operation, variables, shop = question.operation, question.variables, self.marketplace
        if operation is None:
            return answer({"errors": question.errors})
        requested = operation.requested(variables)
        if requested > shop.terms.query_points:
            return _too_dear(requested, most=shop.terms.query_points)
        if not self._points.holds(requested):
            shop.requests["throttled"] += 1
            return _throttled(requested, points=self._points)
        result = execute_sync(
            served(),
            operation.document,
            self._queries,
            Asking(shop, held, arrived, variables),
            variable_values=dict(variables),
            operation_name=operation.name,
        )
        actual = operation.actual(result.data)
        self._points.spend(actual)
        document: dict[str, Any] = {}
        if result.data is not None or not result.errors:
            document["data"] = result.data
        if result.errors:
            document["errors"] = [dict(error.formatted) for error in result.errors]
        document["extensions"] = {"cost": cost(requested, actual=actual, points=self._points)}
        return answer(document)


def wire_of_shop(spec: MarketplaceSpec, *, stock: Stock, log: ClockLog) -> ShopifyWire:
    """A new shop behind its wire."""
    return ShopifyWire(ShopifyShop(spec, stock=stock, log=log))


def _read(request: Request) -> Question:
    try:
        document = json.loads(request.body)
        text, variables, name = document["query"], document.get("variables") or {}, document.get("operationName")
        if not isinstance(text, str) or not isinstance(variables, dict):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError):
        return Question(None, {}, [{"message": "The request carries no query."}])
    try:
        return Question(DOCUMENTS.operation(text, name=name), variables, [])
    except Misread as misread:
        return Question(None, variables, misread.errors)


def _throttled(requested: int, *, points: Points) -> Response:
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS}}
    return answer({"errors": [error], "extensions": {"cost": cost(requested, actual=None, points=points)}})


def _too_dear(requested: int, *, most: int) -> Response:
    message = f"Query cost is {requested}, which exceeds the single query max cost limit ({most})."
    extensions = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": most, "documentation": LIMITS}
    return answer({"errors": [{"message": message, "extensions": extensions}]})
