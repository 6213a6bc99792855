"""What reordering looks like in the description."""

from inventory.api.schema import show

_RULE = {
    "sku": "MUG-BLUE", "location": "all", "policy": "reorder_point",
    "parameters": {"reorder_point": 20, "quantity": 100}, "is_active": True,
}  # fmt: skip
show("ReorderRule", {"id": "18", **_RULE})
show("PatchedReorderRule", asked={"parameters": {"reorder_point": 25, "quantity": 100}})
show(
    "ReorderAlert",
    {
        "id": "204", "rule": "18", "sku": "MUG-BLUE", "location": "all", "position": 19, "reorder_point": 20,
        "suggested_quantity": 100, "status": "open", "raised_at": "2026-03-02T09:30:00Z", "closed_at": None,
        "closed_by": "", "actions": ["/api/v1/reorder-alerts/204/close/"],
    },
)  # fmt: skip
