"""Products, by their code."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from ... import catalogue
from ...kernel.areas import Area
from ...models import Product, Sku
from ..cells import KEEP, Code, Text
from ..kind import Change, Context, Preset, Values
from ..table import Held, Table, update_rows

_COLUMNS = ("code", "name", "category", "brand")


class Products(Table[str]):
    """What groups SKUs."""

    code = "products"
    label = _("Products")
    area = Area.CATALOG
    model = "inventory.product"
    fields = (
        Code("code", _("code"), always=True, aliases=("product", "product code", "handle", "url handle", "parent sku")),
        Text("name", _("name"), required=True, blank=KEEP, aliases=("title", "product name", "item title")),
        Text("category", _("category"), aliases=("type", "product category"), most=100),
        Text("brand", _("brand"), aliases=("vendor", "manufacturer"), most=100),
    )
    presets = (
        Preset(
            "shopify", _("Shopify products CSV"),
            {"code": ("Handle", "URL handle"), "name": ("Title",), "category": ("Type",), "brand": ("Vendor",)},
        ),
    )  # fmt: skip

    def key_of(self, values: Mapping[str, Any]) -> str:
        return str(values["code"])

    def held(self, keys: Collection[str], *, lock: bool = False) -> dict[str, Held]:
        rows = Product.objects.filter(code__in=keys).order_by("pk")
        if lock:
            rows = rows.select_for_update(no_key=True)
        return {
            row[1]: Held(row[0], dict(zip(_COLUMNS, row[1:], strict=True))) for row in rows.values_list("pk", *_COLUMNS)
        }

    def make(self, rows: Sequence[Values], context: Context) -> None:
        Product.objects.bulk_create([Product(**row) for row in rows], batch_size=1000)

    def change(self, rows: Sequence[tuple[Held, Values]], context: Context) -> None:
        update_rows(Product, [{"id": held.pk, **_without_code(values)} for held, values in rows])
        moved = [held.pk for held, values in rows if held.values["category"] != values["category"]]
        catalogue.tell(Sku.objects.filter(product__in=moved).values_list("pk", flat=True), context.reference)

    def remove(self, rows: Sequence[tuple[Change, Held]], context: Context) -> None:
        Product.objects.filter(pk__in=[held.pk for _change, held in rows]).delete()

    def export(self, places: frozenset[int] | None) -> Iterator[Values]:
        yield from Product.objects.order_by("code").values(*_COLUMNS).iterator(chunk_size=2000)


def _without_code(values: Values) -> Values:
    return {name: value for name, value in values.items() if name != "code"}
