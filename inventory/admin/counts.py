"""Counts: opened, scanned, submitted, looked through and approved."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count as Number
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from .. import counts
from ..count_approval import approve, needs_second_person
from ..models import Count, CountLine, CountStatus, CountTolerance, Location, RecountRequest, Sku
from ..recounts import close_recounts
from . import count_sheet
from .base import BackOfficeAdmin, OpenFilter, RecordAdmin, actor, badge, places_of
from .count_forms import ConfirmForm, OpenForm, PlaceForm, RecountForm, SubmitForm
from .export import CsvExport
from .inlines import ReadInline
from .pages import ask, ask_about_rows, find, page_of

LEVELS = {
    CountStatus.DRAFT: "", CountStatus.SUBMITTED: "warn", CountStatus.APPROVED: "good", CountStatus.CANCELLED: "",
}  # fmt: skip

#: Actions by their path, and the states in which they make sense.
WHEN = {
    "sheet": {CountStatus.DRAFT}, "submit": {CountStatus.DRAFT}, "approve": {CountStatus.SUBMITTED},
    "recount": {CountStatus.SUBMITTED}, "cancel": {CountStatus.DRAFT, CountStatus.SUBMITTED},
    "print": {CountStatus.DRAFT}, "variances": {CountStatus.SUBMITTED, CountStatus.APPROVED},
}  # fmt: skip


def sheet_of(count: Count) -> str:
    """The address of a count's sheet."""
    return reverse("admin:inventory_count_sheet", args=(count.pk,))


def ask_count_now(admin_: Any, request: HttpRequest, *, sku: Sku, place: Location | None, back: str) -> HttpResponse:
    """The page that counts one SKU now; where it is being counted already, that count goes on."""
    made: list[Count] = []

    def deed(values: dict[str, Any]) -> str:
        line = CountLine.objects.filter(
            sku=sku, location=values["location"], is_open=True, count__status=CountStatus.DRAFT
        ).first()
        if line is not None:
            made.append(line.count)
            return _("%(sku)s is being counted in %(count)s.") % {"sku": sku, "count": line.count}
        made.append(
            counts.open_count(location=values["location"], skus=[sku], blind=values["blind"], actor=actor(request))
        )
        return _("Count %(count)s is open: scan, or type how many there are.") % {"count": made[0]}

    response = ask(
        admin_, request, title=_("Count %s now") % sku.code, deed=deed, back=back, form_class=_form_at(place),
        form_options={"places": places_of(request)}, subjects=[sku], submit=_("Count"),
        says=[_("Orders may be picked meanwhile. What is posted is how far the count was off when it was counted.")],
    )  # fmt: skip
    return redirect(sheet_of(made[0])) if made and response.status_code == 302 else response


def _form_at(place: Location | None) -> type[PlaceForm]:
    class Placed(PlaceForm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if place is not None:
                self.fields["location"].initial = place.pk

    return Placed


class CountLineInline(ReadInline):
    """What was found. What was expected is hidden from who counts blind."""

    model = CountLine
    fields = (
        "sku",
        "name",
        "stock_class",
        "counted",
        "picked",
        "expected",
        "variance",
        "recount",
        "counted_by",
        "counted_at",
    )
    readonly_fields = fields
    joins = ("sku", "count")
    ordering = ("sku__code",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without expectations where they are hidden."""
        if obj is None or counts.shows_expected(obj, actor=actor(request)):
            return self.fields
        return tuple(name for name in self.fields if name not in ("expected", "variance"))

    @display(description=gettext_lazy("name"))
    def name(self, line: CountLine) -> str:
        """The SKU's name."""
        return line.sku.name


@admin.register(Count)
class CountAdmin(CsvExport, RecordAdmin):
    """Counts of locations. Orders are picked meanwhile."""

    empty_hint = gettext_lazy(
        "Open a count: of some SKUs, a class, what was not counted for long, or all of a location."
    )
    list_display = (
        "code",
        "location",
        "state",
        "asked_for_text",
        "progress",
        "blind",
        "created_by",
        "created_at",
        "approved_by",
    )
    list_select_related = ("location",)
    list_filter = (
        ("status", ChoicesDropdownFilter), ("location", RelatedDropdownFilter), ("blind", BooleanRadioFilter),
        ("created_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("code", "note", "lines__sku__code", "created_by")
    search_help_text = gettext_lazy("Part of a count's code or note, or of a SKU's code")
    inlines = (CountLineInline,)
    actions_list = ("open_new", "export_csv")
    actions_detail = (
        "sheet", "submit_count", "variances", "approve_count", "recount_lines", "print_sheet", "lines_csv",
        "cancel_count",
    )  # fmt: skip
    fields = (
        ("code", "location", "state"), ("asked_for_text", "blind", "progress"), "note", ("created_by", "created_at"),
        ("submitted_by", "submitted_at"), ("approved_by", "approved_at"), ("cancelled_by", "cancelled_at"),
    )  # fmt: skip
    csv_columns = (
        ("code", "code"), ("location", "location.code"), ("status", "status"), ("asked_for", "asked_for"),
        ("blind", "blind"), ("lines", "line_total"), ("counted", "counted_total"), ("note", "note"),
        ("created_by", "created_by"), ("created_at", "created_at"), ("submitted_by", "submitted_by"),
        ("submitted_at", "submitted_at"), ("approved_by", "approved_by"), ("approved_at", "approved_at"),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Count]:
        """With how much of it is done."""
        lines = CountLine.objects.filter(count=OuterRef("pk")).order_by().values("count")
        return (
            super()
            .get_queryset(request)
            .annotate(
                line_total=Coalesce(Subquery(lines.annotate(number=Number("pk")).values("number")), 0),
                counted_total=Coalesce(Subquery(lines.annotate(number=Number("counted")).values("number")), 0),
            )
        )

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """What makes sense as it stands."""
        found = super().get_actions_detail(request, object_id)
        status = Count.objects.filter(pk=object_id).values_list("status", flat=True).first()
        return [one for one in found if status in WHEN.get(one.path, CountStatus)]

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, count: Count) -> SafeString:
        """Where it stands."""
        return badge(count.get_status_display(), LEVELS[CountStatus(count.status)])

    @display(description=gettext_lazy("asked for"), ordering="scope")
    def asked_for_text(self, count: Count) -> str:
        """What was asked for."""
        return count.asked_for

    @display(description=gettext_lazy("counted"))
    def progress(self, count: Any) -> str:
        """How many of its lines are counted."""
        return _("%(done)d of %(all)d") % {"done": count.counted_total, "all": count.line_total}

    @action(description=gettext_lazy("New count"), icon="add", url_path="open", permissions=["operate"])
    def open_new(self, request: HttpRequest) -> HttpResponse:
        """Say what to count, and begin."""
        made: list[Count] = []

        def deed(values: dict[str, Any]) -> str:
            common = {name: values[name] for name in ("location", "blind", "note")}
            made.append(counts.open_count(**common, **values["asked"], actor=actor(request)))
            lines = made[0].lines.count()
            said = ngettext(
                "Count %(count)s asks for %(lines)d SKU.", "Count %(count)s asks for %(lines)d SKUs.", lines
            )
            return said % {"count": made[0], "lines": lines}

        response = ask(
            self, request, title=_("New count"), deed=deed, back=reverse("admin:inventory_count_changelist"),
            form_class=OpenForm, form_options={"places": places_of(request)}, submit=_("Open"),
            says=[_("Orders may be picked meanwhile. What is posted is how far the count was off when it was counted.")],
        )  # fmt: skip
        return redirect(sheet_of(made[0])) if made and response.status_code == 302 else response

    @action(description=gettext_lazy("Count"), icon="barcode_scanner", url_path="sheet", permissions=["operate"])
    def sheet(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Scan, or type what is there."""
        return count_sheet.show_sheet(self, request, find(self, request, object_id))

    @action(description=gettext_lazy("Submit"), icon="done_all", url_path="submit", permissions=["operate"])
    def submit_count(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The counting is over."""
        count = find(self, request, object_id)
        left = count.lines.filter(counted=None).count()
        says = [_("What was counted stands, and waits for approval.")]
        if left:
            said = ngettext("%d line is not counted.", "%d lines are not counted.", left) % left
            says.append(said)

        def deed(values: dict[str, Any]) -> str:
            counts.submit(count, actor=actor(request), skip_uncounted=values.get("skip_uncounted", False))
            return _("Count %s waits for approval.") % count

        return ask(
            self, request, title=_("Submit %s") % count, deed=deed, says=says, subjects=[count], back=page_of(count),
            form_class=SubmitForm if left else ConfirmForm, submit=_("Submit"),
        )  # fmt: skip

    @action(description=gettext_lazy("Variances"), icon="difference", url_path="variances", permissions=["view"])
    def variances(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What differs, the gravest first."""
        return count_sheet.show_variances(self, request, find(self, request, object_id))

    @action(description=gettext_lazy("Approve"), icon="check", url_path="approve", permissions=["operate"])
    def approve_count(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Post how far it was off."""
        count = find(self, request, object_id)
        says = [
            _("How far each line was off is posted. What was sold or received since it was counted does not matter."),
            _("Where units that orders have reserved are gone, the latest of those orders become backorders."),
        ]
        if count.status == CountStatus.SUBMITTED and needs_second_person(count, actor=actor(request)):
            says.append(_("It is off by more than its tolerance, and you counted: somebody else has to approve it."))

        def deed(values: dict[str, Any]) -> str:
            approve(count, actor=actor(request))
            return _("Count %s is approved; the stock is what was found.") % count

        return ask(
            self, request, title=_("Approve %s") % count, deed=deed, says=says, subjects=[count], back=page_of(count),
            form_class=ConfirmForm, submit=_("Approve"),
        )  # fmt: skip

    @action(description=gettext_lazy("Recount"), icon="replay", url_path="recount", permissions=["operate"])
    def recount_lines(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have lines counted anew."""
        count = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            counts.recount(count, actor=actor(request), skus=values["skus"])
            left = count.lines.filter(counted=None).count()
            return ngettext("%d line is counted anew.", "%d lines are counted anew.", left) % left

        return ask(
            self, request, title=_("Recount %s") % count, deed=deed, subjects=[count], back=sheet_of(count),
            form_class=RecountForm, submit=_("Recount"),
            says=[_("What was counted before is kept as evidence, and not shown to who counts.")],
        )  # fmt: skip

    @action(
        description=gettext_lazy("Cancel"), icon="block", url_path="cancel", permissions=["operate"],
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def cancel_count(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Nothing comes of it."""
        count = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            counts.cancel(count, actor=actor(request))
            return _("Count %s is cancelled.") % count

        return ask(
            self, request, title=_("Cancel %s") % count, deed=deed, subjects=[count], back=page_of(count),
            says=[_("No unit is moved, and its SKUs may be counted otherwise.")], submit=_("Cancel the count"), danger=True,
        )  # fmt: skip

    @action(description=gettext_lazy("Print"), icon="print", url_path="print", permissions=["view"])
    def print_sheet(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A sheet of paper to count on."""
        return count_sheet.print_sheet(request, find(self, request, object_id))

    @action(description=gettext_lazy("CSV of its lines"), icon="download", url_path="lines", permissions=["view"])
    def lines_csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Its lines as a file."""
        return count_sheet.export_lines(request, find(self, request, object_id))


@admin.register(RecountRequest)
class RecountRequestAdmin(RecordAdmin):
    """SKUs that should be counted soon: something says that their number is wrong."""

    empty_hint = gettext_lazy("A SKU that is sold beyond what there is comes here, until it is counted.")
    list_display = ("wanted_at", "sku", "sku_name", "location", "cause", "closed_at", "count")
    list_display_links = ("wanted_at", "sku")
    list_select_related = ("sku", "location", "count")
    list_filter = (OpenFilter, ("location", RelatedDropdownFilter), ("wanted_at", RangeDateTimeFilter))
    search_fields = ("sku__code", "sku__name", "sku__barcode")
    fields = (("sku", "sku_name"), ("location", "cause"), ("wanted_at", "closed_at"), "count")
    actions: ClassVar = ("close_selected",)
    actions_row = ("count_row",)
    actions_detail = ("count_now",)

    @display(description=gettext_lazy("name"))
    def sku_name(self, request: RecountRequest) -> str:
        """The SKU's name."""
        return request.sku.name

    @action(description=gettext_lazy("Count now"), icon="barcode_scanner", url_path="now", permissions=["operate"])
    def count_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Count this SKU there."""
        wanted = find(self, request, object_id)
        return ask_count_now(self, request, sku=wanted.sku, place=wanted.location, back=page_of(wanted))

    @action(description=gettext_lazy("Count now"), icon="barcode_scanner", url_path="row-now", permissions=["operate"])
    def count_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same from the list."""
        wanted = find(self, request, object_id)
        return ask_count_now(self, request, sku=wanted.sku, place=wanted.location, back=page_of(wanted))

    @admin.action(description=gettext_lazy("Close without counting"), permissions=["operate"])
    def close_selected(self, request: HttpRequest, queryset: QuerySet[RecountRequest]) -> HttpResponse:
        """No recount is needed."""

        def deed(ids: list[Any], values: dict[str, Any]) -> str:
            closed = close_recounts(ids)
            return ngettext("%d request is closed.", "%d requests are closed.", closed) % closed

        return ask_about_rows(
            self, request, queryset, action="close_selected", title=_("Close without counting"), deed=deed,
            says=[_("Nothing is counted. The next oversell asks again.")],
        )  # fmt: skip


@admin.register(CountTolerance)
class CountToleranceAdmin(BackOfficeAdmin):
    """How far a count may be off before a second person has to approve it."""

    empty_hint = gettext_lazy(
        "A class that is not here lets pass what the product thinks right: add it to say otherwise."
    )
    list_display = ("stock_class", "units", "percent")
    list_filter = (("stock_class", ChoicesDropdownFilter),)
    search_fields = ("stock_class",)
    fields = ("stock_class", ("units", "percent"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A class stays what it is."""
        return ("stock_class",) if obj else ()
