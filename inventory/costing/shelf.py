"""What valuing works on: the scopes and layers of some positions, read at once and written back at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, Sum

from ..models import CostLayer, CostMove, CostPosition, CostScope, MoveKind, State
from .book import Cost, Layer, Scope, from_micro, to_micro

Key = tuple[int, int]  # (company's id, SKU's id)
Sale = tuple[Key, str]  # and the document that a shipment and its return are of


@dataclass(slots=True)
class Sold:
    """What left with one document and has not come back."""

    units: int = 0
    cost: Cost = field(default_factory=Cost)


def document_of(reference: str) -> str:
    """What a shipment and a return are both of: what follows the first word, as in ``shipment:12 order:web/5001``."""
    return reference.partition(" ")[2] or reference


@dataclass(slots=True)
class Shelf:
    """The books of one batch."""

    scopes: dict[Key, Scope]
    layers: dict[
        int, Layer
    ]  # by the entry that brought them, those that nothing is left of too, where a charge may come
    sold: dict[Sale, Sold]
    moves: list[CostMove] = field(default_factory=list)
    came: dict[int, tuple[Key, datetime]] = field(default_factory=dict)  # new layers: whose, and when

    @classmethod
    def of(cls, positions: Sequence[CostPosition]) -> "Shelf":
        """Read what these positions need."""
        keys = {(one.company_id, one.sku_id) for one in positions}
        charged = [one.share.entry_id for one in positions if one.share]
        scopes, layers = _read(keys, charged)
        return cls(scopes, layers, _read_sold(positions, scopes))

    def scope(self, position: CostPosition) -> Scope:
        """The scope of a position; a new one where there was none."""
        return self.scopes.setdefault((position.company_id, position.sku_id), Scope())

    def note(
        self,
        position: CostPosition,
        kind: MoveKind,
        units: int,
        cost: Cost,
        *,
        unknown: bool = False,
        document: str = "",
    ) -> None:
        """Keep what a position changed, with what is there after it."""
        scope = self.scope(position)
        scope.touched = True
        self.moves.append(
            CostMove(
                position=position, kind=kind, quantity=units, fifo_cost=from_micro(cost.fifo),
                average_cost=from_micro(cost.average), quantity_after=scope.quantity, fifo_after=from_micro(scope.fifo),
                average_after=from_micro(scope.average), is_unknown=unknown, document=document,
                booked_at=position.booked_at,
            )
        )  # fmt: skip

    def store(self) -> None:
        """Write everything that changed."""
        ids = self._store_scopes()
        for move in self.moves:
            move.scope_id = ids[move.position.company_id, move.position.sku_id]
        self._store_layers(ids)
        CostMove.objects.bulk_create(self.moves, batch_size=1000)

    def _store_scopes(self) -> dict[Key, int]:
        touched = {key: scope for key, scope in self.scopes.items() if scope.touched}
        rows = {
            key: CostScope(
                pk=scope.id, company_id=key[0], sku_id=key[1], quantity=scope.quantity,
                fifo_value=from_micro(scope.fifo), average_value=from_micro(scope.average),
                known_cost=None if scope.known is None else from_micro(scope.known),
            )
            for key, scope in touched.items()
        }  # fmt: skip
        changed = [
            (row.pk, row.quantity, row.fifo_value, row.average_value, row.known_cost)
            for row in rows.values() if row.pk is not None
        ]  # fmt: skip
        CostScope.objects.bulk_create([row for row in rows.values() if row.pk is None], batch_size=1000)
        _write(_SCOPES, changed)
        return {key: row.pk for key, row in rows.items()}

    def _store_layers(self, ids: dict[Key, int]) -> None:
        fresh: list[CostLayer] = []
        changed: list[tuple[Any, ...]] = []
        for entry_id, layer in self.layers.items():
            if layer.id is not None:
                if layer.touched:
                    changed.append((layer.id, layer.left, from_micro(layer.value)))
                continue
            key, received_at = self.came[entry_id]
            fresh.append(
                CostLayer(
                    scope_id=ids[key], entry_id=entry_id, received_at=received_at, quantity=layer.quantity,
                    units_left=layer.left, value_left=from_micro(layer.value),
                )
            )  # fmt: skip
        CostLayer.objects.bulk_create(fresh, batch_size=1000)
        _write(_LAYERS, changed)


_SCOPES = """
UPDATE inventory_costscope held SET quantity = new.quantity, fifo_value = new.fifo, average_value = new.average,
    known_cost = new.known
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[]) AS new (id, quantity, fifo, average, known)
WHERE held.id = new.id
"""

_LAYERS = """
UPDATE inventory_costlayer held SET units_left = new.units_left, value_left = new.value_left
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[]) AS new (id, units_left, value_left) WHERE held.id = new.id
"""


def _write(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def _read(keys: set[Key], charged: Sequence[int]) -> tuple[dict[Key, Scope], dict[int, Layer]]:
    rows = CostScope.objects.filter(company__in={key[0] for key in keys}, sku__in={key[1] for key in keys})
    scopes: dict[Key, Scope] = {}
    by_id: dict[int, Scope] = {}
    for row in rows:
        known = None if row.known_cost is None else to_micro(row.known_cost)
        scope = Scope(
            row.quantity, to_micro(row.fifo_value), to_micro(row.average_value), known, [], row.pk
        )  # fmt: skip
        scopes[row.company_id, row.sku_id] = by_id[row.pk] = scope
    layers: dict[int, Layer] = {}
    asked = Q(scope__in=list(by_id), units_left__gt=0) | Q(entry__in=list(charged))
    for held in CostLayer.objects.filter(asked).order_by("pk"):
        layer = Layer(held.entry_id, held.quantity, held.units_left, to_micro(held.value_left), held.pk)
        layers[held.entry_id] = layer
        if layer.left:
            by_id[held.scope_id].layers.append(layer)
    return scopes, layers


def _read_sold(positions: Sequence[CostPosition], scopes: dict[Key, Scope]) -> dict[Sale, Sold]:
    """What left with the documents of which units come back among these positions."""
    wanted: dict[Sale, Sold] = {}
    for one in positions:
        if one.entry is not None and one.entry.from_state == State.CUSTOMER and one.entry.reference:
            wanted[(one.company_id, one.sku_id), document_of(one.entry.reference)] = Sold()
    ids = {scope.id: key for key, scope in scopes.items() if scope.id is not None}
    rows = CostMove.objects.filter(
        kind__in=[MoveKind.SALE, MoveKind.RETURN], scope__in=[*ids], document__in={document for _, document in wanted}
    )
    sums = rows.values_list("scope", "document").annotate(Sum("quantity"), Sum("fifo_cost"), Sum("average_cost"))
    for scope_id, document, units, fifo, average in sums if wanted else ():
        sale = (ids[scope_id], document)
        if sale in wanted:
            wanted[sale] = Sold(-units, Cost(-to_micro(fifo), -to_micro(average)))
    return defaultdict(Sold, wanted)
