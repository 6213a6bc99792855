"""Orders that people type: wholesale, phone, an own checkout. Nothing is sent anywhere."""

from collections.abc import Mapping
from typing import Any

from .base import Capabilities, Connector, Field


class Manual(Connector):
    code = "manual"
    label = "Manual orders"
    needs_base_url = False
    external_fields = (Field("external_id", "External id", required=False, help_text="Default: the SKU's code."),)

    def capabilities(self, settings: Mapping[str, Any]) -> Capabilities:
        return Capabilities(
            has_stock=False, has_orders=False, has_webhooks=False, takes_requests=True, lowers_on_sale=False
        )

    def external_key(self, external: Mapping[str, Any], *, sku_code: str) -> str:
        return str(external.get("external_id") or sku_code)
