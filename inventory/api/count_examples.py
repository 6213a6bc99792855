"""What counts look like in the description."""

from typing import Any

from .examples import AT
from .schema import show

_LISTED: dict[str, Any] = {
    "code": "C-00042", "location": "W1", "status": "submitted", "blind": False, "note": "shelf 4",
    "asked_for": "Chosen SKUs", "line_count": 1, "counted_count": 1, "created_by": "user:ann", "created_at": AT,
    "submitted_by": "user:ann", "submitted_at": AT, "approved_by": "", "approved_at": None, "cancelled_by": "",
    "cancelled_at": None,
}  # fmt: skip
_LINE: dict[str, Any] = {
    "sku": "MUG-BLUE", "stock_class": "A", "counted": 36, "picked": 2, "expected": 40, "variance": -2,
    "over_tolerance": True, "recount": 0, "counted_by": "user:ann", "counted_at": AT,
}  # fmt: skip

show(
    "Count",
    _LISTED,
    asked={
        "code": "C-00042", "location": "W1", "blind": False, "note": "shelf 4",
        "lines": [{"sku": "MUG-BLUE", "counted": 36, "picked": 2}],
    },
)  # fmt: skip
show("PatchedCount", asked={"lines": [{"sku": "MUG-BLUE", "counted": 36, "picked": 2}]})
show("ShownCount", {**_LISTED, "lines": [_LINE]})
show("Submitted", asked={"skip_uncounted": True})
show("Again", asked={"lines": [{"sku": "MUG-BLUE"}]})
