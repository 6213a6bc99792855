"""Links that open a door once: invitations, and new passwords. A link is shown when it is made; only its hash is kept."""

import hashlib
import logging
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..kernel import clock
from ..models import AccessLink, AttemptKind, EventKind, LinkKind, Location, Person, Role
from . import attempts, events, sessions
from .membership import PeopleError
from .roles import Standing

logger = logging.getLogger(__name__)

_ASKED_ALREADY = gettext_lazy("There is an open invitation of this address already: send it again.")

LIFETIME = {LinkKind.INVITATION: timedelta(days=7), LinkKind.PASSWORD: timedelta(days=1)}


def invite(
    *, email: str, role: Role, locations: Collection[Location] = (), actor: str, by: Standing | None
) -> tuple[AccessLink, str]:
    """Invite somebody; the invitation and its token. ``by`` None is the machine's owner."""
    email = email.strip().lower()
    if by is not None and not by.may_grant(role, frozenset(place.pk for place in locations) or None):
        raise PeopleError(_("You cannot give a role that goes beyond your own."))
    if problem := obstacle(email):
        raise PeopleError(problem)
    link = AccessLink(kind=LinkKind.INVITATION, email=email, role=role, made_by=actor)
    token = _arm(link)
    try:
        with transaction.atomic():
            link.save()
            link.locations.set(locations)
            events.record(EventKind.INVITED, actor=actor, subject=email, detail=granted(role, locations))
    except IntegrityError:
        raise PeopleError(str(_ASKED_ALREADY)) from None
    return link, token


def obstacle(email: str) -> str:
    """Why somebody cannot be invited; empty where they can."""
    if get_user_model().objects.filter(Q(username__iexact=email) | Q(email__iexact=email)).exists():
        return _("%s can log in already, or was made inactive: look among the people.") % email
    asked = AccessLink.objects.filter(kind=LinkKind.INVITATION, email=email, used_at=None, revoked_at=None)
    return str(_ASKED_ALREADY) if asked.exists() else ""


@transaction.atomic
def send_again(link: AccessLink, *, actor: str, by: Standing | None) -> str:
    """A new token for an invitation that was not used; the old one opens nothing any more."""
    held = AccessLink.objects.select_for_update().get(pk=link.pk)
    if held.used_at is not None or held.revoked_at is not None:
        raise PeopleError(_("This invitation was used or revoked."))
    places = frozenset(held.locations.values_list("pk", flat=True)) or None
    if by is not None and not by.may_grant(Role(held.role), places):
        raise PeopleError(_("You cannot give a role that goes beyond your own."))
    token = _arm(held)
    held.made_by = actor
    held.save()
    events.record(EventKind.INVITED_AGAIN, actor=actor, subject=held.email)
    return token


@transaction.atomic
def revoke(link: AccessLink, *, actor: str) -> None:
    """The link opens nothing any more."""
    revoked = AccessLink.objects.filter(pk=link.pk, used_at=None, revoked_at=None).update(revoked_at=clock.now())
    if revoked:
        events.record(EventKind.INVITATION_REVOKED, actor=actor, subject=link.email)


@transaction.atomic
def password_link(user: User, *, actor: str) -> str:
    """A link by which a person sets a new password; earlier ones open nothing any more."""
    AccessLink.objects.filter(kind=LinkKind.PASSWORD, user=user, used_at=None).update(revoked_at=clock.now())
    link = AccessLink(kind=LinkKind.PASSWORD, email=user.email, user=user, made_by=actor)
    token = _arm(link)
    link.save()
    events.record(EventKind.PASSWORD_LINK, actor=actor, subject=events.name_of(user))
    return token


def find(token: str, *, request: HttpRequest) -> AccessLink | None:
    """The open link of a token; None where there is none. Guessing is counted."""
    link = AccessLink.objects.filter(token_hash=_hash(token)).select_related("user").first()
    if link is not None and link.is_open and (link.user is None or link.user.is_active):
        return link
    attempts.admit(AttemptKind.LINK, account="", request=request)
    return None


@transaction.atomic
def join(link: AccessLink, *, name: str, password: str, request: HttpRequest) -> User:
    """Use an invitation: the person it was for exists from now on."""
    held = _use(link)
    user: User = get_user_model().objects.create_user(
        held.email, email=held.email, password=password, first_name=name, is_staff=True
    )
    person = Person.objects.create(user=user, role=held.role)
    person.locations.set(held.locations.all())
    who = events.name_of(user)
    events.record(EventKind.JOINED, actor=who, subject=who, detail=_("invited by %s") % held.made_by, request=request)
    return user


@transaction.atomic
def set_password(link: AccessLink, *, password: str, request: HttpRequest) -> User:
    """Use a link for a new password; all sessions of the person end. Their second factor stays."""
    held = _use(link)
    user = held.user
    assert user is not None
    user.set_password(password)
    user.save(update_fields=["password"])
    who = events.name_of(user)
    events.record(EventKind.PASSWORD_CHANGED, actor=who, subject=who, detail=_("by link"), request=request)
    sessions.end_all(user, actor=who, request=request)
    return user


def mail(link: AccessLink, address: str) -> bool:
    """Send the link where mail is configured; whether it was sent."""
    if not settings.MAILS or not link.email:
        return False
    values = {"link": link, "address": address}
    try:
        send_mail(_("Your access to SellOnce"), render_to_string("people/link_mail.txt", values), None, [link.email])
    except OSError as error:
        logger.warning("the link for %s could not be mailed: %s", link.email, error)
        return False
    return True


def granted(role: str, locations: Collection[Location]) -> str:
    """What is given, in words."""
    codes = ", ".join(sorted(place.code for place in locations))
    return f"{role} ({codes})" if codes else str(role)


def _use(link: AccessLink) -> AccessLink:
    held = AccessLink.objects.select_for_update().get(pk=link.pk)
    if not held.is_open:
        raise PeopleError(_("This link was used, revoked or has expired. Ask for a new one."))
    held.used_at = clock.now()
    held.save(update_fields=["used_at"])
    return held


def _arm(link: AccessLink) -> str:
    token = secrets.token_urlsafe(32)
    link.token_hash = _hash(token)
    link.made_at = clock.now()
    link.expires_at = link.made_at + LIFETIME[LinkKind(link.kind)]
    return token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
