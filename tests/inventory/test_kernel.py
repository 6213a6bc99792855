"""Quantities, back-off, fingerprints and the registry of plug-ins."""

from __future__ import annotations

import contextlib
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from channels.connectors import registry
from inventory.kernel import clock
from inventory.kernel.idempotency import fingerprint
from inventory.kernel.quantities import LARGEST, QuantityError, parse_quantity
from inventory.kernel.registry import Registry
from inventory.kernel.workqueue import back_off


@pytest.mark.parametrize(
    ("given_", "found"), [(3, 3), ("3", 3), (" 3 ", 3), (3.0, 3), ("0", 0), (LARGEST, LARGEST), ("007", 7)]
)
def test_whole_units_are_taken_in_every_usual_form(given_: Any, found: int) -> None:
    assert parse_quantity(given_) == found


@pytest.mark.parametrize(
    "given_",
    [-1, "-1", LARGEST + 1, "9" * 30, 1.5, "1.5", True, None, "", "three", "1e3", "²", "٣", "--1", [], {}, float("nan"),
     float("inf")],
)  # fmt: skip
def test_anything_else_is_no_quantity(given_: Any) -> None:
    with pytest.raises(QuantityError):
        parse_quantity(given_)


@given(st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.booleans(), st.binary()))
def test_no_quantity_from_outside_raises_anything_else(value: Any) -> None:
    with contextlib.suppress(QuantityError):
        assert 0 <= parse_quantity(value) <= LARGEST


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_two_lists_of_parts_have_one_fingerprint_only_where_they_are_equal(one: list[str], two: list[str]) -> None:
    assert (fingerprint(*one) == fingerprint(*two)) == (one == two)


@given(st.integers(0, 1000))
def test_back_off_doubles_up_to_its_ceiling(attempts: int) -> None:
    random.seed(attempts)
    seconds = back_off(attempts)
    ceiling = min(300.0, 0.5 * 2.0 ** min(max(attempts - 1, 0), 30))
    assert ceiling / 2 <= seconds <= ceiling


def test_microseconds_are_whole_before_and_after_1970_and_in_every_zone() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert clock.epoch_microseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005
    assert clock.epoch_microseconds(datetime(1970, 1, 1, 5, 30, 0, 0, tzinfo=east)) == 0
    assert clock.epoch_microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1
    assert clock.now().tzinfo is UTC


class Kind:
    """A kind of plug-in for these tests."""

    code: str


def test_an_unknown_plug_in_is_named_with_those_that_exist() -> None:
    with pytest.raises(LookupError, match=r"'carrier_pigeon'.*http, manual"):
        registry.get("carrier_pigeon")


def plug_in(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, **files: str) -> Registry[Kind]:
    name = f"plugins_{abs(hash(tuple(files.items())))}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(f"from tests.inventory.test_kernel import Kind\n{text}\n")
    monkeypatch.syspath_prepend(tmp_path)
    return Registry(name, base=Kind)


def test_a_file_dropped_in_is_found_and_a_private_one_is_not(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = plug_in(
        tmp_path, monkeypatch,
        b="class B(Kind):\n    code = 'b'\n    label = 'Bee'", a="class A(Kind):\n    code = 'a'", _c="raise RuntimeError",
    )  # fmt: skip
    assert list(found.all()) == ["a", "b"]
    assert found.choices() == [("a", "a"), ("b", "Bee")]


@pytest.mark.parametrize(
    "files",
    [
        {"a": "class A(Kind):\n    code = 'x'", "b": "class B(Kind):\n    code = 'x'"},
        {"a": "class A(Kind):\n    code = 'Not a code'"},
        {"a": "class A(Kind):\n    pass"},
        {"a": "nothing = 1"},
    ],
)
def test_codes_that_are_taken_twice_malformed_or_missing_fail_loudly(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    with pytest.raises(ImproperlyConfigured):
        plug_in(tmp_path, monkeypatch, **files).all()
