"""The rules of a marketplace's stock book."""

import pytest

from channels.simulators.book import Book
from channels.simulators.spec import Offer


@pytest.fixture
def book() -> Book:
    return Book([Offer("A", "SKU-A", 5), Offer("B", "SKU-B", 0)], max_quantity=1000)


def put(book: Book, **item: object) -> dict:
    return book.write({"external_id": "A", **item})[0]


def test_sells_what_it_shows_and_nothing_at_zero(book: Book) -> None:
    assert book.sell("A", quantity=3)
    assert not book.sell("A", quantity=3)
    assert book.quantity("A") == 2
    assert not book.sell("B", quantity=1)
    assert not book.sell("A", quantity=0)
    assert not book.sell("nothing", quantity=1)


def test_a_book_that_does_not_lower_itself_still_refuses_beyond_its_number(book: Book) -> None:
    assert book.sell("A", quantity=5, lowers=False)
    assert book.quantity("A") == 5
    assert not book.sell("A", quantity=6, lowers=False)


def test_a_newer_version_lands_and_an_older_one_is_stale(book: Book) -> None:
    assert put(book, quantity=9, version=10) == {"external_id": "A", "status": "applied", "quantity": 9}
    assert put(book, quantity=4, version=9) == {"external_id": "A", "status": "stale", "quantity": 9}
    assert book.quantity("A") == 9
    assert put(book, quantity=4, version=11)["status"] == "applied"
    assert book.quantity("A") == 4


def test_a_repeat_of_the_standing_version_changes_nothing(book: Book) -> None:
    put(book, quantity=9, version=10)
    book.sell("A", quantity=2)
    assert put(book, quantity=9, version=10) == {"external_id": "A", "status": "applied", "quantity": 7}
    assert put(book, quantity=8, version=10)["code"] == "version_reused"
    assert book.quantity("A") == 7


def test_compare_and_set(book: Book) -> None:
    assert put(book, quantity=9, version=1, expected=4) == {"external_id": "A", "status": "stale", "quantity": 5}
    assert put(book, quantity=9, version=1, expected=5)["status"] == "applied"
    assert put(book, quantity=8, version=2, expected=None)["status"] == "applied"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"quantity": -1, "version": 1}, "invalid_quantity"),
        ({"quantity": 1.5, "version": 1}, "invalid_quantity"),
        ({"quantity": "1", "version": 1}, "invalid_quantity"),
        ({"quantity": True, "version": 1}, "invalid_quantity"),
        ({"quantity": 1001, "version": 1}, "quantity_too_high"),
        ({"quantity": 1}, "invalid_version"),
        ({"quantity": 1, "version": "7"}, "invalid_version"),
        ({"quantity": 1, "version": 1, "expected": "5"}, "invalid_expected"),
        ({"external_id": "C", "quantity": 1, "version": 1}, "unknown_external_id"),
        ({"external_id": 7, "quantity": 1, "version": 1}, "invalid_item"),
    ],
)
def test_refused_items_name_their_code_and_change_nothing(book: Book, item: dict, code: str) -> None:
    result = put(book, **item)
    assert (result["status"], result["code"]) == ("rejected", code)
    assert result["message"]
    assert book.quantity("A") == 5
    assert book.lines["A"].version is None


def test_an_item_that_is_no_object_is_refused(book: Book) -> None:
    assert book.write("A")[0]["code"] == "invalid_item"


def test_an_id_may_occur_once_in_a_request(book: Book) -> None:
    seen: set[str] = set()
    assert book.write({"external_id": "A", "quantity": 1, "version": 1}, seen=seen)[0]["status"] == "applied"
    assert book.write({"external_id": "A", "quantity": 2, "version": 2}, seen=seen)[0]["code"] == "duplicate_item"
    assert book.quantity("A") == 1


def test_blocked_listings(book: Book) -> None:
    assert (
        book.write({"external_id": "A", "quantity": 1, "version": 1}, rejected_ids={"A"})[0]["code"]
        == "listing_blocked"
    )
