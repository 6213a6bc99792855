"""What stock cost: values now and at any instant, every change of value, and the layers behind them."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ..costing.projection import freshen
from ..costing.switching import switch_costing
from ..costing.values import Worth, Worths
from ..kernel import clock
from ..models import Costing, CostLayer, CostMove, CostScope
from .base import BigTable, ConditionFilter, RecordAdmin, actor, badge, money
from .export import CsvExport, Echo, cell
from .inlines import ReadInline
from .pages import ask, find, page_of

#: A page of past values has so many rows; the file has all of them.
ROWS_A_PAGE = 100

_PAST_COLUMNS = (
    "company",
    "sku",
    "name",
    "costing",
    "quantity",
    "value",
    "unit_cost",
    "currency",
    "fifo_value",
    "average_value",
)


class UpToDate(RecordAdmin):
    """What was committed before the page was asked for is on it."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Value what is new, then read."""
        freshen()
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response


class SwitchForm(forms.Form):
    """The other method, and why."""

    costing = forms.ChoiceField(label=gettext_lazy("Method"), choices=Costing.choices, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)


class InstantForm(forms.Form):
    """A past instant."""

    at = forms.DateTimeField(
        label=gettext_lazy("At (UTC)"), required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local", "step": "1"}),
    )  # fmt: skip

    def clean_at(self) -> datetime | None:
        """Nobody knows what is yet to come."""
        at: datetime | None = self.cleaned_data["at"]
        if at is not None and at > clock.now():
            raise forms.ValidationError(_("This instant is yet to come."))
        return at


class LayerInline(ReadInline):
    """Layers that units are left of, the first in first."""

    model = CostLayer
    fields = readonly_fields = ("received_at", "quantity", "units_left", "value_left")
    ordering = ("pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CostLayer]:
        """Those with units left."""
        return super().get_queryset(request).filter(units_left__gt=0)


class HeldFilter(ConditionFilter):
    """Whether there are units."""

    title = gettext_lazy("units")
    parameter_name = "held"
    conditions: ClassVar = {
        "yes": (gettext_lazy("In stock"), Q(quantity__gt=0)),
        "no": (gettext_lazy("None left"), Q(quantity=0)),
        "unvalued": (gettext_lazy("In stock and worth nothing"), Q(quantity__gt=0, average_value=0)),
    }


@admin.register(CostScope)
class CostScopeAdmin(CsvExport, UpToDate):
    """What each SKU's stock is worth in each company."""

    empty_hint = gettext_lazy("Values appear here once stock is brought in: give receipts or SKUs a unit cost.")
    list_display = (
        "sku",
        "sku_name",
        "company",
        "quantity",
        "value_text",
        "unit_text",
        "fifo_text",
        "average_text",
        "method",
    )
    list_select_related = ("sku", "company")
    list_filter = (("company", RelatedDropdownFilter), HeldFilter, "sku__costing")
    search_fields = ("sku__code", "sku__name", "sku__codes__code")
    search_help_text = gettext_lazy("Part of a SKU's name or of any of its codes")
    fields = (("sku", "company"), ("quantity", "method"), ("value_text", "unit_text"), ("fifo_text", "average_text"))
    inlines = (LayerInline,)
    actions_list = ("past", "export_csv")
    actions_detail = ("switch_method",)
    csv_columns = (
        ("sku", "sku.code"), ("name", "sku.name"), ("company", "company.code"), ("quantity", "quantity"),
        ("costing", "sku.costing"), ("value", "value"), ("currency", "company.base_currency"),
        ("fifo_value", "fifo_value"), ("average_value", "average_value"),
    )  # fmt: skip

    @display(description=gettext_lazy("name"), ordering="sku__name")
    def sku_name(self, scope: CostScope) -> str:
        """The SKU's name."""
        return scope.sku.name

    @display(description=gettext_lazy("value"))
    def value_text(self, scope: CostScope) -> str | None:
        """By its method."""
        return money(scope.value, scope.company.base_currency)

    @display(description=gettext_lazy("a unit"))
    def unit_text(self, scope: CostScope) -> str | None:
        """What one is worth."""
        return f"{scope.value / scope.quantity:.4f}" if scope.quantity else None

    @display(description=gettext_lazy("by FIFO"), ordering="fifo_value")
    def fifo_text(self, scope: CostScope) -> str:
        """By FIFO."""
        return f"{scope.fifo_value:.2f}"

    @display(description=gettext_lazy("by average"), ordering="average_value")
    def average_text(self, scope: CostScope) -> str:
        """By the moving average."""
        return f"{scope.average_value:.2f}"

    @display(description=gettext_lazy("method"), ordering="sku__costing")
    def method(self, scope: CostScope) -> str:
        """FIFO or average."""
        return str(scope.sku.get_costing_display())

    @action(description=gettext_lazy("At a past instant"), icon="history", url_path="past", permissions=["view"])
    def past(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """What stock was worth then, and the file of it."""
        freshen()
        form = InstantForm(request.GET or None)
        at = form.cleaned_data["at"] if form.is_bound and form.is_valid() else None
        worths = Worths(at=at)
        if "csv" in request.GET and (not form.is_bound or form.is_valid()):
            response = StreamingHttpResponse(_lines(worths), content_type="text/csv; charset=utf-8")
            response["Content-Disposition"] = f'attachment; filename="stock-value-{worths.at:%Y%m%d-%H%M}.csv"'
            return response
        page: Any = Paginator(worths, ROWS_A_PAGE).get_page(request.GET.get("page"))  # type: ignore[arg-type]
        context = {
            **self.admin_site.each_context(request), "title": _("What stock was worth"), "opts": self.opts, "form": form,
            "page": page, "totals": worths.totals(), "at": worths.at,
        }  # fmt: skip
        return TemplateResponse(request, "admin/past_values.html", context)

    @action(description=gettext_lazy("Switch costing"), icon="swap_vert", url_path="costing", permissions=["operate"])
    def switch_method(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Value the SKU by the other method."""
        scope = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            change = switch_costing(scope.sku, values["costing"], reason=values["reason"], actor=actor(request))
            if change is None:
                return _("%s is valued so already.") % scope.sku
            since = _("from the first day") if change.from_day is None else _("from %s on") % change.from_day
            return _("%(sku)s is valued by %(method)s %(since)s.") % {
                "sku": scope.sku, "method": change.get_costing_display(), "since": since,
            }  # fmt: skip

        says = [
            _("It holds in every company from the start of the first month that is not closed."),
            _("The difference between both methods on that day is booked in that month."),
        ]
        return ask(
            self, request, title=_("Switch the costing of %s") % scope.sku, deed=deed, says=says, subjects=[scope],
            back=page_of(scope), form_class=SwitchForm, submit=_("Switch"),
        )  # fmt: skip


class UnknownFilter(ConditionFilter):
    """Whether anybody has said what came in cost."""

    title = gettext_lazy("cost")
    parameter_name = "known"
    conditions: ClassVar = {
        "no": (gettext_lazy("Unknown: nobody has said"), Q(is_unknown=True)),
        "yes": (gettext_lazy("Known"), Q(is_unknown=False)),
    }


@admin.register(CostMove)
class CostMoveAdmin(CsvExport, BigTable, UpToDate):
    """Every change of value: receipts, cost of goods sold, adjustments, landed costs."""

    empty_hint = gettext_lazy("Every movement of stock that changes its value is kept here.")
    list_display = ("booked_at", "sku", "company", "kind_text", "quantity", "booked_text", "quantity_after", "document")
    list_select_related = ("scope__sku", "scope__company")
    list_filter = (
        ("scope__company", RelatedDropdownFilter), ("kind", ChoicesDropdownFilter), UnknownFilter,
        ("booked_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("scope__sku__code__iexact", "document__exact")
    search_help_text = gettext_lazy("Whole SKU code or document")
    fields = (
        ("sku", "company"), ("kind_text", "booked_at"), ("quantity", "quantity_after"), ("booked_text", "document"),
        ("fifo_cost", "fifo_after"), ("average_cost", "average_after"), "entry_number",
    )  # fmt: skip
    csv_columns = (
        ("id", "id"), ("booked_at", "booked_at"), ("sku", "scope.sku.code"), ("company", "scope.company.code"),
        ("kind", "kind"), ("quantity", "quantity"), ("amount", "booked"), ("fifo_amount", "fifo_booked"),
        ("average_amount", "average_booked"), ("quantity_after", "quantity_after"), ("is_unknown", "is_unknown"),
        ("document", "document"), ("entry", "entry_id"),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[CostMove]:
        """With the ledger entry behind it."""
        return super().get_queryset(request).annotate(entry_id=F("position__entry_id"))

    @display(description=gettext_lazy("SKU"))
    def sku(self, move: CostMove) -> str:
        """The SKU's code."""
        return move.scope.sku.code

    @display(description=gettext_lazy("company"))
    def company(self, move: CostMove) -> str:
        """The company's code."""
        return move.scope.company.code

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_text(self, move: CostMove) -> str | SafeString:
        """What it is, and whether its cost is unknown."""
        name = move.get_kind_display()
        return badge(_("%s, cost unknown") % name, "warn") if move.is_unknown else name

    @display(description=gettext_lazy("booked"))
    def booked_text(self, move: CostMove) -> str:
        """By the SKU's method, to the cent."""
        return f"{move.booked:+.2f} {move.scope.company.base_currency}".strip()

    @display(description=gettext_lazy("ledger entry"))
    def entry_number(self, move: Any) -> int | None:
        """The entry's id."""
        return move.entry_id


def _lines(worths: Worths) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield str(writer.writerow(_PAST_COLUMNS))
    for first in range(0, worths.count(), 5000):
        for row in worths[first : first + 5000]:
            yield str(writer.writerow([cell(_read(row, name)) for name in _PAST_COLUMNS]))


def _read(row: Worth, name: str) -> Any:
    return getattr(row, name)
