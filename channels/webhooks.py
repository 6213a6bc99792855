"""Where channels knock: verify, store, answer. Everything else happens later.

A DRF view stripped to raw bytes: no parser, no renderer, no session, no throttle.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpResponse, JsonResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from inventory.api.errors import answer_error
from inventory.kernel import clock

from . import inbox
from .connectors import registry
from .connectors.base import Account, Connector, ConnectorError, InboundRequest, SignatureError
from .credentials import account, connector_of
from .models import Channel
from .signals import parked

logger = logging.getLogger(__name__)

#: Seconds for which a process remembers a channel and its secrets: a burst reads them once.
REMEMBERED_SECONDS = 2.0

Result = TypeVar("Result")

_remembered: dict[str, tuple[float, int, Account, Connector]] = {}


class WebhookView(APIView):
    """``POST /webhooks/CHANNEL/``: 200 stored, 401 signature, 404 channel, 413 too large, 503 could not be stored."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    metadata_class = None
    schema = None

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[JSONRenderer, str]:
        """Answers are JSON whatever a channel says that it accepts."""
        return JSONRenderer(), JSONRenderer.media_type

    def get_exception_handler(self) -> Any:
        """Any other method is answered as errors are everywhere."""
        return answer_error

    def post(self, request: Request, code: str) -> HttpResponse:
        try:
            return _receive(request, code)
        except DatabaseError:
            logger.exception("a delivery of %s could not be stored", code)
            return _error(503, "not_stored", "The delivery could not be stored; send it again.")


def _receive(request: Request, code: str) -> HttpResponse:
    known = _once_more(lambda: _channel(code))
    if known is None:
        return _error(404, "unknown_channel", f"There is no channel {code!r} that takes webhooks.")
    channel_id, shop, connector = known
    body = _read(request)
    if body is None:
        parked.send(
            WebhookView, channel_code=code, what="delivery", subject=code, reason="too_large",
            detail=f"a delivery larger than {settings.WEBHOOK_MAX_BYTES} bytes was refused; its order comes by poll",
        )  # fmt: skip
        return _error(413, "too_large", f"At most {settings.WEBHOOK_MAX_BYTES} bytes are taken.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    inbound = InboundRequest(body, headers, _address(request))
    try:
        connector.verify(inbound, shop, now=clock.now())
    except (SignatureError, ConnectorError) as error:
        return _error(401, "bad_signature", str(error))
    _once_more(
        lambda: inbox.store(
            channel_id=channel_id,
            event_id=connector.event_id(inbound),
            topic=connector.topic(inbound),
            order_ref=connector.order_ref(body),
            body=body,
            headers=headers,
        )
    )
    return JsonResponse({"status": "stored"})


def _once_more(ask: Callable[[], Result]) -> Result:
    """Ask the database; where the connection that was kept open died since it was used last, again on another."""
    kept = connection.connection is not None and not connection.in_atomic_block
    try:
        return ask()
    except (OperationalError, InterfaceError):
        connection.close()
        if not kept:
            raise
        return ask()


def _channel(code: str) -> tuple[int, Account, Connector] | None:
    now = time.monotonic()
    held = _remembered.get(code)
    if held is not None and now - held[0] < REMEMBERED_SECONDS:
        return held[1:]
    _remembered.pop(code, None)
    if "\0" in code:  # the database takes none
        return None
    channel = Channel.objects.filter(code=code, is_active=True).first()
    if channel is None or channel.connector not in registry.all():
        return None
    connector = connector_of(channel)
    if not connector.capabilities(channel.settings).has_webhooks:
        return None
    _remembered[code] = (now, channel.pk, account(channel), connector)
    return _remembered[code][1:]


def _read(request: Request) -> bytes | None:
    """The body, or None where it is larger than we take; an oversized one is not read into memory."""
    most = settings.WEBHOOK_MAX_BYTES
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > most:
        return None
    if request.META.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":  # no length: Django would read nothing
        body = request.META["wsgi.input"].read(most + 1)
    else:
        body = request._request.read(most + 1)
    return None if len(body) > most else body


def _address(request: Request) -> str:
    """Where the channel sent it, as it says itself: a name that Django would not answer to is no reason to lose a delivery."""
    return f"{request.scheme}://{request.META.get('HTTP_HOST', '')}{request.get_full_path()}"


def _error(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse({"error": {"code": code, "message": message, "fields": {}}}, status=status)
