"""Quantities are whole units. What comes from outside is checked here, once."""

from typing import Any

#: The largest number of units that one movement may carry. Larger ones are typing errors or attacks, and would
#: come near the limits that channels set on a number shown (Shopify: 1,000,000,000).
LARGEST = 1_000_000_000


class QuantityError(ValueError):
    """A quantity from outside that cannot be one; the message says what was given and what is expected."""


def parse_quantity(value: Any, *, least: int = 0, most: int = LARGEST) -> int:
    """Return ``value`` as whole units between ``least`` and ``most``.

    Accepts integers and their decimal text ("3"), since several channels send numbers as strings. Raises
    QuantityError for everything else: floats with a fraction, booleans, text that is no number, out of range.
    """
    if isinstance(value, bool):
        raise QuantityError(f"{value!r} is not a quantity")
    if isinstance(value, str) and value.isascii() and value.strip().removeprefix("-").isdigit():
        if len(value) > 20:
            raise QuantityError(f"a quantity of {len(value)} digits is too large; at most {most}")
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int):
        raise QuantityError(f"{value!r} is not a whole number of units")
    if value < least:
        raise QuantityError(f"{value} is too small; at least {least}")
    if value > most:
        raise QuantityError(f"{value} is too large; at most {most}")
    return value
