"""Nobody climbs, somebody always has the keys, locations limit in the back office, and cost stays where it is seen."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client

from channels.models import Listing
from inventory.adjustments import adjust
from inventory.models import AccessEvent, ApiKey, EventKind, LedgerEntry, Location, Product, Role, Sku, StockLevel
from inventory.people import membership
from inventory.people.membership import PeopleError, change_person
from inventory.people.roles import Standing, standing_of
from purchasing.models import ReorderRule
from tests.admin.house import House, build
from tests.people.phone import Browser, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug(w1: Location, w2: Location) -> Sku:
    """Seven at the first location, eleven at the second."""
    product = Product.objects.create(code="MUG", name="Mug")
    sku = Sku.objects.create(
        code="MUG", name="Mug", product=product, unit_cost=Decimal("7713.0577"), price=Decimal("12.50")
    )
    for place, units in ((w1, 7), (w2, 11)):
        adjust(sku=sku, location=place, quantity=units, reason="opening", actor="system")
    return sku


@pytest.fixture
def house(db: None) -> House:
    return build(2)


def client(role: Role, *places: Location) -> Client:
    browser = Browser(f"{role}@example.com")
    person(browser.name, role, *places)
    assert browser.login() == 302
    return browser.client


def change(browser: Client, user: User, **values: object) -> str:
    """Save the person's page; what it says then."""
    body = {"first_name": "Somebody", "role": "viewer", "is_active": "on", "locations": []} | values
    return browser.post(f"/admin/auth/user/{user.pk}/change/", body, follow=True).content.decode()


# Who gives which role -------------------------------------------------------------------------------------------


def test_an_administrator_changes_roles_and_it_is_recorded(boss: User, w1: Location) -> None:
    carl = person("carl@example.com", Role.VIEWER)
    admin = Browser("boss")
    admin.login()
    change(admin.client, carl, role="warehouse", locations=[w1.pk], first_name="Carl")
    assert standing_of(User.objects.get(pk=carl.pk)) == Standing(Role.WAREHOUSE, frozenset({w1.pk}))
    event = AccessEvent.objects.get(kind=EventKind.ROLE_CHANGED)
    assert (event.actor, event.subject, event.detail) == (
        "user:boss",
        "user:carl@example.com",
        "viewer -> warehouse (W1)",
    )


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_nobody_else_makes_or_changes_people_or_keys(role: Role, boss: User) -> None:
    browser = client(role)
    me = User.objects.get(username=f"{role}@example.com")
    assert browser.post(f"/admin/auth/user/{me.pk}/change/", {"role": "admin", "first_name": "x"}).status_code == 403
    assert (
        browser.post("/admin/inventory/accesslink/add/", {"email": "x@example.com", "role": "admin"}).status_code == 403
    )
    assert browser.post("/admin/inventory/apikey/add/", {"name": "x", "role": "admin"}).status_code == 403
    for page in ("password-link", "reset-factor", "end"):
        path = f"/admin/auth/user/{boss.pk}/{page}/"
        assert browser.post(path, {"_confirm": "1", "reason": "x"}).status_code == 403, page
    assert not ApiKey.objects.exists()
    assert standing_of(User.objects.get(pk=me.pk)).role == role  # type: ignore[union-attr]


def test_an_administrator_of_some_locations_gives_nothing(w1: Location, boss: User) -> None:
    browser = client(Role.ADMIN, w1)
    assert browser.get("/admin/auth/user/").status_code == 403
    assert browser.post("/admin/inventory/apikey/add/", {"name": "x", "role": "viewer"}).status_code == 403
    with pytest.raises(PeopleError, match="beyond your own"):
        change_person(
            boss,
            role=Role.VIEWER,
            name="x",
            is_active=True,
            actor="user:x",
            by=Standing(Role.ADMIN, frozenset({w1.pk})),
        )


@pytest.mark.parametrize(
    "values", [{"role": "operator"}, {"role": "admin", "is_active": ""}, {"role": "admin", "at": "W1"}]
)
def test_the_last_administrator_stays(boss: User, w1: Location, values: dict[str, str]) -> None:
    admin = Browser("boss")
    admin.login()
    places = [w1.pk] if values.pop("at", "") else []
    assert "This is the last administrator" in change(admin.client, boss, locations=places, **values)
    boss.refresh_from_db()
    assert boss.is_active and standing_of(User.objects.get(pk=boss.pk)) == Standing(Role.ADMIN)
    assert admin.client.post(f"/admin/auth/user/{boss.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_limited_or_inactive_administrator_is_no_replacement(boss: User, second: User, w1: Location) -> None:
    change_person(second, role=Role.ADMIN, locations=[w1], name="s", is_active=True, actor="system", by=None)
    with pytest.raises(PeopleError, match="last administrator"):
        change_person(boss, role=Role.VIEWER, name="b", is_active=True, actor="system", by=None)
    change_person(second, role=Role.ADMIN, name="s", is_active=False, actor="system", by=None)
    with pytest.raises(PeopleError, match="last administrator"):
        change_person(boss, role=Role.VIEWER, name="b", is_active=True, actor="system", by=None)


def test_one_of_two_administrators_goes_and_is_out_at_once(boss: User, second: User) -> None:
    admin, leaving = Browser("boss"), Browser("second@example.com")
    admin.login()
    leaving.login()
    change(admin.client, second, role="viewer")
    assert not leaving.is_in(), "a session of the former role ends"
    assert list(membership.masters()) == [boss]


def test_a_superuser_who_gets_a_role_has_that_role(boss: User, second: User) -> None:
    change_person(
        boss, role=Role.BUYER, name="b", is_active=True, actor="user:second@example.com", by=Standing(Role.ADMIN)
    )
    boss = User.objects.get(pk=boss.pk)
    assert (boss.is_superuser, standing_of(boss)) == (False, Standing(Role.BUYER))


def test_groups_and_single_permissions_count_for_nothing(boss: User) -> None:
    from django.contrib.auth.models import Group, Permission

    user = person("carl@example.com", Role.VIEWER)
    user.user_permissions.set(Permission.objects.all())
    group = Group.objects.create(name="all")
    group.permissions.set(Permission.objects.all())
    user.groups.add(group)
    user = User.objects.get(pk=user.pk)
    assert not user.has_perm("inventory.change_sku") and not user.has_perm("auth.view_user")
    assert user.has_perm("inventory.view_sku") and not user.has_perm("made.up_thing")


# Cost -----------------------------------------------------------------------------------------------------------


def test_cost_is_shown_to_who_may_see_it(mug: Sku) -> None:
    page = client(Role.ACCOUNTANT).get(f"/admin/inventory/sku/{mug.pk}/change/").content.decode()
    assert "7713.0577" in page


def test_cost_is_nowhere_for_who_may_not(mug: Sku) -> None:
    warehouse = client(Role.WAREHOUSE)
    pages = (
        f"/admin/inventory/sku/{mug.pk}/change/", "/admin/inventory/sku/", f"/admin/everywhere/{mug.pk}/",
        f"/admin/inventory/sku/{mug.pk}/history/", "/admin/inventory/sku/?q=7713.0577", f"/admin/inventory/sku/{mug.pk}/adjust/",
        "/admin/inventory/stocklevel/", "/admin/inventory/ledgerentry/", "/admin/search/?s=mug",
        "/api/v1/skus/MUG/", "/api/v1/skus/", "/api/v1/stock-levels/", "/api/v1/ledger-entries/",
    )  # fmt: skip
    for path in pages:
        answer = warehouse.get(path)
        assert answer.status_code == 200, path
        assert b"7713.0577" not in answer.content.replace(b"q=7713.0577", b"").replace(b'value="7713.0577"', b""), path
        assert b"unit_cost" not in answer.content, path


@pytest.mark.parametrize(
    "query",
    ["unit_cost__gt=7", "unit_cost=7713.0577", "unit_cost__isnull=0", "o=unit_cost", "_facets=True&unit_cost__gte=1"],
)
def test_no_address_searches_or_sorts_by_cost(mug: Sku, query: str) -> None:
    warehouse = client(Role.WAREHOUSE)
    for path in ("/admin/inventory/sku/", "/admin/inventory/sku/export/"):
        answer = warehouse.get(f"{path}?{query}")
        if "o=" in query:
            assert answer.status_code == 200, "an order that is none is ignored"
        else:
            assert answer.status_code in (302, 400), (path, answer.status_code)
    assert warehouse.get(f"/api/v1/skus/?{query}").status_code == 400
    assert warehouse.get("/admin/inventory/stocklevel/?sku__unit_cost__gt=7").status_code in (302, 400)


def test_exports_have_the_column_of_cost_only_for_who_sees_it(mug: Sku) -> None:
    columns = {}
    for role in (Role.WAREHOUSE, Role.BUYER):
        answer = client(role).get("/admin/inventory/sku/export/")
        columns[role] = next(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert "unit_cost" in columns[Role.BUYER] and "unit_cost" not in columns[Role.WAREHOUSE]
    assert set(columns[Role.BUYER]) - set(columns[Role.WAREHOUSE]) == {"unit_cost"}


def test_who_does_not_see_rules_does_not_see_them_in_explanations(house: House) -> None:
    listing = Listing.objects.select_related("sku").order_by("pk")[0]
    pages = (f"/admin/channels/listing/{listing.pk}/change/", f"/admin/everywhere/{listing.sku_id}/")
    keeper, clerk = client(Role.WAREHOUSE), client(Role.BUYER)
    for path in pages:
        assert b"keep some back" in clerk.get(path).content, path
        assert b"keep some back" not in keeper.get(path).content, path
    explain = f"/api/v1/listings/{listing.pk}/explain/"
    assert (clerk.get(explain).status_code, keeper.get(explain).status_code) == (200, 403)


# Locations ------------------------------------------------------------------------------------------------------


def test_lists_show_only_ones_own_locations(mug: Sku, w1: Location) -> None:
    keeper = client(Role.WAREHOUSE, w1)
    for path, seen in (("stocklevel", 1), ("ledgerentry", 1), ("location", 1), ("reservation", 0)):
        answer = keeper.get(f"/admin/inventory/{path}/")
        assert len(answer.context["cl"].result_list) == seen, path
    page = keeper.get("/admin/inventory/sku/").content.decode()
    assert ">7<" in page.replace(" ", "").replace("\n", "") and ">18<" not in page.replace(" ", "").replace("\n", "")
    for path in (f"/admin/everywhere/{mug.pk}/", f"/admin/inventory/sku/{mug.pk}/change/"):
        said = re.sub(
            r"\w{32,}", "", keeper.get(path).content.decode()
        )  # without the form's token, in which anything may stand
        assert "W1" in said and "W2" not in said


def test_stock_is_changed_only_at_ones_own_locations(mug: Sku, w1: Location, w2: Location) -> None:
    keeper = client(Role.WAREHOUSE, w1)
    body = {"_confirm": "1", "how": "change", "quantity": "1", "state": "available", "reason": "found", "note": "",
            "reference": "", "key": "6f1f0d6c-7d0a-4f6b-9d6f-0d6c7d0a4f6b"}  # fmt: skip
    adjust_page = f"/admin/inventory/sku/{mug.pk}/adjust/"
    assert keeper.post(adjust_page, {**body, "location": w2.pk}).status_code == 200, "the form comes back"
    assert StockLevel.objects.get(sku=mug, location=w2).available == 11
    assert keeper.post(adjust_page, {**body, "location": w1.pk}).status_code == 302
    assert StockLevel.objects.get(sku=mug, location=w1).available == 8
    elsewhere = StockLevel.objects.get(sku=mug, location=w2)
    assert keeper.post(f"/admin/inventory/stocklevel/{elsewhere.pk}/adjust/", body).status_code == 404
    assert LedgerEntry.objects.filter(level=elsewhere).count() == 1


def test_pages_of_other_locations_are_not_found(mug: Sku, w1: Location, w2: Location) -> None:
    keeper = client(Role.OPERATOR, w1)
    level = StockLevel.objects.get(sku=mug, location=w2)
    entry = LedgerEntry.objects.get(level=level)
    for path in (
        f"inventory/stocklevel/{level.pk}",
        f"inventory/ledgerentry/{entry.pk}",
        f"inventory/location/{w2.pk}",
    ):
        for page in ("change", "history"):
            assert keeper.get(f"/admin/{path}/{page}/").url == "/admin/", (path, page)


def test_reorder_rules_are_made_only_for_ones_own_locations(mug: Sku, w1: Location, w2: Location) -> None:
    keeper = client(Role.BUYER, w1)
    body = {"sku": mug.pk, "reorder_point": "3", "quantity": "", "is_active": "on"}
    for place in (w2.pk, ""):
        assert keeper.post("/admin/purchasing/reorderrule/add/", {**body, "location": place}).status_code == 200
    assert not ReorderRule.objects.exists()
    assert keeper.post("/admin/purchasing/reorderrule/add/", {**body, "location": w1.pk}).status_code == 302
    assert ReorderRule.objects.get().location == w1
