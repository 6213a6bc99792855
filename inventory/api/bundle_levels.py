"""Stock levels of a bundle: what lies there packed, and what the components there make, which no row has."""

from typing import Any

from rest_framework.request import Request

from ..models import Location, Sku, StockLevel
from ..recipes import kits_now
from .access import Caller
from .filters import PAGING

_STATES = ("reserved", "quarantine", "damaged", "hold", "in_transit")


def bundle_levels(request: Request, caller: Caller) -> list[dict[str, Any]] | None:
    """One row for each location that has, or had, any of the bundle that is asked for or of its parts; None where none is.

    Their sum is what all of them together have for sale.
    """
    asked = {name: str(value) for name, value in request.query_params.items() if name not in PAGING}
    if "sku" not in asked or set(asked) - {"sku", "location"}:
        return None
    bundle = Sku.objects.filter(codes__code=asked["sku"], parts__isnull=False).first() if _is_text(asked) else None
    if bundle is None:
        return None
    places = Location.objects.filter(is_active=True).order_by("priority", "code")
    if caller.location_ids is not None:
        places = places.filter(pk__in=caller.location_ids)
    if "location" in asked:
        places = places.filter(code=asked["location"])
    codes = dict(places.values_list("pk", "code"))
    kits = kits_now([bundle.pk], location_ids=list(codes))[bundle.pk]
    skus = [bundle.pk, *bundle.parts.values_list("component", flat=True)]
    there = list(StockLevel.objects.filter(sku__in=skus, location__in=codes))
    levels = {level.location_id: level for level in there if level.sku_id == bundle.pk}
    rows: list[dict[str, Any]] = []
    for place in [place for place in codes if any(level.location_id == place for level in there)]:
        code, level, made = codes[place], levels.get(place), kits.made_at.get(place)
        states = {state: 0 if level is None else getattr(level, state) for state in _STATES}
        units = 0 if level is None else level.on_hand
        available = kits.packed_at.get(place, 0) + (made or 0)
        rows.append(
            {"sku": bundle.code, "location": code, "on_hand": units, "available": available, **states, "bins": []}
        )
    return rows


def _is_text(asked: dict[str, str]) -> bool:
    return not any("\x00" in value for value in asked.values())
