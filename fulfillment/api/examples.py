"""What orders, parcels and what waits look like in the description."""

from inventory.api.schema import show

AT = "2026-03-02T09:30:00Z"

_ADDRESS = {"name": "Berta Beispiel", "country": "DE", "postal_code": "20095", "city": "Hamburg"}
show(
    "RequestedOrder",
    asked={
        "channel": "phone", "external_id": "A-1001", "currency": "EUR", "ship_to": _ADDRESS,
        "lines": [{"external_id": "1", "sku": "MUG-BLUE", "quantity": 3, "unit_price": "12.50"}],
    },
)  # fmt: skip
show(
    "Order",
    {
        "id": "5001", "channel": "phone", "external_id": "A-1001", "version": 1, "status": "open", "placed_at": AT,
        "currency": "EUR", "ship_to": _ADDRESS, "promised_at": None, "ship_by": None, "recorded_at": AT, "problem": "",
        "lines": [
            {
                "external_id": "1", "sku": "MUG-BLUE", "quantity": 3, "unit_price": "12.50", "fulfilled_by": "us",
                "reserved": 3, "short": 0, "shipped": 0, "cancelled": 0, "refunded": 0, "returned": 0,
                "listing_key": "", "parked_reason": "", "parked_detail": "",
            }
        ],
    },
)  # fmt: skip
show(
    "Shipment",
    asked={
        "order": "5001", "location": "W1", "carrier": "DHL", "service": "Paket", "tracking_number": "00340434161094042557",
        "lines": [{"line": "1", "quantity": 3}],
    },
)  # fmt: skip
show("PatchedShipment", asked={"tracking_number": "00340434161094042558"})
show("Dispatched", asked={"lines": [{"line": "1", "quantity": 3}]})
show(
    "ShownShipment",
    {
        "id": "640", "order": "5001", "channel": "phone", "order_external_id": "A-1001", "location": "W1",
        "carrier": "DHL", "service": "Paket", "tracking_number": "00340434161094042557", "status": "dispatched",
        "created_at": AT, "dispatched_at": "2026-03-02T14:05:00Z", "channel_told": "",
        "lines": [{"line": "1", "sku": "MUG-BLUE", "quantity": 3}],
    },
)  # fmt: skip
show("Return", asked={"order": "5001", "lines": [{"line": "1", "quantity": 2, "reason": "too small"}]})
show(
    "Received",
    asked={"location": "W1", "lines": [{"line": "1", "dispositions": {"restock": 1, "quarantine": 1}}]},
)
show(
    "ShownReturn",
    {
        "id": "55", "order": "5001", "channel": "phone", "order_external_id": "A-1001", "status": "received",
        "lines": [
            {
                "line": "1", "sku": "MUG-BLUE", "quantity": 2, "reason": "too small",
                "dispositions": {"restock": 1, "quarantine": 1, "missing": 0},
            }
        ],
        "created_at": "2026-03-09T10:00:00Z",
    },
)  # fmt: skip
show(
    "Shortfall",
    {
        "id": "31", "channel": "web", "order": "5002", "order_external_id": "5002", "line": "1", "sku": "MUG-BLUE",
        "kind": "oversell", "cause": "sold", "reason": "oversell", "quantity": 1, "short": 1, "status": "open", "found_at": AT,
        "closed_at": None, "actions": ["/api/v1/stock-adjustments/", "/api/v1/sales-orders/5002/cancel/"],
    },
)  # fmt: skip
show(
    "Parked",
    {
        "id": "line-7003", "kind": "line", "channel": "web", "subject": "5003", "reason": "unknown_listing",
        "detail": "no listing of mug-green on web", "parked_at": AT, "actions": ["/api/v1/parked/line-7003/retry/"],
    },
)  # fmt: skip
show("Retry", {"id": "line-7003", "parked": False})
