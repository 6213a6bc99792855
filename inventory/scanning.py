"""What a scanner types: any code of a SKU, or one times a number (``MUG-BLUE*12``)."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext as _

from .codes import find_skus
from .errors import StockError
from .kernel.quantities import LARGEST
from .models import Sku

TIMES = "*"


class ScanError(StockError):
    """What was scanned names no SKU; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A SKU, and how many units of it."""

    sku: Sku
    units: int


def read_scan(text: str) -> Scan:
    """The SKU and units of what was typed; a case's code stands for all that is in it. Raises ScanError."""
    text = text.strip()
    known = find_skus([text, text.rpartition(TIMES)[0].strip()])
    named, times = known.get(text), "1"
    if named is None:
        code, _star, times = (part.strip() for part in text.rpartition(TIMES))
        named = known.get(code)
    if named is None:
        raise ScanError(_("“%s” is no code of a SKU: nothing was counted.") % text[:100])
    if not (times.isascii() and times.isdigit() and len(times) <= 10 and 0 < int(times) <= LARGEST):
        raise ScanError(_("“%s”: after the * a whole number of units is expected: nothing was counted.") % text[:100])
    return Scan(Sku.objects.get(pk=named.sku_id), int(times) * named.units)


def find_codes(codes: Collection[str]) -> tuple[list[Sku], list[str]]:
    """The SKUs of these codes, each once, in the order of the codes, and the codes that are none."""
    known = find_skus(codes)
    skus = Sku.objects.in_bulk({named.sku_id for named in known.values()})
    found = {known[code].sku_id: skus[known[code].sku_id] for code in codes if code in known}
    return list(found.values()), [code for code in codes if code not in known]
