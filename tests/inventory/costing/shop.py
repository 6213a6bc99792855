"""Short words for stories of cost."""

from __future__ import annotations

from decimal import Decimal

from inventory.adjustments import adjust
from inventory.costing.projection import catch_up
from inventory.ledger import Posting, post
from inventory.models import Company, CostMove, CostScope, LedgerEntry, Location, Sku


def buy(sku: Sku, place: Location, units: int, cost: str | None = None, **more: object) -> LedgerEntry:
    """Units come in, at a cost each where one is given."""
    given = {"reason": "receipt", "unit_cost": None if cost is None else Decimal(cost), "actor": "test"}
    entry = adjust(sku=sku, location=place, quantity=units, **(given | more))  # type: ignore[arg-type]
    assert entry is not None
    return entry


def ship(sku: Sku, place: Location, units: int, reference: str = "shipment:1 order:web/1") -> None:
    """Units go to a customer."""
    posting = Posting(sku.pk, place.pk, "available", "customer", units, "shipment", reference)
    post([posting], actor="test", cause="shipment")


def come_back(sku: Sku, place: Location, units: int, reference: str = "return:7 order:web/1") -> None:
    """Units come back from a customer."""
    posting = Posting(sku.pk, place.pk, "customer", "available", units, "return", reference)
    post([posting], actor="test", cause="return")


def worth(sku: Sku, company: Company | None = None) -> tuple[int, str, str]:
    """Units, value by FIFO, value by average, once all is valued."""
    assert catch_up(wait=True)
    rows = CostScope.objects.filter(sku=sku)
    scope = (rows if company is None else rows.filter(company=company)).get()
    return scope.quantity, f"{scope.fifo_value:.2f}", f"{scope.average_value:.2f}"


def moves(sku: Sku, company: Company | None = None) -> list[tuple[str, int, str, str]]:
    """Kind, units, booked by FIFO, booked by average; the first one first."""
    assert catch_up(wait=True)
    rows = CostMove.objects.filter(scope__sku=sku).order_by("pk")
    rows = rows if company is None else rows.filter(scope__company=company)
    return [(row.kind, row.quantity, str(row.fifo_booked), str(row.average_booked)) for row in rows]
