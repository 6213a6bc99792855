"""SKUs, by their own code."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from ... import catalogue
from ...kernel.areas import Area
from ...models import CodeKind, Product, Sku, SkuCode
from ..cells import KEEP, Amount, Capitals, Code, Flag, Text, Units, Words, plain
from ..kind import Change, Context, Entry, Finding, Preset, Problem, Values
from ..table import Held, Table, update_rows

_COLUMNS = (
    "code", "product__code", "name", "barcode", "unit_cost", "price", "currency", "weight_grams", "tags", "is_active",
)  # fmt: skip

#: A weight of more than this is a typing error, and the most that its column holds.
HEAVIEST = 2_147_483_647


class Skus(Table[str]):
    """The smallest things counted and sold. One without a product gets one of its own."""

    code = "skus"
    label = _("SKUs")
    area = Area.CATALOG
    model = "inventory.sku"
    fields = (
        Code("code", _("code"), always=True, aliases=("sku", "sku code", "item number", "variant sku", "item sku")),
        Code("product", _("product"), blank=KEEP, aliases=("product code", "handle", "url handle", "parent sku")),
        Text("name", _("name"), required=True, blank=KEEP, aliases=("title", "item title", "sku name", "description")),
        Text("barcode", _("barcode"), aliases=("barcode number", "ean", "upc", "gtin", "variant barcode"), most=50),
        Amount(
            "unit_cost", _("unit cost"), is_cost=True, aliases=("cost", "purchase price", "cost per item", "cost price")
        ),
        Amount("price", _("price"), aliases=("retail price", "variant price", "sales price", "default price")),
        Capitals("currency", _("currency"), aliases=("currency code",)),
        Units(
            "weight_grams",
            _("weight in grams"),
            blank=None,
            aliases=("weight", "variant grams", "grams"),
            most=HEAVIEST,
        ),
        Words("tags", _("tags"), blank=[], aliases=("labels",)),
        Flag("is_active", _("active"), aliases=("active",)),
    )
    presets = (
        Preset(
            "linnworks", _("Linnworks stock items"),
            {
                "code": ("SKU", "ItemNumber", "Item Number"), "name": ("Item Title", "ItemTitle", "Title"),
                "barcode": ("Barcode Number", "BarcodeNumber", "Barcode"),
                "unit_cost": ("Purchase Price", "PurchasePrice"), "price": ("Retail Price", "RetailPrice"),
                "weight_grams": ("Weight",),
            },
        ),
        Preset(
            "shopify", _("Shopify products CSV"),
            {
                "code": ("Variant SKU", "SKU"), "product": ("Handle", "URL handle"), "name": ("Title",),
                "barcode": ("Variant Barcode", "Barcode"), "unit_cost": ("Cost per item",),
                "price": ("Variant Price", "Price"), "weight_grams": ("Variant Grams", "Weight value (grams)"),
                "tags": ("Tags",),
            },
        ),
    )  # fmt: skip

    def key_of(self, values: Mapping[str, Any]) -> str:
        return str(values["code"])

    def held(self, keys: Collection[str], *, lock: bool = False) -> dict[str, Held]:
        rows = Sku.objects.filter(code__in=keys).order_by("pk")
        if lock:
            rows = rows.select_for_update(no_key=True, of=("self",))
        return {row[1]: Held(row[0], _values(row[1:])) for row in rows.values_list("pk", *_COLUMNS)}

    def look(self, entries: Sequence[Entry], context: Context) -> list[Finding]:
        """A new one without a product says which is made for it, so that its end takes that one along."""
        findings = super().look(entries, context)
        alone = {
            finding.change.after["code"]
            for finding in findings
            if finding.change and finding.change.before is None and finding.change.after
            and finding.change.after.get("product", finding.change.after["code"]) == finding.change.after["code"]
        }  # fmt: skip
        there = set(Product.objects.filter(code__in=alone).values_list("code", flat=True)) if alone else set()
        return [_with_product(finding, made=alone - there, used=alone & there) for finding in findings]

    def complaints(
        self, entries: Sequence[Entry], held: Mapping[str, Held], context: Context
    ) -> dict[int, list[Problem]]:
        """Codes that lead to another SKU, and products that there are not."""
        codes = [entry.values["code"] for entry in entries]
        others = SkuCode.objects.filter(code__in=codes).exclude(kind=CodeKind.OWN)
        taken = dict(others.values_list("code", "sku__code"))
        named = {entry.values["product"] for entry in entries if "product" in entry.values}
        known = set(Product.objects.filter(code__in=named).values_list("code", flat=True)) if named else set()
        found: dict[int, list[Problem]] = {}
        for entry in entries:
            code, product = entry.values["code"], entry.values.get("product")
            if code in taken:
                said = _now("{code} is another code of {sku}; name that one.").format(code=code, sku=taken[code])
                found.setdefault(entry.number, []).append(Problem("taken", said, "code"))
            if product is not None and product not in known and not (product == code and code not in held):
                said = _now("There is no product {code}; bring in products first.").format(code=product)
                found.setdefault(entry.number, []).append(Problem("unknown", said, "product"))
        return found

    def make(self, rows: Sequence[Values], context: Context) -> None:
        products = _products(rows)
        skus = []
        for row in rows:
            values = {name: value for name, value in row.items() if name != "product"}
            skus.append(Sku(product_id=products[row["product"]], **values))
        Sku.objects.bulk_create(skus, batch_size=1000)

    def change(self, rows: Sequence[tuple[Held, Values]], context: Context) -> None:
        products = _products([values for _held, values in rows])
        update_rows(Sku, [_row(held, values, products) for held, values in rows])
        moved = [held.pk for held, new in rows if any(held.values[name] != new[name] for name in ("tags", "product"))]
        catalogue.tell(moved, context.reference)

    def remove(self, rows: Sequence[tuple[Change, Held]], context: Context) -> None:
        Sku.objects.filter(pk__in=[held.pk for _change, held in rows]).delete()
        made = [change.target["makes_product"] for change, _held in rows if change.target.get("makes_product")]
        Product.objects.filter(code__in=made, skus=None).delete()

    def export(self, places: frozenset[int] | None) -> Iterator[Values]:
        for row in Sku.objects.order_by("code").values_list(*_COLUMNS).iterator(chunk_size=2000):
            yield _values(row)


def _values(row: Sequence[Any]) -> Values:
    found = dict(zip(("code", "product", *_COLUMNS[2:]), row, strict=True))
    return {**found, "unit_cost": plain(found["unit_cost"]), "price": plain(found["price"])}


def _with_product(finding: Finding, *, made: set[str], used: set[str]) -> Finding:
    change = finding.change
    code = change.after["code"] if change and change.before is None and change.after else None
    if change is None or code not in made | used:
        return finding
    target = {**change.target, "makes_product": code} if code in made else change.target
    after = {**(change.after or {}), "product": code}
    return replace(finding, change=replace(change, target=target, after=after))


def _products(rows: Sequence[Values]) -> dict[str, int]:
    """The ids of the products that rows name; what is not there is made of the SKU that names it."""
    named = {row["product"]: row for row in rows}
    found = dict(Product.objects.filter(code__in=named).values_list("code", "pk"))
    missing = [Product(code=code, name=row["name"]) for code, row in named.items() if code not in found]
    if missing:
        Product.objects.bulk_create(missing, batch_size=1000)
        found |= {product.code: product.pk for product in missing}
    return found


def _row(held: Held, values: Values, products: Mapping[str, int]) -> Values:
    row = {name: value for name, value in values.items() if name != "code"}
    return {"id": held.pk, **row, "product": products[values["product"]]}
