"""Pages on which people look after their own access: sessions, password, second factor; and the links that let them in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from ..models import AttemptKind, EventKind, LinkKind, LoginSession
from ..people import attempts, events, links, second_factor, sessions
from ..people.membership import PeopleError
from ..people.roles import standing_of
from .account_forms import CodeForm, EnrolForm, JoinForm, NewPasswordForm, OwnPasswordForm

BACKEND = "inventory.people.backend.RoleBackend"


def home(request: Any) -> HttpResponse:
    """One's own access at a glance; its form is for renewing recovery codes and for going without a second factor."""
    user, session = request.user, request.login_session
    form = CodeForm(request.POST if "do" in request.POST else None)
    if second_factor.is_set_up(user) and _shown(form, request):
        if request.POST["do"] == "codes":
            return _codes_page(request, second_factor.renew_codes(user, request=request))
        if request.POST["do"] == "off" and not second_factor.is_demanded(user):
            second_factor.reset(user, actor=events.name_of(user), but=session, request=request)
            messages.success(request, _("Your password alone lets you in from now on."))
            return redirect("account:home")
    standing = standing_of(user)
    rows = [(row, sessions.device(row.agent), row.pk == session.pk) for row in user.login_sessions.all()]
    context = {
        "standing": standing,
        "places": standing.places() if standing is not None and standing.is_limited else None,
        "is_set_up": second_factor.is_set_up(user),
        "is_demanded": second_factor.is_demanded(user),
        "codes_left": second_factor.codes_left(user),
        "form": form,
        "rows": rows,
    }
    return _page(request, "people/home.html", _("My account"), context)


@sensitive_post_parameters()
def password(request: Any) -> HttpResponse:
    """A new password of one's own; all other sessions end."""
    form = OwnPasswordForm(request.user, request.POST or None)
    if request.method == "POST" and _old_password_may_be_tried(request, form) and form.is_valid():
        form.save()
        update_session_auth_hash(request, form.user)
        sessions.follow(request, request.login_session)
        who = events.name_of(request.user)
        attempts.forgive(AttemptKind.LOGIN, account=request.user.get_username().lower(), request=request)
        events.record(EventKind.PASSWORD_CHANGED, actor=who, subject=who, request=request)
        ended = sessions.end_all(request.user, actor=who, but=request.login_session, request=request)
        messages.success(request, " ".join((_("Your password is changed."), _ended(ended))))
        return redirect("account:home")
    return _page(request, "people/password.html", _("Change password"), {"form": form})


@require_POST
def end_session(request: Any, pk: int) -> HttpResponse:
    """End one of one's own sessions."""
    session = get_object_or_404(LoginSession, pk=pk, user=request.user)
    rows = LoginSession.objects.filter(pk=session.pk)
    messages.success(request, _ended(sessions.end(rows, actor=events.name_of(request.user), request=request)))
    return redirect("account:home")


@require_POST
def end_others(request: Any) -> HttpResponse:
    """End all of one's own sessions but this one."""
    who = events.name_of(request.user)
    ended = sessions.end_all(request.user, actor=who, but=request.login_session, request=request)
    messages.success(request, _ended(ended))
    return redirect("account:home")


@never_cache
def verify(request: Any) -> HttpResponse:
    """The second factor, once for each session."""
    if not request.awaits_second_factor:
        return redirect("admin:index")
    if not second_factor.is_set_up(request.user):
        return redirect("account:enrol")
    form = CodeForm(request.POST or None)
    if _shown(form, request):
        if not second_factor.codes_left(request.user):
            messages.warning(request, _("That was your last recovery code. Make new ones in My account."))
        return redirect(_next(request))
    return _page(request, "people/verify.html", _("Second factor"), {"form": form, "next": _next(request)})


@never_cache
def enrol(request: Any) -> HttpResponse:
    """Teach an authenticator app the secret; then the recovery codes, once."""
    user = request.user
    is_set_up = second_factor.is_set_up(user)
    if is_set_up and request.awaits_second_factor:
        return redirect("account:verify")
    form = EnrolForm(request.POST or None, is_set_up=is_set_up)
    if form.is_bound and form.is_valid() and (not is_set_up or _shown(form, request, field="former")):
        codes: list[str] = []
        with _told(form, "code"):
            codes = second_factor.confirm(
                user, code=form.cleaned_data["code"], session=request.login_session, request=request
            )
        if codes:
            return _codes_page(request, codes)
    factor = second_factor.begin(user)
    context = {
        "form": form,
        "picture": mark_safe(second_factor.picture(factor)),  # noqa: S308  (drawn here from our own text)
        "secret": " ".join(factor.pending_secret[start : start + 4] for start in range(0, 32, 4)),
        "address": second_factor.address(factor),
        "must": request.awaits_second_factor,
    }
    return _page(request, "people/enrol.html", _("Set up the second factor"), context)


@never_cache
@sensitive_post_parameters()
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Where an invitation or a link for a new password leads."""
    try:
        found = links.find(token, request=request)
    except attempts.LockedOut as error:
        return _page(request, "people/no_link.html", _("This link does not work"), {"why": error.message}, status=429)
    if found is None:
        return _page(request, "people/no_link.html", _("This link does not work"), {"why": ""}, status=404)
    joins = found.kind == LinkKind.INVITATION
    user = User(username=found.email, email=found.email) if joins else found.user
    form_class = JoinForm if joins else NewPasswordForm
    form = form_class(user, request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            return _enter(request, found, form)
        except PeopleError as error:
            form.add_error(None, str(error))
    title = _("Welcome to SellOnce") if joins else _("A new password")
    return _page(request, "people/link.html", title, {"form": form, "link": found, "joins": joins})


def _enter(request: HttpRequest, found: Any, form: Any) -> HttpResponse:
    secret = form.cleaned_data["new_password1"]
    if found.kind == LinkKind.INVITATION:
        user = links.join(found, name=form.cleaned_data["name"].strip(), password=secret, request=request)
        login(request, user, backend=BACKEND)
        return redirect("admin:index")
    links.set_password(found, password=secret, request=request)
    messages.success(request, _("Your password is set. Log in with it."))
    return redirect(settings.LOGIN_URL)


def _shown(form: Any, request: Any, *, field: str = "code") -> bool:
    """Whether the form's code is right; what is wrong with it is said on the form."""
    shown = False
    if form.is_bound and form.is_valid():
        with _told(form, field):
            shown = second_factor.verify(
                request.user, code=form.cleaned_data[field], session=request.login_session, request=request
            )
    return shown


@contextmanager
def _told(form: Any, field: str) -> Iterator[None]:
    """Say on the form that a code was refused, or that there were too many."""
    try:
        yield
    except attempts.LockedOut as error:
        form.add_error(field, error.message)
    except second_factor.WrongCode:
        form.add_error(field, _("That code is not right, or was used already."))


def _old_password_may_be_tried(request: HttpRequest, form: Any) -> bool:
    try:
        attempts.admit(AttemptKind.LOGIN, account=request.user.get_username().lower(), request=request)
    except attempts.LockedOut as error:
        form.errors.clear()
        form.add_error(None, error.message)
        return False
    return True


def _ended(count: int) -> str:
    return ngettext("%d session was ended.", "%d sessions were ended.", count) % count if count else ""


def _codes_page(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(request, "people/codes.html", _("Recovery codes"), {"codes": codes})


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return "/admin/"


def _page(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    everywhere = admin.site.each_context(request)
    response = TemplateResponse(request, template, {**everywhere, "title": title, **context}, status=status)
    response["Cache-Control"] = "no-store"
    return response
