"""An order log, row by row: what a row says, or why it cannot be used."""

import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from .records import Record, records

#: Reasons of rows that are understood and left out; their texts are part of the summary.
NOT_A_PRODUCT = "not a product"
NEGATIVE = "negative or zero without {prefix}"
POSITIVE_RETURN = "positive on a {prefix} invoice"
NO_PRICE = "no price"

LARGEST_QUANTITY = 10**9


class LogError(Exception):
    """The file as a whole cannot be read; the message says why."""


@dataclass(frozen=True)
class Shape:
    """How a merchant's log is laid out. The defaults describe the UCI Online Retail set."""

    order_column: str = "invoiceno"
    date_column: str = "invoicedate"
    country_column: str = "country"
    sku_column: str = "stockcode"
    quantity_column: str = "quantity"
    price_column: str = "unitprice"
    date_format: str = ""  # empty: ISO 8601
    time_zone: str = "UTC"
    sku_pattern: str = r"\d{5}"  # what a product's code begins with; postage, fees and samples are left out
    return_prefix: str = "C"  # an order number with this prefix takes units back

    def columns(self) -> list[str]:
        """Every column that must be there."""
        names = [self.order_column, self.date_column, self.sku_column, self.quantity_column, self.price_column]
        return names + ([self.country_column] if self.country_column else [])


class RowKind(StrEnum):
    """What a row is."""

    SALE = "sale"
    RETURN = "return"
    SKIPPED = "skipped"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``quantity`` is positive for returns too; ``reason`` says why a row is skipped or bad."""

    number: int  # from 1, without the header
    kind: RowKind
    order: str = ""
    position: int = 0  # within its order, from 1
    sku: str = ""
    quantity: int = 0
    price: Decimal = Decimal(0)
    placed_at: datetime | None = None
    country: str = ""
    reason: str = ""
    torn: bool = False  # its quotes do not close: what follows it may not be what it seems


@dataclass
class Log:
    """A log on disk: plain, ``.xz`` or ``.gz``. Iterating reads it; ``progress`` is the share read so far."""

    path: Path
    shape: Shape = field(default_factory=Shape)
    rows: int = 0  # 0: all of them

    def __post_init__(self) -> None:
        self._size = 0
        self._raw: IO[bytes] | None = None
        self._places: dict[str, int] = {}  # of the columns, by the names that the shape has for them
        self._width = 0
        try:
            self._sku = re.compile(self.shape.sku_pattern)
            self._zone = ZoneInfo(self.shape.time_zone)
        except (re.error, KeyError, ValueError, OSError) as error:
            raise LogError(f"the SKU pattern or the time zone cannot be used: {error}") from error

    def check(self) -> None:
        """Raise LogError where the file cannot be opened or has not the columns."""
        for _ in self._rows(1):
            break

    def __iter__(self) -> Iterator[Row]:
        return self._rows(self.rows)

    def _rows(self, most: int) -> Iterator[Row]:
        positions: dict[str, int] = {}
        number = 0
        with self._open() as stream:
            try:
                found = records(stream, is_row=self._is_row)
                self._find_columns(next(found, Record([])).fields)
                for number, record in enumerate(found, 1):
                    if most and number > most:
                        return
                    named = self._named(record.fields)
                    order = named.get(self.shape.order_column) or ""
                    positions[order] = positions.get(order, 0) + 1
                    if record.flaw:
                        yield Row(number, RowKind.BAD, reason=record.flaw, torn=record.torn)
                    else:
                        yield self._read(number, named, position=positions[order])
            except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
                raise LogError(f"{self.path.name} cannot be read beyond row {number}: {error}") from error

    def _named(self, fields: list[str]) -> dict[str, str]:
        return {name: fields[place] for name, place in self._places.items() if place < len(fields)}

    def _is_row(self, fields: list[str]) -> bool:
        """Whether these fields are a row of their own, whatever quote is open before them."""
        return len(fields) == self._width and self._read(0, self._named(fields), position=0).kind != RowKind.BAD

    @property
    def progress(self) -> float:
        """From 0 to 1, by the bytes of the file as it lies on disk."""
        if self._raw is None or self._raw.closed:
            return 1.0 if self._raw else 0.0
        return self._raw.tell() / self._size if self._size else 1.0

    def _open(self) -> IO[str]:
        try:
            self._size = self.path.stat().st_size
            self._raw = self.path.open("rb")
        except OSError as error:
            raise LogError(f"{self.path} cannot be opened: {error.strerror}") from error
        plain: Any = self._raw
        if self.path.suffix == ".xz":
            plain = lzma.LZMAFile(self._raw)  # noqa: SIM115 - closed with the text around it
        elif self.path.suffix == ".gz":
            plain = gzip.GzipFile(fileobj=self._raw)
        return io.TextIOWrapper(plain, encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _find_columns(self, found: list[str]) -> None:
        """Columns by their names as they are, else in whatever case they are written."""
        names = [name.encode("utf-8", "replace").decode().strip() for name in found]
        folded = [name.casefold() for name in names]
        missing = []
        for name in self.shape.columns():
            if name in names:
                self._places[name] = names.index(name)
            elif name.casefold() in folded:
                self._places[name] = folded.index(name.casefold())
            else:
                missing.append(name)
        self._width = len(names)
        if missing:
            raise LogError(
                f"{self.path.name} has no column {', '.join(map(repr, missing))}; "
                f"it has: {', '.join(names) or 'none'}. Map them with --order-column, --date-column, ..."
            )

    def _read(self, number: int, record: Mapping[str, str | None], *, position: int) -> Row:
        shape = self.shape
        order, sku = record.get(shape.order_column) or "", record.get(shape.sku_column) or ""
        try:
            quantity = _quantity(record.get(shape.quantity_column))
            price = _price(record.get(shape.price_column))
            placed_at = self._instant(record.get(shape.date_column))
            if not order:
                raise ValueError("the order's number is empty")
            if len(order) > 190 or len(sku) > 100:
                raise ValueError("the order's number or the SKU is too long")
            if "\n" in order + sku or "\r" in order + sku:
                raise ValueError("the order's number or the SKU goes over several lines")
        except ValueError as error:
            return Row(number, RowKind.BAD, order, position, sku, reason=str(error))
        kind, reason = self._classify(order, sku=sku, quantity=quantity, price=price)
        country = (record.get(shape.country_column) or "") if shape.country_column else ""
        return Row(number, kind, order, position, sku, abs(quantity), price, placed_at, country, reason)

    def _classify(self, order: str, *, sku: str, quantity: int, price: Decimal) -> tuple[RowKind, str]:
        prefix = self.shape.return_prefix
        takes_back = bool(prefix) and order.startswith(prefix)
        if not self._sku.match(sku):
            return RowKind.SKIPPED, NOT_A_PRODUCT
        if takes_back and quantity < 0:
            return RowKind.RETURN, ""
        if quantity <= 0:
            return RowKind.SKIPPED, NEGATIVE.format(prefix=prefix)
        if takes_back:
            return RowKind.SKIPPED, POSITIVE_RETURN.format(prefix=prefix)
        if price <= 0:
            return RowKind.SKIPPED, NO_PRICE
        return RowKind.SALE, ""

    def _instant(self, text: str | None) -> datetime:
        try:
            if self.shape.date_format:
                instant = datetime.strptime(text or "", self.shape.date_format)  # noqa: DTZ007 - the zone follows
            else:
                instant = datetime.fromisoformat(text or "")
        except ValueError:
            raise ValueError(f"the date {text!r} is not of the form {self.shape.date_format or 'ISO 8601'}") from None
        return instant if instant.tzinfo else instant.replace(tzinfo=self._zone)


def _quantity(text: str | None) -> int:
    try:
        quantity = int(text or "")
    except ValueError:
        raise ValueError(f"the quantity {text!r} is not a whole number") from None
    if abs(quantity) > LARGEST_QUANTITY:
        raise ValueError(f"the quantity {text!r} is larger than {LARGEST_QUANTITY}")
    return quantity


def _price(text: str | None) -> Decimal:
    try:
        price = Decimal(text or "")
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or abs(price) >= Decimal(10) ** 10:
        raise ValueError(f"the price {text!r} is not a number")
    return price
