"""Asks every door of the product whether it lets a person of each role in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admindocs.views import simplify_regex
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.cache import SessionStore
from django.core.exceptions import PermissionDenied
from django.core.management import get_commands
from django.db import transaction
from django.http import Http404, HttpRequest
from django.test import RequestFactory
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, resolve, reverse

from inventory.models import ApiKey, Location, LoginSession, Role, Sku
from inventory.people.acting import may_run
from inventory.people.roles import Standing, at_places, standing_of
from tests.people.phone import person

YES, NO, NOT_OFFERED = "yes", "-", "405"
OPEN_TO_ALL = ("schema", "docs")
METHODS = ("get", "post", "patch", "put", "delete")
#: What a page has to be asked about before it tells whether it lets somebody in.
QUERIES = {"/admin/autocomplete/": "?app_label=channels&model_name=listing&field_name=sku"}
#: Bodies without which a door cannot tell whether it lets somebody in.
BODIES = {"locations-list POST (create)": {"code": "NEW", "name": "New", "kind": "store"}}
_OLD_ADDRESS = re.compile(r"^/admin/\w+/\w+/<object_id>/$")  # one for each model, all alike: it leads to its page
OURS = ("config", "inventory", "channels", "fulfillment", "purchasing", "reports")


@dataclass
class Caller:
    """One column of the table."""

    title: str
    user: Any
    key: str = ""

    @property
    def standing(self) -> Standing | None:
        return standing_of(self.user)


def callers(place: Location) -> list[Caller]:
    """Everyone of each role; operators, warehouse people and administrators of one location; staff of no role; nobody."""
    found = []
    for title, role, places in [
        *((str(role.value), role, ()) for role in Role),
        ("operator@W1", Role.OPERATOR, (place,)),
        ("warehouse@W1", Role.WAREHOUSE, (place,)),
        ("admin@W1", Role.ADMIN, (place,)),
    ]:
        row, key = ApiKey.objects.create_key(name=title, role=role)
        row.locations.set(places)
        found.append(Caller(title, person(f"{title}.example.com", role, *places), key))
    found.append(Caller("no role", person("norole.example.com", None)))
    found.append(Caller("nobody", AnonymousUser()))
    return found


# The API ---------------------------------------------------------------------------------------------------------


def api_doors() -> Iterator[tuple[str, str, str]]:
    """(what it is called, method, path) of every endpoint, from the addresses themselves."""
    (root,) = [each for each in get_resolver().url_patterns if str(each.pattern) == "api/"]
    (first,) = [each for each in root.url_patterns if isinstance(each, URLResolver)]
    for pattern in first.url_patterns:
        for method in METHODS:
            action = getattr(pattern.callback, "actions", {}).get(method)
            if action is not None and method in pattern.callback.cls.http_method_names:
                yield f"{pattern.name} {method.upper()} ({action})", method, _path(pattern)


def _path(pattern: URLPattern) -> str:
    """An address of that form that names nothing: who is let in hears 404."""
    names = pattern.pattern.regex.groupindex
    for value in ("0", "line-0"):
        with suppress(NoReverseMatch):
            return reverse(pattern.name, kwargs=dict.fromkeys(names, value))
    raise AssertionError(f"say how an address of {pattern.name} looks")


def api_answer(caller: Caller, method: str, path: str, *, by_key: bool, body: Any = None) -> str:
    """Whether the door opens: neither 401 nor 403."""
    headers = {"HTTP_AUTHORIZATION": f"Bearer {caller.key}"} if by_key else {}
    request = getattr(RequestFactory(), method)(
        path, data=None if method == "get" else json.dumps(body or {}), content_type="application/json", **headers
    )
    request.user, request._dont_enforce_csrf_checks = AnonymousUser() if by_key else caller.user, True
    match = resolve(path)
    with transaction.atomic():
        response = match.func(request, *match.args, **match.kwargs)
        transaction.set_rollback(True)
    assert response.status_code < 500, (method, path, response.data)
    return NO if response.status_code in (401, 403) else YES


# The back office -------------------------------------------------------------------------------------------------


def admin_doors() -> Iterator[tuple[str, str, str, Any]]:
    """(what it is called, method, address' name, model's admin) of every address of the back office."""
    for entry in sorted(admin.site._registry.values(), key=lambda each: each.opts.label_lower):
        for pattern in entry.get_urls():
            if pattern.name is None:
                continue  # an old address, which leads to another
            name = pattern.name.removeprefix(f"{entry.opts.app_label}_{entry.opts.model_name}_")
            yield f"{entry.opts.label_lower} {name} GET", "get", pattern.name, entry
            if name in ("add", "change", "delete"):
                yield f"{entry.opts.label_lower} {name} POST", "post", pattern.name, entry


def list_actions() -> Iterator[tuple[str, Any, str]]:
    """(what it is called, model's admin, action) of everything that is done to rows chosen in a list."""
    for entry in sorted(admin.site._registry.values(), key=lambda each: each.opts.label_lower):
        for action in ("delete_selected", *(entry.actions or ())):
            yield f"{entry.opts.label_lower} chosen {action}", entry, action


def page_doors(asked: Set[str]) -> Iterator[tuple[str, str, str]]:
    """(address, method, path) of every address there is but those that were asked already."""
    for route in addresses():
        if route not in asked:
            address = readable(route)
            title = _OLD_ADDRESS.sub("/admin/<app>/<model>/<object_id>/", address)
            for method in ("get", "post"):
                yield f"{title} {method.upper()}", method, _filled(address)


def addresses() -> list[str]:
    """Every form of address that the product answers, in the order in which it looks for them, each once."""
    return list(dict.fromkeys(_walk(get_resolver(), "")))


def readable(route: str) -> str:
    """A form of address, its blanks as <name>."""
    return re.sub(r"<\w+:", "<", simplify_regex(route)).replace("<var>", "")


def route_of(path: str) -> str:
    """The form of the address that answers a path."""
    return resolve(path.partition("?")[0]).route


def _walk(resolver: Any, prefix: str) -> Iterator[str]:
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from _walk(each, prefix + str(each.pattern))
        else:
            yield prefix + str(each.pattern).removeprefix("^" if prefix else "")


def _filled(address: str) -> str:
    """A path of that form, of a row that is there where it names one of ours; with what it has to be asked about."""
    sku = Sku.objects.earliest("pk").pk
    for blank, value in (
        ("<pk>", str(sku)),
        ("<content_type_id>", "0"),
        ("<object_id>", "0"),
        ("<app_label>", "inventory"),
    ):
        address = address.replace(blank, value)
    return re.sub(r"<\w+>", "nothing", address) + QUERIES.get(address, "")


def request_of(caller: Caller, method: str, path: str) -> HttpRequest:
    """A request as the middleware leaves it."""
    request: Any = getattr(RequestFactory(), method)(path)
    request.user, request.session, request._dont_enforce_csrf_checks = caller.user, SessionStore(), True
    request._messages = CookieStorage(request)
    request.awaits_second_factor = path == reverse("account:verify")
    request.resolver_match = resolve(path.partition("?")[0])
    if caller.user.is_authenticated:
        request.login_session = LoginSession(user=caller.user, session_key="", address="192.0.2.1")
    return request


def page_answer(caller: Caller, method: str, path: str) -> str:
    """Whether the page opens: neither 403 nor the login."""
    match = resolve(path.partition("?")[0])
    try:
        with transaction.atomic():
            response = match.func(request_of(caller, method, path), *match.args, **match.kwargs)
            transaction.set_rollback(True)
    except PermissionDenied:
        return NO
    except Http404:
        return YES
    assert response.status_code < 500, (method, path, response.status_code)
    if response.status_code == 405:
        return NOT_OFFERED
    where = response.get("Location", "")  # who sees no such row is led back to the overview
    refused = response.status_code in (401, 403) or "/admin/login/" in where or (where == "/admin/" and path != "/")
    return NO if refused else YES


def row_of(entry: Any, caller: Caller) -> Any:
    """The key of a row that this caller sees if they see any; one that nobody has where there is none."""
    rows = entry.model._default_manager.all()
    seen = at_places(rows, caller.standing).order_by("pk").first() if caller.standing else None
    row = seen or rows.order_by("pk").first()
    return row.pk if row is not None else 0


def may_choose(caller: Caller, entry: Any, action: str) -> str:
    """Whether a list offers, and takes, that action."""
    request = request_of(caller, "get", "/admin/")
    if caller.standing is None or not entry.has_view_permission(request):
        return NO
    return YES if action in entry.get_actions(request) else NO


# Commands --------------------------------------------------------------------------------------------------------


def commands() -> list[str]:
    """Every command of ours, options that ask for more among them, and one of Django's for all that are its own."""
    ours = sorted(name for name, app in get_commands().items() if str(app).split(".")[0] in OURS)
    return [*ours, "verify_ledger --repair", "shell"]


def command_answer(caller: Caller, command: str) -> str:
    """Whether the person may run it where a machine's account is lent to them."""
    return YES if caller.standing is not None and may_run(caller.standing, command.split()) else NO
