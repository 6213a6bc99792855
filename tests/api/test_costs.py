"""What stock cost, asked and told by programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.kernel import clock
from inventory.models import CostingChange, Location, Role, Sku
from tests.api.conftest import Api, caller, make_sku

RECEIPT = {"location": "W1", "reason": "receipt"}


def receive(api: Api, sku: str, units: int, cost: str, **more: Any) -> str:
    """Units come in at a cost each; the receipt's id."""
    body = RECEIPT | {"sku": sku, "quantity": units, "unit_cost": cost} | more
    return str(api.post("stock-adjustments/", body)["id"])


def value(api: Api, sku: str, **query: str) -> tuple[int, str, str, str]:
    """Units, value, by FIFO, by average."""
    (row,) = api.rows("stock-values/", sku=sku, **query)
    return row["quantity"], row["value"], row["fifo_value"], row["average_value"]


def test_ten_at_5_and_ten_at_7_sell_15(admin: Api, mug: Sku, w1: Location) -> None:
    receive(admin, "MUG", 10, "5.00")
    receive(admin, "MUG", 10, "7")
    admin.post("stock-adjustments/", {"sku": "MUG", "location": "W1", "quantity": -15, "reason": "sale"})
    assert value(admin, "MUG") == (5, "35.00", "35.00", "30.00")
    assert [row["amount"] for row in admin.rows("cost-moves/", sku="MUG")] == ["-85.00", "70.00", "50.00"]
    (layer,) = admin.rows("cost-layers/", sku="MUG", units_left__gte=1)
    assert (layer["quantity"], layer["units_left"], layer["value_left"]) == (10, 5, "35.00")
    admin.patch("skus/MUG/", {"costing": "average", "costing_reason": "as agreed"})
    assert value(admin, "MUG")[:2] == (5, "30.00")
    assert CostingChange.objects.get().reason == "as agreed"


def test_freight_of_300_after_40_of_the_first_were_sold(admin: Api, w1: Location) -> None:
    make_sku("CUP")
    make_sku("JAR")
    receipts = [receive(admin, "CUP", 100, "5"), receive(admin, "JAR", 50, "20")]
    admin.post("stock-adjustments/", {"sku": "CUP", "location": "W1", "quantity": -40, "reason": "sale"})
    body = {"code": "F-1", "method": "value", "amount": "300.00", "receipts": receipts}
    made = admin.post("landed-costs/", body)
    assert [(one["amount"], one["in_stock"], one["to_cogs"], one["unit_cost"]) for one in made["shares"]] == [
        ("100.00", "60.00", "40.00", "6.00"), ("200.00", "200.00", "0.00", "24.00"),
    ]  # fmt: skip
    assert (value(admin, "CUP")[1], value(admin, "JAR")[1]) == ("360.00", "1200.00")
    assert admin.post("landed-costs/", body, status=409)["error"]["fields"].keys() == {"code"}
    ended = admin.post("landed-costs/F-1/cancel/", {"reason": "charged twice"}, status=200)
    assert ended["status"] == "cancelled"
    admin.post("landed-costs/F-1/cancel/", {}, status=409)
    assert (value(admin, "CUP")[1], value(admin, "JAR")[1]) == ("300.00", "1000.00")


def test_a_receipt_that_is_none_is_named(admin: Api, mug: Sku, w1: Location) -> None:
    good = receive(admin, "MUG", 1, "1")
    body = {"method": "equal", "amount": "1.00"}
    error = admin.refused("post", "landed-costs/", body | {"receipts": [good, "99999999"]}, status=400)
    assert error["fields"] == {"receipts.1": ["There is no receipt 99999999."]}
    for wrong in ([], [good, good], ["x"], "all"):
        admin.post("landed-costs/", body | {"receipts": wrong}, status=400)
    for amount in ("0", "-1", "1.001", "many"):
        admin.post("landed-costs/", body | {"amount": amount, "receipts": [good]}, status=400)


def test_the_value_of_a_past_instant(admin: Api, mug: Sku, w1: Location) -> None:
    receive(admin, "MUG", 2, "5")
    value(admin, "MUG")
    between = clock.now().isoformat()
    receive(admin, "MUG", 2, "7")
    assert value(admin, "MUG")[1] == "24.00"
    assert value(admin, "MUG", at=between)[1] == "10.00"
    assert admin.rows("stock-values/", at="2020-01-01T00:00:00Z") == []
    assert admin.rows("stock-values/", sku="NONE") == admin.rows("stock-values/", company="NONE") == []
    later = (clock.now() + timedelta(days=1)).isoformat()
    assert admin.refused("get", "stock-values/", status=400, at=later)["fields"].keys() == {"at"}
    admin.get("stock-values/", expect=400, colour="blue")


def test_a_month_is_closed_and_its_journal_balances(
    admin: Api, mug: Sku, w1: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(admin, "MUG", 10, "5")
    present = datetime.now(UTC)
    month = f"{present:%Y-%m}"
    assert admin.refused("post", "periods/", {"month": month}, status=409)["fields"].keys() == {"month"}
    monkeypatch.setattr(clock, "now", lambda: present + timedelta(days=32))
    books = caller(Role.ACCOUNTANT)
    made = books.post("periods/", {"month": month, "note": "first"})
    assert (made["company"], made["opening"], made["closing"], made["closed_by"]) == (
        "MAIN",
        "0.00",
        "50.00",
        "key:accountant",
    )
    assert {"kind": "receipts", "amount": "50.00"} in made["changes"]
    assert len(made["hash"]) == 64
    (row,) = books.rows(f"periods/{made['id']}/valuation/")
    assert (row["sku"], row["location"], row["quantity"], row["value"]) == ("MUG", "W1", 10, "50.00")
    said = books.get(f"periods/{made['id']}/journal/")
    assert (said["debit"], said["credit"]) == ("50.00", "50.00")
    assert [(line["account"], line["debit"], line["credit"]) for line in said["lines"]] == [
        ("1200", "50.00", "0.00"), ("2100", "0.00", "50.00"),
    ]  # fmt: skip
    books.post("periods/", {"month": month}, status=409)
    for wrong in ("2026-13", "2026", "January", 7, None):
        books.post("periods/", {"month": wrong}, status=400)


def test_a_receipt_in_another_currency_keeps_its_rate(admin: Api, mug: Sku, w1: Location) -> None:
    admin.patch("companies/MAIN/", {"base_currency": "EUR"})
    body = RECEIPT | {"sku": "MUG", "quantity": 10, "unit_cost": "5", "currency": "USD"}
    assert "no rate from USD to EUR" in admin.post("stock-adjustments/", body, status=400)["error"]["message"]
    admin.post("exchange-rates/", {"currency": "USD", "base": "EUR", "day": "2020-01-01", "rate": "0.9"})
    admin.post("stock-adjustments/", body)
    assert value(admin, "MUG")[1] == "45.00"
    assert admin.refused("patch", "companies/MAIN/", {"base_currency": "USD"}, status=400)["fields"].keys() == {
        "base_currency"
    }


@pytest.mark.parametrize("cost", ["-1", "0.0000001", "NaN", "much", None, True, "1e30"])
def test_a_cost_that_is_none_is_refused(admin: Api, mug: Sku, w1: Location, cost: Any) -> None:
    body = RECEIPT | {"sku": "MUG", "quantity": 1, "unit_cost": cost}
    assert admin.post("stock-adjustments/", body, status=400)["error"]["fields"].keys() == {"unit_cost"}


def test_units_that_leave_have_no_cost_of_their_own(admin: Api, mug: Sku, w1: Location) -> None:
    receive(admin, "MUG", 10, "5")
    body = RECEIPT | {"sku": "MUG", "quantity": -1, "unit_cost": "5"}
    assert admin.post("stock-adjustments/", body, status=400)["error"]["fields"].keys() == {"unit_cost"}


def test_the_warehouse_neither_sees_nor_says_what_things_cost(admin: Api, mug: Sku, w1: Location) -> None:
    keeper = caller(Role.WAREHOUSE)
    body = RECEIPT | {"sku": "MUG", "quantity": 1}
    error = keeper.refused("post", "stock-adjustments/", body | {"unit_cost": "5"}, status=400)
    assert error["fields"].keys() == {"unit_cost"}
    keeper.post("stock-adjustments/", body)
    keeper.get("stock-values/", expect=403)


def test_a_location_belongs_to_a_company(admin: Api, mug: Sku, w1: Location) -> None:
    admin.post("companies/", {"code": "INC", "name": "Inc.", "base_currency": "USD", "time_zone": "America/Chicago"})
    assert admin.get("locations/W1/")["company"] is None
    assert admin.patch("locations/W1/", {"company": "INC"})["company"] == "INC"
    receive(admin, "MUG", 2, "5")
    assert [row["company"] for row in admin.rows("stock-values/")] == ["INC"]
    assert admin.patch("locations/W1/", {"company": "MAIN"}, status=409)["error"]["fields"].keys() == {"company"}
    assert [row["code"] for row in admin.rows("locations/", company="INC")] == ["W1"]
