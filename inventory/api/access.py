"""Who calls, and what they may do: keys and sessions, roles, locations."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from ..kernel.areas import Area
from ..models import ApiKey, AttemptKind, Role
from ..people import attempts
from ..people.roles import Standing, standing_of

__all__ = ["Area", "Caller", "KeyAuthentication", "MayDo", "StaffSession", "caller_of"]

_KEY = re.compile(r"^[A-Za-z0-9]{8}\.[A-Za-z0-9]{20,100}$")


@dataclass(frozen=True, slots=True)
class Caller:
    """A program or person behind a request."""

    actor: str  # as the ledger names it: key:NAME or user:NAME
    owner: str  # whose idempotency keys these are
    standing: Standing

    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True

    @property
    def pk(self) -> str:
        """What the logs call the caller."""
        return self.owner

    @property
    def role(self) -> Role:
        """The caller's role."""
        return self.standing.role

    @property
    def location_ids(self) -> frozenset[int] | None:
        """The locations that are covered; None means all."""
        return self.standing.location_ids

    @property
    def sees_cost(self) -> bool:
        """Whether what things cost us is shown."""
        return self.standing.sees_cost

    def may_act_at(self, location_id: int) -> bool:
        """Whether stock at that location may be seen and moved."""
        return self.standing.may_act_at(location_id)


def caller_of(request: Request) -> Caller:
    """Who sent a request that was let in."""
    return cast(Caller, request.user)


class KeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer KEY``."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        """The key's caller; None where no key is sent."""
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = _find(text.strip(), request)
        locations = frozenset(key.location_ids)  # type: ignore[attr-defined]
        standing = Standing(Role(key.role), locations or None)
        return Caller(f"key:{key.name}", f"key:{key.prefix}", standing), key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="api"'


def _find(text: str, request: Request) -> ApiKey:
    """The key of this text. Wrong ones are counted; one that was guessed at too often is not even looked at."""
    prefix = text[:8] if _KEY.match(text) else ""
    held = ArrayAgg("locations__id", filter=Q(locations__isnull=False), default=[])
    locked = attempts.locked_account(AttemptKind.KEY, account="prefix", request=request)
    rows = ApiKey.objects.filter(prefix=prefix, revoked=False).annotate(location_ids=held, is_locked=locked)
    found = rows.first() if prefix else None
    if found is not None and found.is_locked:
        raise attempts.LockedOut(attempts.locked_until(AttemptKind.KEY, account=prefix, request=request))
    if found is not None and found.is_valid(text) and not found.has_expired:
        return found
    attempts.admit(AttemptKind.KEY, account=prefix if found is not None else "", request=request)
    raise AuthenticationFailed(_("This API key is unknown, expired or revoked."))


class StaffSession(SessionAuthentication):
    """A person logged in to the back office, with the same role as there."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """The person's caller; None where nobody with a role is logged in."""
        found = super().authenticate(request)
        standing = None if found is None else standing_of(found[0])
        if found is None or standing is None:
            return None
        if getattr(request._request, "awaits_second_factor", False):
            raise AuthenticationFailed(_("Show your second factor first."))
        user = found[0]
        return Caller(f"user:{user.get_username()}"[:150], f"user:{user.pk}", standing), None


class MayDo(BasePermission):
    """The role may do this in the view's area, and a key limited to locations stays within what has one."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller may use the view with this method."""
        caller: Any = request.user
        if not isinstance(caller, Caller):
            return False
        standing, area = caller.standing, view.area  # type: ignore[attr-defined]
        if not standing.sees(area):
            self.message = _("The role {role} does not see this.").format(role=caller.role)
            return False
        if request.method not in SAFE_METHODS and not standing.changes(area):
            self.message = _("The role {role} may not change this.").format(role=caller.role)
            return False
        if standing.is_limited and view.spans_locations:  # type: ignore[attr-defined]
            self.message = _("This key is limited to locations; this spans all of them.")
            return False
        return True
