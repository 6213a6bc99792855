"""Who may do what, at every door there is: endpoints, pages, actions and commands, for every role.

The table is `matrix.txt`. A door that is not in it fails here until somebody has looked at its line:
SELLONCE_WRITE_MATRIX=1 makes the table anew, and the difference is what to read.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admindocs.views import extract_views_from_urlpatterns
from django.urls import NoReverseMatch, get_resolver, reverse
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from config.api import router
from inventory.kernel import clock
from inventory.models import Location, LoginSession, Sku
from inventory.people.roles import about
from purchasing.models import ReorderRule
from purchasing.replenishment import check_reorder
from purchasing.rules import save_rule
from reports.models import Backup
from tests.admin.house import build
from tests.people import matrix

TABLE = Path(__file__).with_name("matrix.txt")
WRITE = "SELLONCE_WRITE_MATRIX"


def rendered(sections: dict[str, dict[str, list[str]]], titles: list[str]) -> str:
    """The table as text."""
    width = max(len(door) for doors in sections.values() for door in doors)
    lines = ["Who may do what. Written by the test beside it; read each line that changes.", ""]
    for title, doors in sections.items():
        lines += [f"{title:<{width}}  {'  '.join(titles)}"]
        for door, cells in doors.items():
            cells = [f"{cell:<{len(column)}}" for cell, column in zip(cells, titles, strict=True)]
            lines.append(f"{door:<{width}}  {'  '.join(cells)}".rstrip())
        lines.append("")
    return "\n".join(lines)


@pytest.mark.django_db
@pytest.mark.timeout(600)
def test_every_door_lets_in_whom_the_table_says() -> None:
    build(2)
    everyone = matrix.callers(Location.objects.get(code="W1"))
    _rows_of_others(everyone[0].user)
    asked: set[str] = set()
    sections = {
        "API": _api(everyone, asked),
        "Back office": _admin(everyone, asked),
        "Chosen rows": {},
        "Other pages": {},
        "Commands": {},
    }
    for door, entry, action in matrix.list_actions():
        sections["Chosen rows"][door] = [matrix.may_choose(caller, entry, action) for caller in everyone]
    for door, method, path in matrix.page_doors(frozenset(asked)):
        cells = [matrix.page_answer(caller, method, path) for caller in everyone]
        if matrix.NOT_OFFERED not in cells:
            assert sections["Other pages"].setdefault(door, cells) == cells, door
            asked.add(matrix.route_of(path))
    assert sorted(map(matrix.readable, asked)) == _every_address(), "an address of the product is not in the table"
    for command in matrix.commands():
        sections["Commands"][command] = [matrix.command_answer(caller, command) for caller in everyone]
    found = rendered(sections, [caller.title for caller in everyone])
    if os.environ.get(WRITE):
        TABLE.write_text(found)
    said = TABLE.read_text() if TABLE.exists() else ""
    new = sorted(set(found.splitlines()) - set(said.splitlines()))
    gone = sorted(set(said.splitlines()) - set(found.splitlines()))
    assert (new, gone) == ([], []), f"look at these lines, then write the table anew with {WRITE}=1"


def _every_address() -> list[str]:
    """All that the resolver answers, by Django's own list of it."""
    views = extract_views_from_urlpatterns(get_resolver().url_patterns)
    return sorted({matrix.readable(pattern) for _view, pattern, _space, _name in views})


def _rows_of_others(user: Any) -> None:
    """Something in the lists that a merchant's house does not fill."""
    LoginSession.objects.create(user=user, session_key="other", address="192.0.2.7")
    Backup.objects.create(started_at=clock.now())
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    CrontabSchedule.objects.create()
    SolarSchedule.objects.create(event="sunrise", latitude=50, longitude=8)
    ClockedSchedule.objects.create(clocked_time=clock.now())
    PeriodicTask.objects.create(name="anything", task="anything", interval=every)
    here = {"sku": Sku.objects.earliest("pk"), "location": Location.objects.get(code="W1")}
    save_rule(ReorderRule(**here, reorder_point=1000))
    check_reorder()


def _api(everyone: list[matrix.Caller], asked: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for door, method, path in matrix.api_doors():
        ask = partial(matrix.api_answer, method=method, path=path, body=matrix.BODIES.get(door))
        by_session = [ask(caller, by_key=False) for caller in everyone]
        by_key = [ask(caller, by_key=True) for caller in everyone if caller.key]
        asked.add(matrix.route_of(path))
        assert by_key == by_session[: len(by_key)], f"{door}: a key and a session of one role differ"
        found[door] = by_session
    assert len(found) > 50
    return found


def _admin(everyone: list[matrix.Caller], asked: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for door, method, name, entry in matrix.admin_doors():
        found[door] = []
        for caller in everyone:
            try:
                path = reverse(f"admin:{name}")
            except NoReverseMatch:
                path = reverse(f"admin:{name}", args=(matrix.row_of(entry, caller),))
            found[door].append(matrix.page_answer(caller, method, path))
            asked.add(matrix.route_of(path))
    assert len(found) > 120
    return found


def test_the_api_and_the_back_office_say_the_same_of_each_model() -> None:
    for address, resource, _basename in router.registry:
        rows = getattr(resource, "queryset", None)
        if rows is None:
            continue
        what = about(rows.model)
        assert what is not None, address
        assert (resource.area, resource.spans_locations, resource.location_path) == (
            what.area, what.spans, what.location,
        ), address  # fmt: skip


def test_every_model_of_the_back_office_says_what_it_is_about() -> None:
    assert [entry.opts.label for entry in admin.site._registry.values() if about(entry.model) is None] == []
