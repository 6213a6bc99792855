"""What a request carries through the execution of its document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLResolveInfo, StringValueNode, VariableNode

from channels.simulators.shopify.deeds import ShopifyShop
from channels.simulators.shopify.idempotency import KeyRefused, Payload

Errors = list[dict[str, Any]]


@dataclass(frozen=True)
class Asking:
    """One request: to which shop, holding which idempotency keys, arrived when, with which variables."""

    shop: ShopifyShop
    held: frozenset[str]
    arrived: float
    variables: Mapping[str, Any]


def key_in(field: FieldNode, *, variables: Mapping[str, Any]) -> str | None:
    """The key of ``@idempotent(key: ...)`` on a field; None where there is no such directive."""
    for directive in field.directives or ():
        if directive.name.value != "idempotent":
            continue
        for argument in directive.arguments or ():
            if isinstance(argument.value, StringValueNode):
                return argument.value.value
            if isinstance(argument.value, VariableNode):
                return str(variables.get(argument.value.name.value) or "")
    return None


def once(
    info: GraphQLResolveInfo,
    *,
    asked: Mapping[str, Any],
    perform: Callable[[], Payload],
    refused: Callable[[str, str], Payload],
) -> Payload:
    """Perform a mutation once under its key; ``refused`` makes the payload of a code and a message."""
    asking: Asking = info.context
    key = key_in(info.field_nodes[0], variables=asking.variables)
    if key is None:
        message = "The @idempotent directive is required for this mutation but was not provided."
        raise GraphQLError(message, extensions={"code": "BAD_REQUEST"})
    if not key.strip():
        raise GraphQLError("The idempotency key cannot be blank.", extensions={"code": "BAD_REQUEST"})
    fingerprint = f"{info.field_name}:{json.dumps(asked, sort_keys=True, default=str)}"
    try:
        return asking.shop.keys.once(key, asked=fingerprint, held=asking.held, perform=perform)
    except KeyRefused as error:
        return refused(error.code, str(error))


def error(message: str, *path: str, code: str | None = None) -> dict[str, Any]:
    """One of a payload's ``userErrors``."""
    return {"code": code, "field": list(path) or None, "message": message}
