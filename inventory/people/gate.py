"""The gate behind the login: sessions that are over, and second factors that are still to be shown."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from ..models import Role
from . import second_factor, sessions

#: Views that a person reaches who has shown the password only.
OPEN = {
    "account:verify", "account:enrol", "account:link", "admin:login", "admin:logout", "admin:jsi18n",
}  # fmt: skip


class Gate:
    """Middleware. Programs with keys and strangers pass by; their own doors look at them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        check_settings()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; ``process_view`` may stop it."""
        return self.get_response(request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Stop who is not through yet."""
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
            return None
        session = sessions.current(request)
        if sessions.is_over(session):
            return _end(request, is_program=hasattr(view, "cls"))
        sessions.touch(session, request)
        request.login_session = session
        request.awaits_second_factor = second_factor.is_missing(session)
        if not request.awaits_second_factor or hasattr(view, "cls"):
            return None  # the API's own door refuses who still has to show it
        if request.resolver_match.view_name in OPEN:
            return None
        wanted = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
        return redirect(f"{reverse('account:verify')}?{wanted}")


def check_settings() -> None:
    """A role or proxy that is misspelt would leave a door open without a word: refuse to start instead."""
    if unknown := set(settings.SECOND_FACTOR_ROLES) - set(Role.values):
        text = _("SECOND_FACTOR_ROLES names no role: {names}. There are: {roles}.")
        raise ImproperlyConfigured(text.format(names=", ".join(sorted(unknown)), roles=", ".join(Role.values)))
    for proxy in settings.TRUSTED_PROXIES:
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            raise ImproperlyConfigured(_("TRUSTED_PROXIES: {name} is no address.").format(name=proxy)) from None


def _end(request: HttpRequest, *, is_program: bool) -> HttpResponse | None:
    """Log out; a page asks for the password again."""
    logout(request)
    if is_program:
        return None
    messages.info(request, _("Your session has ended. Log in again."))
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/", settings.LOGIN_URL)
