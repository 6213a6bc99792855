"""What is done when Django's login says that somebody came or went. No app lies below this one."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from .people import sessions


@receiver(user_logged_in)
def note_login(request: HttpRequest, user: Any, **_news: Any) -> None:
    """A session begins."""
    sessions.begin(request, user)


@receiver(user_logged_out)
def note_logout(request: HttpRequest, user: Any, **_news: Any) -> None:
    """A session ends."""
    if user is not None:
        sessions.forget(request, user)
