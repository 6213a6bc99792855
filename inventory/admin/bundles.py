"""What a SKU is made of, on its page; kits put together and taken apart; lists of both."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ..assemblies import assemble, disassemble, reverse
from ..bundles import Component, complaints, set_components, set_make_up
from ..kernel.quantities import LARGEST
from ..models import Assembly, AssemblyKind, AssemblyPart, BundleComponent, BundlePart, BundlePlace, Location, Sku
from ..recipes import kits_now
from .base import RecordAdmin, actor, places_of
from .export import CsvExport
from .forms import ReasonForm, only_places
from .inlines import ReadInline
from .pages import ask, find, page_of

#: So many bundles are named on the page of a SKU that is in them.
NAMED = 20


class ComponentFormSet(BaseInlineFormSet):
    """All components together, checked as the API checks them."""

    def clean(self) -> None:
        """Put each complaint beside its component."""
        super().clean()
        kept = [
            form for form in self.forms if form.is_valid() and form.cleaned_data and not form.cleaned_data["DELETE"]
        ]
        self.given = [Component(form.cleaned_data["component"], form.cleaned_data["quantity"]) for form in kept]
        if self.instance.pk is not None:
            for place, message in complaints(self.instance, self.given).items():
                kept[place].add_error("component", message)

    def validate_unique(self) -> None:
        """Left to ``clean``, which says which is named twice."""

    def keep(self) -> None:
        """By the verb that the API uses too."""
        set_components(self.instance, self.given)


class ComponentForm(forms.ModelForm):
    """One component. What may not be in a bundle is left to the form set, which says why."""

    class Meta:
        model = BundleComponent
        fields = ("component", "quantity")

    def _get_validation_exclusions(self) -> set[str]:
        return {*super()._get_validation_exclusions(), "bundle"}  # type: ignore[misc]


class ComponentInline(TabularInline):
    """What one of it is made of."""

    model = BundleComponent
    fk_name = "bundle"
    form = ComponentForm
    formset = ComponentFormSet
    fields = ("component", "quantity")
    autocomplete_fields = ("component",)
    extra = 0
    verbose_name = gettext_lazy("component")
    verbose_name_plural = gettext_lazy("Made of")
    hide_title = True

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """A choice among SKUs, which are made and changed on their own pages: a small screen has no room for both."""
        formset = super().get_formset(request, obj, **kwargs)
        widget: Any = formset.form.base_fields["component"].widget if "component" in formset.form.base_fields else None
        for name in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if widget is not None:
                setattr(widget, name, False)
        return formset


class PlaceFormSet(BaseInlineFormSet):
    """The locations at which a bundle is made up otherwise."""

    def keep(self) -> None:
        """By the verb that the API uses too."""
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data["DELETE"]]
        set_make_up(self.instance, places={row["location"]: row["mode"] for row in kept})


class PlaceInline(TabularInline):
    """Locations at which a bundle is made up otherwise."""

    model = BundlePlace
    fk_name = "bundle"
    formset = PlaceFormSet
    fields = ("location", "mode")
    extra = 0
    verbose_name = gettext_lazy("location")
    verbose_name_plural = gettext_lazy("Made up otherwise at")
    hide_title = True


class WithKits(ChangeList):
    """A list of SKUs that knows of the bundles on its page how many there are."""

    def get_results(self, request: HttpRequest) -> None:
        """Asked for once for the whole page."""
        super().get_results(request)
        places = places_of(request)
        kits = kits_now([sku.pk for sku in self.result_list], location_ids=places)
        for sku in self.result_list:
            sku.kits = kits.get(sku.pk)


def stock_of(sku: Sku, places: frozenset[int] | None) -> SafeString:
    """How many of a bundle there are, where, and what limits that."""
    kits = kits_now([sku.pk], location_ids=places).get(sku.pk)
    if kits is None:
        return format_html("{}", _("Not a bundle: it is made of nothing else."))
    parts = dict(BundlePart.objects.filter(bundle=sku).values_list("component", "component__code"))
    units = dict(BundlePart.objects.filter(bundle=sku).values_list("component", "units"))
    total = ngettext("%d for sale", "%d for sale", kits.available) % kits.available
    said = [_("%(packed)d packed, %(made)d to be put together") % {"packed": kits.packed, "made": kits.made}]
    codes = Location.objects.in_bulk({*kits.made_at, *kits.packed_at})
    said += [
        _("%(place)s: %(packed)d packed, %(made)d to be put together")
        % {"place": codes[place].code, "packed": kits.packed_at.get(place, 0), "made": kits.made_at.get(place, 0)}
        for place in codes
        if kits.packed_at.get(place) or kits.made_at.get(place)
    ]
    made_of = ", ".join(f"{units[part]} × {parts[part]}" for part in parts)
    said.append(_("In the end one is %(parts)s") % {"parts": made_of})
    if kits.limit_id is not None:
        said.append(_("%(sku)s limits it: more of it would make more.") % {"sku": parts[kits.limit_id]})
    return format_html("<strong>{}</strong>{}", total, format_html_join("", "<br>{}", ((text,) for text in said)))


def bundles_of(sku: Sku) -> SafeString | str:
    """The bundles that a SKU is a part of, and the way to them."""
    rows = BundlePart.objects.filter(component=sku).select_related("bundle").order_by("bundle__code")
    found = list(rows[: NAMED + 1])
    links = format_html_join(
        ", ",
        '<a class="so-link" href="{}">{}</a> (× {})',
        ((page_of(row.bundle), row.bundle.code, row.units) for row in found[:NAMED]),
    )
    if len(found) > NAMED:
        return format_html("{}, {}", links, _("and more"))
    return links or _("It is in no bundle.")


class AssembleForm(ReasonForm):
    """How many, where, and which way."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What"),
        choices=[
            (AssemblyKind.ASSEMBLE, gettext_lazy("Put together")),
            (AssemblyKind.DISASSEMBLE, gettext_lazy("Take apart")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    location = forms.ModelChoiceField(
        Location.objects.filter(is_active=True),
        label=gettext_lazy("Location"),
        widget=UnfoldAdminSelectWidget,
        empty_label=None,
    )
    quantity = forms.IntegerField(
        label=gettext_lazy("Kits"), min_value=1, max_value=LARGEST, widget=UnfoldAdminIntegerFieldWidget
    )
    lot = forms.CharField(
        label=gettext_lazy("Lot"),
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Of the kits, where they keep lots."),
    )
    field_order = ("kind", "location", "quantity", "lot", "reason")

    def __init__(self, *args: Any, places: frozenset[int] | None = None, lots: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        only_places(self.fields["location"], places)
        if not lots:
            del self.fields["lot"]


def ask_assemble(admin_: Any, request: HttpRequest, *, sku: Sku, back: str) -> HttpResponse:
    """The page that puts kits together or takes them apart."""

    def deed(values: dict[str, Any]) -> str:
        verb = assemble if values["kind"] == AssemblyKind.ASSEMBLE else disassemble
        made = verb(
            bundle=sku, location=values["location"], quantity=values["quantity"], lot=values.get("lot", ""),
            note=values["reason"], actor=actor(request),
        )  # fmt: skip
        said = _("%(code)s: %(kits)d of %(sku)s put together at %(place)s.")
        if values["kind"] == AssemblyKind.DISASSEMBLE:
            said = _("%(code)s: %(kits)d of %(sku)s taken apart at %(place)s.")
        return said % {"code": made, "kits": made.quantity, "sku": sku, "place": made.location}

    says = [
        _("Components leave the shelf and kits come to it, or the other way round; all of it or nothing."),
        _("What went in is kept, and can be undone from the assembly's page."),
    ]
    options = {"places": places_of(request), "lots": sku.tracks_lots}
    title = _("Put together or take apart %(sku)s") % {"sku": sku.code}
    return ask(
        admin_, request, title=title, deed=deed, back=back, says=says, form_class=AssembleForm, form_options=options,
        subjects=[sku], submit=_("Do it"),
    )  # fmt: skip


class PartInline(ReadInline):
    """What went into each kit, or came of it."""

    model = AssemblyPart
    fields = readonly_fields = ("component", "units")
    joins = ("component",)
    verbose_name_plural = gettext_lazy("In each kit")


@admin.register(Assembly)
class AssemblyAdmin(CsvExport, RecordAdmin):
    """Kits that were put together and taken apart."""

    empty_hint = gettext_lazy("Open a bundle's page to put kits together or take them apart.")
    list_display = ("code", "kind", "bundle", "location", "quantity", "made_at", "actor", "note", "undone")
    list_display_links = ("code",)
    list_select_related = ("bundle", "location", "reverses", "reversed_by")
    list_filter = (
        ("kind", ChoicesDropdownFilter), ("location", RelatedDropdownFilter), ("made_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("code", "note", "bundle__code", "bundle__name", "bundle__codes__code")
    search_help_text = gettext_lazy("Code, note, or part of the bundle's name or of any of its codes")
    fields = (
        ("code", "kind"),
        ("bundle", "location"),
        "quantity",
        ("made_at", "actor"),
        "note",
        ("reverses", "undone"),
    )
    inlines = (PartInline,)
    actions_detail = ("reverse_one",)
    csv_columns = (
        ("code", "code"), ("kind", "kind"), ("bundle", "bundle.code"), ("location", "location.code"),
        ("quantity", "quantity"), ("made_at", "made_at"), ("actor", "actor"), ("note", "note"),
        ("undoes", "reverses.code"), ("undone_by", "reversed_by.code"),
    )  # fmt: skip

    @display(description=gettext_lazy("undone by"))
    def undone(self, assembly: Assembly) -> SafeString | None:
        """Its opposite, if there is one."""
        other = getattr(assembly, "reversed_by", None)
        return format_html('<a class="so-link" href="{}">{}</a>', page_of(other), other.code) if other else None

    @action(description=gettext_lazy("Undo"), icon="undo", url_path="reverse", permissions=["operate"])
    def reverse_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Its opposite, of what went in then."""
        held = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            made = reverse(held, note=values["reason"], actor=actor(request))
            return _("%(code)s is undone by %(other)s.") % {"code": held, "other": made}

        says = [_("Whatever the bundle is made of by now: what went in then comes back.")]
        return ask(
            self, request, title=_("Undo %s") % held, deed=deed, back=page_of(held), says=says, subjects=[held],
            submit=_("Undo"),
        )  # fmt: skip


@admin.register(BundleComponent)
class BundleComponentAdmin(CsvExport, RecordAdmin):
    """What every bundle is made of. Changed on the bundle's own page."""

    empty_hint = gettext_lazy("Open a SKU and say what it is made of.")
    list_display = ("bundle_link", "bundle_name", "component", "quantity", "mode")
    list_display_links = None
    list_select_related = ("bundle", "component")
    list_filter = (("bundle__bundle_mode", ChoicesDropdownFilter),)
    search_fields = ("bundle__code", "bundle__name", "component__code", "component__name")
    search_help_text = gettext_lazy("Part of a bundle's or component's code or name")
    ordering = ("bundle__code", "pk")
    fields = (("bundle", "component"), "quantity")
    csv_columns = (("bundle", "bundle.code"), ("component", "component.code"), ("quantity", "quantity"))

    @display(description=gettext_lazy("bundle"), ordering="bundle__code")
    def bundle_link(self, row: BundleComponent) -> SafeString:
        """The bundle, and the way to its page."""
        return format_html('<a class="so-link" href="{}">{}</a>', page_of(row.bundle), row.bundle.code)

    @display(description=gettext_lazy("name"), ordering="bundle__name")
    def bundle_name(self, row: BundleComponent) -> str:
        """The bundle's name."""
        return row.bundle.name

    @display(description=gettext_lazy("made up"))
    def mode(self, row: BundleComponent) -> str:
        """Put together when sold, or packed before."""
        return row.bundle.get_bundle_mode_display()
