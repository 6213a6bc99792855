"""Limits: by account and address, by address, for keys; behind proxies only those that are named are believed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory

from inventory.models import AccessEvent, ApiKey, AttemptCount, AttemptKind, EventKind, Role
from inventory.people import attempts
from inventory.people.origin import address_of, household_of
from tests.people.phone import PASSWORD, Browser, person

pytestmark = pytest.mark.django_db


def said(browser: Browser, password: str) -> str:
    answer = browser.client.post("/admin/login/", {"username": browser.name, "password": password})
    return "in" if answer.status_code == 302 else answer.content.decode()


def test_five_wrong_passwords_lock_the_account_at_that_address(now: object, boss: User) -> None:
    here, elsewhere = Browser("boss"), Browser("boss", address="198.51.100.1")
    for _turn in range(5):
        assert "do not go together" in said(here, "wrong")
    assert "Too many attempts. Try again in 15 minutes." in said(here, PASSWORD)
    assert said(elsewhere, PASSWORD) == "in"
    now.shift(14 * 60 + 30)  # type: ignore[attr-defined]
    assert "Try again in 1 minute." in said(here, PASSWORD)
    now.shift(30)  # type: ignore[attr-defined]
    assert said(here, PASSWORD) == "in"


def test_capitals_and_spaces_are_no_way_round(now: object, boss: User) -> None:
    for name in ("boss", "Boss", "BOSS", " boss", "boss "):
        said(Browser(name), "wrong")
    assert "Too many" in said(Browser("boss"), PASSWORD)


def test_an_address_that_tries_many_accounts_is_locked_as_a_whole(now: object, boss: User, settings: object) -> None:
    settings.ATTEMPTS_PER_ADDRESS = 8  # type: ignore[attr-defined]
    for turn in range(8):
        assert "do not go together" in said(Browser(f"guess{turn}"), "wrong")
    assert "Too many" in said(Browser("boss"), PASSWORD)


def test_what_was_right_forgets_what_was_wrong(now: object, boss: User) -> None:
    browser = Browser("boss")
    for _round in range(3):
        for _turn in range(4):
            said(browser, "wrong")
        assert said(browser, PASSWORD) == "in"
    assert AttemptCount.objects.get().failures == 12 and AttemptCount.objects.get().account == ""


def test_the_page_does_not_say_which_part_was_wrong(now: object, boss: User) -> None:
    User.objects.create_user("gone", password=PASSWORD, is_staff=True, is_active=False)
    User.objects.create_user("customer", password=PASSWORD)
    pages = set()
    for name, password in (("boss", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD), ("customer", PASSWORD)):
        page = said(Browser(name), password)
        pages.add(page[page.index("Name and password") : page.index("<form")])
    assert len(pages) == 1


def test_an_administrator_unlocks(now: object, boss: User) -> None:
    ann = Browser("ann@example.com")
    person("ann@example.com", Role.VIEWER)
    for _turn in range(6):
        said(ann, "wrong")
    admin = Browser("boss", address="198.51.100.1")
    admin.login()
    row = AttemptCount.objects.get(account="ann@example.com")
    assert attempts.is_locked(row)
    page = {"action": "unlock_selected", "_selected_action": [row.pk], "_confirm": "1", "reason": "she called"}
    assert admin.client.post("/admin/inventory/attemptcount/", page).status_code == 302
    assert said(ann, PASSWORD) == "in"
    assert AccessEvent.objects.filter(kind=EventKind.UNLOCKED, actor="user:boss").count() == 1


def test_a_lock_is_recorded_once_and_passwords_typed_as_names_never(now: object, boss: User) -> None:
    for _turn in range(9):
        said(Browser("hunter2-my-password"), "wrong")
    locked = AccessEvent.objects.filter(kind=EventKind.LOCKED_OUT)
    assert locked.count() == 1
    failed = AccessEvent.objects.filter(kind=EventKind.LOGIN_FAILED)
    assert failed.count() == 5, "what is not looked at is not recorded either"
    assert not AccessEvent.objects.filter(subject__contains="hunter2").exists()
    assert not AttemptCount.objects.filter(account__contains="hunter2").exists()


def test_guessing_a_keys_secret_is_limited_even_for_the_right_one(now: object) -> None:
    _row, key = ApiKey.objects.create_key(name="erp", role=Role.VIEWER)
    _other_row, other = ApiKey.objects.create_key(name="shop", role=Role.VIEWER)
    client = Client(REMOTE_ADDR="192.0.2.1")

    def status(text: str, address: str = "192.0.2.1") -> int:
        return client.get("/api/v1/skus/", HTTP_AUTHORIZATION=f"Bearer {text}", REMOTE_ADDR=address).status_code

    assert status(key) == 200
    guesses = [status(f"{key[:9]}{turn:032}") for turn in range(8)]
    assert guesses == [401] * 5 + [429] * 3
    assert status(key) == 429, "a right guess is not told from a wrong one"
    assert status(other) == 200 and status(key, "198.51.100.1") == 200
    now.shift(15 * 60)  # type: ignore[attr-defined]
    assert status(key) == 200


def test_guessing_keys_at_all_is_limited_by_address_and_says_for_how_long(now: object, settings: object) -> None:
    settings.ATTEMPTS_PER_ADDRESS = 4  # type: ignore[attr-defined]
    client = Client()
    guesses = [
        client.get("/api/v1/skus/", HTTP_AUTHORIZATION=f"Bearer {turn:08}.{turn:032}").status_code for turn in range(6)
    ]
    assert guesses == [401] * 4 + [429] * 2
    answer = client.get("/api/v1/skus/", HTTP_AUTHORIZATION="Bearer nonsense")
    assert answer["Retry-After"] == "900"
    assert answer.json()["error"]["code"] == "too_many_requests"
    _row, key = ApiKey.objects.create_key(name="erp", role=Role.VIEWER)
    assert client.get("/api/v1/skus/", HTTP_AUTHORIZATION=f"Bearer {key}").status_code == 200, "good keys go on"


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "expected"),
    [
        ([], "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "nonsense", "10.0.0.1"),
        (["::1"], "::1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_proxy_is_believed_only_where_it_is_named(
    settings: object, rf: RequestFactory, proxies: list[str], peer: str, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies  # type: ignore[attr-defined]
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert address_of(rf.get("/", REMOTE_ADDR=peer, **headers)) == expected


@pytest.mark.parametrize(
    ("address", "household"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("-", "-"),
    ],
)
def test_a_household_of_ipv6_counts_as_one(address: str, household: str) -> None:
    assert household_of(address) == household


@pytest.mark.django_db(transaction=True)
def test_many_guesses_at_one_moment_are_counted_like_many_in_a_row(rf: RequestFactory) -> None:
    request = rf.get("/", REMOTE_ADDR="192.0.2.1")

    def guess(_turn: int) -> bool:
        try:
            attempts.admit(AttemptKind.LOGIN, account="boss", request=request)
        except attempts.LockedOut:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(guess, range(24))) == 5
