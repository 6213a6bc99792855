"""The record of who let whom in, who came in and who failed. Rows are only ever added."""

from typing import Any

from django.http import HttpRequest

from ..models import AccessEvent, EventKind
from .origin import UNKNOWN, address_of

SYSTEM = "system"
NOBODY = "nobody"


def name_of(user: Any) -> str:
    """A person as the ledger names them."""
    return f"user:{user.get_username()}"[:200]


def record(
    kind: EventKind, *, actor: str, subject: str = "", detail: str = "", request: HttpRequest | None = None
) -> AccessEvent:
    """Add one."""
    address = "" if request is None else address_of(request)
    return AccessEvent.objects.create(
        kind=kind, actor=actor[:200], subject=subject[:200], detail=detail[:500],
        address="" if address == UNKNOWN else address,
    )  # fmt: skip
