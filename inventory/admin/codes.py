"""The codes of a SKU, on its page; and the page that renames it."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget

from .. import catalogue
from ..codes import GIVEN, Given, complaints
from ..models import CodeKind, Sku, SkuCode
from .forms import ReasonForm
from .pages import ask


class CodeForm(forms.ModelForm):
    """One code. What it was called before can be kept or given up, not made."""

    class Meta:
        model = SkuCode
        fields = ("code", "kind", "units")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_old = self.instance.kind == CodeKind.OLD and self.instance.pk is not None
        kinds = (CodeKind.OLD,) if is_old else GIVEN
        self.fields["kind"].choices = [(kind.value, kind.label) for kind in kinds]  # type: ignore[attr-defined]

    def _get_validation_exclusions(self) -> set[str]:
        """Whether a code may be given is left to the form set, which says whose it is."""
        return {*super()._get_validation_exclusions(), "code", "kind"}  # type: ignore[misc]


class CodeFormSet(BaseInlineFormSet):
    """All of them together, checked as the API checks them."""

    def clean(self) -> None:
        """Put each complaint beside its code."""
        super().clean()
        kept = [
            form for form in self.forms if form.is_valid() and form.cleaned_data and not form.cleaned_data["DELETE"]
        ]
        self.given = [
            Given(form.cleaned_data["code"], form.cleaned_data["kind"], form.cleaned_data["units"]) for form in kept
        ]
        if self.instance.pk is not None:
            for place, message in complaints(self.instance, self.given).items():
                kept[place].add_error("code", message)

    def validate_unique(self) -> None:
        """Left to ``clean``, which says whose a code is."""


class CodeInline(TabularInline):
    """What a SKU is known by besides its own code."""

    model = SkuCode
    form = CodeForm
    formset = CodeFormSet
    fields = ("code", "kind", "units")
    extra = 0
    verbose_name = gettext_lazy("other code")
    verbose_name_plural = gettext_lazy("Other codes")
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[SkuCode]:
        """Without its own, which stands above."""
        return super().get_queryset(request).exclude(kind=CodeKind.OWN).order_by("kind", "code")


class RenameForm(ReasonForm):
    """The new code."""

    code = forms.CharField(label=gettext_lazy("New code"), max_length=100, widget=UnfoldAdminTextInputWidget)
    field_order = ("code", "reason")


def ask_rename(admin_: Any, request: HttpRequest, *, sku: Sku, back: str) -> HttpResponse:
    """The page that gives a SKU another code."""

    def deed(values: dict[str, Any]) -> str:
        former = sku.code
        catalogue.rename(sku, values["code"])
        return _("%(former)s is %(code)s from now on; its old code goes on leading to it.") % {
            "former": former,
            "code": sku.code,
        }

    says = [
        _("The old code goes on working: in scans, searches, programs and orders."),
        _("Listings, stock and history stay as they are."),
    ]
    title = _("Rename %(sku)s") % {"sku": sku.code}
    return ask(
        admin_, request, title=title, deed=deed, back=back, says=says, form_class=RenameForm, subjects=[sku],
        submit=_("Rename"),
    )  # fmt: skip
