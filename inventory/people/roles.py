"""What each role may see and change: the one table that back office, API and commands go by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Model, Q, QuerySet

from ..kernel.areas import About, Area
from ..models import Location, Person, Role

_HOUSE = frozenset({Area.PEOPLE, Area.SETTINGS})
_BOOKS = frozenset({Area.COST})
_TRADE = frozenset(Area) - _HOUSE - _BOOKS

#: What each role may change.
CHANGES: Mapping[Role, frozenset[Area]] = {
    Role.VIEWER: frozenset(),
    Role.ACCOUNTANT: _BOOKS,
    Role.OPERATOR: _TRADE,
    Role.WAREHOUSE: frozenset({Area.STOCK, Area.SHIPPING}),
    Role.BUYER: frozenset({Area.REORDERING}),
    Role.ADMIN: frozenset(Area),
}

#: What each role does not even see. Everyone sees everything else.
HIDDEN: Mapping[Role, frozenset[Area]] = {
    **dict.fromkeys(Role, _HOUSE),
    Role.WAREHOUSE: _HOUSE | _BOOKS | {Area.RULES},
    Role.ADMIN: frozenset(),
}

#: Who does not see what things cost us, and the fields that say it.
WITHOUT_COST = frozenset({Role.WAREHOUSE})
COST_FIELDS = frozenset({"unit_cost"})
SEES_COST = "inventory.view_cost"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person or a program is here: a role, perhaps limited to locations."""

    role: Role
    location_ids: frozenset[int] | None = None  # None: all of them

    @property
    def is_limited(self) -> bool:
        """Whether only some locations are covered."""
        return self.location_ids is not None

    @property
    def is_master(self) -> bool:
        """Whether everything is allowed: an administrator of all locations."""
        return self.role == Role.ADMIN and not self.is_limited

    @property
    def sees_cost(self) -> bool:
        """Whether what things cost us is shown."""
        return self.role not in WITHOUT_COST

    def sees(self, area: Area) -> bool:
        """Whether that area is shown."""
        return area not in HIDDEN[self.role]

    def changes(self, area: Area) -> bool:
        """Whether that area may be changed."""
        return self.sees(area) and area in CHANGES[self.role]

    def may_act_at(self, location_id: int) -> bool:
        """Whether stock at that location may be seen and moved."""
        return self.location_ids is None or location_id in self.location_ids

    def places(self) -> "QuerySet[Location]":
        """The locations that are covered."""
        every = Location.objects.all()
        return every if self.location_ids is None else every.filter(pk__in=self.location_ids)

    def may_grant(self, role: Role, location_ids: frozenset[int] | None) -> bool:
        """Whether this standing may give another: nobody gives more than they have, and only who may change people."""
        if not self.changes(Area.PEOPLE) or not CHANGES[role] <= CHANGES[self.role]:
            return False
        return self.location_ids is None or (location_ids is not None and location_ids <= self.location_ids)


def standing_of(user: Any) -> Standing | None:
    """What a user is here; None for those who are nothing. Asked for once per user object."""
    if not getattr(user, "is_authenticated", False) or not user.is_active or not user.is_staff:
        return None
    if not hasattr(user, "known_standing"):
        user.known_standing = _ask(user)
    found: Standing | None = user.known_standing
    return found


def _ask(user: Any) -> Standing | None:
    if user.is_superuser:
        return Standing(Role.ADMIN)
    held = ArrayAgg("locations__id", filter=Q(locations__isnull=False), default=[])
    person = Person.objects.filter(user=user).annotate(held=held).first()
    if person is None:
        return None
    return Standing(Role(person.role), frozenset(person.held) or None)


@cache
def declared() -> Mapping[str, About]:
    """What every model is about, by its label, as the apps declare it."""
    found: dict[str, About] = {}
    for config in apps.get_app_configs():
        for name, about in getattr(config, "areas", {}).items():
            found[name if "." in name else f"{config.label}.{name}"] = about
    return found


def about(model: type[Model]) -> About | None:
    """What a model is about; None where nobody has said it."""
    return declared().get(model._meta.label_lower)


def allows(standing: Standing, permission: str) -> bool:
    """Whether a standing has one of Django's permissions. What is not declared is for administrators alone."""
    if permission == SEES_COST:
        return standing.sees_cost
    app, _dot, codename = permission.partition(".")
    verb, _line, model = codename.partition("_")
    what = declared().get(f"{app}.{model}")
    if what is None:
        return standing.is_master
    if what.spans and standing.is_limited:
        return False
    return standing.sees(what.area) if verb == "view" else standing.changes(what.area)


def at_places(rows: "QuerySet[Any]", standing: Standing | None) -> "QuerySet[Any]":
    """The rows at the locations that a standing covers, by what is declared of their model."""
    what = about(rows.model)
    if standing is None:
        return rows.none()
    if what is None or not what.location or standing.location_ids is None:
        return rows
    return rows.filter(**{f"{what.location}__in": standing.location_ids})
