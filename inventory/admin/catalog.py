"""Products and SKUs."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import BooleanRadioFilter, FieldTextFilter
from unfold.decorators import action, display

from .. import catalogue
from ..bundles import set_make_up
from ..codes import give_codes
from ..models import Product, Sku, SkuCode, StockLevel
from ..people.roles import at_places, standing_of
from .base import BackOfficeAdmin, money, places_of
from .bundles import (
    ComponentFormSet,
    ComponentInline,
    PlaceFormSet,
    PlaceInline,
    WithKits,
    ask_assemble,
    bundles_of,
    stock_of,
)
from .codes import CodeInline, ask_rename
from .counts import ask_count_now
from .exchange import Exchange
from .export import CsvExport
from .lots import ask_lots
from .pages import find, page_of
from .stock import STATES, ask_adjust, ask_move


@admin.register(Product)
class ProductAdmin(Exchange, BackOfficeAdmin):
    """What a buyer thinks of as one thing."""

    empty_hint = _("A product groups SKUs; one is made by itself for a SKU that comes by the API.")
    exchanges = "products"
    actions_list = ("bring_in_file", "write_all")
    list_display = ("code", "name", "category", "brand", "sku_count")
    list_filter = ("category", ("brand", FieldTextFilter))
    search_fields = ("code", "name", "category", "brand")
    fields = (("code", "name"), ("category", "brand"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        """With the number of SKUs."""
        return super().get_queryset(request).annotate(sku_total=Count("skus"))

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        """Rules may go by its category: channels hear of a change."""
        catalogue.save_product(obj)

    @display(description=_("SKUs"), ordering="sku_total")
    def sku_count(self, product: Any) -> SafeString:
        """How many SKUs it has, and the way to them."""
        address = f"{reverse('admin:inventory_sku_changelist')}?product__id__exact={product.pk}"
        return format_html('<a class="so-link" href="{}">{}</a>', address, product.sku_total)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A product that is there leads to its SKUs."""
        return (*self.fields, "sku_count") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """They are counted, not typed."""
        return ("sku_count",) if obj else ()


class LevelInline(TabularInline):
    """Where the SKU is, to read."""

    model = StockLevel
    fields = readonly_fields = ("location", "on_hand_units", *STATES)
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = _("Stock by location")
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockLevel]:
        """One query for all of this person's locations."""
        rows = super().get_queryset(request).select_related("location", "sku")
        return at_places(rows, standing_of(request.user)).order_by("location__priority", "location__code")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Stock changes by named actions."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Stock changes by named actions."""
        return False

    @display(description=_("on hand"))
    def on_hand_units(self, level: StockLevel) -> int:
        """All units there."""
        return level.on_hand


@admin.register(Sku)
class SkuAdmin(Exchange, CsvExport, BackOfficeAdmin):
    """The smallest thing counted and sold."""

    empty_hint = _("Add what you count and sell; programs can bring SKUs in bulk by the API.")
    list_display = ("code", "name", "barcode", "product", "price_text", "units_available", "everywhere", "is_active")
    list_select_related = ("product",)
    list_filter = (("is_active", BooleanRadioFilter), "product__category", ("product__brand", FieldTextFilter))
    search_fields = ("code", "name", "barcode", "codes__code")
    search_help_text = _("Part of any code, name or barcode")
    autocomplete_fields = ("product",)
    inlines = (LevelInline, ComponentInline, PlaceInline, CodeInline)
    exchanges = "skus"
    actions_list = ("export_csv", "bring_in_file", "write_all")
    actions_detail = (
        "adjust_stock",
        "count_now",
        "all_channels",
        {"title": _("More"), "icon": "more_horiz", "items": ["move_state", "assemble", "keep_lots", "rename"]},
    )
    fieldsets = (
        (None, {"fields": (("code", "name"), ("product", "barcode"), "tags", ("is_active", "tracks_lots"))}),
        (_("Money and weight"), {"fields": (("unit_cost", "price", "currency"), ("weight_grams", "volume_cm3"))}),
        (_("Bundle"), {"fields": (("bundle_mode", "ships_together"), "bundle_stock", "in_bundles")}),
    )
    csv_columns = (
        ("code", "code"),
        ("name", "name"),
        ("barcode", "barcode"),
        ("product", "product.code"),
        ("category", "product.category"),
        ("price", "price"),
        ("currency", "currency"),
        ("unit_cost", "unit_cost"),
        ("available", "available_sum"),
        ("active", "is_active"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sku]:
        """With the units available over all of this person's locations."""
        here = at_places(StockLevel.objects.all(), standing_of(request.user))
        levels = here.filter(sku=OuterRef("pk")).order_by().values("sku")
        available = Subquery(levels.annotate(total=Sum("available")).values("total"))
        return super().get_queryset(request).annotate(available_sum=available)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Programs know a SKU by its code."""
        return ("code", "tracks_lots", "bundle_stock", "in_bundles") if obj else ("bundle_stock", "in_bundles")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new SKU is made of nothing yet, and in nothing."""
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj else fieldsets[:-1]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With how many there are of a bundle at this person's locations."""
        sku = super().get_object(request, object_id, from_field)
        if sku is not None:
            sku.seen_places = places_of(request)
        return sku

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list knows of the bundles on its page."""
        return WithKits

    def get_inlines(self, request: HttpRequest, obj: Any) -> tuple[type[TabularInline], ...]:
        """A new SKU is nowhere yet."""
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A SKU with a history is made inactive instead."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.levels.exists())  # type: ignore[attr-defined]

    def has_stock_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Changing stock is another right than editing the SKU."""
        return bool(request.user.has_perm("inventory.change_stocklevel"))

    def save_model(self, request: HttpRequest, obj: Sku, form: Any, change: bool) -> None:
        """Rules may go by its tags: channels hear of a change."""
        catalogue.save_sku(obj)
        if change:
            set_make_up(obj, mode=obj.bundle_mode, ships_together=obj.ships_together)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Codes are given, and bundles made up, by the verbs that the API uses too."""
        if isinstance(formset, ComponentFormSet | PlaceFormSet):
            formset.save(commit=False)  # only for the history, which asks it what has changed
            if formset.has_changed():
                formset.keep()
            return
        if formset.model is not SkuCode:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)  # only for the history, which asks it what has changed
        if formset.has_changed():
            give_codes(form.instance, formset.given)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Also by product, which a product's page links to."""
        return lookup == "product__id__exact" or super().lookup_allowed(lookup, value, request)

    @display(description=_("price"), ordering="price")
    def price_text(self, sku: Sku) -> str | None:
        """The price with its currency."""
        return money(sku.price, sku.currency)

    @display(description=_("available"), ordering="available_sum")
    def units_available(self, sku: Any) -> int:
        """Units for sale over all locations; of a bundle, what is packed and what its components make."""
        kits = getattr(sku, "kits", None)
        return kits.available if kits else sku.available_sum or 0

    @display(description=_("for sale"))
    def bundle_stock(self, sku: Sku) -> SafeString:
        """How many of a bundle there are, and what limits that."""
        return stock_of(sku, getattr(sku, "seen_places", frozenset()))

    @display(description=_("in bundles"))
    def in_bundles(self, sku: Sku) -> SafeString | str:
        """The bundles that it is a part of."""
        return bundles_of(sku)

    @display(description=_("channels"))
    def everywhere(self, sku: Sku) -> SafeString:
        """The way to its page with all channels side by side."""
        return format_html(
            '<a class="so-link" href="{}">{}</a>', reverse("sku-everywhere", args=(sku.pk,)), _("All channels")
        )

    @action(description=_("All channels"), icon="view_column", url_path="everywhere", permissions=["view"])
    def all_channels(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The SKU on every channel side by side."""
        return redirect("sku-everywhere", pk=find(self, request, object_id).pk)

    @action(description=_("Rename"), icon="edit", url_path="rename", permissions=["change"])
    def rename(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give it another code; the old one goes on leading to it."""
        sku = find(self, request, object_id)
        return ask_rename(self, request, sku=sku, back=page_of(sku))

    @action(description=_("Put together, take apart"), icon="inventory_2", url_path="assemble", permissions=["stock"])
    def assemble(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make kits of their components at one location, or the other way round."""
        sku = find(self, request, object_id)
        return ask_assemble(self, request, sku=sku, back=page_of(sku))

    @action(description=_("Lots"), icon="event_busy", url_path="keep-lots", permissions=["change"])
    def keep_lots(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it keep lots, or no more."""
        sku = find(self, request, object_id)
        return ask_lots(self, request, sku=sku, back=page_of(sku))

    @action(description=_("Adjust stock"), icon="exposure", url_path="adjust", permissions=["stock"])
    def adjust_stock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add, take or set units at any location."""
        sku = find(self, request, object_id)
        return ask_adjust(self, request, sku=sku, level=None, back=page_of(sku))

    @action(description=_("Count now"), icon="barcode_scanner", url_path="count-now", permissions=["stock"])
    def count_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Count this SKU at one location."""
        sku = find(self, request, object_id)
        return ask_count_now(self, request, sku=sku, place=None, back=page_of(sku))

    @action(description=_("Move state"), icon="swap_horiz", url_path="move", permissions=["stock"])
    def move_state(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Move units between states at any location."""
        sku = find(self, request, object_id)
        return ask_move(self, request, sku=sku, level=None, back=page_of(sku))
