"""What alerts look like in the description."""

from inventory.api.schema import show

show(
    "Alert",
    {
        "id": "90", "kind": "oversell", "reason": "oversell", "subject": "MUG-BLUE",
        "message": "MUG-BLUE: order web/5002 is short of 1 units", "count": 2, "status": "open",
        "raised_at": "2026-03-02T09:30:00Z", "repeated_at": "2026-03-02T09:41:00Z", "closed_at": None, "closed_by": "",
        "actions": ["/api/v1/alerts/90/close/"],
    },
)  # fmt: skip
