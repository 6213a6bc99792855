"""The search of the back office finds SKUs, channels and orders, for people who may see them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from inventory.models import Location, Person, Role
from reports.search import find
from tests.admin.house import House, build


@pytest.fixture
def house(db: None) -> House:
    return build(3)


def titles(rf: RequestFactory, user: User, term: str) -> list[str]:
    request = rf.get("/admin/search/")
    request.user = user
    return [result.title for result in find(request, term)]


def person(role: Role, *places: Location) -> User:
    user = User.objects.create_user("-".join([role, *(place.code for place in places)]), is_staff=True)
    Person.objects.create(user=user, role=role).locations.set(places)
    return user


def test_by_part_of_a_code_name_or_id(house: House, rf: RequestFactory) -> None:
    viewer = person(Role.VIEWER)
    assert titles(rf, viewer, "mug-1") == ["MUG-1-BLUE"]
    assert titles(rf, viewer, "blue mug of kind 2") == ["MUG-2-BLUE"]
    assert titles(rf, viewer, "4000000000000") == ["MUG-0-BLUE"]
    assert titles(rf, viewer, "amazon") == ["Amazon US"]
    assert titles(rf, viewer, "order-2000") == ["order-2000"]
    assert titles(rf, viewer, "phone-1") == ["phone-1"]
    for nothing in ("m", "", "no such thing", "a\x00b", "order-20"):
        assert titles(rf, viewer, nothing) == [], nothing


def test_only_what_one_may_see(house: House, rf: RequestFactory) -> None:
    first, _second, shop = house.locations
    assert titles(rf, User.objects.create_user("stranger", is_staff=True), "mug-1") == []
    assert titles(rf, person(Role.WAREHOUSE, first), "order-0") == ["order-0"], "it holds stock there"
    assert titles(rf, person(Role.WAREHOUSE, first, shop), "amazon") == []
    assert titles(rf, person(Role.WAREHOUSE, shop), "order-0") == []
