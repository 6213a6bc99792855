"""Second factors: demanded before anything else, taken once, limited, reset."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from inventory.models import AccessEvent, AttemptCount, EventKind, LoginSession, Role, SecondFactor
from inventory.people import second_factor
from tests.people.phone import Browser, code_of, person

pytestmark = pytest.mark.django_db
CLOSED = (
    "/admin/", "/admin/inventory/sku/", "/admin/auth/user/", "/account/", "/account/password/",
    "/admin/parked/", "/admin/inventory/stocklevel/export_csv/", "/admin/search/",
)  # fmt: skip


def events(kind: EventKind) -> list[str]:
    return list(AccessEvent.objects.filter(kind=kind).order_by("id").values_list("actor", flat=True))


@pytest.fixture
def ann(now: object, strict: None, boss: User) -> Browser:
    """The administrator, logged in and enrolled."""
    browser = Browser("boss")
    assert browser.login() == 302
    browser.enrol()
    return browser


def test_an_administrator_reaches_nothing_before_the_second_factor_is_set_up(
    now: object, strict: None, boss: User
) -> None:
    browser = Browser("boss")
    assert browser.login() == 302
    for path in CLOSED:
        answer = browser.client.get(path)
        assert answer.status_code == 302 and answer.url.startswith("/account/verify/"), path
    assert browser.client.get("/account/verify/").url == "/account/second-factor/"
    assert browser.client.get("/api/v1/skus/").status_code == 401
    browser.enrol()
    assert browser.is_in()
    assert browser.client.get("/api/v1/skus/").status_code == 200


def test_it_is_asked_for_once_a_session_and_leads_where_one_wanted_to_go(ann: Browser, now: object) -> None:
    again = Browser("boss")
    assert again.login() == 302
    assert not again.is_in()
    stopped = again.client.get("/admin/inventory/sku/?q=mug")
    assert stopped.url == "/account/verify/?next=%2Fadmin%2Finventory%2Fsku%2F%3Fq%3Dmug"
    now.shift(30)  # type: ignore[attr-defined]
    answer = again.client.post(stopped.url, {"code": code_of(ann.secret), "next": "/admin/inventory/sku/?q=mug"})
    assert answer.url == "/admin/inventory/sku/?q=mug"
    assert again.is_in()


def test_where_to_go_is_never_another_site(ann: Browser, now: object) -> None:
    again = Browser("boss")
    again.login()
    now.shift(30)  # type: ignore[attr-defined]
    answer = again.client.post("/account/verify/", {"code": code_of(ann.secret), "next": "https://evil.example/"})
    assert answer.url == "/admin/"


def test_a_code_is_taken_once_and_none_that_is_older(ann: Browser, now: object) -> None:
    first, other = Browser("boss"), Browser("boss")
    first.login()
    other.login()
    assert not first.verify(code_of(ann.secret)), "the code of the enrolment"
    now.shift(60)  # type: ignore[attr-defined]
    code = code_of(ann.secret)
    assert first.verify(code)
    assert not other.verify(code)
    assert not other.verify(code_of(ann.secret, ahead=-1))
    assert other.verify(code_of(ann.secret, ahead=1)), "a phone that is half a minute ahead"


@pytest.mark.parametrize("ahead", [-2, 2, 10])
def test_a_code_of_another_minute_is_refused(ann: Browser, now: object, ahead: int) -> None:
    now.shift(600)  # type: ignore[attr-defined]
    browser = Browser("boss")
    browser.login()
    assert not browser.verify(code_of(ann.secret, ahead=ahead))


@pytest.mark.parametrize("code", ["", "abcdef", "12345", "1234567", "١٢٣٤٥٦", "-12345", "a" * 16, "\x00"])
def test_what_is_no_code_is_refused(ann: Browser, code: str) -> None:
    browser = Browser("boss")
    browser.login()
    assert not browser.verify(code)
    assert not browser.is_in()


def test_recovery_codes_let_in_once_each_and_are_kept_as_hashes(ann: Browser, boss: User) -> None:
    assert len(set(ann.codes)) == 10
    assert not any(
        code.replace("-", "").encode() in bytes(row.code_hash)
        for code in ann.codes
        for row in boss.second_factor.codes.all()
    )
    first, other = Browser("boss"), Browser("boss")
    first.login()
    other.login()
    assert first.verify(ann.codes[3].upper())
    assert not other.verify(ann.codes[3])
    assert other.verify(ann.codes[4].replace("-", " "))
    assert second_factor.codes_left(boss) == 8
    assert events(EventKind.RECOVERY_USED) == ["user:boss", "user:boss"]


def test_new_recovery_codes_end_the_old_ones(ann: Browser, boss: User, now: object) -> None:
    now.shift(30)  # type: ignore[attr-defined]
    page = ann.client.post("/account/", {"do": "codes", "code": code_of(ann.secret)}).content.decode()
    assert page.count("<li><code>") == 10 and ann.codes[0] not in page
    browser = Browser("boss")
    browser.login()
    assert not browser.verify(ann.codes[0])
    assert second_factor.codes_left(boss) == 10


def test_the_secret_lies_encrypted(ann: Browser, django_assert_num_queries: object) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, pending_secret FROM inventory_secondfactor")
        ((secret, _pending),) = cursor.fetchall()
    assert ann.secret not in secret and SecondFactor.objects.get().secret == ann.secret


def test_guessing_is_limited_from_every_address_together(ann: Browser, now: object) -> None:
    now.shift(60)  # type: ignore[attr-defined]
    right = code_of(ann.secret)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for turn in range(11):
        browser = Browser("boss", address=f"192.0.2.{turn}")
        browser.login()
        assert not browser.verify(wrong)
    last = Browser("boss", address="192.0.2.99")
    last.login()
    answer = last.client.post("/account/verify/", {"code": right})
    assert "Too many attempts. Try again in 15 minutes." in answer.content.decode()
    now.shift(15 * 60)  # type: ignore[attr-defined]
    assert last.verify(code_of(ann.secret))


def test_another_app_needs_the_former_ones_code_and_ends_other_sessions(ann: Browser, boss: User, now: object) -> None:
    now.shift(30)  # type: ignore[attr-defined]
    other = Browser("boss")
    other.login()
    assert other.verify(ann.codes[0])
    page = ann.client.get("/account/second-factor/").content.decode()
    pending = SecondFactor.objects.get().pending_secret
    assert ann.secret not in page.replace(" ", "") and pending in page.replace(" ", "")
    refused = ann.client.post("/account/second-factor/", {"code": code_of(pending), "former": "000000"})
    assert SecondFactor.objects.get().secret == ann.secret and b"not right" in refused.content
    ann.client.post("/account/second-factor/", {"code": code_of(pending), "former": code_of(ann.secret)})
    assert SecondFactor.objects.get().secret == pending
    assert ann.is_in() and not other.is_in()
    assert LoginSession.objects.filter(user=boss).count() == 1


def test_a_role_that_is_not_asked_may_set_it_up_and_go_without_again(now: object, strict: None) -> None:
    person("vera@example.com", Role.VIEWER)
    vera = Browser("vera@example.com")
    vera.login()
    assert vera.is_in()
    vera.enrol()
    again = Browser("vera@example.com")
    again.login()
    assert not again.is_in(), "who has one shows it"
    now.shift(30)  # type: ignore[attr-defined]
    assert vera.client.post("/account/", {"do": "off", "code": code_of(vera.secret)}).url == "/account/"
    assert vera.is_in() and not SecondFactor.objects.exists()


def test_who_must_have_one_cannot_go_without(ann: Browser, now: object) -> None:
    now.shift(30)  # type: ignore[attr-defined]
    ann.client.post("/account/", {"do": "off", "code": code_of(ann.secret)})
    assert SecondFactor.objects.exists()


def test_another_administrator_resets_a_lost_phone(ann: Browser, second: User, boss: User, settings: object) -> None:
    settings.SECOND_FACTOR_ROLES = []  # type: ignore[attr-defined]
    helper = Browser("second@example.com")
    helper.login()
    answer = helper.client.post(f"/admin/auth/user/{boss.pk}/reset-factor/", {"_confirm": "1", "reason": "lost"})
    assert answer.status_code == 302, answer.content[:2000]
    settings.SECOND_FACTOR_ROLES = ["admin"]  # type: ignore[attr-defined]
    assert not SecondFactor.objects.filter(user=boss).exists()
    assert not ann.is_in(), "its sessions ended"
    assert ann.login() == 302
    assert ann.client.get("/account/verify/").url == "/account/second-factor/"
    assert events(EventKind.FACTOR_RESET) == ["user:second@example.com"]


def test_the_command_resets_it_too(ann: Browser) -> None:
    call_command("reset_second_factor", "boss")
    assert not SecondFactor.objects.exists() and not ann.is_in()
    assert events(EventKind.FACTOR_RESET) == ["system"]


def test_a_right_code_forgets_the_wrong_ones(ann: Browser, now: object) -> None:
    now.shift(timedelta(seconds=60))  # type: ignore[attr-defined]
    browser = Browser("boss")
    browser.login()
    for _turn in range(4):
        assert not browser.verify("000000")
    assert browser.verify(code_of(ann.secret))
    assert not AttemptCount.objects.filter(account="boss").exists()
