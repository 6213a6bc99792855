"""Forms of the pages on which people act on stock."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from ..kernel.quantities import LARGEST
from ..models import Location, Reason, Sku, State, StockLevel
from ..models.ledger import BY_HAND

#: What a person may say; the other reasons belong to documents.
HUMAN_REASONS = (
    Reason.COUNT,
    Reason.DAMAGE,
    Reason.THEFT,
    Reason.LOSS,
    Reason.FOUND,
    Reason.QUALITY,
    Reason.RECEIPT,
    Reason.OPENING,
    Reason.RELOCATION,
    Reason.CORRECTION,
    Reason.OTHER,
)
MOVABLE = [(state.value, state.label) for state in BY_HAND]


class ReasonForm(forms.Form):
    """Why it is done, in a person's words; kept in the history of each row."""

    reason = forms.CharField(label=_("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)


def only_places(field: Any, places: frozenset[int] | None) -> None:
    """Let a field offer these locations alone; None is all of them."""
    if places is not None:
        field.queryset = field.queryset.filter(pk__in=places)


class StockForm(forms.Form):
    """What adjusting and moving have in common. The hidden key makes a double click harmless."""

    location = forms.ModelChoiceField(
        Location.objects.all(), label=_("Location"), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[("", _("Choose a reason")), *((reason.value, reason.label) for reason in HUMAN_REASONS)],
        widget=UnfoldAdminSelectWidget,
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Needed for Other."),
    )
    reference = forms.CharField(
        label=_("Reference"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("The document behind it, if any."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(
        self, *args: Any, level: StockLevel | None = None, places: frozenset[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        only_places(self.fields["location"], places)
        if level is not None:
            field = self.fields["location"]
            field.initial, field.disabled = level.location, True

    def clean(self) -> dict[str, Any]:
        """A reason of one's own is text."""
        values = super().clean() or {}
        if values.get("reason") == Reason.OTHER and not values.get("note", "").strip():
            self.add_error("note", _("Say what the reason is."))
        return values

    @staticmethod
    def deed(values: dict[str, Any]) -> dict[str, Any]:
        """The values that every verb on stock takes."""
        return {
            "location": values["location"],
            "reason": values["reason"],
            "note": values["note"].strip(),
            "reference": values["reference"].strip(),
            "key": f"admin:{values['key']}",
        }


class AdjustForm(StockForm):
    """Add or take units, or say how many there are."""

    CHANGE, SET = "change", "set"
    how = forms.ChoiceField(
        label=_("How"),
        choices=[(CHANGE, _("Add or take units (as 5 or -3)")), (SET, _("Set the number to"))],
        widget=UnfoldAdminSelectWidget,
    )
    quantity = forms.IntegerField(
        label=_("Units"), min_value=-LARGEST, max_value=LARGEST, widget=UnfoldAdminIntegerFieldWidget
    )
    state = forms.ChoiceField(label=_("State"), choices=MOVABLE, widget=UnfoldAdminSelectWidget)
    unit_cost = forms.DecimalField(
        label=_("Unit cost"), required=False, min_value=0, max_digits=18, decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Of units that come in, in the company's own currency. Empty: the SKU's own."),
    )  # fmt: skip
    lot = forms.CharField(
        label=_("Lot"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget,
        help_text=_("Needed for what comes in. What goes is by default what expires first."),
    )  # fmt: skip
    expires_on = forms.DateField(
        label=_("Expires on"), required=False, widget=UnfoldAdminSingleDateWidget,
        help_text=_("Of a lot that is new; a known lot has its own for ever. Empty: never."),
    )  # fmt: skip
    field_order = (
        "location",
        "how",
        "quantity",
        "state",
        "lot",
        "expires_on",
        "unit_cost",
        "reason",
        "note",
        "reference",
    )

    def __init__(self, *args: Any, costs: bool = False, lots: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in (() if costs else ("unit_cost",)) + (() if lots else ("lot", "expires_on")):
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """A number of units is never negative, and a change of nothing is none."""
        values = super().clean()
        quantity = values.get("quantity")
        if quantity is not None and values.get("how") == self.SET and quantity < 0:
            self.add_error("quantity", _("A number of units is 0 or more."))
        if quantity == 0 and values.get("how") == self.CHANGE:
            self.add_error("quantity", _("A change of 0 units changes nothing."))
        return values


class MoveForm(StockForm):
    """Move units between two states of one location."""

    from_state = forms.ChoiceField(label=_("From"), choices=MOVABLE, widget=UnfoldAdminSelectWidget)
    to_state = forms.ChoiceField(
        label=_("To"), choices=MOVABLE, initial=State.QUARANTINE, widget=UnfoldAdminSelectWidget
    )
    quantity = forms.IntegerField(
        label=_("Units"), min_value=1, max_value=LARGEST, widget=UnfoldAdminIntegerFieldWidget
    )
    lot = forms.CharField(
        label=_("Lot"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget,
        help_text=_("Empty: what expires first."),
    )  # fmt: skip
    field_order = ("location", "from_state", "to_state", "quantity", "lot", "reason", "note", "reference")

    def __init__(self, *args: Any, lots: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not lots:
            del self.fields["lot"]

    def clean(self) -> dict[str, Any]:
        """From somewhere to somewhere else."""
        values = super().clean()
        if values.get("from_state") and values.get("from_state") == values.get("to_state"):
            self.add_error("to_state", _("Choose another state than the one they are in."))
        return values


def sku_field(**options: Any) -> forms.ModelChoiceField:
    """A SKU found by typing part of its code, name or barcode."""
    widget = AutocompleteSelect(StockLevel._meta.get_field("sku"), admin.site)
    return forms.ModelChoiceField(Sku.objects.filter(is_active=True), label=_("SKU"), widget=widget, **options)


class BinsForm(ReasonForm):
    """Where a SKU lies, the first to look in first."""

    bins = forms.CharField(
        label=_("Bins"), max_length=1100, required=False, widget=UnfoldAdminTextInputWidget,
        help_text=_("Several with commas between them, as A-2, A-10; the first is where to look first."),
    )  # fmt: skip
    field_order = ("bins", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False

    def clean_bins(self) -> list[str]:
        """One by one."""
        return [name.strip() for name in self.cleaned_data["bins"].split(",") if name.strip()]
