"""Lag and oversold units by the simulator's own clock and books, on histories worked out by hand."""

import pytest

from channels.simulators.book import BookLine
from channels.simulators.http_marketplace import HttpMarketplace
from channels.simulators.log import Change, ClockLog, Purchase, Stock
from channels.simulators.measure import differences, lags, percentiles
from channels.simulators.spec import MarketplaceSpec, Offer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class History:
    """A log written by hand: channels a, b, c offer X; there are ten."""

    def __init__(self, *, lowers: bool = True) -> None:
        self.log, self.stock = ClockLog(), Stock({"X": 10})
        self.shops = {
            code: HttpMarketplace(
                MarketplaceSpec(code=code, secret=SECRET, offers=(Offer("x", "X", 10),), lowers_on_sale=lowers),
                stock=self.stock,
                log=self.log,
            )
            for code in "abc"
        }

    def bought(self, at: float, channel: str, *, quantity: int = 1, told: float | None = None) -> None:
        order_id = f"{channel}{at}"
        self.log.purchases.append(Purchase(at, channel, order_id, "X", quantity))
        self.log.told[channel, order_id] = at if told is None else told
        self.stock.take("X", quantity=quantity)

    def wrote(self, at: float, channel: str, quantity: int, *, arrived: float | None = None) -> None:
        self.log.changes.append(Change(at, at if arrived is None else arrived, channel, "x", "X", quantity, 1, "write"))

    def result(self) -> dict:
        return lags(self.log, stock=self.stock, marketplaces=self.shops)


def test_the_last_other_book_counts() -> None:
    history = History()
    history.bought(1.0, "a")
    history.wrote(1.2, "b", 9)
    history.wrote(1.5, "c", 9)
    result = history.result()
    assert result["lag"]["max"] == pytest.approx(0.5)
    assert result["certain"]["max"] == pytest.approx(0.5)
    assert result["lag"]["never"] == 0


def test_its_own_sale_does_not_make_a_book_include_another() -> None:
    history = History()
    history.bought(1.0, "a")
    history.bought(1.1, "b")  # lowers b's book to 9 without any knowledge of a's sale
    history.wrote(1.6, "b", 8)
    history.wrote(1.2, "c", 9)
    history.wrote(1.7, "c", 8)
    history.wrote(1.4, "a", 8)
    result = history.result()
    # a's sale: b at 1.6, c at 1.2 -> 0.6; b's sale: a at 1.4, c at 1.7 -> 0.6
    assert result["lag"]["count"] == 2
    assert result["lag"]["max"] == pytest.approx(0.6)


def test_a_write_that_misses_the_channels_own_sale_still_tells_of_others() -> None:
    history = History()
    history.bought(1.0, "a")
    history.bought(1.15, "b", told=1.3)
    history.wrote(1.2, "b", 9, arrived=1.1)  # computed before b's own sale was known
    history.wrote(1.4, "b", 8)
    for channel in "ac":
        history.wrote(1.4, channel, 8)
    result = history.result()
    # by order: b's own sale is in S, so the write at 1.2 shows X = 10 - 1 - 9 = 0 and only that of 1.4 counts
    assert result["lag"]["max"] == pytest.approx(0.4)


def test_certainty_is_an_upper_bound_when_sales_are_recorded_out_of_order() -> None:
    history = History()
    history.bought(1.0, "a", told=1.0)
    history.bought(1.1, "a", told=1.1)
    for channel in "bc":
        history.wrote(1.2, channel, 9)  # one of the two is in it: which one?
        history.wrote(1.8, channel, 8)
    result = history.result()
    assert (result["lag"]["max"], result["certain"]["max"]) == (pytest.approx(0.7), pytest.approx(0.8))
    assert result["lag"]["p50"] == pytest.approx(0.2)
    assert result["certain"]["p50"] == pytest.approx(0.7)


def test_what_nobody_was_told_cannot_be_missing() -> None:
    history = History()
    history.bought(1.0, "a", told=1.0)
    history.bought(1.1, "a", told=1.3)
    for channel in "bc":
        history.wrote(1.2, channel, 9)  # must be the first: the second was told to nobody yet
        history.wrote(1.8, channel, 8)
    assert history.result()["certain"]["p50"] == pytest.approx(0.2)


def test_an_order_is_as_late_as_its_latest_line() -> None:
    history = History()
    history.bought(1.0, "a")
    history.log.purchases.append(Purchase(1.0, "a", "a1.0", "Y", 1))
    history.stock.opening["Y"] = 5
    for shop in history.shops.values():
        shop.book.lines["y"] = BookLine(Offer("y", "Y", 5), 5)
    for channel in "bc":
        history.wrote(1.2, channel, 9)
        history.log.changes.append(Change(1.9, 1.9, channel, "y", "Y", 4, 1, "write"))
    assert history.result()["lag"]["count"] == 1
    assert history.result()["lag"]["max"] == pytest.approx(0.9)
    history.stock.give("Y", quantity=1)
    assert (history.result()["lag"]["count"], history.result()["unmeasured"]) == (0, 1)


def test_a_book_that_never_learns_is_counted_apart() -> None:
    history = History()
    history.bought(1.0, "a")
    history.wrote(1.2, "b", 9)
    assert history.result()["lag"] == {"count": 0, "p50": None, "p95": None, "p99": None, "max": None, "never": 1}


def test_books_that_do_not_lower_themselves() -> None:
    history = History(lowers=False)
    history.bought(1.0, "a")
    history.bought(1.1, "b")
    for channel in "abc":
        history.wrote(1.5, channel, 8)
    assert history.result()["lag"]["max"] == pytest.approx(0.5)


def test_skus_that_moved_otherwise_are_not_measured() -> None:
    history = History()
    history.bought(1.0, "a")
    history.stock.give("X", quantity=1)
    assert history.result()["unmeasured"] == 1


def test_oversold_units_are_counted_when_they_are_sold_and_never_forgiven() -> None:
    stock = Stock({"X": 3})
    stock.take("X", quantity=2)
    stock.take("X", quantity=2)
    assert stock.oversold == {"X": 1}
    stock.give("X", quantity=2)
    stock.take("X", quantity=1)
    stock.take("X", quantity=5)
    assert stock.oversold == {"X": 6}


def test_differences_name_channel_and_numbers() -> None:
    history = History()
    history.stock.take("X", quantity=1)
    history.shops["b"].book.lines["x"].quantity = 9
    found = differences(history.stock, marketplaces=history.shops)
    assert [(each["channel"], each["shows"], each["left"]) for each in found] == [("a", 10, 9), ("c", 10, 9)]


def test_percentiles_by_nearest_rank() -> None:
    assert percentiles(range(1, 101)) == {"count": 100, "p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert percentiles([0.5])["p99"] == 0.5
    assert percentiles([])["max"] is None
