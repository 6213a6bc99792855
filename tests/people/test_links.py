"""Invitations and links for new passwords: shown once, used once, for a while."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from inventory.models import AccessEvent, AccessLink, EventKind, Location, Role
from inventory.people import links
from inventory.people.membership import PeopleError
from inventory.people.roles import Standing, standing_of
from tests.concurrency.threads import Job, uncommitted, until_stuck
from tests.people.phone import PASSWORD, Browser, person

pytestmark = pytest.mark.django_db
LINK = re.compile(r"/account/link/([\w-]{43})/")
DAY = 24 * 3600


def form(name: str = "Berta", password: str = PASSWORD) -> dict[str, str]:
    return {"name": name, "new_password1": password, "new_password2": password}


def link_in(page: bytes) -> str:
    return LINK.search(page.decode())[0]  # type: ignore[index]


@pytest.fixture
def inviter(now: object, boss: User) -> Browser:
    browser = Browser("boss")
    assert browser.login() == 302
    return browser


def invite(browser: Browser, email: str = "Berta@Example.com", role: str = "warehouse", places: tuple = ()) -> bytes:
    body = {"email": email, "role": role, "locations": [place.pk for place in places]}
    return browser.client.post("/admin/inventory/accesslink/add/", body, follow=True).content


def test_who_is_invited_comes_in_with_the_role_and_its_locations(inviter: Browser, w1: Location) -> None:
    path = link_in(invite(inviter, places=(w1,)))
    berta = Client()
    assert "berta@example.com" in berta.get(path).content.decode()
    assert berta.post(path, form()).url == "/admin/"
    assert berta.get("/admin/").status_code == 200
    user = User.objects.get(username="berta@example.com")
    assert (user.first_name, user.is_staff, user.is_superuser) == ("Berta", True, False)
    assert standing_of(user) == Standing(Role.WAREHOUSE, frozenset({w1.pk}))
    assert Browser("BERTA@example.com").login() == 302, "capitals make no difference"


def test_a_link_works_once(inviter: Browser) -> None:
    path = link_in(invite(inviter))
    assert Client().post(path, form()).status_code == 302
    assert Client().get(path).status_code == 404
    assert Client().post(path, form()).status_code == 404
    assert User.objects.filter(username="berta@example.com").count() == 1


def test_a_link_that_was_only_looked_at_still_works(inviter: Browser) -> None:
    path = link_in(invite(inviter))
    for _turn in range(3):
        assert Client().get(path).status_code == 200
    assert Client().post(path, form()).status_code == 302


def test_a_link_works_for_seven_days(inviter: Browser, now: object) -> None:
    path = link_in(invite(inviter))
    now.shift(7 * DAY - 1)  # type: ignore[attr-defined]
    assert Client().get(path).status_code == 200
    now.shift(1)  # type: ignore[attr-defined]
    assert Client().get(path).status_code == 404


def test_a_new_link_ends_the_former_one_and_lives_anew(inviter: Browser, now: object) -> None:
    former = link_in(invite(inviter))
    now.shift(8 * DAY)  # type: ignore[attr-defined]
    inviter.login()
    row = AccessLink.objects.get()
    page = inviter.client.post(
        f"/admin/inventory/accesslink/{row.pk}/send/", {"_confirm": "1", "reason": "late"}, follow=True
    )
    path = link_in(page.content)
    assert path != former
    assert Client().get(former).status_code == 404
    assert Client().post(path, form()).status_code == 302


def test_a_revoked_link_opens_nothing_and_one_can_be_invited_anew(inviter: Browser) -> None:
    path = link_in(invite(inviter))
    row = AccessLink.objects.get()
    inviter.client.post(f"/admin/inventory/accesslink/{row.pk}/revoke/", {"_confirm": "1", "reason": "mistake"})
    assert Client().get(path).status_code == 404
    assert Client().post(link_in(invite(inviter)), form()).status_code == 302


@pytest.mark.parametrize("email", ["berta@example.com", "BERTA@EXAMPLE.COM"])
def test_nobody_is_invited_twice(inviter: Browser, email: str) -> None:
    path = link_in(invite(inviter))
    assert b"There is an open invitation of this address already" in invite(inviter, email)
    Client().post(path, form())
    assert b"can log in already" in invite(inviter, email)
    assert AccessLink.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_invitations_of_one_address_at_once_the_second_is_refused(boss: User) -> None:
    browser = Browser("boss")
    assert browser.login() == 302

    def by_another() -> None:
        links.invite(email="berta@example.com", role=Role.VIEWER, actor="user:other", by=None)

    with uncommitted(by_another):
        job = Job(lambda: invite(browser))
        until_stuck(job)
    assert b"There is an open invitation of this address already" in job.end()
    assert AccessLink.objects.get().role == Role.VIEWER


def test_the_links_secret_is_kept_nowhere(inviter: Browser) -> None:
    token = LINK.search(invite(inviter).decode())[1]  # type: ignore[index]
    row = AccessLink.objects.get()
    assert token.encode() not in bytes(row.token_hash) and len(row.token_hash) == 32
    assert b"/account/link/" not in inviter.client.get(f"/admin/inventory/accesslink/{row.pk}/change/").content


@pytest.mark.parametrize("password", ["short", "password", "1234567890", "berta@example.com"])
def test_poor_passwords_are_refused_and_the_link_stays(inviter: Browser, password: str) -> None:
    path = link_in(invite(inviter))
    assert Client().post(path, form(password=password)).status_code == 200
    assert not User.objects.filter(username="berta@example.com").exists()
    assert Client().post(path, form()).status_code == 302


def test_an_invited_administrator_sets_up_the_second_factor_first(inviter: Browser, settings: object) -> None:
    path = link_in(invite(inviter, role="admin"))
    settings.SECOND_FACTOR_ROLES = ["admin"]  # type: ignore[attr-defined]
    berta = Browser("berta@example.com")
    assert berta.client.post(path, form()).url == "/admin/"
    assert berta.client.get("/admin/").url == "/account/verify/?next=%2Fadmin%2F"
    berta.enrol()
    assert berta.is_in()


def test_it_is_mailed_where_mail_is_configured(inviter: Browser, settings: object) -> None:
    settings.MAILS = True  # type: ignore[attr-defined]
    path = link_in(invite(inviter))
    (message,) = mail.outbox
    assert message.to == ["berta@example.com"] and f"http://testserver{path}" in message.body
    assert "until 2026-03-09 09:00 UTC" in message.body


def test_a_password_link_sets_one_once_and_ends_sessions(inviter: Browser) -> None:
    user = person("carl@example.com", Role.VIEWER)
    carl = Browser("carl@example.com")
    carl.login()
    page = inviter.client.post(
        f"/admin/auth/user/{user.pk}/password-link/", {"_confirm": "1", "reason": "lost"}, follow=True
    )
    path = link_in(page.content)
    assert carl.is_in(), "the old password works until then"
    answer = Client().post(path, {"new_password1": "another battery", "new_password2": "another battery"})
    assert answer.url == "/admin/login/"
    assert not carl.is_in() and carl.login() == 200 and carl.login("another battery") == 302
    assert Client().get(path).status_code == 404
    kinds = list(
        AccessEvent.objects.filter(subject="user:carl@example.com").order_by("id").values_list("kind", flat=True)
    )
    assert kinds == [
        EventKind.PASSWORD_LINK,
        EventKind.PASSWORD_CHANGED,
        EventKind.SESSION_ENDED,
        EventKind.LOGIN_FAILED,
    ]


def test_a_password_link_works_for_a_day_and_only_the_newest(now: object, boss: User) -> None:
    user = person("carl@example.com", Role.VIEWER)
    first = links.password_link(user, actor="system")
    second = links.password_link(user, actor="system")
    assert Client().get(f"/account/link/{first}/").status_code == 404
    now.shift(DAY - 1)  # type: ignore[attr-defined]
    assert Client().get(f"/account/link/{second}/").status_code == 200
    now.shift(1)  # type: ignore[attr-defined]
    assert Client().get(f"/account/link/{second}/").status_code == 404


def test_a_password_link_of_somebody_who_left_opens_nothing(now: object, boss: User) -> None:
    user = person("carl@example.com", Role.VIEWER)
    token = links.password_link(user, actor="system")
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Client().get(f"/account/link/{token}/").status_code == 404


def test_guessing_links_is_limited(now: object, settings: object, inviter: Browser) -> None:
    settings.ATTEMPTS_PER_ADDRESS = 3  # type: ignore[attr-defined]
    good = link_in(invite(inviter))
    stranger = Client(REMOTE_ADDR="198.51.100.7")
    for turn in range(3):
        assert stranger.get(f"/account/link/guess{turn}/").status_code == 404
    assert stranger.get("/account/link/guess/").status_code == 429
    assert Client().get(good).status_code == 200, "others are not kept out"


@pytest.mark.parametrize("token", ["x", "x" * 5000, "%00", "'; DROP", "é"])
def test_strange_links_are_404(now: object, boss: User, token: str) -> None:
    assert Client().get(f"/account/link/{token}/").status_code == 404


def command(*words: str) -> str:
    out = StringIO()
    call_command("invite", *words, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()[-1]


def test_the_command_prints_the_first_administrators_link(now: object, settings: object) -> None:
    settings.PUBLIC_URL = "https://stock.example.com"  # type: ignore[attr-defined]
    address = command("--email", "First@Example.com", "--role", "admin")
    assert address.startswith("https://stock.example.com/account/link/")
    assert Client().post(address.removeprefix("https://stock.example.com"), form("First")).status_code == 302
    assert standing_of(User.objects.get()) == Standing(Role.ADMIN)


def test_the_command_again_makes_another_link(now: object) -> None:
    first = command("--email", "a@example.com", "--role", "admin")
    second = command("--email", "a@example.com", "--role", "viewer")
    assert Client().get("/account" + first.split("/account")[1]).status_code == 404
    assert Client().get("/account" + second.split("/account")[1]).status_code == 200


@pytest.mark.parametrize(
    "words",
    [("--email", "nobody", "--role", "admin"), ("--email", "a@example.com", "--role", "king"),
     ("--email", "a@example.com", "--role", "viewer", "--location", "nowhere")],
)  # fmt: skip
def test_the_command_refuses_nonsense(now: object, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        command(*words)
    assert not AccessLink.objects.exists()


def test_nobody_invites_beyond_their_own_role(now: object, w1: Location) -> None:
    for standing in (Standing(Role.OPERATOR), Standing(Role.ADMIN, frozenset({w1.pk}))):
        with pytest.raises(PeopleError, match="beyond your own"):
            links.invite(email="x@example.com", role=Role.ADMIN, actor="user:x", by=standing)
