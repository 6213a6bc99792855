"""Stock levels: how much is where, and the pages on which people change it."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import FieldTextFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from .. import bins
from ..adjustments import adjust, move
from ..availability import ON_HAND
from ..models import LedgerEntry, Sku, State, StockLevel, Transfer, ledger
from ..models.ledger import INSIDE
from .base import ConditionFilter, RecordAdmin, actor, places_of, shows_cost
from .exchange import Exchange
from .export import CsvExport
from .forms import AdjustForm, BinsForm, MoveForm
from .pages import ask, find, list_of, page_of

STATES = tuple(state.value for state in INSIDE)


class HoldingFilter(ConditionFilter):
    """Levels with units in one state, or with none to sell."""

    title = gettext_lazy("state")
    parameter_name = "holding"
    conditions: ClassVar = {
        "out": (gettext_lazy("Stocked out (none available)"), Q(available=0)),
        **{state.value: (state.label, Q(**{f"{state.value}__gt": 0})) for state in INSIDE},
    }


def ask_adjust(admin_: Any, request: HttpRequest, *, sku: Sku, level: StockLevel | None, back: str) -> HttpResponse:
    """The page that changes how many units there are."""

    def deed(values: dict[str, Any]) -> str:
        amount = "set_to" if values["how"] == AdjustForm.SET else "quantity"
        common = {**AdjustForm.deed(values), "unit_cost": values.get("unit_cost")}
        common |= {"lot": values.get("lot", ""), "expires_on": values.get("expires_on")}
        entry = adjust(sku=sku, state=values["state"], actor=actor(request), **{amount: values["quantity"]}, **common)
        return said(entry, sku)

    says = [_("Every channel that lists this SKU is told the new number.")]
    return ask(
        admin_,
        request,
        title=_("Adjust stock of %(sku)s") % {"sku": sku.code},
        deed=deed,
        back=back,
        says=says,
        form_class=AdjustForm,
        form_options={
            "level": level,
            "places": places_of(request),
            "costs": shows_cost(request),
            "lots": sku.tracks_lots,
        },
        subjects=[level or sku],
        submit=_("Adjust"),
    )


def ask_move(admin_: Any, request: HttpRequest, *, sku: Sku, level: StockLevel | None, back: str) -> HttpResponse:
    """The page that moves units between states."""

    def deed(values: dict[str, Any]) -> str:
        states = {name: values[name] for name in ("from_state", "to_state", "quantity")}
        common = {**MoveForm.deed(values), "lot": values.get("lot", "")}
        return said(move(sku=sku, actor=actor(request), **states, **common), sku)

    says = [
        _("Units stay on hand; only available ones are for sale."),
        _("Reserved units follow their orders and cannot be moved by hand."),
    ]
    return ask(
        admin_,
        request,
        title=_("Move stock of %(sku)s between states") % {"sku": sku.code},
        deed=deed,
        back=back,
        says=says,
        form_class=MoveForm,
        form_options={"level": level, "places": places_of(request), "lots": sku.tracks_lots},
        subjects=[level or sku],
        submit=_("Move"),
    )


def said(entry: LedgerEntry | None, sku: Sku) -> str:
    """What a change did, in words."""
    if entry is None:
        return _("%(sku)s: the number was that already; nothing changed.") % {"sku": sku.code}
    text = ngettext(
        "%(sku)s: %(count)d unit from %(source)s to %(target)s; available is now %(available)d.",
        "%(sku)s: %(count)d units from %(source)s to %(target)s; available is now %(available)d.",
        entry.quantity,
    )
    return text % {
        "sku": sku.code,
        "count": entry.quantity,
        "source": entry.get_from_state_display().lower(),
        "target": entry.get_to_state_display().lower(),
        "available": entry.available_after,
    }


@admin.register(StockLevel)
class StockLevelAdmin(Exchange, CsvExport, RecordAdmin):
    """How much of each SKU is where, by state, with the sums of what the list shows."""

    empty_hint = gettext_lazy("Stock appears here once it is brought in: open a SKU and adjust its stock.")
    list_display = ("sku", "sku_name", "location", "bins_text", "on_hand_units", *STATES[:-1], "coming")
    list_select_related = ("sku", "location")
    list_filter = (
        ("location", RelatedDropdownFilter),
        HoldingFilter,
        ("bins__bin", FieldTextFilter),
        "sku__product__category",
    )
    search_fields = ("sku__code", "sku__name", "sku__barcode", "bins__bin__iexact")
    search_help_text = gettext_lazy("Part of a SKU's code, name or barcode, or a whole bin")
    list_after_template = "admin/stock_totals.html"
    fields = (
        ("sku", "sku_name"),
        ("location", "bins_text"),
        "on_hand_units",
        ("available", "reserved"),
        ("quarantine", "damaged", "hold"),
        "coming",
        "number",
    )
    exchanges = "stock"
    actions_list = ("export_csv", "bring_in_file", "write_all")
    actions_detail = ("adjust_stock", "move_state", "edit_bins", "entries")
    csv_columns = (
        ("sku", "sku.code"),
        ("name", "sku.name"),
        ("barcode", "sku.barcode"),
        ("location", "location.code"),
        ("bins", lambda level: ", ".join(level.bin_names)),
        ("on_hand", "on_hand"),
        *((state, state) for state in STATES),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockLevel]:
        """With the sum of the states, for sorting."""
        level = OuterRef("pk")
        return (
            super()
            .get_queryset(request)
            .annotate(sum_on_hand=ON_HAND, bin_names=bins.names_of(level), bin_key=bins.first_key(level))
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Add the sums over all pages of the list."""
        response = super().changelist_view(request, extra_context)
        changelist = getattr(response, "context_data", {}).get("cl")
        if changelist is not None:
            sums = changelist.queryset.order_by().aggregate(**{state: Sum(state) for state in STATES})
            numbers = {state: sums[state] or 0 for state in STATES}
            rows = [(state.label, numbers[state.value]) for state in INSIDE]
            on_hand = sum(numbers[state.value] for state in ledger.ON_HAND)
            response.context_data["totals"] = [(_("On hand"), on_hand), *rows]
        return response

    @display(description=gettext_lazy("name"), ordering="sku__name")
    def sku_name(self, level: StockLevel) -> str:
        """The SKU's name."""
        return level.sku.name

    @display(description=gettext_lazy("bins"), ordering="bin_key")
    def bins_text(self, level: Any) -> str:
        """Where it lies; sorted by the first bin, A-2 before A-10."""
        return ", ".join(level.bin_names)

    @display(description=gettext_lazy("on hand"), ordering="sum_on_hand")
    def on_hand_units(self, level: StockLevel) -> int:
        """All units there."""
        return level.on_hand

    @display(description=State.IN_TRANSIT.label, ordering="in_transit")
    def coming(self, level: StockLevel) -> int | SafeString:
        """Units on their way here, with the transfers that they are part of."""
        if not level.in_transit:
            return 0
        query = urlencode([("q", level.sku.code), ("to_location__id__exact", str(level.location_id))])
        return format_html('<a href="{}">{}</a>', list_of(Transfer, query), level.in_transit)

    @action(description=gettext_lazy("Adjust stock"), icon="exposure", url_path="adjust", permissions=["operate"])
    def adjust_stock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add, take or set units of this level."""
        level = find(self, request, object_id)
        return ask_adjust(self, request, sku=level.sku, level=level, back=page_of(level))

    @action(description=gettext_lazy("Move state"), icon="swap_horiz", url_path="move", permissions=["operate"])
    def move_state(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Move units of this level between states."""
        level = find(self, request, object_id)
        return ask_move(self, request, sku=level.sku, level=level, back=page_of(level))

    @action(description=gettext_lazy("Bins"), icon="shelves", url_path="bins", permissions=["operate"])
    def edit_bins(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say where it lies."""
        level = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            names = bins.put(sku=level.sku, location=level.location, bins=values["bins"])
            return _("%(sku)s lies in %(bins)s.") % {"sku": level.sku, "bins": ", ".join(names) or _("no bin")}

        return ask(
            self, request, title=_("Bins of %s") % level, deed=deed, back=page_of(level), form_class=BinsForm,
            says=[_("No unit moves. Stock lists, counts and parcels show the bins.")],
            form_options={"initial": {"bins": ", ".join(level.bin_names)}}, subjects=[level], submit=_("Save"),
        )  # fmt: skip

    @action(description=gettext_lazy("Ledger"), icon="receipt_long", url_path="entries", permissions=["view"])
    def entries(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Every movement of this level."""
        level = find(self, request, object_id)
        return redirect(list_of(LedgerEntry, f"level__id__exact={level.pk}"))
