"""The busiest second, on calls whose instants are known."""

from channels.simulators.pace import Pace


def busiest(*instants: float) -> int:
    pace = Pace()
    for at in instants:
        pace.note(at)
    return pace.busiest


def test_nobody_called() -> None:
    assert busiest() == 0


def test_calls_a_whole_second_apart_are_not_in_one_window() -> None:
    assert busiest(0.0, 1.0, 2.0) == 1


def test_the_window_lies_anywhere_and_not_on_whole_seconds() -> None:
    assert busiest(0.2, 0.9, 1.0, 1.1, 1.19, 3.0) == 5
    assert busiest(0.2, 0.9, 1.0, 1.1, 1.21, 3.0) == 4


def test_what_was_busy_once_is_remembered() -> None:
    assert busiest(0.0, 0.1, 0.2, 9.0, 19.0) == 3
