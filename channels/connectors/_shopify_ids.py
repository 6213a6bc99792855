"""Shopify's ids: typed as numbers or as gids, kept as gids, named in our books by their numbers."""

import re
from typing import Any

from .base import ConnectorError

_GID = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]{1,20})(\?[^\s]*)?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)


def gid(kind: str, value: Any) -> str:
    """The gid of a thing of that kind; empty where the value names none. Numbers, their text and gids are understood."""
    digits = number(kind, value)
    return f"gid://shopify/{kind}/{digits}" if digits else ""


def number(kind: str, value: Any) -> str:
    """The digits of such an id; empty where the value names no thing of that kind."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if isinstance(value, int):
        return str(value) if 0 < value < 10**20 else ""
    text = value.strip()
    found = _GID.fullmatch(text)
    if found and found[1] != kind:
        return ""
    digits = found[2] if found else text if _NUMBER.fullmatch(text) else ""
    return digits.lstrip("0")


def named(kind: str, row: Any, *, field: str = "id") -> str:
    """The digits of a document's own id. Its gid is believed first: a number may have been rounded on its way here."""
    if not isinstance(row, dict):
        return ""
    return number(kind, row.get("admin_graphql_api_id")) or number(kind, row.get(field))


def required(kind: str, value: Any, *, where: str) -> str:
    """The gid. Raises ConnectorError, naming the place, where there is none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise ConnectorError(f"{where} is missing")
    found = gid(kind, value)
    if not found:
        raise ConnectorError(f"{where} is {str(value)[:80]!r}; a number or gid://shopify/{kind}/... is expected")
    return found
