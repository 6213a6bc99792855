"""What shoppers want depends on the seed alone."""

from collections import Counter
from itertools import islice

from channels.simulators.faults import Dice, Faults, WriteFault
from channels.simulators.wants import Shopping, wants

CHANNELS = ["a", "b", "c"]
SKUS = [f"S{number}" for number in range(200)]


def stream(**changes: object) -> list:
    shopping = Shopping(**{"rate": 20.0, "seconds": 30.0, "seed": 7, "cancel_share": 0.1, **changes})
    return list(wants(shopping, channels=CHANNELS, skus=SKUS))


def test_the_same_seed_wants_the_same_things() -> None:
    assert stream() == stream()
    assert stream() != stream(seed=8)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    short = stream()
    assert stream(seconds=60.0)[: len(short)] == short


def test_rate_and_popularity() -> None:
    found = stream(seconds=300.0)
    assert 5600 < len(found) < 6400
    popular = Counter(sku for want in found for sku, _ in want.basket).most_common()
    assert popular[0][1] > 20 * popular[-1][1]
    assert {want.channel for want in found} == set(CHANNELS)
    assert 0.05 < sum(want.deed == "cancel" for want in found) / len(found) < 0.15


def test_an_endless_stream_and_an_empty_one() -> None:
    assert len(list(islice(wants(Shopping(), channels=CHANNELS, skus=SKUS), 50))) == 50
    assert list(wants(Shopping(), channels=CHANNELS, skus=[])) == []


def test_fates_do_not_depend_on_the_order_of_events() -> None:
    faults = Faults(drop_webhook=0.3, duplicate_webhook=0.3, delay_webhook=0.3, error_after=0.2, silent=0.2)
    names = [f"m{number}" for number in range(300)]
    dice = Dice(5, name="shop")
    there = {name: dice.webhook(name, faults=faults) for name in names}
    assert there == {name: Dice(5, name="shop").webhook(name, faults=faults) for name in reversed(names)}
    assert 60 < sum(fate.dropped for fate in there.values()) < 120
    fates = Counter(dice.write(number, faults=faults) for number in range(1000))
    assert set(fates) == {None, WriteFault.ERROR_AFTER, WriteFault.SILENT}
    assert 150 < fates[WriteFault.SILENT] < 250
