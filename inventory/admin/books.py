"""The books: closed months with their journals, landed costs, companies, rates and accounts."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ..companies import home_company, save_company
from ..costing.journal import journal
from ..costing.landed import MOST_RECEIPTS, borne, cancel_landed, create_landed
from ..costing.periods import close
from ..errors import CostError
from ..kernel import clock
from ..models import (
    AccountMap,
    Company,
    ExchangeRate,
    JournalKind,
    LandedCost,
    LandedMethod,
    LedgerEntry,
    Period,
    PeriodAmount,
)
from .base import BackOfficeAdmin, RecordAdmin, actor, badge, fingerprint, money
from .export import CsvExport, Echo, cell
from .forms import ReasonForm
from .inlines import ReadInline
from .pages import ask, find, list_of, page_of


class CloseForm(forms.Form):
    """Whose month."""

    company = forms.ModelChoiceField(
        Company.objects.all(), label=gettext_lazy("Company"), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    month = forms.DateField(
        label=gettext_lazy("Month"), input_formats=["%Y-%m"],
        widget=UnfoldAdminTextInputWidget(attrs={"type": "month", "placeholder": "2026-01"}),
    )  # fmt: skip
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["month"].initial = f"{clock.now().date().replace(day=1) - timedelta(days=1):%Y-%m}"
        self.fields["company"].initial = home_company().pk


class AmountInline(ReadInline):
    """By how much stock's value changed, by cause."""

    model = PeriodAmount
    fields = readonly_fields = ("kind", "amount")
    verbose_name_plural = gettext_lazy("changes")


@admin.register(Period)
class PeriodAdmin(CsvExport, RecordAdmin):
    """Closed months: opening value + changes = closing value. Nothing opens one again."""

    empty_hint = gettext_lazy("Close a month once it is over: what stock was worth then is written down for ever.")
    list_display = ("month", "company", "opening", "closing", "closed_by", "closed_at")
    list_select_related = ("company",)
    list_filter = (("company", RelatedDropdownFilter),)
    search_fields = ("note", "closed_by")
    fields = (
        ("month", "company"), ("starts_at", "ends_at"), ("opening", "closing"), ("closed_by", "closed_at"), "note",
        "hash_text",
    )  # fmt: skip
    inlines = (AmountInline,)
    actions_list = ("close_month", "export_csv")
    actions_detail = ("journal_csv", "valuation_csv")
    change_form_after_template = "admin/period_journal.html"
    csv_columns = (
        ("company", "company.code"), ("month", "first_day"), ("opening", "opening"), ("closing", "closing"),
        ("closed_by", "closed_by"), ("closed_at", "closed_at"), ("note", "note"),
    )  # fmt: skip

    @display(description=gettext_lazy("month"), ordering="first_day")
    def month(self, period: Period) -> str:
        """Year and month."""
        return f"{period.first_day:%Y-%m}"

    @display(description=gettext_lazy("hash"))
    def hash_text(self, period: Period) -> SafeString:
        """Over its valuation and the period before it."""
        return fingerprint(period.hash)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """With its journal."""
        period = self.get_object(request, object_id)
        lines = [] if period is None else _journal(period)
        context = {
            "journal": lines, "debit": sum(line.debit for line in lines), "credit": sum(line.credit for line in lines)
        }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Whether this person closes months."""
        return self.has_operate_permission(request)

    @action(description=gettext_lazy("Close a month"), icon="lock", url_path="close", permissions=["close"])
    def close_month(self, request: HttpRequest) -> HttpResponse:
        """Write down what stock was worth."""

        def deed(values: dict[str, Any]) -> str:
            month: date = values["month"]
            made = close(values["company"], first_day=month, note=values["note"].strip(), actor=actor(request))
            return _("%(period)s is closed at %(value)s.") % {
                "period": made, "value": money(made.closing, made.company.base_currency),
            }  # fmt: skip

        says = [
            _("What stock was worth is written down by SKU and location, and can never be changed."),
            _("What becomes known later is booked in the months after it. Months are closed in their order."),
        ]
        return ask(
            self, request, title=_("Close a month"), deed=deed, says=says, back=list_of(Period), form_class=CloseForm,
            submit=_("Close"), danger=True,
        )  # fmt: skip

    @action(description=gettext_lazy("Journal as CSV"), icon="download", url_path="journal", permissions=["view"])
    def journal_csv(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Its journal by the accounts of now; debit and credit are alike."""
        period = find(self, request, object_id)
        rows = [
            (
                period.company.code,
                f"{period.first_day:%Y-%m}",
                line.kind,
                line.account,
                line.name,
                line.debit,
                line.credit,
            )
            for line in _journal(period)
        ]
        return _file(f"journal-{period.company.code}-{period.first_day:%Y-%m}.csv", (
            ("company", "month", "kind", "account", "name", "debit", "credit"), *rows,
        ))  # fmt: skip

    @action(description=gettext_lazy("Valuation as CSV"), icon="download", url_path="valuation", permissions=["view"])
    def valuation_csv(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """What every SKU was worth at every location."""
        period = find(self, request, object_id)
        return _file(f"valuation-{period.company.code}-{period.first_day:%Y-%m}.csv", _valuation(period))


def _journal(period: Period) -> Any:
    return journal({one.kind: one.amount for one in period.amounts.all()})


def _valuation(period: Period) -> Iterator[tuple[Any, ...]]:
    yield "position", "sku", "location", "costing", "quantity", "value", "hash"
    rows = period.valuation.select_related("sku", "location").order_by("position")
    for row in rows.iterator(chunk_size=2000):
        place = "" if row.location is None else row.location.code
        yield row.position, row.sku.code, place, row.costing, row.quantity, row.value, bytes(row.hash).hex()


def _file(name: str, rows: Any) -> StreamingHttpResponse:
    writer = csv.writer(Echo())
    lines = (str(writer.writerow([cell(value) for value in row])) for row in rows)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class LandedForm(forms.Form):
    """What was charged, and for which receipts."""

    method = forms.ChoiceField(
        label=gettext_lazy("Share"), choices=LandedMethod.choices, widget=UnfoldAdminSelectWidget
    )
    amount = forms.DecimalField(
        label=gettext_lazy("Amount"), max_digits=17, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget
    )
    currency = forms.RegexField(
        "^[A-Z]{3}$", label=gettext_lazy("Currency"), required=False, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("ISO 4217, as USD. Empty: the company's own."),
    )  # fmt: skip
    reference = forms.CharField(
        label=gettext_lazy("Receipts"), max_length=5000, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("References of the receipts, or ids of their ledger entries, with commas between them."),
    )  # fmt: skip
    note = forms.CharField(
        label=gettext_lazy("Note"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )

    def clean_reference(self) -> list[LedgerEntry]:
        """The entries that brought units in."""
        found: dict[int, LedgerEntry] = {}
        for text in filter(None, (part.strip() for part in self.cleaned_data["reference"].split(","))):
            rows = LedgerEntry.objects.filter(reference=text, from_state__in=["supplier", "adjustment"])
            if not rows.exists() and text.isascii() and text.isdigit() and len(text) < 19:
                rows = LedgerEntry.objects.filter(pk=int(text))
            some = list(rows.order_by("pk")[: MOST_RECEIPTS + 1])
            if not some:
                raise forms.ValidationError(_("There is no receipt %s.") % text[:100])
            found |= {entry.pk: entry for entry in some}
        return list(found.values())


@admin.register(LandedCost)
class LandedCostAdmin(CsvExport, RecordAdmin):
    """Freight, duty and the like, shared among receipts. Nothing is edited: cancelling books it the other way."""

    empty_hint = gettext_lazy(
        "Add freight, duty or insurance here; what is left of the receipts becomes worth more by it."
    )
    list_display = ("code", "company", "method", "amount_text", "state", "note", "created_by", "created_at")
    list_select_related = ("company",)
    list_filter = (
        ("company", RelatedDropdownFilter),
        ("method", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("code", "note")
    fields = (
        ("code", "company"), ("method", "amount_text"), ("rate", "base_amount"), "note", ("created_by", "created_at"),
        ("cancelled_by", "cancelled_at"), "cancel_reason",
    )  # fmt: skip
    actions_list = ("new_cost", "export_csv")
    actions_detail = ("cancel_cost",)
    change_form_after_template = "admin/landed_shares.html"
    csv_columns = (
        ("code", "code"), ("company", "company.code"), ("method", "method"), ("amount", "amount"),
        ("currency", "currency"), ("base_amount", "base_amount"), ("note", "note"), ("created_by", "created_by"),
        ("created_at", "created_at"), ("cancelled_at", "cancelled_at"),
    )  # fmt: skip

    @display(description=gettext_lazy("amount"), ordering="base_amount")
    def amount_text(self, landed: LandedCost) -> str | None:
        """With its currency."""
        return money(landed.amount, landed.currency)

    @display(description=gettext_lazy("status"))
    def state(self, landed: LandedCost) -> SafeString:
        """Whether it stands."""
        return badge(_("booked"), "good") if landed.cancelled_at is None else badge(_("cancelled"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """With what each receipt bears."""
        landed = self.get_object(request, object_id)
        context = {"shares": [] if landed is None else borne(landed)[:200]}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @action(description=gettext_lazy("New landed cost"), icon="add", url_path="new", permissions=["operate"])
    def new_cost(self, request: HttpRequest) -> HttpResponse:
        """Share a charge among receipts."""

        def deed(values: dict[str, Any]) -> str:
            made = create_landed(
                method=values["method"], amount=values["amount"], currency=values["currency"], note=values["note"].strip(),
                receipts=values["reference"], actor=actor(request),
            )  # fmt: skip
            return _("%s is booked.") % made

        says = [
            _("What is left of each receipt bears its part; the part of units that have left is cost of goods sold.")
        ]
        return ask(
            self, request, title=_("New landed cost"), deed=deed, says=says, back=list_of(LandedCost),
            form_class=LandedForm, submit=_("Book"),
        )  # fmt: skip

    @action(
        description=gettext_lazy("Cancel"), icon="block", url_path="cancel", permissions=["operate"],
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def cancel_cost(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Book it the other way."""
        landed = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            cancel_landed(landed, reason=values["reason"], actor=actor(request))
            return _("%s is cancelled.") % landed

        return ask(
            self, request, title=_("Cancel landed cost %s") % landed, deed=deed, subjects=[landed], back=page_of(landed),
            says=[_("The same shares are booked the other way, by what is left of each receipt now.")],
            form_class=ReasonForm, submit=_("Cancel the cost"), danger=True,
        )  # fmt: skip


class Undeleted(BackOfficeAdmin):
    """What books refer to is not deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes it."""
        return False


@admin.register(Company)
class CompanyAdmin(Undeleted):
    """Whose stock it is. The first company has every location that names none."""

    empty_hint = gettext_lazy("Add the legal persons whose stock is kept here.")
    list_display = ("code", "name", "base_currency", "time_zone")
    list_filter = ("base_currency",)
    search_fields = ("code", "name")
    fields = (("code", "name"), ("base_currency", "time_zone"))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """What is refused is said on the page."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except CostError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Company, form: Any, change: bool) -> None:
        """What its books are kept in stays once something was booked."""
        save_company(obj)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(Undeleted):
    """What currencies are worth. A receipt keeps the rate of its day."""

    empty_hint = gettext_lazy("Add a rate for each currency in which you buy, from a day on.")
    list_display = ("day", "currency", "base", "rate")
    list_filter = ("currency", "base")
    search_fields = ("currency", "base")
    fields = (("currency", "base"), ("day", "rate"))


@admin.register(AccountMap)
class AccountMapAdmin(BackOfficeAdmin):
    """Accounts of the general ledger for each line of the journal; the usual ones where none is chosen."""

    empty_hint = gettext_lazy("The usual accounts are taken. Add your own where they differ.")
    list_display = ("kind_text", "account", "name")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("account", "name")
    fields = ("kind", ("account", "name"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccountMap]:
        """In the order of accounts."""
        return super().get_queryset(request).order_by("account")

    @display(description=gettext_lazy("line of the journal"), ordering="kind")
    def kind_text(self, row: AccountMap) -> str:
        """What it is about."""
        return str(JournalKind(row.kind).label)
