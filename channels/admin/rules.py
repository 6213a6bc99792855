"""Allocation rules: what each channel may see."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from inventory.admin.base import BackOfficeAdmin

from .. import rules
from ..allocation import registry
from ..allocation.rules.base import RuleError
from ..models import AllocationRule


class RuleForm(forms.ModelForm):
    """Checked by the rule's own kind."""

    class Meta:
        model = AllocationRule
        fields = ("kind", "channel", "sku", "category", "tag", "value", "enabled", "starts_at", "ends_at", "note")

    def clean(self) -> dict[str, Any]:
        """The kind says which values make sense."""
        values = super().clean() or {}
        starts, ends = values.get("starts_at"), values.get("ends_at")
        if starts and ends and starts >= ends:
            self.add_error("ends_at", _("A rule ends after it starts."))
        code = values.get("kind")
        if code and "value" in values:
            kind = registry.get(code)
            if not kind.takes_value:
                values["value"] = None
            try:
                kind.check(values["value"])
            except RuleError as error:
                self.add_error("value", str(error))
        return values


@admin.register(AllocationRule)
class AllocationRuleAdmin(BackOfficeAdmin):
    """One decision each; the most specific of a kind wins, then the newest."""

    empty_hint = _("Without rules every channel shows all that is available.")
    form = RuleForm
    list_display = ("kind", "value_text", "scope", "enabled", "starts_at", "ends_at", "note")
    list_select_related = ("channel", "sku")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("channel", RelatedDropdownFilter),
        ("enabled", BooleanRadioFilter),
        "category",
    )
    search_fields = ("sku__code", "sku__name", "channel__code", "channel__name", "category", "tag", "note")
    autocomplete_fields = ("channel", "sku")
    fieldsets = (
        (None, {"fields": (("kind", "value"), "enabled", "note")}),
        (
            _("Where it applies"),
            {
                "fields": (("channel", "sku"), ("category", "tag")),
                "description": _("It applies where all given fields match. Leave all empty for everything."),
            },
        ),
        (_("When"), {"fields": ("starts_at", "ends_at")}),
    )

    def save_model(self, request: HttpRequest, obj: AllocationRule, form: Any, change: bool) -> None:
        """Saving owes a number to every listing that the rule touches or touched."""
        rules.save_rule(obj)

    def delete_model(self, request: HttpRequest, obj: AllocationRule) -> None:
        """So does deleting."""
        rules.delete_rule(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AllocationRule]) -> None:
        """One by one: each owes its own listings."""
        for rule in queryset:
            rules.delete_rule(rule)

    @display(description=_("value"), ordering="value")
    def value_text(self, rule: AllocationRule) -> str | None:
        """Without needless zeros."""
        return None if rule.value is None else f"{rule.value.normalize():f}"

    @display(description=_("applies to"))
    def scope(self, rule: AllocationRule) -> str:
        """All of its given fields."""
        parts = [str(part) for part in (rule.channel, rule.sku, rule.category, rule.tag) if part]
        return " + ".join(parts) or str(_("everything"))
