"""Lots: what expires when, where it is, everything that it has touched, and its recall."""

import csv
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from ..expiry import expiring
from ..kernel import clock
from ..lot_tracking import assign, name_lot, start, stop
from ..models import Lot, LotLevel, LotPlace, Sku
from ..models.lot import PLACES, SOMETHING
from ..people.roles import at_places, standing_of
from ..recall import Report, end_recall, recall, report
from .base import RecordAdmin, actor, badge, places_of
from .export import CsvExport, Echo, cell
from .lot_forms import AssignForm
from .pages import ask, find, page_of

#: A lot's page shows so many of its movements; the file has all.
NEWEST = 100


class ExpiryFilter(DropdownFilter):
    """Lots that expire soon or have, and are somewhere still."""

    title = gettext_lazy("expiry")
    parameter_name = "expires"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Days from now."""
        soon = [(str(days), _("Within %d days") % days) for days in (7, 30, 90, 180)]
        return [("0", _("Expired")), *soon]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lot]) -> QuerySet[Lot]:
        """Those that have units."""
        if self.value() not in ("0", "7", "30", "90", "180"):
            return queryset
        return queryset.filter(pk__in=expiring(within_days=int(self.value() or 0)).order_by().values("lot"))


class StockFilter(DropdownFilter):
    """Lots that are somewhere, that are nowhere any more, or that are recalled."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What there is to ask for."""
        return [("here", _("With units")), ("gone", _("Without units")), ("recalled", _("Recalled"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lot]) -> QuerySet[Lot]:
        """The rows for which it holds."""
        held = LotLevel.objects.filter(SOMETHING).order_by().values("lot")
        if self.value() == "recalled":
            return queryset.filter(recalled_at__isnull=False)
        if self.value() in ("here", "gone"):
            return queryset.filter(pk__in=held) if self.value() == "here" else queryset.exclude(pk__in=held)
        return queryset


@admin.register(Lot)
class LotAdmin(CsvExport, RecordAdmin):
    """Units that were made together. They come into being with the stock that names them."""

    empty_hint = gettext_lazy(
        "Let a SKU keep lots on its page; each lot appears here with the first units that name it."
    )
    list_display = ("code", "sku", "sku_name", "expires_on", "state", *(f"{place.value}_units" for place in PLACES))
    list_display_links = ("code",)
    list_select_related = ("sku",)
    list_filter = (ExpiryFilter, StockFilter, ("expires_on", RangeDateFilter))
    search_fields = ("code", "sku__code", "sku__name", "sku__barcode")
    search_help_text = gettext_lazy("Part of a lot's or SKU's code, name or barcode")
    fields = (
        ("code", "sku", "sku_name"),
        ("expires_on", "state", "created_at"),
        ("recalled_at", "recalled_by"),
        "recall_reason",
    )
    actions_detail = ("assign_units", "report_file", "recall_lot", "end_recall")
    change_form_after_template = "admin/lot_report.html"
    csv_columns: ClassVar = (
        ("sku", "sku.code"),
        ("name", "sku.name"),
        ("lot", "code"),
        ("expires_on", "expires_on"),
        ("recalled_at", "recalled_at"),
        *((place.value, f"sum_{place.value}") for place in PLACES),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lot]:
        """With the units at this person's locations."""
        here = (
            at_places(LotLevel.objects.filter(lot=OuterRef("pk")), standing_of(request.user)).order_by().values("lot")
        )
        sums = {
            f"sum_{place.value}": Subquery(here.annotate(units=Sum(place.value)).values("units")) for place in PLACES
        }
        return super().get_queryset(request).annotate(**sums).order_by(F("expires_on").asc(nulls_last=True), "pk")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What expires first is at the top; a lot without a date, at the end."""
        return ("expires_on", "pk")

    @display(description=gettext_lazy("name"), ordering="sku__name")
    def sku_name(self, lot: Lot) -> str:
        """The SKU's name."""
        return lot.sku.name

    @display(description=gettext_lazy("state"))
    def state(self, lot: Lot) -> SafeString:
        """Whether it may be sold, and for how long."""
        if lot.is_recalled:
            return badge(_("recalled"), "bad")
        if lot.expires_on is None:
            return badge(_("does not expire"))
        left = (lot.expires_on - clock.now().date()).days
        if left <= 0:
            return badge(_("expired"), "bad")
        return badge(ngettext("%d day left", "%d days left", left) % left, "warn" if left <= 30 else "good")

    @display(description=LotPlace.SHELF.label, ordering="sum_shelf")
    def shelf_units(self, lot: Any) -> int:
        """Available and reserved units."""
        return lot.sum_shelf or 0

    @display(description=LotPlace.QUARANTINE.label, ordering="sum_quarantine")
    def quarantine_units(self, lot: Any) -> int:
        """Units in quarantine."""
        return lot.sum_quarantine or 0

    @display(description=LotPlace.DAMAGED.label, ordering="sum_damaged")
    def damaged_units(self, lot: Any) -> int:
        """Damaged units."""
        return lot.sum_damaged or 0

    @display(description=LotPlace.HOLD.label, ordering="sum_hold")
    def hold_units(self, lot: Any) -> int:
        """Units on hold, expired ones among them."""
        return lot.sum_hold or 0

    @display(description=LotPlace.IN_TRANSIT.label, ordering="sum_in_transit")
    def in_transit_units(self, lot: Any) -> int:
        """Units on their way."""
        return lot.sum_in_transit or 0

    def has_recall_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """A recall is at all locations: not for who is limited to some."""
        return self.has_operate_permission(request) and places_of(request) is None

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Recalled, or to be recalled."""
        found = super().get_actions_detail(request, object_id)
        lot = Lot.objects.filter(pk=object_id).first() if str(object_id).isdigit() else None
        senseless = {"recall"} if lot is not None and lot.is_recalled else {"end-recall"}
        return [one for one in found if one.path not in senseless]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """With everything that it has touched."""
        lot = self.get_queryset(request).filter(pk=object_id).first() if object_id.isdigit() else None
        context = dict(extra_context or {})
        if lot is not None:
            told = report(lot, places=places_of(request))
            orders = reverse("admin:fulfillment_salesorder_changelist")
            context["told"] = told
            context["newest"] = list(reversed(told.movements[-NEWEST:]))
            context["buyers"] = [(buyer, _order_address(orders, buyer.document)) for buyer in told.buyers]
        return super().change_view(request, object_id, form_url, context)

    @action(
        description=gettext_lazy("Units are of another lot"), icon="label", url_path="assign", permissions=["operate"]
    )
    def assign_units(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say of which lot units are that nobody knew the lot of."""
        lot = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            target = name_lot(lot.sku, values["to_lot"], expires_on=values["expires_on"])
            where = {name: values[name] for name in ("location", "place", "quantity")}
            assign(lot=lot, target=target, **where, note=values["reason"], actor=actor(request))
            return _("%(units)d units are of the lot %(lot)s.") % {"units": values["quantity"], "lot": target}

        says = [_("No unit moves, and no number on sale changes: it is only said of which lot they are.")]
        return ask(
            self, request, title=_("Units of the lot %s are of another one") % lot, deed=deed, says=says, subjects=[lot],
            back=page_of(lot), form_class=AssignForm, form_options={"lot": lot, "places": places_of(request)},
            submit=_("Say so"),
        )  # fmt: skip

    @action(description=gettext_lazy("Export report"), icon="download", url_path="report", permissions=["view"])
    def report_file(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Everything that it has touched, as a file."""
        lot = find(self, request, object_id)
        told = report(lot, places=places_of(request))
        response = HttpResponse(_file(told), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="lot-{lot.pk}.csv"'
        return response

    @action(
        description=gettext_lazy("Recall"),
        icon="warning",
        url_path="recall",
        permissions=["recall"],
        variant=ActionVariant.DANGER,
    )
    def recall_lot(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Nothing of it is sold any more."""
        lot = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            units = recall(lot, reason=values["reason"], actor=actor(request))
            said = ngettext(
                "Lot %(lot)s is recalled: %(units)d unit is in quarantine.",
                "Lot %(lot)s is recalled: %(units)d units are in quarantine.",
                units,
            )
            return said % {"lot": lot, "units": units}

        says = [
            _("Its units on the shelf go to quarantine at all locations, what still comes of it too."),
            _("Orders that count on them wait for others. Its page tells who has got units of it."),
        ]
        return ask(
            self, request, title=_("Recall lot %(lot)s of %(sku)s") % {"lot": lot, "sku": lot.sku}, deed=deed, says=says,
            subjects=[lot], back=page_of(lot), submit=_("Recall"), danger=True,
        )  # fmt: skip

    @action(description=gettext_lazy("End recall"), icon="undo", url_path="end-recall", permissions=["recall"])
    def end_recall(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What comes of it may be sold again."""
        lot = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            end_recall(lot, actor=actor(request))
            return _("Lot %s may be sold again.") % lot

        says = [_("What lies in quarantine stays there until somebody moves it.")]
        return ask(
            self, request, title=_("End the recall of lot %s") % lot, deed=deed, says=says, subjects=[lot],
            back=page_of(lot), submit=_("End recall"),
        )  # fmt: skip


def ask_lots(admin_: Any, request: HttpRequest, *, sku: Sku, back: str) -> HttpResponse:
    """The page on which a SKU begins to keep lots, or ends."""

    def deed(values: dict[str, Any]) -> str:
        (stop if sku.tracks_lots else start)(sku, actor=actor(request))
        return (_("%s keeps lots from now on.") if sku.tracks_lots else _("%s keeps no lots any more.")) % sku

    if sku.tracks_lots:
        title, says = _("Let %s keep no lots"), [_("It can while none of its lots has units.")]
    else:
        title, says = _("Let %s keep lots"), [
            _("Units that come in have to name their lot; what expires first leaves first, what has expired is not sold."),
            _("What is there now is of the lot “unassigned” until somebody says more."),
        ]  # fmt: skip
    return ask(admin_, request, title=title % sku, deed=deed, back=back, says=says, subjects=[sku], submit=_("Confirm"))


def _order_address(orders: str, document: str) -> str:
    """Where the order of a parcel is found; nothing where it was none."""
    if not document.startswith("order:"):
        return ""
    return f"{orders}?{urlencode({'q': document.partition('/')[2]})}"


def _file(told: Report) -> list[str]:
    """All movements of a lot, the oldest first."""
    writer = csv.writer(Echo())
    head = ["sku", "lot", "at", "location", "from", "to", "units", "reason", "document", "reference", "actor"]
    lines = [writer.writerow(head)]
    for one in told.movements:
        values = [
            told.lot.sku.code, told.lot.code, one.at, one.location, one.from_place, one.to_place, one.units, one.reason,
            one.document, one.reference, one.actor,
        ]  # fmt: skip
        lines.append(writer.writerow([cell(value) for value in values]))
    return [str(line) for line in lines]
