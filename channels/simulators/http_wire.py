"""The wire contract of the ``http`` connector: signed requests, stock by versions, pages of orders, shipments."""

from __future__ import annotations

from datetime import UTC, datetime

from channels.simulators import signing
from channels.simulators.http_marketplace import HttpMarketplace
from channels.simulators.server import Request, Response, answer, refusal
from channels.simulators.wire import BadRequest, Route, Wire, read_object


class HttpWire(Wire[HttpMarketplace]):
    """Serves one marketplace of the ``http`` connector."""

    def __init__(self, marketplace: HttpMarketplace) -> None:
        super().__init__(marketplace)
        self._routes: dict[tuple[str, str], Route] = {
            ("PUT", "/stock"): self._put_stock,
            ("GET", "/stock"): self._get_stock,
            ("GET", "/orders"): self._get_orders,
            ("POST", "/shipments"): self._post_shipment,
        }

    def _route_of(self, request: Request) -> tuple[str, Route | None]:
        route = self._routes.get((request.method, request.path))
        return (f"{request.method} {request.path}" if route else "other"), route

    def _stranger(self, request: Request) -> Response | None:
        try:
            signing.verify(self.marketplace.key, headers=request.headers, body=request.body)
        except signing.SignatureRefused as refused:
            return refusal(401, code=refused.code, message="the signature does not hold")
        return None

    def _is_write(self, request: Request) -> bool:
        return request.method == "PUT"

    def _put_stock(self, request: Request, arrived: float) -> Response:
        items = read_object(request).get("items")
        if not isinstance(items, list):
            raise BadRequest(400, code="invalid_items", message="items is a list")
        if len(items) > self.marketplace.spec.max_batch:
            limit = self.marketplace.spec.max_batch
            raise BadRequest(413, code="batch_too_large", message=f"at most {limit} items")
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
        document = read_object(request)
        try:
            first = self.marketplace.report_shipment(document)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BadRequest(400, code="invalid_shipment", message="order_id and lines are needed") from None
        return answer({"status": "recorded" if first else "known"})


def _read_cursor(request: Request) -> int:
    text = request.query.get("cursor") or "0"
    if not text.isdecimal():
        raise BadRequest(400, code="invalid_cursor", message="the cursor is not one of ours")
    return int(text)


def _read_since(request: Request) -> datetime | None:
    text = request.query.get("updated_since")
    if not text:
        return None
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(400, code="invalid_updated_since", message="updated_since is an ISO 8601 instant") from None
    return since if since.tzinfo else since.replace(tzinfo=UTC)
