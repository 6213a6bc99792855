"""Whose a location's units are: they go from one company to another by a transfer, which carries their cost."""

from django.utils.translation import gettext as _

from ..companies import company_of, home_company
from ..errors import CostError
from ..models import Location, StockLevel
from ..models.ledger import INSIDE
from .projection import advance, lock_horizon


def check_owner(location: Location) -> None:
    """Raise CostError where a location that has units would pass to another company. What it had is valued before that."""
    before = Location.objects.filter(pk=location.pk).first() if location.pk else None
    if before is None or before.company_id == location.company_id:
        return
    target = home_company().pk if location.company_id is None else location.company_id
    if company_of(before).pk == target:
        return
    horizon = lock_horizon()
    while advance(horizon):
        pass
    for level in StockLevel.objects.filter(location=location):
        if any(getattr(level, state.value) for state in INSIDE):
            said = _("%s has units: transfer them to a location of the other company instead")
            raise CostError(said % location, field="company", conflict=True)
