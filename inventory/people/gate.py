"""The gate behind the login: sessions that are over, and second factors that are still to be shown."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from . import second_factor, sessions

#: Views that a person reaches who has shown the password only.
OPEN = {
    "account:verify", "account:enrol", "account:link", "admin:login", "admin:logout", "admin:jsi18n",
}  # fmt: skip


class Gate:
    """Middleware. Programs with keys and strangers pass by; their own doors look at them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

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


def _end(request: HttpRequest, *, is_program: bool) -> HttpResponse | None:
    """Log out; a page asks for the password again."""
    logout(request)
    if is_program:
        return None
    messages.info(request, _("Your session has ended. Log in again."))
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/", settings.LOGIN_URL)
