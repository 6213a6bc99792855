"""Sessions: seen by their owner, ended one by one or together, and by the clock."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from inventory.models import AccessEvent, EventKind, LoginSession, Role
from inventory.people import sessions
from tests.people.phone import PASSWORD, Browser, person

pytestmark = pytest.mark.django_db
MINUTE, HOUR = 60, 3600


@pytest.fixture
def ann(now: object) -> Browser:
    person("ann@example.com", Role.VIEWER)
    browser = Browser("ann@example.com")
    assert browser.login() == 302
    return browser


def another(address: str = "192.0.2.9") -> Browser:
    browser = Browser("ann@example.com", address=address)
    assert browser.login() == 302
    return browser


def test_one_sees_ones_own_sessions(ann: Browser) -> None:
    another()
    person("bob@example.com", Role.VIEWER)
    bob = Browser("bob@example.com", address="198.51.100.44")
    bob.login()
    page = ann.client.get("/account/").content.decode()
    assert page.count("Firefox / Linux") == 2 and page.count("this one") == 1
    assert "192.0.2.1" in page and "192.0.2.9" in page and "198.51.100.44" not in page


def test_one_ends_a_single_one_of_them(ann: Browser) -> None:
    other, third = another(), another("192.0.2.10")
    row = LoginSession.objects.get(address="192.0.2.9")
    assert ann.client.post(f"/account/sessions/{row.pk}/end/").status_code == 302
    assert not other.is_in() and third.is_in() and ann.is_in()


def test_one_ends_all_others(ann: Browser) -> None:
    others = [another(f"192.0.2.{number}") for number in range(10, 13)]
    assert ann.client.post("/account/sessions/end-others/").status_code == 302
    assert ann.is_in() and not any(other.is_in() for other in others)
    assert AccessEvent.objects.filter(kind=EventKind.SESSION_ENDED, actor="user:ann@example.com").count() == 3


def test_nobody_ends_anothers_session_from_their_own_page(ann: Browser) -> None:
    person("bob@example.com", Role.OPERATOR)
    bob = Browser("bob@example.com")
    bob.login()
    row = LoginSession.objects.get(user__username="ann@example.com")
    assert bob.client.post(f"/account/sessions/{row.pk}/end/").status_code == 404
    assert ann.is_in()


def test_an_administrator_ends_anyones(ann: Browser, boss: User) -> None:
    admin = Browser("boss")
    admin.login()
    row = LoginSession.objects.get(user__username="ann@example.com")
    page = {"action": "end_selected", "_selected_action": [row.pk], "_confirm": "1", "reason": "left"}
    assert admin.client.post("/admin/inventory/loginsession/", page).status_code == 302
    assert not ann.is_in() and admin.is_in()


def test_a_new_password_ends_the_others_and_keeps_this_one(ann: Browser) -> None:
    other = another()
    body = {"old_password": PASSWORD, "new_password1": "another battery", "new_password2": "another battery"}
    assert ann.client.post("/account/password/", body).url == "/account/"
    assert ann.is_in() and not other.is_in()
    assert LoginSession.objects.count() == 1
    assert Browser("ann@example.com").login() == 200 and Browser("ann@example.com").login("another battery") == 302


def test_a_session_ends_when_it_is_not_used(ann: Browser, now: object) -> None:
    for _turn in range(3):
        now.shift(119 * MINUTE)  # type: ignore[attr-defined]
        assert ann.is_in()
    now.shift(120 * MINUTE)  # type: ignore[attr-defined]
    answer = ann.client.get("/admin/inventory/sku/")
    assert answer.url == "/admin/login/?next=/admin/inventory/sku/"
    assert b"Your session has ended" in ann.client.get(answer.url).content


def test_what_a_page_fetches_by_itself_is_no_use_of_it(ann: Browser, now: object) -> None:
    for _turn in range(4):
        now.shift(29 * MINUTE)  # type: ignore[attr-defined]
        assert ann.client.get("/admin/", HTTP_SEC_FETCH_DEST="empty").status_code == 200
    now.shift(5 * MINUTE)  # type: ignore[attr-defined]
    assert not ann.is_in()


def test_a_session_ends_after_a_week_whatever_happens(ann: Browser, now: object) -> None:
    for _turn in range(167):
        now.shift(HOUR)  # type: ignore[attr-defined]
        sessions_row = LoginSession.objects.get()
        LoginSession.objects.filter(pk=sessions_row.pk).update(
            seen_at=sessions_row.seen_at.now(sessions_row.seen_at.tzinfo)
        )
    assert ann.is_in()
    now.shift(HOUR)  # type: ignore[attr-defined]
    LoginSession.objects.update(seen_at=LoginSession.objects.get().seen_at)
    assert not ann.is_in()


def test_the_api_too_takes_no_session_that_is_over(ann: Browser, now: object) -> None:
    assert ann.client.get("/api/v1/skus/").status_code == 200
    now.shift(121 * MINUTE)  # type: ignore[attr-defined]
    assert ann.client.get("/api/v1/skus/").status_code == 401


def test_logging_out_forgets_the_session(ann: Browser) -> None:
    ann.client.post("/admin/logout/")
    assert not LoginSession.objects.exists() and not ann.is_in()


def test_who_is_made_inactive_is_out_at_once(ann: Browser, boss: User) -> None:
    admin = Browser("boss")
    admin.login()
    user = User.objects.get(username="ann@example.com")
    admin.client.post(f"/admin/auth/user/{user.pk}/change/", {"first_name": "Ann", "role": "viewer", "locations": []})
    user.refresh_from_db()
    assert not user.is_active and not ann.is_in() and ann.login() == 200


def test_old_sessions_are_pruned(ann: Browser, now: object) -> None:
    now.shift(121 * MINUTE)  # type: ignore[attr-defined]
    another()
    assert sessions.prune() == 1
    assert LoginSession.objects.get().address == "192.0.2.9"
