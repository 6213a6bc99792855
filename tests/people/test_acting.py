"""Commands on somebody's behalf: SELLONCE_AS says whose, and their role is asked."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from inventory.models import AccessEvent, ApiKey, EventKind, Location, Role
from inventory.people.acting import check
from inventory.people.membership import PeopleError
from tests.people.phone import person

pytestmark = pytest.mark.django_db


def on_behalf_of(monkeypatch: pytest.MonkeyPatch, user: User) -> None:
    monkeypatch.setenv("SELLONCE_AS", user.username)


def test_the_machines_owner_may_run_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SELLONCE_AS", raising=False)
    for command in ("create_api_key", "shell", "verify_ledger"):
        check([command])


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
@pytest.mark.parametrize(
    "command", ["create_api_key", "invite", "reset_second_factor", "createsuperuser", "shell", "dbshell"]
)
def test_nobody_else_makes_people_or_keys_by_command(monkeypatch: pytest.MonkeyPatch, role: Role, command: str) -> None:
    on_behalf_of(monkeypatch, person("x@example.com", role))
    with pytest.raises(PeopleError, match=f"has the role {role} and may not run this: {command} --name x"):
        check([command, "--name", "x"])


@pytest.mark.parametrize("flag", ["--repair", "--rep", "--r"])
def test_an_option_may_ask_for_more_however_it_is_shortened(monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    on_behalf_of(monkeypatch, person("x@example.com", Role.OPERATOR))
    check(["verify_ledger"])
    with pytest.raises(PeopleError):
        check(["verify_ledger", flag])


@pytest.mark.parametrize(
    "option", ["--pythonpath=/tmp/mine", "--pythonpath", "--settings=mine", "--set=mine", "--pyth=/tmp"]
)
def test_nobody_else_brings_code_of_their_own(monkeypatch: pytest.MonkeyPatch, boss: User, option: str) -> None:
    on_behalf_of(monkeypatch, person("x@example.com", Role.OPERATOR))
    with pytest.raises(PeopleError, match="may not run this"):
        check(["verify_ledger", option])
    on_behalf_of(monkeypatch, boss)
    check(["verify_ledger", option])


def test_commands_span_locations(monkeypatch: pytest.MonkeyPatch, w1: Location) -> None:
    on_behalf_of(monkeypatch, person("x@example.com", Role.ADMIN, w1))
    for command in ("verify_ledger", "invite", "doctor"):
        with pytest.raises(PeopleError):
            check([command])


def test_who_is_nobody_here_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELLONCE_AS", "stranger")
    with pytest.raises(PeopleError, match="names nobody with a role: stranger"):
        check(["doctor"])


def test_what_is_done_on_behalf_of_somebody_bears_their_name(monkeypatch: pytest.MonkeyPatch, boss: User) -> None:
    on_behalf_of(monkeypatch, boss)
    call_command("create_api_key", "--role", "viewer", "--name", "erp", stdout=StringIO(), stderr=StringIO())
    call_command("invite", "--email", "a@example.com", "--role", "buyer", stdout=StringIO(), stderr=StringIO())
    made, invited = AccessEvent.objects.order_by("id")
    assert (made.kind, made.actor, made.subject, made.detail) == (EventKind.KEY_MADE, "user:boss", "key:erp", "viewer")
    assert (invited.kind, invited.actor, invited.subject) == (EventKind.INVITED, "user:boss", "a@example.com")


def test_nobody_invites_beyond_their_role_by_command_either(monkeypatch: pytest.MonkeyPatch) -> None:
    on_behalf_of(monkeypatch, person("x@example.com", Role.OPERATOR))
    with pytest.raises(CommandError, match="beyond your own"):
        call_command("invite", "--email", "a@example.com", "--role", "admin", stdout=StringIO(), stderr=StringIO())
    assert not ApiKey.objects.exists()
