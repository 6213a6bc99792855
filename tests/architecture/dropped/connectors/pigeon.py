"""A connector as somebody might drop it in: one file, nothing else touched."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from channels.connectors.base import Account, Capabilities, Connector, Field, InboundRequest, OrderEvent, SignatureError


class Pigeon(Connector):
    code = "pigeon"
    label = "Pigeon post"
    credential_fields = (Field("ring", "Ring of the pigeon"),)
    setting_fields = (Field("loft", "Loft", required=False),)
    external_fields = (Field("feather", "Feather"),)

    def capabilities(self, settings: Mapping[str, Any]) -> Capabilities:
        return Capabilities(has_stock=False, has_orders=False)

    def verify(self, request: InboundRequest, account: Account, *, now: datetime) -> None:
        if request.headers.get("ring") != account.credentials["ring"]:
            raise SignatureError("not our pigeon")

    def event_id(self, request: InboundRequest) -> str:
        return request.headers["message"]

    def order_ref(self, body: bytes) -> str:
        return str(json.loads(body)["order"])

    def parse(self, body: bytes, *, topic: str) -> OrderEvent | None:
        return None
