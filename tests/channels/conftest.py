"""A shop to talk to, a clock to be moved by hand, and the alarms that were rung."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from channels import rounds, transport, webhooks
from channels.connectors.http import Http
from inventory.kernel import clock
from tests.channels.shop import Shop
from tests.channels.world import Alarms, Hands


@pytest.fixture
def shop() -> Iterator[Shop]:
    opened = Shop()
    yield opened
    opened.close()


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    """The product reads the wall clock in one place; here it is moved by hand."""
    found = Hands(clock.now())
    monkeypatch.setattr(clock, "now", lambda: found.instant)
    # a round that is slow on this machine is not followed by the next one at once
    monkeypatch.setattr(rounds, "PACE_SECONDS", 1.5)
    monkeypatch.setattr(rounds, "SLOWEST_PACE_SECONDS", 1.5)
    return found


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is short of time makes no channel look silent."""
    honest = Http.capabilities
    monkeypatch.setattr(Http, "capabilities", lambda self, given: replace(honest(self, given), timeout_seconds=25.0))


@pytest.fixture
def _has_places(_patience: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that keeps a number for each of several locations."""
    honest = Http.capabilities
    monkeypatch.setattr(Http, "capabilities", lambda self, given: replace(honest(self, given), has_places=True))


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Processes remember channels and connections for a while; a test starts like a new process."""
    webhooks._remembered.clear()
    monkeypatch.setattr(transport, "_client", None)
    yield
    if transport._client is not None:
        transport._client.close()
