"""Forms about lots, and the fields by which other forms name one."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from ..kernel.quantities import LARGEST
from ..models import Location, Lot
from ..models.lot import PLACES
from .forms import ReasonForm, only_places


def lot_field(**options: Any) -> forms.CharField:
    """A lot by its code, as it is printed on the goods."""
    return forms.CharField(label=_("Lot"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget, **options)


def expiry_field() -> forms.DateField:
    """When a lot expires."""
    return forms.DateField(
        label=_("Expires on"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text=_("Of a lot that is new; a known lot has its own for ever. Empty: never."),
    )


class AssignForm(ReasonForm):
    """Which units of a lot are of another one."""

    location = forms.ModelChoiceField(
        Location.objects.all(), label=_("Location"), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    place = forms.ChoiceField(
        label=_("Where"), choices=[(place.value, place.label) for place in PLACES[:-1]], widget=UnfoldAdminSelectWidget
    )
    quantity = forms.IntegerField(
        label=_("Units"), min_value=1, max_value=LARGEST, widget=UnfoldAdminIntegerFieldWidget
    )
    to_lot = forms.CharField(label=_("Are of the lot"), max_length=100, widget=UnfoldAdminTextInputWidget)
    expires_on = expiry_field()
    field_order = ("location", "place", "quantity", "to_lot", "expires_on", "reason")

    def __init__(self, *args: Any, lot: Lot, places: frozenset[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here: Any = self.fields["location"]
        here.queryset = here.queryset.filter(levels__lot_levels__lot=lot).distinct()
        only_places(here, places)
