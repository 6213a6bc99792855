"""One call to a channel: the token that is valid now, the request, its answer, and the rest that the channel asks for."""

import time
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import TypeVar

from django.db import connections
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest

from inventory.kernel import clock

from . import tokens, transport
from .connectors.base import Account, ChannelBusy, OutboundRequest, Response, TokenRejected
from .credentials import connector_of
from .models import Channel, SyncLane

T = TypeVar("T")

#: A page is waited for so long at most.
PATIENCE_SECONDS = 15.0

#: Told how many seconds the channel is to be left alone.
Rest = Callable[[float], None]


def call(
    channel: Channel,
    build: Callable[[Account], OutboundRequest],
    read: Callable[[Response], T],
    *,
    with_remotes: bool = False,
    rest: Rest | None = None,
) -> T:
    """Send what ``build`` makes of the account and answer what ``read`` makes of the response.

    Raises ChannelBusy, ChannelRefused, ChannelUnclear or ConnectorError. Where the channel asks to be left alone for a while,
    ``rest`` is told; without one its numbers wait.
    """
    shop = tokens.fresh_account(channel, with_remotes=with_remotes)
    return _exchange(channel, build(shop), read, rest)


def read_patiently(
    channel: Channel,
    build: Callable[[Account], OutboundRequest],
    read: Callable[[Response], T],
    *,
    with_remotes: bool = False,
) -> T:
    """``call`` for one of many pages: a channel that asks for some seconds is given them, instead of being read from the start.

    Raises as ``call``; ChannelBusy once so much patience is used up on this page.
    """
    patience = PATIENCE_SECONDS
    while True:
        try:
            return call(channel, build, read, with_remotes=with_remotes)
        except ChannelBusy as error:
            wait = error.retry_after_seconds
            if wait is None or wait > patience:
                raise
            connections.close_all()
            patience -= wait
            time.sleep(wait)


def converse(channel: Channel, steps: Callable[[Account], Generator[OutboundRequest, Response, None]]) -> None:
    """Go through a conversation of several requests, each made from the answers before it. Raises as ``call``."""
    talk = steps(tokens.fresh_account(channel))
    try:
        request = next(talk)
        while True:
            response = _exchange(channel, request, lambda response: response, None)
            request = talk.send(response)
    except StopIteration:
        return
    except TokenRejected:
        tokens.expire(channel)
        raise


def _exchange(channel: Channel, request: OutboundRequest, read: Callable[[Response], T], rest: Rest | None) -> T:
    connector = connector_of(channel)
    timeout = connector.capabilities(channel.settings).timeout_seconds
    response = transport.send(request, timeout_seconds=timeout)
    seconds = connector.rest_seconds(response)
    if seconds > 0:
        (rest or (lambda wait: _let_rest(channel, wait)))(seconds)
    try:
        return read(response)
    except TokenRejected:
        tokens.expire(channel)
        raise


def _let_rest(channel: Channel, seconds: float) -> None:
    until = clock.now() + timedelta(seconds=seconds)
    SyncLane.objects.filter(pk=channel.pk).update(not_before=Greatest(Coalesce(F("not_before"), until), until))
