"""What stock and its catalogue look like in the description."""

from .schema import show

AT = "2026-03-02T09:30:00Z"

show("Product", {"code": "MUG", "name": "Mug", "category": "Mugs", "brand": "Potter"})
show("PatchedProduct", asked={"category": "Kitchen"})
show(
    "Sku",
    {
        "code": "MUG-BLUE", "product": "MUG", "name": "Blue mug", "barcode": "4006381333931", "unit_cost": "3.20",
        "price": "12.50", "currency": "EUR", "weight_grams": 350, "volume_cm3": 900, "costing": "fifo", "tags": ["gift"],
        "tracks_lots": False, "is_active": True, "components": [], "bundle_mode": "virtual", "bundle_places": [],
        "ships_together": True,
        "codes": [{"code": "14006381333938", "kind": "case", "units": 12}, {"code": "ACME-77", "kind": "supplier", "units": 1}],
    },
)  # fmt: skip
show("PatchedSku", asked={"price": "13.00", "costing": "average", "tags": ["gift", "summer"]})
show(
    "Bundle",
    {
        "sku": "TEA-SET", "name": "Tea set", "bundle_mode": "virtual", "ships_together": True,
        "parts": [{"sku": "MUG-BLUE", "units": 2}, {"sku": "POT", "units": 1}], "available": 18, "packed": 0, "made": 18,
        "limited_by": "MUG-BLUE", "locations": [{"location": "W1", "mode": "virtual", "packed": 0, "made": 18}],
    },
)  # fmt: skip
show("Assembly", asked={"sku": "TEA-SET", "location": "W1", "quantity": 5, "note": "for Christmas"})
show(
    "ShownAssembly",
    {
        "code": "K-00007", "kind": "assemble", "sku": "TEA-SET", "location": "W1", "quantity": 5, "note": "for Christmas",
        "actor": "key:erp", "made_at": AT, "parts": [{"sku": "MUG-BLUE", "units": 2}, {"sku": "POT", "units": 1}],
        "reverses": None, "reversed_by": None, "reference": "assembly:K-00007",
    },
)  # fmt: skip
show(
    "Location",
    {
        "code": "W1", "name": "Main warehouse", "kind": "warehouse", "country": "DE", "postal_code": "20095",
        "latitude": 53.5511, "longitude": 9.9937, "time_zone": "Europe/Berlin", "cut_off": "16:00:00",
        "working_days": [1, 2, 3, 4, 5], "priority": 10, "company": None, "is_active": True,
    },
)  # fmt: skip
show("PatchedLocation", asked={"cut_off": "15:00:00"})
show(
    "Level",
    {
        "sku": "MUG-BLUE", "location": "W1", "on_hand": 42, "available": 37, "reserved": 3, "quarantine": 0, "damaged": 2,
        "hold": 0, "in_transit": 12, "bins": ["A-2", "A-10"],
    },
)  # fmt: skip
show(
    "Bins",
    {"sku": "MUG-BLUE", "location": "W1", "bins": ["A-2", "A-10"]},
    asked={"sku": "MUG-BLUE", "location": "W1", "bins": ["A-2", "A-10"]},
)
show(
    "Adjustment",
    asked={
        "sku": "MUG-BLUE",
        "location": "W1",
        "quantity": 40,
        "reason": "opening",
        "reference": "INV-1",
        "unit_cost": "3.20",
    },
)
show(
    "RecordedAdjustment",
    {
        "id": "1081", "sku": "MUG-BLUE", "location": "W1", "reason": "opening", "note": "", "reference": "INV-1",
        "actor": "key:erp", "balance": 40, "number": 1, "recorded_at": AT, "state": "available", "quantity": 40,
        "lots": [],
    },
)  # fmt: skip
show(
    "Move",
    asked={
        "sku": "MUG-BLUE", "location": "W1", "from_state": "available", "to_state": "damaged", "quantity": 2,
        "reason": "damage",
    },
)  # fmt: skip
show(
    "RecordedMove",
    {
        "id": "1082", "sku": "MUG-BLUE", "location": "W1", "reason": "damage", "note": "", "reference": "",
        "actor": "key:erp", "balance": 40, "number": 2, "recorded_at": AT, "from_state": "available",
        "to_state": "damaged", "quantity": 2, "lots": [],
    },
)  # fmt: skip
show(
    "Entry",
    {
        "id": "1083", "sku": "MUG-BLUE", "location": "W1", "from_state": "available", "to_state": "reserved", "quantity": 3,
        "balance": 40, "number": 3, "reason": "sale", "note": "", "reference": "order:web/5001", "actor": "channel:web",
        "occurred_at": AT, "recorded_at": "2026-03-02T09:30:00.412318Z",
    },
)  # fmt: skip
_STEP = {"units": 12, "actor": "key:erp", "at": AT, "note": ""}
show(
    "Transfer",
    asked={
        "code": "T-12", "from_location": "W1", "to_location": "SHOP", "note": "for the sale on Saturday",
        "lines": [{"sku": "MUG-BLUE", "quantity": 12}],
    },
)  # fmt: skip
show("PatchedTransfer", asked={"lines": [{"sku": "MUG-BLUE", "quantity": 10}, {"sku": "MUG-RED", "quantity": 2}]})
show("Leaving", asked={"lines": [{"sku": "MUG-BLUE", "quantity": 12}]})
show("Came", asked={"lines": [{"sku": "MUG-BLUE", "quantity": 10, "damaged": 1}]})
show("Lost", asked={"lines": [{"sku": "MUG-BLUE", "quantity": 1}], "reason": "parcel never came"})
show(
    "ShownTransfer",
    {
        "code": "T-12", "from_location": "W1", "to_location": "SHOP", "status": "partly_received",
        "note": "for the sale on Saturday",
        "lines": [
            {
                "sku": "MUG-BLUE", "quantity": 12, "dispatched": 12, "received": 9, "damaged": 1, "lost": 0, "returned": 0,
                "in_transit": 2,
            }
        ],
        "created_at": AT, "dispatched_at": AT, "closed_at": None,
        "steps": [
            {"step": "created", **_STEP}, {"step": "dispatched", **_STEP}, {"step": "received", **_STEP, "units": 10},
        ],
    },
)  # fmt: skip
show("Why", asked={"reason": "recall of a batch"})
