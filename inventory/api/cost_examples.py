"""What cost looks like in the description."""

from .schema import show

AT = "2026-03-02T09:30:00Z"

show("Company", {"code": "GMBH", "name": "Potter GmbH", "base_currency": "EUR", "time_zone": "Europe/Berlin"})
show("PatchedCompany", asked={"name": "Potter & Son GmbH"})
show("Rate", {"id": "7", "currency": "USD", "base": "EUR", "day": "2026-03-01", "rate": "0.9215"})
show("PatchedRate", asked={"rate": "0.922"})
show(
    "Worth",
    {
        "company": "MAIN", "sku": "MUG-BLUE", "name": "Blue mug", "costing": "fifo", "quantity": 5, "value": "35.00",
        "unit_cost": "7.00", "currency": "EUR", "fifo_value": "35.00", "average_value": "30.00",
    },
)  # fmt: skip
show(
    "CostMove",
    {
        "id": "412", "entry": "1083", "sku": "MUG-BLUE", "company": "MAIN", "kind": "sale", "quantity": -15,
        "amount": "-85.00", "fifo_amount": "-85.00", "average_amount": "-90.00", "quantity_after": 5,
        "fifo_after": "35.00", "average_after": "30.00", "is_unknown": False, "document": "order:web/5001",
        "booked_at": AT,
    },
)  # fmt: skip
show(
    "Layer",
    {
        "entry": "1082", "sku": "MUG-BLUE", "company": "MAIN", "received_at": AT, "quantity": 10, "units_left": 5,
        "value_left": "35.00",
    },
)  # fmt: skip
show(
    "LandedCost", asked={"code": "F-7", "method": "value", "amount": "300.00", "note": "freight", "receipts": ["1081"]}
)
show(
    "ShownLandedCost",
    {
        "code": "F-7", "company": "MAIN", "method": "value", "amount": "300.00", "currency": "EUR", "base_amount": "300.00",
        "note": "freight", "status": "booked",
        "shares": [
            {
                "receipt": "1081", "sku": "MUG-BLUE", "location": "W1", "quantity": 100, "amount": "300.00",
                "in_stock": "260.00", "to_cogs": "40.00", "unit_cost": "6.00",
            }
        ],
        "created_at": AT, "created_by": "key:erp", "cancelled_at": None,
    },
)  # fmt: skip
show(
    "Period",
    {
        "id": "3", "company": "MAIN", "month": "2026-01", "note": "", "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2026-02-01T00:00:00Z", "opening": "0.00",
        "changes": [{"kind": "receipts", "amount": "120.00"}, {"kind": "cogs", "amount": "-85.00"}], "closing": "35.00",
        "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "closed_by": "key:books",
        "closed_at": AT,
    },
    asked={"company": "MAIN", "month": "2026-01"},
)  # fmt: skip
show(
    "Valuation",
    {"position": 1, "sku": "MUG-BLUE", "location": "W1", "costing": "fifo", "quantity": 5, "value": "35.00"},
)
show(
    "Journal",
    {
        "lines": [
            {"kind": "cogs", "account": "1200", "name": "Inventory", "debit": "0.00", "credit": "85.00"},
            {"kind": "cogs", "account": "5000", "name": "Cost of goods sold", "debit": "85.00", "credit": "0.00"},
        ],
        "debit": "85.00", "credit": "85.00",
    },
)  # fmt: skip
