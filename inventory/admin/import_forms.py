"""Forms of the pages on which files are brought in."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from ..imports.kind import Kind

#: In the choice of a column: none, and one text for all rows.
NONE, FIXED = "", "="


class UploadForm(forms.Form):
    """A file, and what it has."""

    kind = forms.ChoiceField(label=_("What it has"), widget=UnfoldAdminSelectWidget)
    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.tsv,.xlsx"}),
        help_text=_("CSV in UTF-8, UTF-16 or Windows-1252, with any usual delimiter; or the first sheet of an XLSX."),
    )
    mode = forms.ChoiceField(
        label=_("Numbers of units"),
        required=False,
        choices=(("", _("Set to this number")), ("add", _("Add these units")), ("remove", _("Remove these units"))),
        widget=UnfoldAdminSelectWidget,
        help_text=_("For stock."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Kept with every change. It can be given later too."),
    )

    def __init__(self, *args: Any, kinds: Sequence[Kind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(kind.code, kind.label) for kind in kinds]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A way with numbers where there are any."""
        values = super().clean() or {}
        return {**values, "mode": values.get("mode", "") if values.get("kind") == "stock" else ""}


class MapForm(forms.Form):
    """For each field: its column, or one text for all rows."""

    preset_name = forms.CharField(
        label=_("Keep these columns as"),
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("A name, under which the next file of this sort is understood by itself."),
    )
    again = forms.BooleanField(
        label=_("Add the units once more, though this very file was applied"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )

    def __init__(self, *args: Any, kind: Kind, headings: Sequence[str], sees_cost: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns = kind.fields_for(sees_cost=sees_cost)
        choices = [(NONE, "–"), *((heading, heading) for heading in dict.fromkeys(headings) if heading)]
        for field in self.columns:
            self.fields[f"column_{field.name}"] = forms.ChoiceField(
                label=field.label,
                required=False,
                choices=[*choices, (FIXED, _("One text for all rows:"))],
                widget=UnfoldAdminSelectWidget,
            )
            self.fields[f"value_{field.name}"] = forms.CharField(
                label=_("Text for all rows"), required=False, max_length=300, widget=UnfoldAdminTextInputWidget
            )
        if not kind.adding:
            del self.fields["again"]

    def rows(self) -> list[dict[str, Any]]:
        """The fields of the table: what it is, its two inputs."""
        return [
            {"field": field, "column": self[f"column_{field.name}"], "value": self[f"value_{field.name}"]}
            for field in self.columns
        ]

    def mapping(self, *, skips: dict[str, Any]) -> dict[str, Any]:
        """What was chosen, as the verbs take it."""
        found: dict[str, Any] = {}
        for field in self.columns:
            column = self.cleaned_data[f"column_{field.name}"]
            if column == FIXED:
                found[field.name] = {"value": self.cleaned_data[f"value_{field.name}"]}
            elif column:
                found[field.name] = {"column": column, **skips.get(field.name, {})}
        return found


class ApplyForm(forms.Form):
    """Why."""

    reason = forms.CharField(label=_("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)


class UndoForm(forms.Form):
    """Why, and whether what has moved on may stay."""

    reason = forms.CharField(label=_("Reason"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget)
    rest = forms.BooleanField(
        label=_("Undo the rest where some rows have moved on"), required=False, widget=UnfoldBooleanSwitchWidget
    )
