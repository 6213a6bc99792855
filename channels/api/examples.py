"""What channels, listings, rules and the inbox look like in the description."""

from inventory.api.schema import show

AT = "2026-03-02T09:30:00Z"

_WEB = {
    "code": "web", "name": "Web shop", "connector": "http", "base_url": "https://shop.example",
    "settings": {"max_batch": 100}, "locations": ["W1"], "priority": 10, "fee_percent": "2.50", "currency": "EUR",
    "mode": "live", "orders_from": "2026-03-01T00:00:00Z", "is_active": True,
}  # fmt: skip

show(
    "Channel",
    {
        **_WEB, "location_map": [{"location": "W1", "remote": ""}], "stopped_at": None, "disconnected_at": None,
        "webhook_url": "https://stock.example/webhooks/web/", "lag": {"p50": 0.21, "p95": 0.44, "p99": 0.93},
        "pending_pushes": 2, "unacknowledged": 0, "breaker": "closed",
    },
    asked={**_WEB, "credentials": {"secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}},
)  # fmt: skip
show("PatchedChannel", asked={"mode": "shadow"})
show(
    "Listing",
    {
        "id": "310", "channel": "web", "sku": "MUG-BLUE", "external": {"external_id": "mug-blue"}, "fulfilled_by": "us",
        "is_active": True, "published": 37, "shown": 37, "pushed_at": AT, "status": "in_sync", "last_error": "",
    },
    asked={"channel": "web", "sku": "MUG-BLUE", "external": {"external_id": "mug-blue"}},
)  # fmt: skip
show("PatchedListing", asked={"is_active": False})
show("Remap", asked={"sku": "MUG-BLUE", "external": {"external_id": "mug-blue-2"}})
show(
    "Explanation",
    {
        "published": 27,
        "steps": [
            {"rule": "pool", "scope": "all", "input": 37, "output": 37, "rule_id": None, "remote": "",
             "note": "available over the locations that feed the channel"},
            {"rule": "percent", "scope": "channel", "input": 37, "output": 29, "rule_id": "12", "remote": "",
             "note": "80 % of 37"},
            {"rule": "buffer", "scope": "channel", "input": 29, "output": 27, "rule_id": "14", "remote": "",
             "note": "29 less 2 withheld, never below 0"},
        ],
    },
)  # fmt: skip
_RULE = {
    "kind": "percent", "channel": "web", "sku": None, "category": "", "tag": "", "value": "80", "enabled": True,
    "starts_at": None, "ends_at": None, "note": "Keeps a fifth for the shop in town",
}  # fmt: skip
show("Rule", {"id": "12", **_RULE}, asked={"kind": "percent", "channel": "web", "value": "80", "note": _RULE["note"]})
show("PatchedRule", asked={"value": "70"})
show("Preview", {"changes": [{"channel": "web", "sku": "MUG-BLUE", "before": 37, "after": 29}]})
show(
    "Drift",
    {
        "id": "77", "channel": "web", "sku": "MUG-BLUE", "listing": "310", "expected": 37, "found": 40, "excess": 3,
        "reason": "shows_more", "found_at": AT, "actions": ["/api/v1/drifts/77/push/"],
    },
)  # fmt: skip
_DELIVERY = {
    "id": "9120", "channel": "web", "source": "webhook", "event_id": "evt_5001", "topic": "order.created",
    "order": "5001", "status": "done", "reason": "", "detail": "", "conflicting": False, "stored_at": AT,
    "settled_at": "2026-03-02T09:30:00.052000Z",
}  # fmt: skip
show("Delivery", _DELIVERY)
show(
    "WholeDelivery",
    {
        **_DELIVERY, "headers": {"webhook-id": "evt_5001"}, "body": '{"type": "order.created"}',
        "body_base64": "eyJ0eXBlIjogIm9yZGVyLmNyZWF0ZWQifQ==",
    },
)  # fmt: skip
