"""No list asks the database more often because it shows more rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.people import sessions
from tests.admin.house import build
from tests.admin.pages import ADMINS, address


def _count(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


@pytest.mark.timeout(300)
def test_thirty_rows_cost_as_many_queries_as_three(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    build(30)
    monkeypatch.setattr(sessions, "SEEN_EVERY", timedelta(days=1))
    costs = {}
    for label, entry in sorted(ADMINS.items()):
        counts = []
        for rows in (3, 30):
            monkeypatch.setattr(type(entry), "list_per_page", rows)
            counts.append(_count(boss, address(label)))
        costs[label] = counts
    assert {label: counts for label, counts in costs.items() if counts[0] != counts[1]} == {}
    assert max(counts[1] for counts in costs.values()) < 25
    assert _count(boss, reverse("admin:index")) < 40
    assert _count(boss, reverse("admin:parked")) < 25
