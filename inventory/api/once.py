"""Idempotency keys: the same request twice is done once and answered twice.

The key is inserted first, in the deed's own transaction. A second request with the same key waits at the unique index
until the first has ended: it then answers the stored result, or does the deed itself where the first was rolled back.
Refusals roll back and are therefore never stored.
"""

from collections.abc import Callable
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from ..kernel.idempotency import fingerprint
from ..models import IdempotentRequest
from .access import caller_of
from .errors import Refused, invalid
from .wire import JsonRenderer

HEADER = "Idempotency-Key"

#: A deed: does the work and returns the status and what to answer.
Deed = Callable[[], tuple[int, Any]]

_INSERT = """
INSERT INTO inventory_idempotentrequest (owner, key, fingerprint, created_at) VALUES (%s, %s, %s, now())
ON CONFLICT (owner, key) DO NOTHING RETURNING id
"""


class Answered(Exception):
    """The request was carried out before; this is its answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def look(request: Request) -> None:
    """Raise Answered where this request was carried out before, so that it is not even validated again."""
    key = _key(request)
    if key:
        caller = caller_of(request)
        found = IdempotentRequest.objects.filter(owner=caller.owner, key=key).first()
        if found is not None:
            raise Answered(_again(found, _print(request)))


def carry_out(request: Request, deed: Deed) -> Response:
    """Do the deed in one transaction, with the request's key if it has one."""
    key = _key(request)
    with transaction.atomic():
        if not key:
            status, data = deed()
            return Response(data, status=status)
        caller = caller_of(request)
        row_id = _claim(caller.owner, key, _print(request))
        if row_id is None:
            found = IdempotentRequest.objects.get(owner=caller.owner, key=key)
            return _again(found, _print(request))
        status, data = deed()
        body = orjson.loads(JsonRenderer().render(data) or b"null")
        IdempotentRequest.objects.filter(pk=row_id).update(status=status, body=body)
        return Response(data, status=status)


def _claim(owner: str, key: str, contents: bytes) -> int | None:
    """The new row's id; None where the key is taken. Waits while another transaction is about to take it."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [owner, key, contents])
        row = cursor.fetchone()
    return row[0] if row else None


def _again(found: IdempotentRequest, contents: bytes) -> Response:
    if bytes(found.fingerprint) != contents:
        message = _("This idempotency key was used for another request.")
        raise Refused(message, status=422, code="idempotency_key_reused")
    return Response(found.body, status=found.status, headers={"Idempotent-Replay": "true"})


def _key(request: Request) -> str:
    key = request.headers.get(HEADER, "").strip()
    if len(key) > 200 or not key.isprintable():
        raise invalid(HEADER, _("1 to 200 printable characters are expected"))
    return key


def _print(request: Request) -> bytes:
    contents = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS) if request.data else b"{}"
    return fingerprint(request.method or "", request.path, contents)
