"""Changes of the catalogue that reach the numbers on sale: what feeds a channel, and what rules go by.

A rule may go by a product's category or a SKU's tags, and a place that is closed feeds nobody. Whoever is above hears of it as
of any other change of what is available.
"""

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from .codes import CodeError
from .costing.owners import check_owner
from .models import Location, Product, Sku, SkuCode, StockLevel
from .signals import stock_changed

Row = TypeVar("Row", Product, Sku, Location)


@transaction.atomic
def save_product(product: Product) -> Product:
    """Save a new or changed product."""
    if _save(product, "category"):
        tell(product.skus.values_list("pk", flat=True), product.code)
    return product


@transaction.atomic
def save_sku(sku: Sku) -> Sku:
    """Save a new or changed SKU. How a bundle is made up is left to ``bundles``, whether it keeps lots to ``lot_tracking``."""
    if _save(sku, "tags", "product_id", but=("bundle_mode", "ships_together", "tracks_lots")):
        tell([sku.pk], sku.code)
    return sku


@transaction.atomic
def rename(sku: Sku, code: str) -> Sku:
    """Give a SKU another code; the database keeps the former one leading to it. Raises CodeError where it is another SKU's."""
    code = code.strip()
    owner = SkuCode.objects.filter(code=code).exclude(sku=sku).values_list("sku__code", flat=True).first()
    if owner is not None:
        raise CodeError({0: _("{code} belongs to {sku}.").format(code=code, sku=owner)})
    sku.code = code
    sku.save(update_fields=["code"])
    return sku


@transaction.atomic
def save_location(location: Location) -> Location:
    """Save a new or changed location. Raises CostError where one that has units would pass to another company."""
    check_owner(location)
    if _save(location, "is_active", "kind"):
        stocked = StockLevel.objects.filter(location=location, available__gt=0)
        tell(stocked.values_list("sku", flat=True), location.code)
    return location


def _save(row: Row, *names: str, but: Collection[str] = ()) -> bool:
    """Save the row, but these columns where it is there already; whether any of those named was another before."""
    model: Any = type(row)
    before: Model | None = model.objects.filter(pk=row.pk).first() if row.pk else None
    kept = [field.name for field in row._meta.concrete_fields if not field.primary_key and field.name not in but]
    row.save(update_fields=None if before is None else kept)
    return before is not None and any(getattr(before, name) != getattr(row, name) for name in names)


def tell(sku_ids: Iterable[int], reference: str) -> None:
    """Let those above know that what feeds the numbers of these SKUs, or what rules go by, has changed."""
    found = sorted(set(sku_ids))
    if found:  # nothing to wait at: no level was locked
        stock_changed.send(tell, sku_ids=found, cause="catalogue", reference=reference, new_levels=True)
