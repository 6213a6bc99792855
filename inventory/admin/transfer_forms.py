"""Forms of transfers: what is to go, and how many units of each line leave, come or are lost."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import F, QuerySet
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from ..kernel.quantities import LARGEST
from ..manifest import Arrived, Units
from ..models import SkuCode, Transfer, TransferLine

#: A page asks about so many lines; who has more does them in turns, or by the API.
LINES_AT_ONCE = 300


class TransferForm(forms.ModelForm):
    """From where to where. One end is of the person's own locations, where they are limited to some."""

    places: frozenset[int] | None = None

    class Meta:
        model = Transfer
        fields = ("code", "from_location", "to_location", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "code" in self.fields:
            self.fields["code"].required = False
            self.fields["code"].help_text = _("Leave it empty and one is made.")

    def clean(self) -> dict[str, Any]:
        """Somewhere else, and one's own business."""
        values = super().clean() or {}
        source, target = values.get("from_location"), values.get("to_location")
        if source and source == target:
            self.add_error("to_location", _("Choose another location than the one that it comes from."))
        if source and target and self.places is not None and not self.places & {source.pk, target.pk}:
            self.add_error("from_location", _("One of the two is to be a location of yours."))
        if "/" in values.get("code", ""):
            self.add_error("code", _("A code has no slash: it is part of addresses."))
        return values


class LineForm(forms.ModelForm):
    """Units of one SKU."""

    quantity = forms.IntegerField(
        label=_("units"), min_value=1, max_value=LARGEST, widget=UnfoldAdminIntegerFieldWidget
    )

    class Meta:
        model = TransferLine
        fields = ("sku", "quantity")

    def validate_unique(self) -> None:
        """Rows replace those that there are: the formset looks at all of them together."""

    def validate_constraints(self) -> None:
        """The same."""


class LineFormSet(BaseInlineFormSet):
    """At least one line, each SKU once."""

    def clean(self) -> None:
        """Name each row that is there twice."""
        seen: set[int] = set()
        for form in self.forms:
            sku = None if form.cleaned_data.get("DELETE") else form.cleaned_data.get("sku")
            if sku is None:
                continue
            if sku.pk in seen:
                form.add_error("sku", gettext("%s is there already: put its units into one line.") % sku.code)
            seen.add(sku.pk)
        if not seen and not any(self.errors):
            raise forms.ValidationError(gettext("Name at least one SKU with its units."))

    def lines(self) -> list[Units]:
        """What the verbs take."""
        kept = [form.cleaned_data for form in self.forms if not form.cleaned_data.get("DELETE")]
        return [Units(values["sku"], values["quantity"]) for values in kept if values.get("sku")]


def waiting_lines(transfer: Transfer) -> QuerySet[TransferLine]:
    """The lines of which something has still to leave."""
    rows = transfer.lines.filter(quantity__gt=F("dispatched"))
    return rows.select_related("sku").order_by("position", "pk")


def lines_under_way(transfer: Transfer) -> QuerySet[TransferLine]:
    """The lines of which something has left and not come."""
    settled = F("received") + F("damaged") + F("lost") + F("returned")
    return transfer.lines.filter(dispatched__gt=settled).select_related("sku").order_by("position", "pk")


class StepForm(forms.Form):
    """A step of a transfer. The hidden key makes a double click harmless."""

    reason = forms.CharField(label=_("Note"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget)
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def clean(self) -> dict[str, Any]:
        """With ``step_key``, as the verbs take it."""
        values = super().clean() or {}
        return {**values, "step_key": f"admin:{values.get('key')}"}


class CancelForm(StepForm):
    """Ends it; why is kept."""

    reason = forms.CharField(label=_("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)


class UnitsForm(StepForm):
    """How many units of each line, in one or two columns."""

    columns: tuple[tuple[str, Any], ...] = ()
    head: Any = ""  # what the number beside each line is
    scans = False

    def __init__(self, *args: Any, rows: Sequence[TransferLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = list(rows)
        for row in self.rows:
            for name, label in self.columns:
                self.fields[f"{name}_{row.pk}"] = forms.IntegerField(
                    label=f"{row.sku}: {label}", min_value=0, max_value=LARGEST, required=False,
                    initial=self.proposed(row), widget=UnfoldAdminIntegerFieldWidget,
                )  # fmt: skip

    def proposed(self, row: TransferLine) -> int:
        """What stands there first."""
        return 0

    def most(self, row: TransferLine) -> int:
        """How many there can be."""
        return row.under_way

    def table(self) -> list[dict[str, Any]]:
        """The lines with their boxes."""
        return [
            {"row": row, "most": self.most(row), "cells": [self[f"{name}_{row.pk}"] for name, _label in self.columns]}
            for row in self.rows
        ]

    def codes(self) -> list[dict[str, int]]:
        """What a scanner may type for each of the lines, and how many units each such scan is."""
        known: dict[int, dict[str, int]] = {row.sku_id: {} for row in self.rows}
        for sku_id, code, units in SkuCode.objects.filter(sku__in=known).values_list("sku", "code", "units"):
            known[sku_id][code] = units
        return [{row.sku.barcode: 1, **known[row.sku_id]} for row in self.rows]

    def units(self, row: TransferLine, name: str) -> int:
        """What was typed into one box."""
        return self.cleaned_data.get(f"{name}_{row.pk}") or 0

    def clean(self) -> dict[str, Any]:
        """At least one unit; ``lines`` is what the verb takes."""
        values = super().clean()
        counted = [row for row in self.rows if any(values.get(f"{name}_{row.pk}") for name, _label in self.columns)]
        if not counted and not self.errors:
            self.add_error(None, _("Say how many units."))
        self.cleaned_data = values
        return {**values, "lines": [self.line(row) for row in counted]}

    def line(self, row: TransferLine) -> Any:
        """One line as the verb takes it."""
        return Units(row.sku, self.units(row, self.columns[0][0]))


class DispatchForm(UnitsForm):
    """All that waits leaves, unless told otherwise."""

    columns = (("leaves", _("Leaves now")),)
    head = _("To dispatch")

    def proposed(self, row: TransferLine) -> int:
        """All of it."""
        return row.waiting

    def most(self, row: TransferLine) -> int:
        """What has not left yet."""
        return row.waiting


class ReceiveForm(UnitsForm):
    """Scanned or typed: good units, and damaged ones beside them."""

    columns = (("good", _("Good")), ("damaged", _("Damaged")))
    head = _("Under way")
    scans = True

    def line(self, row: TransferLine) -> Arrived:
        """Good and damaged."""
        return Arrived(row.sku, self.units(row, "good"), self.units(row, "damaged"))


class LoseForm(UnitsForm):
    """What will not come."""

    columns = (("lost", _("Lost")),)
    head = _("Under way")
    reason = forms.CharField(label=_("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
