"""What lots look like in the description."""

from typing import Any

from .examples import AT
from .schema import show

_HERE: dict[str, Any] = {
    "location": "W1", "on_hand": 12, "shelf": 10, "quarantine": 2, "damaged": 0, "hold": 0, "in_transit": 0,
}  # fmt: skip
_LOT: dict[str, Any] = {
    "sku": "MILK", "code": "L-204", "expires_on": "2026-06-30", "created_at": AT, "recalled_at": None, "recalled_by": "",
    "recall_reason": "",
}  # fmt: skip
_CAME: dict[str, Any] = {
    "at": AT, "location": "W1", "from_place": "adjustment", "to_place": "shelf", "quantity": 40, "reason": "receipt",
    "reference": "PO-7", "actor": "key:erp",
}  # fmt: skip

show("Lot", asked={"sku": "MILK", "code": "L-204", "expires_on": "2026-06-30"})
show("ShownLot", {**_LOT, "on_hand": 12, "levels": [_HERE]})
show(
    "Assigned",
    asked={
        "to_lot": "L-204", "expires_on": "2026-06-30", "location": "W1", "place": "shelf", "quantity": 6,
        "reason": "label found",
    },
)  # fmt: skip
show(
    "RecallReport",
    {
        "sku": "MILK", "lot": "L-204", "expires_on": "2026-06-30", "recalled_at": None, "on_hand": 12, "shipped": 28,
        "returned": 0, "levels": [_HERE], "received": [_CAME],
        "orders": [{"order": "web/5001", "shipped": 28, "returned": 0, "first_at": AT, "last_at": AT}],
    },
)  # fmt: skip
