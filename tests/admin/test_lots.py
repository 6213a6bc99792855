"""Lots in the back office: a SKU keeps them, stock names them, they are recalled and told of."""

from __future__ import annotations

import uuid

from django.test import Client

from inventory.models import Location, Lot, LotLevel, Person, Role, Sku, StockLevel
from tests.admin.house import House
from tests.admin.pages import address, confirm, page_of, text
from tests.inventory.lots import check, days, in_place, shelf
from tests.people.phone import person


def values(place: Location, **changes: object) -> dict[str, object]:
    given = {"how": "change", "quantity": 5, "state": "available", "reason": "receipt", "note": "", "reference": ""}
    return {**given, "key": uuid.uuid4(), "location": place.pk, **changes}


def test_the_list_has_what_expires_first_at_the_top_and_finds_what_expires_soon(house: House, boss: Client) -> None:
    page = text(boss.get(address("inventory.lot")))
    assert page.index("L-1") < page.index("L-2") < page.index("L-3")
    assert "5 days left" in page and "recalled" in page
    soon = text(boss.get(address("inventory.lot"), {"expires": "7"}))
    assert "L-1" in soon and "L-2" not in soon
    recalled = text(boss.get(address("inventory.lot"), {"state": "recalled"}))
    assert "L-3" in recalled and "L-1" not in recalled
    lines = b"".join(boss.get(address("inventory.lot", "export_csv"))).decode().splitlines()  # type: ignore[call-overload]
    assert lines[0] == "sku,name,lot,expires_on,recalled_at,shelf,quarantine,damaged,hold,in_transit"
    assert lines[1] == f"MILK,Milk,L-1,{days(5)},,12,0,0,0,0"


def test_stock_of_a_sku_that_keeps_lots_names_them(house: House, boss: Client) -> None:
    milk, place = Sku.objects.get(code="MILK"), house.locations[0]
    nameless = text(confirm(boss, milk, "adjust_stock", **values(place)))
    assert "MILK keeps lots: say of which lot the 5 units are" in nameless
    confirm(boss, milk, "adjust_stock", **values(place, lot="L-9", expires_on=str(days(20))))
    assert shelf(milk) == {"L-1": 12, "L-2": 12, "L-9": 5}
    other = text(confirm(boss, milk, "adjust_stock", **values(place, lot="L-9", expires_on=str(days(21)))))
    assert "a lot has one expiry date for ever" in other
    level = StockLevel.objects.get(sku=milk, location=place)
    moved = values(place, from_state="available", to_state="damaged", quantity=2, lot="L-2", reason="damage")
    confirm(boss, level, "move_state", **moved)
    assert in_place(milk, "damaged") == {"L-2": 2}
    assert 'name="lot"' not in text(boss.get(page_of(house.skus[0], "adjust_stock")))
    check()


def test_a_sku_begins_and_ends_to_keep_lots_on_its_page(house: House, boss: Client) -> None:
    sku = house.skus[0]
    assert "keeps lots from now on" in text(confirm(boss, sku, "keep_lots", reason="food"))
    assert shelf(sku)["unassigned"] > 0
    assert "goes on keeping lots while they have units" in text(confirm(boss, sku, "keep_lots", reason="no"))
    assert Sku.objects.get(pk=sku.pk).tracks_lots is True
    check()


def test_a_lot_is_recalled_and_its_page_and_file_tell_what_it_touched(house: House, boss: Client) -> None:
    lot = Lot.objects.get(code="L-1")
    assert "Lot L-1 is recalled: 12 units are in quarantine" in text(confirm(boss, lot, "recall_lot", reason="glass"))
    assert LotLevel.objects.get(lot=lot).quarantine == 12
    page = text(boss.get(page_of(lot)))
    assert "No customer has got any of it." in page and "PO-7" in page and "12 on hand" in page
    lines = b"".join(boss.get(page_of(lot, "report_file"))).decode().splitlines()  # type: ignore[call-overload]
    assert [line.split(",")[4:8] for line in lines[1:]] == [
        ["adjustment", "shelf", "12", "receipt"], ["shelf", "quarantine", "12", "recall"],
    ]  # fmt: skip
    assert "may be sold again" in text(confirm(boss, lot, "end_recall", reason="false alarm"))
    check()


def test_units_are_said_to_be_of_another_lot(house: House, boss: Client) -> None:
    lot = Lot.objects.get(code="L-1")
    given = {"location": house.locations[0].pk, "place": "shelf", "quantity": 4, "to_lot": "L-2", "reason": "label"}
    assert "4 units are of the lot L-2" in text(confirm(boss, lot, "assign_units", **given))
    assert shelf(lot.sku) == {"L-1": 8, "L-2": 16}
    assert "12 wanted, 8 there" in text(confirm(boss, lot, "assign_units", **{**given, "quantity": 12}))
    check()


def test_who_is_limited_to_a_location_sees_its_units_and_recalls_nothing(house: House) -> None:
    client, lot = Client(), Lot.objects.get(code="L-1")
    client.force_login(person("shop.example.com", Role.WAREHOUSE, house.locations[2]))
    assert Person.objects.filter(locations=house.locations[2]).exists()
    assert "Nothing of it is left." in text(client.get(page_of(lot)))
    assert client.get(page_of(lot, "recall_lot")).status_code == 403
    assert not Lot.objects.get(code="L-1").is_recalled
