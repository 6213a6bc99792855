"""Forms of the pages on which people count."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from ..counts import MOST_DAYS
from ..models import CountScope, Location, StockClass
from ..models.location import MARKETPLACE_OWNED
from ..scanning import find_codes
from .forms import ReasonForm, only_places


class PlaceForm(forms.Form):
    """Where, and whether blind. A marketplace counts its own stock."""

    location = forms.ModelChoiceField(
        Location.objects.exclude(kind__in=MARKETPLACE_OWNED),
        label=_("Location"),
        widget=UnfoldAdminSelectWidget,
        empty_label=None,
    )
    blind = forms.BooleanField(
        label=_("Blind"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Whoever counts is not shown how many units are expected."),
    )

    def __init__(self, *args: Any, places: frozenset[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_places(self.fields["location"], places)


class OpenForm(PlaceForm):
    """What is to be counted."""

    scope = forms.ChoiceField(
        label=_("Count"),
        choices=[
            (scope.value, scope.label)
            for scope in (CountScope.ALL, CountScope.SKUS, CountScope.CLASS, CountScope.STALE)
        ],
        widget=UnfoldAdminSelectWidget,
    )
    codes = forms.CharField(
        label=_("SKUs"),
        required=False,
        max_length=200_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_("For chosen SKUs: any of their codes, one a line."),
    )
    stock_class = forms.ChoiceField(
        label=_("Class"),
        required=False,
        choices=StockClass.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=_("For a class: by the value that left the location in 90 days."),
    )
    days = forms.IntegerField(
        label=_("Days"),
        required=False,
        initial=90,
        min_value=1,
        max_value=MOST_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("For what was not counted for so many days."),
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget)
    field_order = ("location", "scope", "codes", "stock_class", "days", "blind", "note")

    def clean(self) -> dict[str, Any]:
        """What the scope needs; ``asked`` is what ``counts.open_count`` takes."""
        values = super().clean() or {}
        scope = values.get("scope")
        asked: dict[str, Any] = {}
        if scope == CountScope.SKUS:
            asked["skus"] = self._skus(values.get("codes", ""))
        elif scope == CountScope.CLASS:
            asked["stock_class"] = values.get("stock_class")
        elif scope == CountScope.STALE:
            asked["not_counted_days"] = values.get("days")
            if not values.get("days") and "days" not in self.errors:
                self.add_error("days", _("Say for how many days."))
        return {**values, "asked": asked}

    def _skus(self, text: str) -> list[Any]:
        codes = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
        if not codes:
            self.add_error("codes", _("Name at least one SKU."))
        skus, strange = find_codes(codes)
        if strange:
            self.add_error("codes", _("There is no SKU %s.") % ", ".join(code[:100] for code in strange[:10]))
        return skus


class SubmitForm(forms.Form):
    """Whether lines that nobody counted may stay as they are."""

    skip_uncounted = forms.BooleanField(
        label=_("Leave what is not counted as it is"), required=False, widget=UnfoldBooleanSwitchWidget
    )


class ConfirmForm(forms.Form):
    """Nothing to say, only to confirm."""


class RecountForm(ReasonForm):
    """Which lines: those over their tolerance, else all that differ, unless some are named."""

    codes = forms.CharField(
        label=_("SKUs"),
        required=False,
        max_length=200_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("One a line; empty: all lines over their tolerance, else all that differ."),
    )
    reason = forms.CharField(label=_("Reason"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget)

    def clean(self) -> dict[str, Any]:
        """``skus`` is what ``counts.recount`` takes."""
        values = super().clean() or {}
        codes = list(dict.fromkeys(line.strip() for line in values.get("codes", "").splitlines() if line.strip()))
        if not codes:
            return {**values, "skus": None}
        skus, strange = find_codes(codes)
        if strange:
            self.add_error("codes", _("There is no SKU %s.") % ", ".join(code[:100] for code in strange[:10]))
        return {**values, "skus": skus}
