"""How requests are refused, by name: what the description shows as examples, with the status of each."""

from collections.abc import Iterable
from typing import Any


def _refusal(status: int, code: str, message: str, /, **fields: Any) -> tuple[int, dict[str, Any]]:
    named = {path.replace("__", "."): value for path, value in fields.items()}
    return status, {"error": {"code": code, "message": message, "fields": named}}


_FILTER = "there is no such filter; there are: channel, limit, offset, sku"
_TAKEN = "There is one already."
_BEYOND = "MUG-BLUE: 8 units received, 6 under way; receive 6 and add the 2 too many to the stock of SHOP as found"
_COUNTED = "nothing was counted: MUG-BLUE is being counted in C-00041"
_PICKED = "MUG-BLUE: more is said to be picked than orders have reserved"
_LEFT = "MUG-BLUE: 8 units are missing by the count, and 5 are left now: have it counted anew"
_BYTE = "Row 17, byte 812 of the file (0x81): it is neither UTF-8 nor Windows-1252; save the file as UTF-8."

_OTHER_DATE = "lot L-204 of MILK expires on 2026-06-30, not on 2026-07-31; a lot has one expiry date for ever"
_LOTS_LEFT = "MILK goes on keeping lots while they have units: L-204 (12 @ W1)"

#: Status and body of each. The names stand in the description beside the bodies.
REFUSALS: dict[str, tuple[int, dict[str, Any]]] = {
    "invalid": _refusal(400, "invalid", "name: This field is required.", name=["This field is required."]),
    "unknown_filter": _refusal(400, "invalid", f"colour: {_FILTER}", colour=[_FILTER]),
    "malformed": _refusal(400, "malformed", "This is not JSON: unexpected end of data: line 1 column 1 (char 0)"),
    "unauthenticated": _refusal(401, "unauthenticated", "Authentication credentials were not provided."),
    "bad_key": _refusal(401, "unauthenticated", "This API key is unknown, expired or revoked."),
    "forbidden": _refusal(403, "forbidden", "The role viewer may not change this."),
    "other_location": _refusal(403, "forbidden", "This key does not cover that location."),
    "not_found": _refusal(404, "not_found", "There is no such thing here."),
    "not_acceptable": _refusal(406, "not_acceptable", "Could not satisfy the request Accept header."),
    "conflict": _refusal(409, "conflict", _TAKEN, code=[_TAKEN]),
    "insufficient_stock": _refusal(
        409, "insufficient_stock", "not enough stock: MUG-BLUE at W1: 5 wanted, 3 available",
        lines=[{"sku": "MUG-BLUE", "location": "W1", "wanted": 5, "available": 3}],
    ),
    "order_short": _refusal(
        409, "insufficient_stock", "not enough stock: MUG-BLUE: 5 wanted, 3 available",
        lines=[{"sku": "MUG-BLUE", "wanted": 5, "available": 3}],
    ),
    "listing_taken": _refusal(
        409, "conflict", "web has a listing of mug-blue already", external=["web has a listing of mug-blue already"]
    ),
    "order_exists": _refusal(
        409, "conflict", "phone/A-1001 is known already", external_id=["phone/A-1001 is known already"]
    ),
    "wrong_state": _refusal(409, "conflict", "This shipment has left already."),
    "transfer_state": _refusal(409, "conflict", "transfer T-12 is received: it has ended"),
    "too_many_received": _refusal(
        409, "conflict", _BEYOND, lines__0__quantity=[_BEYOND]
    ),
    "assembly_undone": _refusal(409, "conflict", "K-00007 was undone by K-00009"),
    "being_counted": _refusal(409, "conflict", _COUNTED, lines__0__sku=["MUG-BLUE is being counted in C-00041"]),
    "bad_line": _refusal(400, "invalid", f"nothing was counted: {_PICKED}", lines__0__picked=[_PICKED]),
    "count_state": _refusal(409, "conflict", "count C-00042 was approved already"),
    "second_person_needed": _refusal(
        403, "second_person_needed",
        "C-00042: 1 line is off by more than its tolerance (MUG-BLUE -2); somebody who has not counted has to approve it",
    ),
    "bad_file": _refusal(400, "invalid", _BYTE, file=[_BYTE]),
    "import_state": _refusal(409, "conflict", "IMP-00012 is Applied: it cannot be applied now."),
    "lot_date": _refusal(409, "conflict", _OTHER_DATE, expires_on=[_OTHER_DATE]),
    "recalled": _refusal(409, "conflict", "lot L-204 of MILK is recalled already", lot=["lot L-204 of MILK is recalled already"]),
    "not_recalled": _refusal(409, "conflict", "lot L-204 of MILK is not recalled", lot=["lot L-204 of MILK is not recalled"]),
    "lots_left": _refusal(409, "conflict", _LOTS_LEFT, tracks_lots=[_LOTS_LEFT]),
    "too_few_left": _refusal(409, "conflict", f"nothing was posted: {_LEFT}", **{"lines__MUG-BLUE": [_LEFT]}),
    "landed_cost_ended": _refusal(409, "conflict", "landed cost F-7 is cancelled already"),
    "period_not_over": _refusal(409, "conflict", "2026-03 is not over yet", month=["2026-03 is not over yet"]),
    "order_ended": _refusal(409, "conflict", "phone/A-1001 is cancelled"),
    "too_large": _refusal(413, "too_large", "The body is too large."),
    "unsupported_media_type": _refusal(415, "unsupported_media_type", 'Unsupported media type "text/plain" in request.'),
    "idempotency_key_reused": _refusal(
        422, "idempotency_key_reused", "This idempotency key was used for another request."
    ),
    "too_many_requests": _refusal(429, "too_many_requests", "Too many attempts. Try again in 12 minutes."),
    "unavailable": _refusal(503, "unavailable", "The database is busy or away; try again."),
}  # fmt: skip

MEANINGS = {
    400: "What was sent is not valid; `fields` names each place.",
    401: "No key, or none that is valid.",
    403: "The caller's role or locations do not cover this.",
    404: "There is no such object, or the caller may not see it.",
    406: "Only JSON is answered.",
    409: "It does not fit the state that things are in.",
    413: "The body is larger than the web process takes.",
    415: "Only JSON is taken.",
    422: "The idempotency key was used for another request.",
    429: "Too many wrong keys came from this address.",
    503: "The database is busy or away; the same request may be tried again.",
}

#: Any request may be answered so.
ALWAYS = ("unauthenticated", "bad_key", "forbidden", "not_acceptable", "too_many_requests", "unavailable")
OF_BODIES = ("invalid", "malformed", "too_large", "unsupported_media_type")


def answers(names: Iterable[str]) -> dict[str, Any]:
    """The description's responses for these refusals, by status."""
    found: dict[str, Any] = {}
    for name in names:
        status, body = REFUSALS[name]
        content = {"schema": {"$ref": "#/components/schemas/Error"}, "examples": {}}
        answer = found.setdefault(
            str(status), {"description": MEANINGS[status], "content": {"application/json": content}}
        )
        answer["content"]["application/json"]["examples"][name] = {"value": body}
    return dict(sorted(found.items()))
