"""Putting kits together and taking them apart: components out and kits in by one posting, or the other way round.

Both sides of it name the document as their reference (``assembly:CODE``), so that cost follows the goods from the one to the
other. A document is undone by another one, of what went in then, whatever the bundle is made of by now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction
from django.utils.translation import gettext as _

from .errors import InsufficientStock, Short, StockError
from .kernel import clock
from .kernel.quantities import LARGEST
from .ledger import Posting, post
from .locks import LockedLevels, lock_levels
from .lot_tracking import given_lot
from .models import Assembly, AssemblyKind, AssemblyPart, Location, Lot, Reason, Sku, State
from .recipes import recipes_of


class AssemblyError(StockError):
    """Kits cannot be put together or taken apart so. ``field`` was given wrong; a ``conflict`` is with how things stand."""

    def __init__(self, message: str, *, field: str = "", conflict: bool = False) -> None:
        super().__init__(message)
        self.field, self.conflict = field, conflict


@dataclass(frozen=True, slots=True)
class _Deed:
    """Kits at one place, made into or of their components."""

    kind: AssemblyKind
    bundle: Sku
    location: Location
    kits: int
    parts: Mapping[int, int]  # units of each SKU in one kit
    note: str
    actor: str
    lot: Lot | None = None  # of the kits, where those keep lots
    reverses: Assembly | None = None


@transaction.atomic
def assemble(
    *, bundle: Sku, location: Location, quantity: int, lot: str = "", expires_on: date | None = None, note: str = "",
    actor: str,
) -> Assembly:  # fmt: skip
    """Put kits together of what is available there.

    Raises InsufficientStock naming each short component, AssemblyError, LotError.
    """
    named = given_lot(bundle, lot, expires_on=expires_on, coming=True)
    return _do(_Deed(AssemblyKind.ASSEMBLE, bundle, location, quantity, _recipe(bundle), note, actor, named))


@transaction.atomic
def disassemble(
    *, bundle: Sku, location: Location, quantity: int, lot: str = "", note: str = "", actor: str
) -> Assembly:
    """Take available kits apart into what the bundle is made of. Raises InsufficientStock, AssemblyError, LotError."""
    named = given_lot(bundle, lot, coming=False)
    return _do(_Deed(AssemblyKind.DISASSEMBLE, bundle, location, quantity, _recipe(bundle), note, actor, named))


@transaction.atomic
def reverse(assembly: Assembly, *, note: str = "", actor: str) -> Assembly:
    """Undo a document by its opposite. Raises AssemblyError where that was done, InsufficientStock where it cannot be."""
    held = Assembly.objects.select_for_update(of=("self",)).select_related("bundle", "location").get(pk=assembly.pk)
    undone = Assembly.objects.filter(reverses=held).first()
    if undone is not None:
        raise AssemblyError(_("%(code)s was undone by %(other)s") % {"code": held, "other": undone}, conflict=True)
    opposite = {
        AssemblyKind.ASSEMBLE: AssemblyKind.DISASSEMBLE,
        AssemblyKind.DISASSEMBLE: AssemblyKind.ASSEMBLE,
    }[AssemblyKind(held.kind)]
    parts = dict(held.parts.values_list("component_id", "units"))
    return _do(_Deed(opposite, held.bundle, held.location, held.quantity, parts, note, actor, reverses=held))


def _recipe(bundle: Sku) -> Mapping[int, int]:
    recipe = recipes_of([bundle.pk]).get(bundle.pk)
    if recipe is None:
        raise AssemblyError(_("%(sku)s is no bundle: say what it is made of first") % {"sku": bundle}, field="sku")
    return recipe.parts


def _do(deed: _Deed) -> Assembly:
    _check(deed)
    pairs = [(sku_id, deed.location.pk) for sku_id in (deed.bundle.pk, *deed.parts)]
    levels = lock_levels(pairs)
    _refuse_short(deed, levels)
    document = _write(deed)
    post(_postings(deed, document), actor=deed.actor, cause="assembly", reference=document.reference, levels=levels)
    return document


def _check(deed: _Deed) -> None:
    if not 0 < deed.kits <= LARGEST // max(deed.parts.values()):
        raise AssemblyError(_("%(kits)d kits cannot be made or taken apart") % {"kits": deed.kits}, field="quantity")
    if not deed.location.is_active:
        raise AssemblyError(_("%(place)s is not active") % {"place": deed.location}, field="location")


def _refuse_short(deed: _Deed, levels: LockedLevels) -> None:
    wanted = (
        {deed.bundle.pk: deed.kits}
        if deed.kind == AssemblyKind.DISASSEMBLE
        else {sku_id: deed.kits * units for sku_id, units in deed.parts.items()}
    )
    there = {sku_id: levels[sku_id, deed.location.pk].available for sku_id in wanted}
    short = {sku_id: units for sku_id, units in wanted.items() if units > there[sku_id]}
    if short:
        codes = Sku.objects.filter(pk__in=short).order_by("code").values_list("pk", "code")
        place = deed.location.code
        raise InsufficientStock([Short(code, place, short[pk], there[pk]) for pk, code in codes])


def _write(deed: _Deed) -> Assembly:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('inventory_assembly', 'id'))")
        pk: int = cursor.fetchone()[0]
    document = Assembly.objects.create(
        pk=pk, code=f"K-{pk:05}", kind=deed.kind, bundle=deed.bundle, location=deed.location, quantity=deed.kits,
        note=deed.note[:200], actor=deed.actor, made_at=clock.now(), reverses=deed.reverses,
    )  # fmt: skip
    AssemblyPart.objects.bulk_create(
        AssemblyPart(assembly=document, component_id=sku_id, units=units)
        for sku_id, units in sorted(deed.parts.items())
    )
    return document


def _postings(deed: _Deed, document: Assembly) -> list[Posting]:
    """What goes out first, then what comes in of it."""
    place, reference = deed.location.pk, document.reference

    def moved(sku_id: int, units: int, lot: Lot | None, *, comes: bool) -> Posting:
        states = (State.ASSEMBLY, State.AVAILABLE) if comes else (State.AVAILABLE, State.ASSEMBLY)
        what = (sku_id, place, *states, units, Reason.ASSEMBLY, reference, deed.note[:200])
        return Posting(*what, lot=lot, unlotted=comes)

    made = deed.kind == AssemblyKind.ASSEMBLE
    kits = moved(deed.bundle.pk, deed.kits, deed.lot, comes=made)
    parts = [moved(sku_id, deed.kits * units, None, comes=not made) for sku_id, units in sorted(deed.parts.items())]
    return [*parts, kits] if made else [kits, *parts]
