"""What people are: roles given, changed and taken, so that nobody climbs and somebody always has the keys."""

from collections.abc import Collection

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from ..models import EventKind, Location, Person, Role
from . import events, sessions
from .roles import Standing, standing_of


class PeopleError(Exception):
    """What cannot be done to people, in words for them."""


def masters() -> "QuerySet[User]":
    """The administrators of all locations who can log in."""
    limited = Q(person__locations__isnull=False)
    by_role = Q(person__role=Role.ADMIN) & ~limited
    return User.objects.filter(Q(is_superuser=True) | by_role, is_active=True, is_staff=True).distinct()


@transaction.atomic
def change_person(
    user: User,
    *,
    role: Role,
    locations: Collection[Location] = (),
    name: str,
    is_active: bool,
    actor: str,
    by: Standing | None,
) -> None:
    """Say what a person is from now on. ``by`` None is the machine's owner. What changes ends the person's sessions."""
    _lock()
    user = User.objects.get(pk=user.pk)
    former, places = standing_of(user), frozenset(place.pk for place in locations) or None
    if by is not None:
        held = former or Standing(Role.VIEWER)
        if not (by.may_grant(role, places) and by.may_grant(held.role, held.location_ids)):
            raise PeopleError(_("You cannot give or take a role that goes beyond your own."))
    was_active = user.is_active
    stays = is_active and role == Role.ADMIN and places is None
    if not stays and not masters().exclude(pk=user.pk).exists():
        raise PeopleError(_("This is the last administrator: make another one first."))
    user.first_name, user.is_active, user.is_staff = name, is_active, True
    user.is_superuser = user.is_superuser and stays
    user.save()
    person, _made = Person.objects.update_or_create(user=user, defaults={"role": role})
    person.locations.set(locations)
    _tell(user, former=former, now=Standing(role, places), was_active=was_active, actor=actor)


def _tell(user: User, *, former: Standing | None, now: Standing, was_active: bool, actor: str) -> None:
    whom = events.name_of(user)
    if was_active != user.is_active:
        kind = EventKind.REACTIVATED if user.is_active else EventKind.DEACTIVATED
        events.record(kind, actor=actor, subject=whom)
    changed = was_active and former != now
    if changed or (former is None and was_active):
        before = former.role.value if former else "-"
        codes = ", ".join(now.places().values_list("code", flat=True)) if now.is_limited else ""
        after = f"{now.role.value} ({codes})" if codes else now.role.value
        events.record(EventKind.ROLE_CHANGED, actor=actor, subject=whom, detail=f"{before} -> {after}")
    if changed or not user.is_active:
        sessions.end_all(user, actor=actor)


def _lock() -> None:
    """One change at a time: two administrators must not take each other's role at the same moment."""
    list(User.objects.select_for_update().order_by("pk").filter(is_active=True, is_staff=True).values_list("pk"))
