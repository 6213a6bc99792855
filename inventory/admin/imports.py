"""Files brought in: uploaded, mapped, checked, applied, taken back; and everything written out."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from ..imports import batches, exporting, mending
from ..imports.batches import Asker
from ..imports.kind import all_kinds, get_kind
from ..models import ImportBatch, ImportStatus, RowState
from ..people.roles import Standing, standing_of
from . import import_pages
from .base import RecordAdmin, actor, badge
from .count_forms import ConfirmForm
from .export import CsvExport
from .import_forms import ApplyForm, UndoForm
from .pages import ask, find, page_of

LEVELS = {
    ImportStatus.APPLIED: "good", ImportStatus.CHECKED: "warn", ImportStatus.CHECKING: "warn", ImportStatus.APPLYING: "warn",
    ImportStatus.UNDOING: "warn", ImportStatus.FAILED: "bad", ImportStatus.REFUSED: "bad",
}  # fmt: skip

#: Actions by their path, and the states in which they make sense; of undoings, none does.
WHEN = {
    "map": {ImportStatus.UPLOADED, ImportStatus.CHECKED, ImportStatus.FAILED}, "apply": {ImportStatus.CHECKED},
    "undo": {ImportStatus.APPLIED, ImportStatus.PARTLY_UNDONE},
    "repeat": {ImportStatus.APPLIED, ImportStatus.UNDONE, ImportStatus.PARTLY_UNDONE},
}  # fmt: skip


def asker_of(request: HttpRequest) -> Asker:
    """Who asks, as the verbs take it."""
    return Asker(actor(request), standing_of(request.user))


@admin.register(ImportBatch)
class ImportAdmin(CsvExport, RecordAdmin):
    """Imports, the newest first. The page of one shows its steps."""

    empty_hint = gettext_lazy("Bring in a CSV or XLSX file: you see what would change before anything does.")
    list_display = (
        "code", "kind_name", "file_name", "state", "total", "new", "changed", "unchanged", "errors", "applied", "conflicts",
        "created_by", "created_at",
    )  # fmt: skip
    list_filter = (("status", ChoicesDropdownFilter), ("created_at", RangeDateTimeFilter))
    search_fields = ("code", "file_name", "reason", "created_by", "sha256")
    search_help_text = gettext_lazy("Code, file, reason, person, or a file's SHA-256")
    fields = ("code",)
    actions_list = ("bring_in", "write_out", "export_csv")
    actions_detail = ("map_columns", "apply_import", "undo_import", "repeat_import", "mend_rows")
    csv_columns = (
        ("code", "code"), ("kind", "kind"), ("mode", "mode"), ("file", "file_name"), ("sha256", "sha256"), ("status", "status"),
        ("rows", "total"), ("new", "new"), ("changed", "changed"), ("unchanged", "unchanged"), ("not_valid", "errors"),
        ("applied", "applied"), ("changed_meanwhile", "conflicts"), ("takes_back", "undoes.code"), ("reason", "reason"),
        ("uploaded_by", "created_by"), ("uploaded_at", "created_at"), ("applied_by", "applied_by"), ("applied_at", "applied_at"),
    )  # fmt: skip

    def limited(self, rows: QuerySet, standing: Standing | None) -> QuerySet:
        """What this person may see."""
        return rows.none() if standing is None else batches.visible_to(rows, Asker("", standing))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportBatch]:
        """With what each takes back."""
        return super().get_queryset(request).select_related("undoes")

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_name(self, batch: ImportBatch) -> str:
        """What the file has."""
        kind = all_kinds().get(batch.kind)
        name = str(kind.label) if kind else batch.kind
        return _("%(kind)s, undoes %(code)s") % {"kind": name, "code": batch.undoes} if batch.undoes else name

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, batch: ImportBatch) -> SafeString:
        """Where it stands."""
        return badge(batch.get_status_display(), LEVELS.get(ImportStatus(batch.status), ""))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Its steps, how far it is, what it would change."""
        if not self.has_view_permission(request) or request.method == "POST":
            raise PermissionDenied
        batch = find(self, request, object_id)
        return import_pages.show(self, request, batch, level=LEVELS.get(ImportStatus(batch.status), ""))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """What makes sense as it stands."""
        found = super().get_actions_detail(request, object_id)
        batch = self.get_queryset(request).filter(pk=object_id).first()
        if batch is None:
            return []
        sensible = {path for path, states in WHEN.items() if batch.status in states and batch.undoes_id is None}
        if batch.errors + batch.conflicts and batch.parts.exists():
            sensible.add("mend")
        return [one for one in found if one.path in sensible]

    @action(description=gettext_lazy("Import a file"), icon="upload_file", url_path="bring-in", permissions=["operate"])
    def bring_in(self, request: HttpRequest) -> HttpResponse:
        """Choose a file."""
        return import_pages.upload(self, request, asker_of(request))

    @action(description=gettext_lazy("Export"), icon="download", url_path="write-out", permissions=["view"])
    def write_out(self, request: HttpRequest) -> HttpResponseBase:
        """Everything of a kind as a file, or the page on which it is chosen."""
        asker, code, form = asker_of(request), request.GET.get("kind", ""), request.GET.get("file", "")
        kinds = {name: kind for name, kind in all_kinds().items() if not (kind.spans and asker.places is not None)}
        if code in kinds and form in exporting.FORMATS:
            response = StreamingHttpResponse(
                exporting.pieces(get_kind(code), asker, form=form), content_type=exporting.FORMATS[form]
            )
            response["Content-Disposition"] = f'attachment; filename="{code}.{form}"'
            return response
        context = {
            **self.admin_site.each_context(request), "title": _("Export"), "opts": self.opts, "kinds": kinds.values(),
            "chosen": code, "address": reverse("admin:inventory_importbatch_write_out"),
        }  # fmt: skip
        return TemplateResponse(request, "admin/export_page.html", context)

    @action(description=gettext_lazy("Columns"), icon="view_column", url_path="map", permissions=["operate"])
    def map_columns(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what the columns mean, and have it checked."""
        return import_pages.map_columns(self, request, find(self, request, object_id), asker_of(request))

    @action(description=gettext_lazy("Apply"), icon="check", url_path="apply", permissions=["operate"])
    def apply_import(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Do what was checked."""
        batch = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            batches.apply(batch, asker=asker_of(request), reason=values["reason"])
            return _("%s is being applied.") % batch

        says = [
            _("%(count)d rows change something; %(errors)d are not valid and are left out.")
            % {"count": batch.new + batch.changed, "errors": batch.errors},
            _("What somebody has changed since the check is left as it is, and told by row."),
        ]
        return ask(
            self, request, title=_("Apply %s") % batch, deed=deed, says=says, subjects=[batch], back=page_of(batch),
            form_class=ApplyForm, form_options={"initial": {"reason": batch.reason}}, submit=_("Apply"),
        )  # fmt: skip

    @action(
        description=gettext_lazy("Undo"), icon="undo", url_path="undo", permissions=["operate"],
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def undo_import(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take it back by a compensating import."""
        batch = find(self, request, object_id)
        made: list[ImportBatch] = []

        def deed(values: dict[str, Any]) -> str:
            made.append(
                batches.undo(batch, asker=asker_of(request), reason=values["reason"], rest=values.get("rest", False))
            )
            return _("%(undo)s takes %(code)s back.") % {"undo": made[0], "code": batch}

        says = [
            _(
                "Units are posted back by the difference, fields are set to what they were, what was made is taken away."
            ),
            _(
                "Where anything has moved on since, nothing is changed and you see which rows, unless you ask for the rest."
            ),
        ]
        response = ask(
            self, request, title=_("Undo %s") % batch, deed=deed, says=says, subjects=[batch], back=page_of(batch),
            form_class=UndoForm, form_options={"initial": {"rest": "rest" in request.GET}}, submit=_("Undo"), danger=True,
        )  # fmt: skip
        return redirect(page_of(made[0])) if made and response.status_code == 302 else response

    @action(description=gettext_lazy("Import again"), icon="replay", url_path="repeat", permissions=["operate"])
    def repeat_import(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same file anew."""
        batch = find(self, request, object_id)
        made: list[ImportBatch] = []

        def deed(values: dict[str, Any]) -> str:
            made.append(batches.repeat(batch, asker=asker_of(request)))
            return _("The same file is checked anew as %s.") % made[0]

        says = [_("The same file is checked anew, with the same columns. Nothing is changed before you apply it.")]
        response = ask(
            self, request, title=_("Import the file of %s again") % batch, deed=deed, says=says, subjects=[batch],
            back=page_of(batch), form_class=ConfirmForm, submit=_("Check"),
        )  # fmt: skip
        return redirect(page_of(made[0])) if made and response.status_code == 302 else response

    @action(description=gettext_lazy("Rows to mend"), icon="build", url_path="mend", permissions=["operate"])
    def mend_rows(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The rows that were not applied, with the reason, as a file to mend and bring in again."""
        batch = find(self, request, object_id)
        asker = asker_of(request)
        if not batch.rows.filter(state__in=(RowState.ERROR, RowState.CONFLICT)).exists() or not batch.parts.exists():
            messages.warning(request, _("There are no rows to mend."))
            return HttpResponseRedirect(page_of(batch))
        if batch.sees_cost and not asker.sees_cost:
            messages.error(request, _("The file may have costs, which your role does not see."))
            return HttpResponseRedirect(page_of(batch))
        content = exporting.as_csv(mending.not_applied(batch))
        response = StreamingHttpResponse(content, content_type=exporting.FORMATS["csv"])
        response["Content-Disposition"] = f'attachment; filename="{batch.code}-not-applied.csv"'
        return response
