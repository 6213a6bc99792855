"""Access tokens that end: fetched anew in time, by one worker at a time.

The lock is a lease in the channel's own row: a Redis that is flushed must not let two workers spend one refresh token.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from inventory.kernel import clock

from . import transport
from .connectors.base import Account, ChannelBusy, Connector, OutboundRequest
from .credentials import account, connector_of, store
from .models import Channel

logger = logging.getLogger(__name__)

#: Longer than fetching a token may take.
LEASE = timedelta(seconds=20)

TIMEOUT_SECONDS = 10.0

#: Credentials' name of the instant at which the token that is held ends, ISO 8601.
ENDS_AT = "access_token_expires_at"


def fresh_account(channel: Channel, *, with_remotes: bool = False) -> Account:
    """The account with a token that works, fetched now where the one that is held ends soon.

    Raises ChannelBusy where another worker is fetching it and the old one has ended, and what the fetching raises.
    """
    connector, shop = connector_of(channel), account(channel, with_remotes=with_remotes)
    request = connector.token_request(shop, now=clock.now())
    if request is None:
        return shop
    held = _take_lease(channel.pk)
    if held is None:  # another worker is at it, or has just been
        return _wait_or_go_on(channel, connector, with_remotes=with_remotes)
    fresh = account(held, with_remotes=with_remotes)
    request = connector.token_request(fresh, now=clock.now())  # the row may be newer than what we knew
    if request is None:
        _release(channel.pk)
        return fresh
    return _fetch(held, connector, request, with_remotes=with_remotes)


def expire(channel: Channel) -> None:
    """The token was refused before its time: the next call fetches another one."""
    with transaction.atomic():
        held = Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)
        if account(held).credentials.get("access_token") != account(channel).credentials.get("access_token"):
            return  # it has been replaced meanwhile
        store(held, {ENDS_AT: clock.now().isoformat()})
        held.save(update_fields=["credentials_text"])
        channel.credentials_text = held.credentials_text


def _fetch(channel: Channel, connector: Connector, request: OutboundRequest, *, with_remotes: bool) -> Account:
    try:
        changed = connector.read_token(transport.send(request, timeout_seconds=TIMEOUT_SECONDS), now=clock.now())
    except Exception:
        _release(channel.pk)
        raise
    with transaction.atomic():
        held = Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)
        store(held, changed)
        held.token_lease_until = None
        held.save(update_fields=["credentials_text", "token_lease_until"])
    logger.info("%s: a new access token was fetched", channel.code)
    return account(held, with_remotes=with_remotes)


def _wait_or_go_on(channel: Channel, connector: Connector, *, with_remotes: bool) -> Account:
    channel = Channel.objects.get(pk=channel.pk)
    shop = account(channel, with_remotes=with_remotes)
    ends_at = connector.token_ends_at(shop)
    if shop.credentials.get("access_token") and (ends_at is None or ends_at > clock.now()):
        return shop
    raise ChannelBusy("a new access token is being fetched", retry_after_seconds=0.5)


def _take_lease(channel_id: int) -> Channel | None:
    now = clock.now()
    free = Channel.objects.filter(Q(token_lease_until=None) | Q(token_lease_until__lt=now), pk=channel_id)
    if not free.update(token_lease_until=now + LEASE):
        return None
    return Channel.objects.get(pk=channel_id)


def _release(channel_id: int) -> None:
    Channel.objects.filter(pk=channel_id).update(token_lease_until=None)
