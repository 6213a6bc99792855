"""People change stock by named actions that ask for a reason."""

from __future__ import annotations

import uuid

from django.contrib.admin.models import LogEntry
from django.test import Client

from inventory.models import LedgerEntry, StockLevel
from tests.admin.house import House
from tests.admin.pages import address, confirm, page_of, text


def _values(level: StockLevel, **changes: object) -> dict[str, object]:
    given = {
        "how": "change",
        "quantity": 5,
        "state": "available",
        "reason": "found",
        "note": "",
        "reference": "",
        "key": uuid.uuid4(),
    }
    return {**given, "location": level.location_id, **changes}


def _level(house: House) -> StockLevel:
    return StockLevel.objects.get(sku=house.skus[0], location=house.locations[1])


def test_adjusting_posts_one_entry_that_says_who_and_why(house: House, boss: Client) -> None:
    level = _level(house)
    before, values = level.available, _values(level, note="behind the shelf", reason="other")
    assert "Adjust stock of" in text(boss.get(page_of(level, "adjust_stock")))
    said = text(confirm(boss, level, "adjust_stock", **values))
    assert f"available is now {before + 5}" in said
    level.refresh_from_db()
    assert level.available == before + 5
    entry = level.entries.get(number=level.number)
    assert (entry.actor, entry.reason, entry.note, entry.quantity) == ("user:boss", "other", "behind the shelf", 5)
    assert LogEntry.objects.filter(object_id=str(level.pk), change_message__contains="Adjust").exists()
    confirm(boss, level, "adjust_stock", **values)  # a double click
    level.refresh_from_db()
    assert level.available == before + 5


def test_adjusting_asks_for_a_reason_and_refuses_what_is_not_there(house: House, boss: Client) -> None:
    level, count = _level(house), LedgerEntry.objects.count()
    for wrong, said in (
        ({"reason": ""}, "This field is required"),
        ({"reason": "other"}, "Say what the reason is"),
        ({"quantity": 0}, "changes nothing"),
        ({"quantity": -(10**6)}, "not enough stock"),
        ({"how": "set", "quantity": -1}, "0 or more"),
    ):
        assert said in text(confirm(boss, level, "adjust_stock", **_values(level, **wrong))), wrong
    assert LedgerEntry.objects.count() == count


def test_setting_the_number_it_has_says_so(house: House, boss: Client) -> None:
    level = _level(house)
    said = text(confirm(boss, level, "adjust_stock", **_values(level, how="set", quantity=level.available)))
    assert "nothing changed" in said


def test_a_sku_page_adjusts_any_location(house: House, boss: Client) -> None:
    sku, shop = house.skus[0], house.locations[2]
    level = StockLevel(sku=sku, location=shop)
    text(confirm(boss, sku, "adjust_stock", **_values(level, quantity=7)))
    assert StockLevel.objects.get(sku=sku, location=shop).available == 7


def test_moving_between_states(house: House, boss: Client) -> None:
    level = _level(house)
    before = level.available
    values = _values(level, from_state="available", to_state="quarantine", quantity=2, reason="quality")
    assert "from available to quarantine" in text(confirm(boss, level, "move_state", **values))
    level.refresh_from_db()
    assert (level.available, level.quarantine) == (before - 2, 2)
    again = _values(level, from_state="available", to_state="available", quantity=2)
    assert "Choose another state" in text(confirm(boss, level, "move_state", **again))


def test_looking_is_not_changing(house: House, viewer: Client) -> None:
    level = _level(house)
    assert "Adjust stock" not in text(viewer.get(page_of(level)))
    for row in (level, house.skus[0]):
        assert viewer.get(page_of(row, "adjust_stock")).status_code == 403
        assert confirm(viewer, row, "move_state", **_values(level)).status_code == 403


def test_the_ledger_of_a_level_is_one_click_away(house: House, boss: Client) -> None:
    level = _level(house)
    response = boss.get(page_of(level, "entries"), follow=True)
    entries = response.context["cl"].queryset
    assert {entry.level_id for entry in entries} == {level.pk}
    assert boss.get(address("inventory.stocklevel", "change", 10**9)).status_code == 302
    assert boss.get(address("inventory.stocklevel", "adjust_stock", "none")).status_code == 404
