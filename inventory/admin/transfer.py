"""Transfers between locations: drafted on a form, then moved on by named actions."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from .. import transfers
from ..errors import StockError
from ..models import LedgerEntry, Location, Transfer, TransferLine, TransferStatus, TransferStep
from ..people.roles import Standing, at_places, standing_of
from .base import BackOfficeAdmin, actor, badge, places_of
from .export import CsvExport
from .inlines import ReadInline
from .pages import ask, find, list_of, page_of
from .transfer_forms import (
    LINES_AT_ONCE,
    CancelForm,
    DispatchForm,
    LineForm,
    LineFormSet,
    LoseForm,
    ReceiveForm,
    TransferForm,
    UnitsForm,
    lines_under_way,
    waiting_lines,
)

LEVELS = {
    TransferStatus.DISPATCHED: "warn", TransferStatus.PARTLY_RECEIVED: "warn", TransferStatus.RECEIVED: "good",
}  # fmt: skip

#: A draft of more lines is not a form: each line is a choice among all SKUs.
FORM_LINES = 100

#: So many of its newest entries stand on a transfer's page; the ledger has all of them.
NEWEST = 50

UNITS_PAGE = "admin/units_page.html"


class DraftLineInline(TabularInline):
    """What is to go, while nothing has left."""

    model = TransferLine
    form = LineForm
    formset = LineFormSet
    fields = ("sku", "quantity")
    autocomplete_fields = ("sku",)
    hide_title = True
    extra = 3

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        """A draft has its lines."""
        return self.extra if obj is None else 1


class MovedLineInline(ReadInline):
    """What was asked for, and what became of it."""

    model = TransferLine
    fields = readonly_fields = (
        "sku", "quantity", "dispatched", "under_way_units", "received", "damaged", "lost", "returned",
    )  # fmt: skip
    joins = ("sku",)
    ordering = ("position", "pk")

    @display(description=gettext_lazy("in transit"))
    def under_way_units(self, line: TransferLine) -> int:
        """Left, and not come."""
        return line.under_way


class StepInline(ReadInline):
    """Who did what, and when."""

    model = TransferStep
    fields = readonly_fields = ("kind", "units", "actor", "at", "note")
    verbose_name_plural = gettext_lazy("steps")


def _sum(expression: Any) -> Subquery:
    rows = TransferLine.objects.filter(transfer=OuterRef("pk")).order_by().values("transfer")
    return Subquery(rows.annotate(units=Sum(expression)).values("units"))


@admin.register(Transfer)
class TransferAdmin(CsvExport, BackOfficeAdmin):
    """What goes where, and how far it has come. A draft is a form; from then on it moves by named actions."""

    empty_hint = gettext_lazy("Add a transfer to send stock from one location to another.")
    form = TransferForm
    list_display = (
        "code", "from_location", "to_location", "state", "asked", "in_transit", "created_at", "dispatched_at",
        "closed_at",
    )  # fmt: skip
    list_display_links = ("code",)
    list_select_related = ("from_location", "to_location")
    list_filter = (
        ("status", ChoicesDropdownFilter), ("from_location", RelatedDropdownFilter),
        ("to_location", RelatedDropdownFilter), ("created_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = (
        "code", "note", "lines__sku__code", "lines__sku__name", "lines__sku__barcode", "lines__sku__codes__code",
    )  # fmt: skip
    search_help_text = gettext_lazy("Code, note, or part of a SKU's name or of any of its codes")
    ordering = ("-id",)
    fields = (("from_location", "to_location"), ("code", "note"))
    actions_detail = ("dispatch_units", "receive_units", "lose_units", "cancel_transfer")
    change_form_after_template = "admin/transfer_entries.html"
    csv_columns = (
        ("code", "code"), ("from_location", "from_location.code"), ("to_location", "to_location.code"),
        ("status", "status"), ("note", "note"), ("asked", "sum_asked"), ("dispatched", "sum_dispatched"),
        ("received", "sum_received"), ("damaged", "sum_damaged"), ("lost", "sum_lost"), ("returned", "sum_returned"),
        ("in_transit", "sum_under_way"), ("created_at", "created_at"), ("dispatched_at", "dispatched_at"),
        ("closed_at", "closed_at"),
    )  # fmt: skip

    def limited(self, rows: QuerySet, standing: Standing | None) -> QuerySet:
        """From or to this person's locations."""
        places = standing.location_ids if standing else frozenset()
        return rows if places is None else rows.filter(Q(from_location__in=places) | Q(to_location__in=places))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transfer]:
        """With the sums over its lines."""
        columns = ("dispatched", "received", "damaged", "lost", "returned")
        under_way = F("dispatched") - F("received") - F("damaged") - F("lost") - F("returned")
        sums = {f"sum_{name}": _sum(name) for name in columns}
        return super().get_queryset(request).annotate(sum_asked=_sum("quantity"), sum_under_way=_sum(under_way), **sums)

    # What may be edited: drafts, by whoever may change stock.

    def has_change_permission(self, request: HttpRequest, obj: Transfer | None = None) -> bool:
        """Only a draft is a form, and only where a browser can carry it: longer ones are changed by the API."""
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or (obj.is_draft and obj.lines.count() <= FORM_LINES)

    def has_delete_permission(self, request: HttpRequest, obj: Transfer | None = None) -> bool:
        """Nobody deletes a document: it is cancelled."""
        return False

    def get_inlines(self, request: HttpRequest, obj: Transfer | None) -> Any:
        """A draft's lines can be edited; later they tell what became of them."""
        if obj is None:
            return (DraftLineInline,)
        return (DraftLineInline if self.has_change_permission(request, obj) else MovedLineInline, StepInline)

    def get_readonly_fields(self, request: HttpRequest, obj: Transfer | None = None) -> Any:
        """Its code is given once."""
        return () if obj is None else ("code", "state", "created_at", "dispatched_at", "closed_at")

    def get_fields(self, request: HttpRequest, obj: Transfer | None = None) -> Any:
        """Where it stands, once it is there."""
        return self.fields if obj is None else (*self.fields, ("state", "created_at"), ("dispatched_at", "closed_at"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows whose it is."""
        made = super().get_form(request, obj, change=change, **kwargs)
        made.places = places_of(request)
        return made

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Any location that is open: one of the two ends may be somebody else's."""
        kwargs["queryset"] = Location.objects.filter(is_active=True)
        return super(BackOfficeAdmin, self).formfield_for_foreignkey(db_field, request, **kwargs)

    # Saving is done by the verbs, which take all of it at once.

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What the verbs refuse is said on the page."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except StockError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Transfer, form: Any, change: bool) -> None:
        """Not without its lines."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Draft it, or change the draft."""
        values = {name: form.cleaned_data[name] for name in ("from_location", "to_location", "note")}
        lines = next(each for each in formsets if isinstance(each, LineFormSet)).lines()
        if change:
            transfers.amend(form.instance, **values, lines=lines, **_who(request))
            return
        made = transfers.create_transfer(
            **values, code=form.cleaned_data.get("code", ""), lines=lines, actor=actor(request)
        )
        form.instance.pk, form.instance.code = made.pk, made.code

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """The steps of the transfer say it better."""
        return [{"added": {}}] if add else [{"changed": {}}]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """With its newest entries."""
        code = self.get_queryset(request).filter(pk=_number(object_id)).values_list("code", flat=True)
        rows = at_places(LedgerEntry.objects.filter(reference__in=code), standing_of(request.user))
        entries = rows.select_related("level__sku", "level__location").order_by("-id")[:NEWEST]
        query = urlencode({"q": code.first() or ""})
        context = {"entries": list(entries), "entries_url": list_of(LedgerEntry, query), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    # What the list shows.

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, transfer: Transfer) -> SafeString:
        """Draft, dispatched, received or cancelled."""
        return badge(transfer.get_status_display(), LEVELS.get(TransferStatus(transfer.status), ""))

    @display(description=gettext_lazy("units"), ordering="sum_asked")
    def asked(self, transfer: Any) -> int:
        """Units asked for."""
        return transfer.sum_asked or 0

    @display(description=gettext_lazy("in transit"), ordering="sum_under_way")
    def in_transit(self, transfer: Any) -> int:
        """Units that left and have not come."""
        return transfer.sum_under_way or 0

    # What is done to one.

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only what makes sense where it stands, and where the person may act."""
        found = super().get_actions_detail(request, object_id)
        row: Any = self.get_queryset(request).filter(pk=_number(object_id)).first()
        if row is None or not row.is_open:
            return []
        sensible = {"cancel"}
        if row.sum_asked > row.sum_dispatched:
            sensible.add("dispatch")
        if row.sum_under_way:
            sensible |= {"receive", "lose"}
        places = places_of(request)
        return [one for one in found if one.path in sensible and _covers(places, row, one.path)]

    @action(description=gettext_lazy("Dispatch"), icon="local_shipping", url_path="dispatch", permissions=["operate"])
    def dispatch_units(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Units leave."""
        transfer = _found(self, request, object_id, "dispatch")

        def deed(values: dict[str, Any]) -> str:
            transfers.dispatch(transfer, lines=values["lines"], key=values["step_key"], **_who(request))
            return _said(_("Dispatched: %(units)s to %(place)s."), values, transfer.to_location)

        says = [
            _("Units leave %(source)s at once and are in transit to %(target)s until they are received there.")
            % {"source": transfer.from_location, "target": transfer.to_location}
        ]
        return _ask(
            self, request, transfer, DispatchForm, waiting_lines(transfer), deed, says,
            title=_("Dispatch transfer %s") % transfer, submit=_("Dispatch"),
        )  # fmt: skip

    @action(description=gettext_lazy("Receive"), icon="move_to_inbox", url_path="receive", permissions=["operate"])
    def receive_units(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Units come: scanned, or counted by hand."""
        transfer = _found(self, request, object_id, "receive")

        def deed(values: dict[str, Any]) -> str:
            transfers.receive(transfer, lines=values["lines"], key=values["step_key"], **_who(request))
            return _said(_("Received: %(units)s at %(place)s."), values, transfer.to_location)

        says = [_("Good units are for sale at %s at once; damaged ones are not.") % transfer.to_location]
        return _ask(
            self, request, transfer, ReceiveForm, lines_under_way(transfer), deed, says,
            title=_("Receive transfer %s") % transfer, submit=_("Receive"),
        )  # fmt: skip

    @action(description=gettext_lazy("Report lost"), icon="report", url_path="lose", permissions=["operate"])
    def lose_units(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Units will not come."""
        transfer = _found(self, request, object_id, "lose")

        def deed(values: dict[str, Any]) -> str:
            step = {"note": values["reason"], "key": values["step_key"], **_who(request)}
            transfers.report_lost(transfer, lines=values["lines"], **step)
            return _said(_("Reported lost: %(units)s on the way to %(place)s."), values, transfer.to_location)

        says = [_("They leave the books as a loss. What turns up after all is added to stock as found.")]
        return _ask(
            self, request, transfer, LoseForm, lines_under_way(transfer), deed, says,
            title=_("Report units of transfer %s lost") % transfer, submit=_("Report lost"), danger=True,
        )  # fmt: skip

    @action(
        description=gettext_lazy("Cancel"), icon="block", url_path="cancel", permissions=["operate"],
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def cancel_transfer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It ends."""
        transfer = _found(self, request, object_id, "cancel")

        def deed(values: dict[str, Any]) -> str:
            transfers.cancel(transfer, note=values["reason"], key=values["step_key"], **_who(request))
            return _("Transfer %s is cancelled.") % transfer

        units = sum(line.under_way for line in transfer.lines.all())
        back = ngettext(
            "%(count)d unit under way goes back to %(place)s and is for sale there again.",
            "%(count)d units under way go back to %(place)s and are for sale there again.",
            units,
        ) % {"count": units, "place": transfer.from_location}
        says = [_("Nothing more will leave. What has come stays where it is."), *([back] if units else [])]
        return ask(
            self, request, title=_("Cancel transfer %s") % transfer, deed=deed, says=says, subjects=[transfer],
            back=page_of(transfer), form_class=CancelForm, submit=_("Cancel the transfer"), danger=True,
        )  # fmt: skip


def _who(request: HttpRequest) -> dict[str, Any]:
    """Who acts, and at which locations, as the verbs take it."""
    return {"actor": actor(request), "places": places_of(request)}


def _number(object_id: Any) -> int:
    """The key that an address names; one that nobody has where it names none."""
    text = str(object_id)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _covers(places: frozenset[int] | None, transfer: Transfer, step: str) -> bool:
    """Whether a person limited to locations may do this: dispatch from theirs, receive and lose at theirs."""
    if places is None:
        return True
    if step == "cancel" and transfer.is_draft:
        return bool(places & {transfer.from_location_id, transfer.to_location_id})
    return (transfer.from_location_id if step in ("dispatch", "cancel") else transfer.to_location_id) in places


def _found(entry: TransferAdmin, request: HttpRequest, object_id: str, step: str) -> Transfer:
    """The transfer, where this person may do that step to it."""
    transfer: Transfer = find(entry, request, object_id)
    if not _covers(places_of(request), transfer, step):
        raise PermissionDenied(_("That is for those of the other location to do."))
    return transfer


def _ask(
    entry: TransferAdmin,
    request: HttpRequest,
    transfer: Transfer,
    form_class: type[UnitsForm],
    rows: QuerySet[TransferLine],
    deed: Any,
    says: list[str],
    **page: Any,
) -> HttpResponse:
    """A page with a box for the units of each line."""
    shown, count = list(rows[:LINES_AT_ONCE]), rows.count()
    if count > LINES_AT_ONCE:
        said = _("Here are the first %(shown)d of %(count)d lines. Come back for the others, or use the API.")
        says = [*says, said % {"shown": LINES_AT_ONCE, "count": count}]
    return ask(
        entry, request, deed=deed, says=says, subjects=[transfer], back=page_of(transfer), form_class=form_class,
        form_options={"rows": shown}, template=UNITS_PAGE, **page,
    )  # fmt: skip


def _said(sentence: str, values: dict[str, Any], place: Location) -> str:
    count = sum(getattr(line, "units", line.quantity) for line in values["lines"])
    units = ngettext("%d unit", "%d units", count) % count
    return sentence % {"units": units, "place": place}
