"""The codes of SKUs besides their own: barcodes, suppliers' codes, those on cases."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from ...codes import GIVEN, Given, complaint
from ...kernel.areas import Area
from ...models import CodeKind, Sku, SkuCode
from ..cells import Choice, Code, Units
from ..kind import Change, Context, Entry, Problem, Values
from ..table import Held, Table, update_rows

_COLUMNS = ("code", "sku__code", "kind", "units")


class Codes(Table[str]):
    """Codes that lead to a SKU. Old ones come of renaming, and are neither brought in nor written out."""

    code = "codes"
    label = _("Codes of SKUs")
    area = Area.CATALOG
    model = "inventory.sku"
    fields = (
        Code(
            "code", _("code"), always=True, aliases=("barcode", "ean", "upc", "gtin", "supplier code", "barcode number")
        ),
        Code("sku", _("SKU"), always=True, aliases=("sku code", "item number", "product sku")),
        Choice("kind", _("kind"), blank=CodeKind.BARCODE.value, aliases=("type",), choices=tuple(map(str, GIVEN))),
        Units(
            "units", _("units"), blank=1, aliases=("quantity", "pack size", "units per case"), least=1, most=1_000_000
        ),
    )

    def key_of(self, values: Mapping[str, Any]) -> str:
        return str(values["code"])

    def held(self, keys: Collection[str], *, lock: bool = False) -> dict[str, Held]:
        rows = SkuCode.objects.filter(code__in=keys).order_by("sku_id", "pk")
        if lock:  # as giving codes does: the SKU before its codes
            list(Sku.objects.filter(codes__code__in=keys).order_by("pk").select_for_update(no_key=True, of=("self",)))
        names = ("code", "sku", "kind", "units")
        return {
            row[1]: Held(row[0], dict(zip(names, row[1:], strict=True))) for row in rows.values_list("pk", *_COLUMNS)
        }

    def complaints(
        self, entries: Sequence[Entry], held: Mapping[str, Held], context: Context
    ) -> dict[int, list[Problem]]:
        """SKUs that there are not, codes of others, wrong check digits."""
        named = {entry.values["sku"] for entry in entries}
        own = dict(SkuCode.objects.filter(code__in=named).values_list("code", "sku__code"))
        found: dict[int, list[Problem]] = {}
        for entry in entries:
            sku = own.get(entry.values["sku"])
            problem = self._complaint(entry.values, sku, held.get(entry.values["code"]))
            if problem is not None:
                found[entry.number] = [problem]
            else:
                entry.values["sku"] = sku
        return found

    def _complaint(self, values: Values, sku: str | None, there: Held | None) -> Problem | None:
        if sku is None:
            return Problem("unknown", _now("There is no SKU {code}.").format(code=values["sku"]), "sku")
        if there is not None and there.values["sku"] != sku:
            said = _now("{code} belongs to {sku}.").format(code=values["code"], sku=there.values["sku"])
            return Problem("taken", said, "code")
        if there is not None and there.values["kind"] not in map(str, GIVEN):
            said = _now("{code} is the SKU's own code, or one that it had.").format(code=values["code"])
            return Problem("own_code", said, "code")
        given = Given(values["code"], values.get("kind", CodeKind.BARCODE.value), values.get("units", 1))
        said = complaint(given, own=sku)
        return Problem("bad_code", said, "code") if said else None

    def make(self, rows: Sequence[Values], context: Context) -> None:
        owners = dict(Sku.objects.filter(code__in={row["sku"] for row in rows}).values_list("code", "pk"))
        SkuCode.objects.bulk_create(
            [
                SkuCode(
                    sku_id=owners[row["sku"]],
                    code=row["code"],
                    kind=row.get("kind", CodeKind.BARCODE),
                    units=row.get("units", 1),
                )
                for row in rows
            ],
            batch_size=1000,
        )

    def change(self, rows: Sequence[tuple[Held, Values]], context: Context) -> None:
        update_rows(
            SkuCode, [{"id": held.pk, "kind": values["kind"], "units": values["units"]} for held, values in rows]
        )

    def remove(self, rows: Sequence[tuple[Change, Held]], context: Context) -> None:
        SkuCode.objects.filter(pk__in=[held.pk for _change, held in rows]).delete()

    def export(self, places: frozenset[int] | None) -> Iterator[Values]:
        rows = SkuCode.objects.filter(kind__in=GIVEN).order_by("sku__code", "code")
        for code, sku, kind, units in rows.values_list(*_COLUMNS).iterator(chunk_size=2000):
            yield {"code": code, "sku": sku, "kind": kind, "units": units}
