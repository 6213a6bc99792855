"""The run-time rules of stock in a simulated Shopify shop: each rule one test, over real HTTP."""

import threading
from collections.abc import Callable

import httpx
import pytest

from channels.simulators import Faults
from tests.channels.simulators.shopify_desk import ACTIVATE, EAST, LEVEL, SET, WEST, A, B, C, Desk, row, wait_for


def test_a_set_with_what_was_expected_takes_effect(desk: Desk) -> None:
    answered = desk.set(row(A, 7, 10), row(B, 12, 10))
    assert answered["userErrors"] == []
    group = answered["inventoryAdjustmentGroup"]
    assert group["reason"] == "correction"
    assert [
        (each["name"], each["delta"], each["quantityAfterChange"], each["item"]["id"]) for each in group["changes"]
    ] == [
        ("available", -3, 7, A),
        ("on_hand", -3, 7, A),
        ("available", 2, 12, B),
        ("on_hand", 2, 12, B),
    ]
    assert desk.world.books() == {"shop": {"7001": 7, "7002": 12, "7003": 10}}


def test_a_number_that_stands_already_changes_nothing_and_makes_no_group(desk: Desk) -> None:
    assert desk.set(row(A, 10, 10)) == {"inventoryAdjustmentGroup": None, "userErrors": []}


def test_null_opts_out_of_the_comparison(desk: Desk) -> None:
    assert desk.codes(row(A, 3, None)) == []
    assert desk.level() == {"available": 3, "committed": 0, "on_hand": 3}


def test_leaving_out_what_was_expected_is_an_error_of_the_whole_request(desk: Desk) -> None:
    bare = {"inventoryItemId": A, "locationId": EAST, "quantity": 3}
    document = {"name": "available", "reason": "correction", "quantities": [row(B, 3, None), bare]}
    answered = desk.ask(SET, input=document, key="k")
    assert answered["data"] == {"inventorySetQuantities": None}
    (error,) = answered["errors"]
    assert error["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"
    assert error["message"] == "InventoryQuantityInput must include the following argument: changeFromQuantity."
    assert desk.world.books()["shop"]["7002"] == 10


@pytest.mark.parametrize("directive", ["", '@idempotent(key: "  ")'])
def test_without_an_idempotency_key_nothing_is_written(desk: Desk, directive: str) -> None:
    document = {"name": "available", "reason": "correction", "quantities": [row(A, 3, None)]}
    query = SET.replace("@idempotent(key: $key)", directive).replace(", $key: String!", "")
    (error,) = desk.ask(query, input=document)["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert desk.world.books()["shop"]["7001"] == 10


def test_a_stale_row_is_named_and_nothing_of_the_set_is_applied(desk: Desk) -> None:
    assert desk.codes(row(A, 7, 10), row(B, 7, 9), row(C, 7, 8)) == [
        ("CHANGE_FROM_QUANTITY_STALE", "input.quantities.1.changeFromQuantity"),
        ("CHANGE_FROM_QUANTITY_STALE", "input.quantities.2.changeFromQuantity"),
    ]
    assert desk.world.books() == {"shop": {"7001": 10, "7002": 10, "7003": 10}}


def test_a_sale_makes_what_was_expected_stale(desk: Desk) -> None:
    desk.buy(A, quantity=2)
    assert desk.codes(row(A, 9, 10)) == [("CHANGE_FROM_QUANTITY_STALE", "input.quantities.0.changeFromQuantity")]
    assert desk.codes(row(A, 9, 8)) == []
    assert desk.level() == {"available": 9, "committed": 2, "on_hand": 11}


def test_on_hand_is_set_with_what_is_committed_in_it(desk: Desk) -> None:
    desk.buy(A, quantity=4)
    assert desk.codes(row(A, 9, 10), name="on_hand") == []
    assert desk.level() == {"available": 5, "committed": 4, "on_hand": 9}
    assert desk.codes(row(A, -1, None), name="on_hand") == [
        ("INVALID_QUANTITY_NEGATIVE", "input.quantities.0.quantity")
    ]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (row("gid://shopify/InventoryItem/1", 5), ("INVALID_INVENTORY_ITEM", "input.quantities.1.inventoryItemId")),
        (row("gid://shopify/Product/7002", 5), ("INVALID_INVENTORY_ITEM", "input.quantities.1.inventoryItemId")),
        (row(B, 5, location="gid://shopify/Location/9"), ("INVALID_LOCATION", "input.quantities.1.locationId")),
        (row(B, 1_000_000_001), ("INVALID_QUANTITY_TOO_HIGH", "input.quantities.1.quantity")),
        (row(B, -1_000_000_001), ("INVALID_QUANTITY_TOO_LOW", "input.quantities.1.quantity")),
        (row(C, 5), ("NON_MUTABLE_INVENTORY_ITEM", "input.quantities.1.inventoryItemId")),
        (row(A, 5), ("NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", "input.quantities.1")),
    ],
)
def test_one_wrong_row_is_named_and_stops_the_others(
    open_shop: Callable[..., Desk], wrong: dict[str, object], code: tuple[str, str]
) -> None:
    desk = open_shop(faults=Faults(reject_ids=frozenset({"7003"})))
    assert desk.codes(row(A, 3), wrong) == [code]
    assert desk.world.books()["shop"]["7001"] == 10


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "committed"}, ("INVALID_NAME", "input.name")),
        ({"reason": "because"}, ("INVALID_REASON", "input.reason")),
        ({"referenceDocumentUri": "order 5"}, ("INVALID_REFERENCE_DOCUMENT", "input.referenceDocumentUri")),
    ],
)
def test_a_wrong_document_is_named(desk: Desk, changes: dict[str, str], code: tuple[str, str]) -> None:
    assert desk.codes(row(A, 3), **changes) == [code]


def test_at_most_250_rows(desk: Desk) -> None:
    rows = [row(A, 1)] * 251
    answered = desk.ask(SET, input={"name": "available", "reason": "correction", "quantities": rows}, key="k")
    (error,) = answered["errors"]
    assert error["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"
    assert error["message"] == "The input array size of 251 is greater than the maximum allowed of 250."


def test_the_same_key_and_input_get_the_first_answer_again(desk: Desk) -> None:
    first = desk.set(row(A, 7, 10), key="one")
    desk.buy(A, quantity=3)
    assert desk.set(row(A, 7, 10), key="one") == first
    assert desk.level() == {"available": 4, "committed": 3, "on_hand": 7}


def test_the_same_key_with_other_input_is_refused(desk: Desk) -> None:
    desk.set(row(A, 7, 10), key="one")
    assert desk.codes(row(A, 6, 7), key="one") == [("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "")]
    assert desk.world.books()["shop"]["7001"] == 7


def test_a_key_whose_attempt_failed_must_not_be_used_again(desk: Desk) -> None:
    assert desk.codes(row(A, 7, 9), key="one") == [
        ("CHANGE_FROM_QUANTITY_STALE", "input.quantities.0.changeFromQuantity")
    ]
    desk.handle.set_book_by_hand("7001", quantity=9)
    assert desk.codes(row(A, 7, 9), key="one") == [("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "")]
    assert desk.codes(row(A, 7, 9), key="two") == []


def test_a_key_under_way_is_refused_to_a_second_request(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(terms={"processing_ms": 1500.0})
    answers: list[list[tuple[str, str]]] = []
    first = threading.Thread(target=lambda: answers.append(desk.codes(row(A, 7, 10), key="one")))
    first.start()
    wait_for(lambda: desk.shop.keys._running)
    assert desk.codes(row(A, 7, 10), key="one") == [("IDEMPOTENCY_CONCURRENT_REQUEST", "")]
    first.join()
    assert answers == [[]]
    assert desk.codes(row(A, 7, 10), key="one") == []


def test_keys_are_forgotten_in_the_end(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(terms={"keys_kept_seconds": 0.0})
    assert desk.codes(row(A, 7, 10), key="one") == []
    assert desk.codes(row(A, 6, 7), key="one") == []


def test_a_write_that_lands_late_holds_its_key_until_then(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(faults=Faults(late=1.0, late_seconds=3.0))
    desk.client.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        desk.set(row(A, 7, 10), key="one")
    desk.handle.misbehave(late=0.0)
    desk.client.timeout = httpx.Timeout(10)
    assert desk.codes(row(A, 7, 10), key="one") == [("IDEMPOTENCY_CONCURRENT_REQUEST", "")]
    wait_for(lambda: desk.handle.book()["7001"] == 7)
    assert desk.codes(row(A, 7, 10), key="one") == []


def test_a_lost_answer_is_recovered_by_asking_again_with_the_same_key(open_shop: Callable[..., Desk]) -> None:
    desk = open_shop(faults=Faults(reset_after=1.0))
    with pytest.raises(httpx.RemoteProtocolError):
        desk.set(row(A, 7, 10), key="one")
    desk.buy(A)
    desk.handle.misbehave(reset_after=0.0)
    assert desk.codes(row(A, 7, 10), key="one") == []
    assert desk.level() == {"available": 6, "committed": 1, "on_hand": 7}


ADJUST = """mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { changes(quantityNames: ["available"]) { delta quantityAfterChange } }
    userErrors { code field }
  }
}"""


def test_adjusting_adds_and_compares(desk: Desk) -> None:
    change = {"inventoryItemId": A, "locationId": EAST, "delta": -4, "changeFromQuantity": 10}
    document = {"name": "available", "reason": "damaged", "changes": [change]}
    answered = desk.data(ADJUST, input=document, key="one")["inventoryAdjustQuantities"]
    assert answered["inventoryAdjustmentGroup"] == {"changes": [{"delta": -4, "quantityAfterChange": 6}]}
    (error,) = desk.data(ADJUST, input=document, key="two")["inventoryAdjustQuantities"]["userErrors"]
    assert error == {"code": "CHANGE_FROM_QUANTITY_STALE", "field": ["input", "changes", "0", "changeFromQuantity"]}
    del change["changeFromQuantity"]
    (failure,) = desk.ask(ADJUST, input=document, key="three")["errors"]
    assert failure["message"] == "InventoryChangeInput must include the following argument: changeFromQuantity."


def test_a_number_where_the_item_is_not_active_is_kept_but_not_sold_until_it_is_activated(desk: Desk) -> None:
    assert desk.codes(row(A, 5, None, location=WEST)) == []
    assert desk.handle.book()["7001"] == 10
    listed = (
        "query($item: ID!) { inventoryItem(id: $item) { inventoryLevels(first: 9) { nodes { location { id } } } } }"
    )
    assert desk.data(listed, item=A)["inventoryItem"]["inventoryLevels"]["nodes"] == [{"location": {"id": EAST}}]
    found = desk.data(LEVEL, item=A, location=WEST)["inventoryItem"]["inventoryLevel"]
    assert found["isActive"] is False
    answered = desk.data(ACTIVATE, item=A, location=WEST, key="k")["inventoryActivate"]
    assert answered == {"inventoryLevel": {"isActive": True, "quantities": [{"quantity": 5}]}, "userErrors": []}
    assert desk.handle.book()["7001"] == 15


def test_activating_sets_a_number_once(desk: Desk) -> None:
    answered = desk.data(ACTIVATE, item=B, location=WEST, available=4, key="k")["inventoryActivate"]
    assert answered["inventoryLevel"]["quantities"] == [{"quantity": 4}]
    assert desk.data(ACTIVATE, item=B, location=WEST, available=4, key="k")["inventoryActivate"] == answered
    (error,) = desk.data(ACTIVATE, item=B, location=WEST, available=9, key="l")["inventoryActivate"]["userErrors"]
    assert error["message"] == "Not allowed to set available quantity when the item is already active at the location."
    assert desk.handle.book()["7002"] == 14


def test_a_checkout_is_served_from_the_first_location_that_has_it_all_else_from_several(desk: Desk) -> None:
    desk.data(ACTIVATE, item=A, location=WEST, available=12, key="k")
    desk.buy(A, quantity=11)
    assert (desk.level(A, location=EAST), desk.level(A, location=WEST)) == (
        {"available": 10, "committed": 0, "on_hand": 10},
        {"available": 1, "committed": 11, "on_hand": 12},
    )
    desk.buy(A, quantity=11)
    assert (desk.level(A, location=EAST)["available"], desk.level(A, location=WEST)["available"]) == (0, 0)
    assert desk.handle.buy("7001") is None


def test_a_number_typed_by_hand_is_seen_by_buyers_and_readers(desk: Desk) -> None:
    desk.do(lambda shop: shop.set_by_hand("7001", quantity=4))
    assert desk.handle.book()["7001"] == 4
    assert desk.level()["available"] == 4
    assert desk.codes(row(A, 9, 10)) == [("CHANGE_FROM_QUANTITY_STALE", "input.quantities.0.changeFromQuantity")]


def test_items_are_read_page_by_page(desk: Desk) -> None:
    query = """query($after: String) { inventoryItems(first: 2, after: $after) {
      pageInfo { hasNextPage endCursor } edges { cursor node { id sku variant { id } } } } }"""
    first = desk.data(query)["inventoryItems"]
    assert [edge["node"]["sku"] for edge in first["edges"]] == ["SKU-A", "SKU-B"]
    assert first["edges"][1]["cursor"] == first["pageInfo"]["endCursor"]
    second = desk.data(query, after=first["pageInfo"]["endCursor"])["inventoryItems"]
    assert [edge["node"]["id"] for edge in second["edges"]] == [C]
    assert second["pageInfo"]["hasNextPage"] is False
    assert second["edges"][0]["node"]["variant"] == {"id": "gid://shopify/ProductVariant/1000000007003"}


def test_things_are_found_by_id_and_by_sku(desk: Desk) -> None:
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { id __typename
      ... on InventoryItem { sku inventoryLevels(first: 2) { nodes { quantities(names: ["available"]) { quantity } } } }
      ... on Location { name } } }"""
    assert desk.data(query, ids=[B, WEST, "gid://shopify/InventoryItem/1"])["nodes"] == [
        {
            "id": B,
            "__typename": "InventoryItem",
            "sku": "SKU-B",
            "inventoryLevels": {"nodes": [{"quantities": [{"quantity": 10}]}]},
        },
        {"id": WEST, "__typename": "Location", "name": "West"},
        None,
    ]
    found = desk.data('{ productVariants(first: 3, query: "sku:SKU-C") { nodes { sku inventoryItem { id } } } }')
    assert found["productVariants"]["nodes"] == [{"sku": "SKU-C", "inventoryItem": {"id": C}}]
    assert "errors" in desk.ask('{ productVariants(first: 3, query: "colour:red") { nodes { id } } }')
