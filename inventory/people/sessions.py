"""The browsers in which people are logged in: how long they stay so, and how they are ended."""

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from ..kernel import clock
from ..models import EventKind, LoginSession
from . import events
from .origin import address_of, agent_of

#: How exactly "last seen" is kept: a write for every page would be too many.
SEEN_EVERY = timedelta(minutes=1)


def begin(request: HttpRequest, user: Any) -> None:
    """Somebody has logged in."""
    _adopt(request, user)
    events.record(EventKind.LOGGED_IN, actor=events.name_of(user), detail=device(agent_of(request)), request=request)


def current(request: HttpRequest) -> LoginSession:
    """The session that a request belongs to, with the person's second factor."""
    rows = LoginSession.objects.select_related("user__second_factor")
    found = rows.filter(session_key=request.session.session_key, user=request.user.pk).first()
    return found if found is not None else _adopt(request, request.user)


def is_over(session: LoginSession) -> bool:
    """Whether it has lasted too long, or was not used for too long."""
    return clock.now() >= ends_at(session)


def ends_at(session: LoginSession) -> datetime:
    """When it ends if nobody uses it."""
    idle = session.seen_at + timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    return min(idle, session.started_at + timedelta(hours=settings.SESSION_MAX_HOURS))


def touch(session: LoginSession, request: HttpRequest) -> None:
    """It is being used; what a page fetches by itself is no use of it."""
    now = clock.now()
    if now - session.seen_at >= SEEN_EVERY and request.headers.get("Sec-Fetch-Dest") != "empty":
        session.seen_at = now
        session.save(update_fields=["seen_at"])


def follow(request: HttpRequest, session: LoginSession) -> None:
    """The session got another key."""
    session.session_key = request.session.session_key or ""
    session.save(update_fields=["session_key"])


def end(sessions: "QuerySet[LoginSession]", *, actor: str, request: HttpRequest | None = None) -> int:
    """End them at once; how many there were."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    ended = 0
    for session in sessions.select_related("user"):
        store(session.session_key).delete()
        session.delete()
        ended += 1
        whom, agent = events.name_of(session.user), device(session.agent)
        events.record(EventKind.SESSION_ENDED, actor=actor, subject=whom, detail=agent, request=request)
    return ended


def end_all(user: Any, *, actor: str, but: LoginSession | None = None, request: HttpRequest | None = None) -> int:
    """End a person's sessions, one excepted."""
    rows = LoginSession.objects.filter(user=user)
    return end(rows if but is None else rows.exclude(pk=but.pk), actor=actor, request=request)


def forget(request: HttpRequest, user: Any) -> None:
    """Somebody has logged out."""
    LoginSession.objects.filter(session_key=request.session.session_key or "").delete()
    events.record(EventKind.LOGGED_OUT, actor=events.name_of(user), request=request)


def prune() -> int:
    """Delete what is over."""
    now = clock.now()
    oldest = now - timedelta(hours=settings.SESSION_MAX_HOURS)
    unused = now - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    over = LoginSession.objects.filter(started_at__lt=oldest) | LoginSession.objects.filter(seen_at__lt=unused)
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return over.delete()[0]


def device(agent: str) -> str:
    """A browser's name for itself in words, as `Firefox on Linux`."""
    browsers = (
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    )
    systems = (
        ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"), ("Linux", "Linux"),
    )  # fmt: skip
    browser = next((name for mark, name in browsers if mark in agent), "")
    system = next((name for mark, name in systems if mark in agent), "")
    return " / ".join(part for part in (browser, system) if part) or agent[:60] or "?"


def _adopt(request: HttpRequest, user: Any) -> LoginSession:
    values = {"user": user, "address": address_of(request), "agent": agent_of(request)}
    key = request.session.session_key or ""
    found, _made = LoginSession.objects.select_related("user__second_factor").get_or_create(
        session_key=key, defaults=values
    )
    return found
