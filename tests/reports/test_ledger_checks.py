"""The whole ledger is compared with itself every night; whoever looks after the house hears what differs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.urls import reverse

from inventory import rebuild
from inventory.kernel import clock
from inventory.models import Sku, StockLevel
from reports import ledger_checks, pulse
from reports.ledger_checks import ask_for_check, is_due, last_slot, run_if_due, state_of_ledger
from reports.models import Alert, AlertKind, LedgerCheck
from tests.admin.house import House, build
from tests.concurrency.threads import uncommitted
from tests.factories import LocationFactory, stocked

EVENING = datetime(2031, 5, 10, 21, 0, tzinfo=UTC)


class Hands:
    """The wall clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.instant = EVENING
        monkeypatch.setattr(clock, "now", lambda: self.instant)

    def pass_by(self, **time: float) -> None:
        self.instant += timedelta(**time)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch, db: None) -> Hands:
    monkeypatch.setattr(pulse, "_FRESH_SECONDS", 0.0)
    return Hands(monkeypatch)


@pytest.fixture
def mug(db: None) -> Sku:
    return stocked(10, place=LocationFactory(code="W1"))


def test_the_slot_is_the_latest_hour_of_checks(settings: Any) -> None:
    assert last_slot(EVENING) == datetime(2031, 5, 10, 3, 0, tzinfo=UTC)
    settings.LEDGER_CHECK_HOUR_UTC = 22
    assert last_slot(EVENING) == datetime(2031, 5, 9, 22, 0, tzinfo=UTC)


def test_one_is_made_at_the_start_and_then_one_every_night(hands: Hands, mug: Sku) -> None:
    assert run_if_due() is not None
    assert run_if_due() is None
    hands.pass_by(hours=5)  # two at night
    assert not is_due()
    hands.pass_by(hours=2)
    assert is_due()
    check = run_if_due()
    assert check is not None and (check.differences, check.asked_by, check.kinds, check.first) == (0, "system", {}, [])
    assert not is_due()
    assert LedgerCheck.objects.count() == 2


def test_what_differs_is_counted_by_kind_and_named(hands: Hands, mug: Sku) -> None:
    StockLevel.objects.update(available=F("available") + 3, reserved=2)
    check = run_if_due()
    assert check is not None and (check.differences, check.kinds) == (3, {"level": 2, "reserved": 1})
    said = "MUG at W1: available is 13, the entries say 10 (+3)"
    assert check.first[0] == {
        "kind": "level", "sku": "MUG", "location": "W1", "number": None, "expected": "10", "found": "13", "message": said,
    }  # fmt: skip
    alert = Alert.objects.get(kind=AlertKind.LEDGER, closed_at=None)
    assert alert.message == f"3 differences, as {said}"


def test_only_the_first_are_kept_by_name(hands: Hands, mug: Sku, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_checks, "NAMED", 1)
    StockLevel.objects.update(available=F("available") + 3, reserved=2)
    check = run_if_due()
    assert check is not None and (check.differences, len(check.first)) == (3, 1)


def test_a_check_without_differences_ends_the_alert(hands: Hands, mug: Sku) -> None:
    StockLevel.objects.update(available=13)
    run_if_due()
    rebuild.repair()
    assert Alert.objects.filter(closed_at=None).count() == 1
    ask_for_check(actor="user:ann")
    check = run_if_due()
    assert check is not None and (check.differences, check.asked_by) == (0, "user:ann")
    assert not Alert.objects.filter(closed_at=None).exists()


def test_asked_for_twice_it_is_made_once(hands: Hands, mug: Sku) -> None:
    assert ask_for_check(actor="user:ann") == ask_for_check(actor="user:ben")
    assert run_if_due() is not None
    assert run_if_due() is None


def test_one_that_fails_says_why_and_is_tried_again_in_an_hour(
    hands: Hands, mug: Sku, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "verify", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_if_due()
    failed = LedgerCheck.objects.get()
    assert (failed.differences, failed.remark) == (None, "ZeroDivisionError('division by zero')")
    assert run_if_due() is None
    hands.pass_by(minutes=61)
    check = run_if_due()
    assert check is not None and check.differences == 0


def test_what_a_dead_worker_left_is_taken_up_by_the_next(hands: Hands, mug: Sku) -> None:
    LedgerCheck.objects.create(asked_at=clock.now(), asked_by="user:ann", started_at=clock.now())
    check = run_if_due()
    assert check is not None and (check.asked_by, check.differences) == ("user:ann", 0)


@pytest.mark.django_db(transaction=True)
def test_one_looks_at_a_time_and_at_one_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    stocked(10, place=LocationFactory(code="W1"))
    check = ask_for_check(actor="user:ann")
    with uncommitted(lambda: LedgerCheck.objects.select_for_update().get(pk=check.pk)):
        assert run_if_due() is None, "another worker is at it"
    seen: list[str] = []

    def look() -> list[rebuild.Difference]:
        with connection.cursor() as cursor:
            for setting in ("transaction_isolation", "max_parallel_workers_per_gather"):
                cursor.execute(f"SHOW {setting}")
                seen.append(cursor.fetchone()[0])
        with transaction.atomic():
            return list(whole())

    whole = rebuild.verify
    monkeypatch.setattr(rebuild, "verify", look)
    assert run_if_due() is not None
    assert seen == ["repeatable read", "0"]


def test_the_doctor_says_when_and_what(hands: Hands, mug: Sku) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = %s", [EVENING])
    assert state_of_ledger() == ("not checked yet", "")
    hands.pass_by(hours=27)
    assert state_of_ledger()[1] == ledger_checks.START
    run_if_due()
    hands.pass_by(minutes=30)
    assert state_of_ledger() == ("checked 30 minutes ago: no differences", "")
    hands.pass_by(hours=27)
    assert state_of_ledger() == ("checked 1 day, 3 hours ago: no differences", ledger_checks.START)
    StockLevel.objects.update(available=13)
    run_if_due()
    assert state_of_ledger() == ("checked 0 minutes ago: 1 difference", ledger_checks.PRINT_ALL)


# The overview and the page


@pytest.fixture
def house(db: None) -> House:
    return build(2)


def needs_of(client: Client) -> dict[str, tuple[int, str]]:
    found = client.get("/admin/live/").context["needs"]
    return {need.key: (need.count, need.level) for need, _way in found if need.key in ("ledger", "unchecked")}


def test_the_overview_says_what_differs_and_how_old_the_last_look_is(
    house: House, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "_FRESH_SECONDS", 0.0)
    assert needs_of(admin_client) == {}
    figures = {figure.label: figure for figure in admin_client.get("/admin/live/").context["figures"]}
    assert (figures["Ledger differences"].value, figures["Ledger differences"].level) == ("0", "good")
    LedgerCheck.objects.update(differences=7)
    assert needs_of(admin_client) == {"ledger": (7, "bad")}
    LedgerCheck.objects.update(differences=0, finished_at=clock.now() - timedelta(hours=27))
    assert needs_of(admin_client) == {"unchecked": (1, "warn")}


def test_the_page_names_the_first_differences(house: House, admin_client: Client) -> None:
    StockLevel.objects.filter(sku=house.skus[0], location=house.locations[0]).update(available=99)
    ask_for_check(actor="user:ann")
    check = run_if_due()
    assert check is not None
    page = admin_client.get(reverse("admin:reports_ledgercheck_change", args=(check.pk,))).content.decode()
    assert "MUG-0-BLUE at W1: available is 99, the entries say" in page
    assert "1 difference" in page


def test_the_button_asks_for_one(house: House, admin_client: Client) -> None:
    address = reverse("admin:reports_ledgercheck_check_now")
    assert "Sales go on meanwhile" in admin_client.get(address).content.decode()
    assert admin_client.post(address, {"_confirm": "1", "reason": "looks odd"}).status_code == 302
    assert LedgerCheck.objects.waiting().get().asked_by == "user:admin"
