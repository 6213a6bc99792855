"""Bundles by file: one row for each component, each bundle whole or not at all."""

from __future__ import annotations

import pytest

from inventory.bundles import Component, set_components
from inventory.imports.batches import Asker
from inventory.imports.exporting import as_csv, table
from inventory.imports.kind import get_kind
from inventory.models import BundleComponent, BundlePart, Sku
from inventory.rebuild import verify
from tests.factories import SkuFactory, bundle
from tests.inventory.imports.bring import ANN, apply, bring, check, counts, csv_of, problems, undo

pytestmark = pytest.mark.django_db
HEAD = ("bundle", "component", "quantity")


@pytest.fixture
def skus() -> dict[str, Sku]:
    return {code: SkuFactory(code=code) for code in ("KIT", "BOX", "A", "B", "C")}


def recipe(code: str) -> dict[str, int]:
    rows = BundleComponent.objects.filter(bundle__code=code).order_by("pk")
    return dict(rows.values_list("component__code", "quantity"))


def test_recipes_are_looked_at_set_and_taken_back(skus: dict[str, Sku]) -> None:
    set_components(skus["BOX"], [Component(skus["A"], 5), Component(skus["C"], 1)])
    data = csv_of(HEAD, ("KIT", "A", 2), ("KIT", "B", 1), ("BOX", "A", 5), ("BOX", "B", 3))
    batch = check("bundles", data)
    assert (counts(batch), recipe("KIT")) == ((3, 1, 0, 0), {})
    rows = batch.rows.order_by("number").values_list("number", "key", "before", "after")
    assert list(rows) == [
        (2, "KIT: A", None, {"components": "2 x A, 1 x B"}),
        (3, "KIT: B", None, {"quantity": 1}),
        (4, "BOX: A", {"components": "5 x A, 1 x C"}, {"components": "5 x A, 3 x B"}),
        (5, "BOX: B", None, {"quantity": 3}),
    ]
    apply(batch)
    assert (recipe("KIT"), recipe("BOX")) == ({"A": 2, "B": 1}, {"A": 5, "B": 3})
    assert batch.applied == 4 and not list(verify())
    assert counts(check("bundles", data)) == (0, 0, 4, 0)
    assert undo(batch).applied == 4
    assert (recipe("KIT"), recipe("BOX")) == ({}, {"A": 5, "C": 1})


def test_a_row_that_is_wrong_keeps_its_whole_bundle_out(skus: dict[str, Sku]) -> None:
    data = csv_of(
        HEAD, ("KIT", "A", 2), ("BOX", "B", 1), ("KIT", "NO", 1), ("BOX", "C", "two"), ("NO", "A", 1), ("C", "C", 1),
        ("B", "A", 1), ("B", "A", 2), ("A", "", 1), ("", "A", 1), ("", "", 0),
    )  # fmt: skip
    batch = bring("bundles", csv_of(HEAD, ("C", "B", 4)) + data.split(b"\r\n", 1)[1])
    assert problems(batch) == [
        (2, "", "not_whole"), (3, "", "not_whole"), (4, "", "not_whole"), (5, "component", "unknown"),
        (6, "quantity", "bad_number"), (7, "bundle", "unknown"), (8, "component", "bad_component"), (9, "", "not_whole"),
        (10, "component", "bad_component"), (11, "component", "required"), (12, "bundle", "required"),
        (13, "bundle", "required"), (13, "quantity", "bad_number"), (13, "component", "required"),
    ]  # fmt: skip
    assert not BundleComponent.objects.exists()


def test_a_circle_through_the_file_is_refused_where_it_closes(skus: dict[str, Sku]) -> None:
    batch = bring("bundles", csv_of(HEAD, ("KIT", "BOX", 1), ("BOX", "A", 2), ("A", "KIT", 1)))
    (row,) = batch.rows.filter(state="error")
    assert (row.number, row.problems[0]["message"]) == (4, "A cannot be in itself: A > KIT > BOX > A.")
    assert dict(BundlePart.objects.filter(bundle__code="KIT").values_list("component__code", "units")) == {"A": 2}


def test_more_than_three_deep_is_refused_in_the_dry_run(skus: dict[str, Sku]) -> None:
    batch = check("bundles", csv_of(HEAD, ("KIT", "BOX", 1), ("BOX", "A", 1), ("A", "B", 1), ("B", "C", 1)))
    assert problems(batch) == [(5, "component", "bad_component")]


def test_what_the_file_takes_apart_may_be_put_together_otherwise_further_down(skus: dict[str, Sku]) -> None:
    set_components(skus["KIT"], [Component(skus["BOX"])])
    batch = bring("bundles", csv_of(HEAD, ("KIT", "A", 1), ("BOX", "KIT", 1)))
    assert (counts(batch), batch.conflicts) == ((1, 1, 0, 0), 0)
    assert (recipe("KIT"), recipe("BOX")) == ({"A": 1}, {"KIT": 1})
    undo(batch)
    assert (recipe("KIT"), recipe("BOX")) == ({"BOX": 1}, {})


def test_a_recipe_that_moved_since_the_check_is_not_overwritten(skus: dict[str, Sku]) -> None:
    batch = check("bundles", csv_of(HEAD, ("KIT", "A", 1), ("KIT", "B", 1), ("BOX", "A", 1)))
    set_components(skus["KIT"], [Component(skus["C"])])
    apply(batch)
    assert problems(batch, "conflict") == [(2, "component", "moved_on"), (3, "component", "not_whole")]
    assert (recipe("KIT"), recipe("BOX")) == ({"C": 1}, {"A": 1})


def test_a_circle_that_somebody_closed_since_the_check_is_told(skus: dict[str, Sku]) -> None:
    batch = check("bundles", csv_of(HEAD, ("KIT", "BOX", 1)))
    set_components(skus["BOX"], [Component(skus["KIT"])])
    assert problems(apply(batch), "conflict") == [(2, "component", "bad_component")]
    assert recipe("KIT") == {}


def test_a_recipe_that_was_changed_later_is_not_taken_back(skus: dict[str, Sku]) -> None:
    batch = bring("bundles", csv_of(HEAD, ("KIT", "A", 1), ("KIT", "B", 1), ("BOX", "A", 1)))
    set_components(skus["KIT"], [Component(skus["A"], 9)])
    refused = undo(batch)
    assert (refused.status, problems(refused, "conflict")) == (
        "refused", [(2, "component", "moved_on"), (3, "component", "not_whole")],
    )  # fmt: skip
    assert recipe("BOX") == {"A": 1}
    undo(batch, rest=True)
    assert (recipe("KIT"), recipe("BOX")) == ({"A": 9}, {})


def test_rows_of_one_bundle_are_set_together_wherever_they_stand(skus: dict[str, Sku]) -> None:
    kind = get_kind("bundles")
    kits = [SkuFactory(code=f"K{number:03}") for number in range(kind.chunk + 1)]
    rows = [(kit.code, code, 1) for code in ("A", "B", "C") for kit in kits]
    batch = bring("bundles", csv_of(HEAD, *rows))
    assert (batch.applied, batch.conflicts) == (len(rows), 0)
    assert all(recipe(kit.code) == {"A": 1, "B": 1, "C": 1} for kit in kits)


def test_what_is_written_out_comes_in_as_it_is(skus: dict[str, Sku]) -> None:
    kit = bundle({skus["A"]: 2, skus["B"]: 7}, code="K2")
    bundle({kit: 3}, code="K3")
    data = b"".join(as_csv(table(get_kind("bundles"), ANN)))
    assert data.decode("utf-8-sig") == "bundle,component,quantity\r\nK2,A,2\r\nK2,B,7\r\nK3,K2,3\r\n"
    assert counts(check("bundles", data, asker=Asker("user:bob"))) == (0, 0, 3, 0)
