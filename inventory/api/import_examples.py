"""What imports look like in the description."""

from .schema import show

_AT = "2026-03-02T09:30:00Z"
_MAPPING = {"sku": {"column": "SKU"}, "location": {"column": "Location"}, "quantity": {"column": "Stock Level"}}
show(
    "Import",
    {
        "code": "IMP-00012", "kind": "stock", "mode": "set", "file_name": "levels.csv",
        "sha256": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef", "size": 120412, "format": "csv",
        "encoding": "utf-8", "delimiter": ",", "headings": ["SKU", "Location", "Stock Level"], "mapping": _MAPPING,
        "preset": "linnworks", "again": False, "reason": "yearly count", "status": "applied", "error": "", "total": 5000,
        "done": 4997, "new": 0, "changed": 4997, "unchanged": 0, "errors": 3, "applied": 4997, "conflicts": 0,
        "created_by": "key:erp", "created_at": _AT, "checked_at": _AT, "applied_by": "key:erp", "applied_at": _AT,
        "undoes": None, "undone_by": [], "applied_before": [],
    },
)  # fmt: skip
show(
    "Upload",
    asked={
        "kind": "stock", "file_name": "levels.csv", "content": "SKU,Location,Stock Level\nMUG-BLUE,W1,40\n",
        "mapping": {"sku": "SKU", "location": "Location", "quantity": "Stock Level"}, "mode": "set", "reason": "yearly count",
    },
)  # fmt: skip
show("Recheck", asked={"mapping": {"sku": "SKU", "location": {"value": "W1"}, "quantity": "Stock Level"}})
show("Apply", asked={"reason": "yearly count"})
show("Undo", asked={"reason": "wrong file", "rest": False})
show("PresetName", {"name": "our ERP"}, asked={"name": "our ERP"})
show(
    "ImportRow",
    {
        "row": 2, "state": "planned", "key": "MUG-BLUE @ W1", "before": {"available": 50}, "after": {"available": 40},
        "problems": [],
    },
)  # fmt: skip
_KIND = {
    "code": "stock", "title": "Stock", "columns": [{"name": "sku", "label": "SKU", "required": True}],
    "presets": ["sellonce", "linnworks", "shopify", "generic"], "modes": ["set", "add", "remove"],
}  # fmt: skip
show("Kinds", {"kinds": [_KIND]})
