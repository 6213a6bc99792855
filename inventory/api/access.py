"""Who calls, and what they may do: keys and sessions, roles, locations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, cast

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from ..models import ApiKey, Role

_KEY = re.compile(r"^[A-Za-z0-9]{8}\.[A-Za-z0-9]{20,100}$")


class Area(StrEnum):
    """What a resource is about, as far as roles go."""

    CATALOG = "catalog"
    STOCK = "stock"
    SHIPPING = "shipping"
    ORDERS = "orders"
    CHANNELS = "channels"
    RULES = "rules"
    REORDERING = "reordering"


_EVERYTHING = frozenset(Area)

#: What each role may change. Everyone reads everything but what HIDDEN says.
CHANGES: Mapping[Role, frozenset[Area]] = {
    Role.VIEWER: frozenset(),
    Role.ACCOUNTANT: frozenset(),
    Role.OPERATOR: _EVERYTHING,
    Role.WAREHOUSE: frozenset({Area.STOCK, Area.SHIPPING}),
    Role.BUYER: frozenset({Area.REORDERING}),
    Role.ADMIN: _EVERYTHING,
}

#: What each role does not even see.
HIDDEN: Mapping[Role, frozenset[Area]] = {Role.WAREHOUSE: frozenset({Area.RULES})}


@dataclass(frozen=True, slots=True)
class Caller:
    """A program or person behind a request. ``location_ids`` None means all locations."""

    actor: str  # as the ledger names it: key:NAME or user:NAME
    owner: str  # whose idempotency keys these are
    role: Role
    location_ids: frozenset[int] | None = None

    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True

    @property
    def pk(self) -> str:
        """What the logs call the caller."""
        return self.owner

    @property
    def sees_cost(self) -> bool:
        """Whether what things cost us is shown."""
        return self.role != Role.WAREHOUSE

    def may_act_at(self, location_id: int) -> bool:
        """Whether stock at that location may be seen and moved."""
        return self.location_ids is None or location_id in self.location_ids


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
        key = _find(text.strip())
        if key is None:
            raise AuthenticationFailed(_("This API key is unknown, expired or revoked."))
        locations = frozenset(key.location_ids)  # type: ignore[attr-defined]
        caller = Caller(f"key:{key.name}", f"key:{key.prefix}", Role(key.role), locations or None)
        return caller, key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="api"'


def _find(text: str) -> ApiKey | None:
    if not _KEY.match(text):
        return None
    held = ArrayAgg("locations__id", filter=Q(locations__isnull=False), default=[])
    found = ApiKey.objects.filter(prefix=text[:8], revoked=False).annotate(location_ids=held).first()
    return found if found is not None and found.is_valid(text) and not found.has_expired else None


class StaffSession(SessionAuthentication):
    """A person logged in to the admin: administrators may do everything, other staff may look."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """The person's caller; None where nobody is logged in."""
        found = super().authenticate(request)
        if found is None or not found[0].is_staff:
            return None
        user = found[0]
        role = Role.ADMIN if user.is_superuser else Role.VIEWER
        return Caller(f"user:{user.get_username()}"[:150], f"user:{user.pk}", role), None


class MayDo(BasePermission):
    """The role may do this in the view's area, and a key limited to locations stays within what has one."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller may use the view with this method."""
        caller: Any = request.user
        if not isinstance(caller, Caller):
            return False
        area: Area = view.area  # type: ignore[attr-defined]
        if area in HIDDEN.get(caller.role, ()):
            self.message = _("The role {role} does not see this.").format(role=caller.role)
            return False
        if request.method not in SAFE_METHODS and area not in CHANGES[caller.role]:
            self.message = _("The role {role} may not change this.").format(role=caller.role)
            return False
        if caller.location_ids is not None and view.spans_locations:  # type: ignore[attr-defined]
            self.message = _("This key is limited to locations; this spans all of them.")
            return False
        return True
