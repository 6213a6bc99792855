"""Answers of Shopify's GraphQL: good ones as documents, any other as the right exception.

Shopify says almost everything with status 200: throttling, refused access and its own failures stand under ``errors``, what is
wrong with an item under ``userErrors``. So no other status is ever the fault of one item.
"""

from typing import Any

import msgspec

from .base import ChannelBusy, ChannelRefused, ChannelUnclear, Response, TokenRejected

#: The shop is left alone while the budget holds fewer points: what some requests of numbers cost. Whoever asks for more than is
#: there is told when to come again.
LEAST_POINTS = 100.0

#: Of those the account is told; no item is to blame.
_ACCOUNT = {
    "ACCESS_DENIED": "http_403",
    "SHOP_INACTIVE": "http_402",
    "UNAUTHORIZED": "http_401",
    "FORBIDDEN": "http_403",
}

#: Statuses that would look like an item's fault elsewhere.
_NO_ITEMS_FAULT = {400: "http_bad_request", 409: "http_conflict", 422: "http_unprocessable"}

_LONGEST_WAIT = 3600.0


def data(response: Response, *, without: str = "") -> dict[str, Any]:
    """The answer's ``data``. Raises ChannelBusy, TokenRejected, ChannelRefused or ChannelUnclear for anything else.

    The field that is named may be withheld from us: it is protected, and we can do without it.
    """
    refuse_status(response)
    body = decoded(response)
    found = body.get("data")
    if body.get("errors") and not (isinstance(found, dict) and _are_about(body["errors"], without)):
        _refuse_errors(body)
    if not isinstance(found, dict):
        raise ChannelUnclear(f"the answer has no data: {_text(response)}")
    return found


def decoded(response: Response) -> dict[str, Any]:
    """The JSON object of an answer. Raises ChannelUnclear where there is none."""
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ChannelUnclear(f"the answer is no JSON object: {_text(response)}")
    return body


def rest_seconds(response: Response) -> float:
    """Seconds until the budget holds what numbers cost."""
    try:
        _, available, rate = _cost(decoded(response))
    except ChannelUnclear:
        return 0.0
    if available is None or not rate or rate < 0:
        return 0.0
    return max(0.0, min((LEAST_POINTS - available) / rate, _LONGEST_WAIT))


def rows(value: Any) -> list[dict[str, Any]]:
    """The nodes of a connection, or the members of a list, that are documents."""
    if isinstance(value, dict):
        value = value.get("nodes")
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def next_cursor(connection: Any) -> str | None:
    """Where the next page of a connection begins; None where this was the last."""
    info = connection.get("pageInfo") if isinstance(connection, dict) else None
    if not isinstance(info, dict) or not info.get("hasNextPage"):
        return None
    cursor = info.get("endCursor")
    return cursor if isinstance(cursor, str) and cursor else None


def has_more(connection: Any) -> bool:
    """Whether a connection has more nodes than were listed."""
    info = connection.get("pageInfo") if isinstance(connection, dict) else None
    return isinstance(info, dict) and bool(info.get("hasNextPage"))


def inside(value: Any, *path: str) -> Any:
    """What stands at the end of the path; None where there is nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def refuse_status(response: Response) -> None:
    """Raise the right exception for a status that is not one of success."""
    status, text = response.status, f"{response.status}: {_text(response)}"
    if 200 <= status < 300:
        return
    if status == 401:
        raise TokenRejected(f"the access token is not accepted: {text}")
    if status == 429:
        raise ChannelBusy(text, retry_after_seconds=_retry_after(response))
    if status >= 500 or status in (408, 425):
        raise ChannelUnclear(text)
    if 300 <= status < 400:
        place = response.headers.get("location", "")[:200]
        raise ChannelRefused(f"the shop lives elsewhere: {status} {place}", code=f"http_{status}")
    raise ChannelRefused(text, code=_NO_ITEMS_FAULT.get(status, f"http_{status}"))


def _are_about(errors: Any, field: str) -> bool:
    """Whether each of the errors says that access to this field, and to nothing else, is denied."""
    if not field or not isinstance(errors, list):
        return False
    return all(inside(one, "extensions", "code") == "ACCESS_DENIED" and field in (_path(one) or ()) for one in errors)


def _path(error: Any) -> list[Any] | None:
    path = inside(error, "path")
    return path if isinstance(path, list) else None


def _refuse_errors(body: dict[str, Any]) -> None:
    errors = body["errors"]
    listed = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    codes = [str(inside(one, "extensions", "code") or "").upper() for one in listed]
    message = "; ".join(str(one.get("message") or "")[:200] for one in listed)[:400] or str(errors)[:400]
    if "THROTTLED" in codes:
        raise ChannelBusy(f"throttled: {message}", retry_after_seconds=_throttled_seconds(body))
    if "UNAUTHORIZED" in codes:
        raise TokenRejected(message)
    for code in codes:
        if code in _ACCOUNT:
            raise ChannelRefused(f"{code.lower()}: {message}", code=_ACCOUNT[code])
    if "MAX_COST_EXCEEDED" in codes:  # fewer items at a time may do
        raise ChannelRefused(message, code="max_cost_exceeded")
    if not listed or any(code in ("INTERNAL_SERVER_ERROR", "TIMEOUT") for code in codes):
        raise ChannelUnclear(f"the shop failed: {message}")
    raise ChannelRefused(f"the request is not understood: {message}", code="http_graphql")


def _throttled_seconds(body: dict[str, Any]) -> float:
    requested, available, rate = _cost(body)
    if requested is None or available is None or not rate or rate < 0:
        return 1.0
    return max(0.1, min((requested - available) / rate, _LONGEST_WAIT))


def _cost(body: dict[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Points that the request asked for, points that are there, points that come back each second."""
    cost = inside(body, "extensions", "cost")
    status = inside(cost, "throttleStatus")
    return (
        _points(inside(cost, "requestedQueryCost")),
        _points(inside(status, "currentlyAvailable")),
        _points(inside(status, "restoreRate")),
    )


def _points(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    return float(value) if known else None


def _retry_after(response: Response) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    if not value.isascii() or not value.replace(".", "", 1).isdigit():
        return None
    return min(float(value), _LONGEST_WAIT)


def _text(response: Response) -> str:
    return response.body[:300].decode("utf-8", "replace")
