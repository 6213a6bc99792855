"""One thing, several codes: its own, those it had before, its barcodes, its suppliers'."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from .errors import StockError
from .models import CodeKind, Sku, SkuCode

#: Kinds that people give; the others are kept by the database.
GIVEN = (CodeKind.BARCODE, CodeKind.SUPPLIER, CodeKind.CASE)

#: Lengths of barcodes that end with a check digit: EAN-8, UPC-A, EAN-13, GTIN-14.
CHECKED_LENGTHS = frozenset({8, 12, 13, 14})


class CodeError(StockError):
    """Codes cannot be given so. ``errors`` has a sentence for each of them that is wrong, by its place in the list."""

    def __init__(self, errors: dict[int, str]) -> None:
        super().__init__("; ".join(list(errors.values())[:5]))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Named:
    """What a code stands for."""

    sku_id: int
    units: int


@dataclass(frozen=True, slots=True)
class Given:
    """A code as it is given to a SKU."""

    code: str
    kind: str = CodeKind.BARCODE
    units: int = 1


def find_skus(codes: Collection[str]) -> dict[str, Named]:
    """The SKUs of these codes, by code: their own, else any other of theirs, else the barcode of one SKU alone. Two queries."""
    wanted = {code for code in codes if code and "\x00" not in code}
    rows = SkuCode.objects.filter(code__in=wanted).values_list("code", "sku_id", "units")
    found = {code: Named(sku_id, units) for code, sku_id, units in rows}
    if rest := wanted.difference(found):
        barcodes = Sku.objects.filter(barcode__in=rest).order_by().values("barcode").annotate(skus=Count("pk"))
        alone = [row["barcode"] for row in barcodes if row["skus"] == 1]
        for barcode, sku_id in Sku.objects.filter(barcode__in=alone).values_list("barcode", "pk"):
            found[barcode] = Named(sku_id, 1)
    return found


def skus_by_code(codes: Collection[str]) -> dict[str, Sku]:
    """The SKUs with these codes, own or others, by code. One query."""
    rows = SkuCode.objects.filter(code__in=set(codes)).select_related("sku")
    return {row.code: row.sku for row in rows}


def find_sku(code: str) -> Named | None:
    """The SKU of a code."""
    return find_skus([code]).get(code)


@transaction.atomic
def give_codes(sku: Sku, codes: Sequence[Given]) -> None:
    """Let a SKU have these codes besides its own; those it had and that are not among them are given up, old ones too.

    Raises CodeError, having changed nothing.
    """
    Sku.objects.select_for_update(no_key=True).get(pk=sku.pk)
    if errors := complaints(sku, codes):
        raise CodeError(errors)
    held = set(SkuCode.objects.filter(sku=sku).values_list("code", flat=True))
    wanted = {given.code for given in codes}
    SkuCode.objects.filter(sku=sku).exclude(code__in=wanted).exclude(kind=CodeKind.OWN).delete()
    for given in sorted(codes, key=lambda one: one.code):
        if given.code in held:
            SkuCode.objects.filter(sku=sku, code=given.code).update(kind=given.kind, units=given.units)
        else:
            SkuCode.objects.create(sku=sku, code=given.code, kind=given.kind, units=given.units)


def complaints(sku: Sku, codes: Sequence[Given]) -> dict[int, str]:
    """Why a SKU cannot have these codes, by the place of each in the list."""
    held = {row.code: row for row in SkuCode.objects.filter(sku=sku)}
    errors = {place: error for place, given in enumerate(codes) if (error := _complaint(given, held, sku))}
    return dict(sorted((errors | _doubles(codes) | _taken(codes, sku)).items()))


def has_check_digit(code: str) -> bool:
    """Whether the last digit is what GS1 computes of the others: weights 3 and 1 from the right, up to the next ten."""
    digits = [int(digit) for digit in code]
    weighted = sum(digit * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits[:-1])))
    return (10 - weighted % 10) % 10 == digits[-1]


def _complaint(given: Given, held: dict[str, SkuCode], sku: Sku) -> str:
    was = held.get(given.code)
    if given.kind == CodeKind.OLD and was is not None and was.kind == CodeKind.OLD and given.units == 1:
        return ""
    return complaint(given, own=sku.code)


def complaint(given: Given, *, own: str) -> str:
    """Why a SKU, called so itself, cannot be given a code, whatever codes there are; nothing where it can."""
    if given.code == own:
        return _("{code} is the SKU's own code.").format(code=given.code)
    if given.kind == CodeKind.OLD:
        return _("{code} cannot be made an old code: those come of renaming.").format(code=given.code)
    if given.kind not in GIVEN:
        return _("{kind} is no kind of code; there are: {kinds}.").format(kind=given.kind, kinds=", ".join(GIVEN))
    is_barcode = given.kind == CodeKind.BARCODE and given.code.isascii() and given.code.isdigit()
    if is_barcode and len(given.code) in CHECKED_LENGTHS and not has_check_digit(given.code):
        return _("{code} has a wrong check digit; look at its last figure.").format(code=given.code)
    return ""


def _doubles(codes: Sequence[Given]) -> dict[int, str]:
    seen: set[str] = set()
    errors: dict[int, str] = {}
    for place, given in enumerate(codes):
        if given.code in seen:
            errors[place] = _("{code} is named twice.").format(code=given.code)
        seen.add(given.code)
    return errors


def _taken(codes: Iterable[Given], sku: Sku) -> dict[int, str]:
    named = {given.code: place for place, given in enumerate(codes)}
    rows = SkuCode.objects.filter(code__in=named).exclude(sku=sku).values_list("code", "sku__code")
    return {named[code]: _("{code} belongs to {sku}.").format(code=code, sku=owner) for code, owner in rows}
