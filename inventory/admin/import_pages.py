"""The pages of one import: choosing a file, saying what its columns mean, what it would change and how far it is."""

from itertools import islice
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from ..imports import batches, files, reading
from ..imports.batches import Asker, Wishes
from ..imports.cells import Field
from ..imports.columns import presets_of
from ..imports.errors import BadFile, BadImport
from ..imports.kind import all_kinds, get_kind
from ..models import ImportBatch, ImportRow, ImportStatus, RowState
from ..people.roles import COST_FIELDS
from .base import BackOfficeAdmin, shows_cost
from .import_forms import FIXED, MapForm, UploadForm
from .pages import list_of, page_of

ROWS_A_PAGE = 50

#: So many rows of the file stand below its headings where columns are chosen.
SAMPLE = 4

#: The sorts of rows that the page shows, the first that there are unless told.
TABS = (RowState.CONFLICT, RowState.ERROR, RowState.PLANNED, RowState.DONE, RowState.UNDONE, RowState.UNCHANGED)


def upload(admin: BackOfficeAdmin, request: HttpRequest, asker: Asker) -> HttpResponse:
    """Choose a file; where its columns are understood, they are shown to be looked at."""
    kinds = [kind for kind in all_kinds().values() if batches.may(asker, kind)]
    form = UploadForm(
        request.POST or None, request.FILES or None, kinds=kinds, initial={"kind": request.GET.get("kind", "stock")}
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = batches.upload(
                given["file"], kind=given["kind"], file_name=given["file"].name or "", asker=asker,
                wishes=Wishes(mode=given["mode"], reason=given["reason"]),
            )  # fmt: skip
        except BadImport as error:
            form.add_error("file" if isinstance(error, BadFile) else None, str(error))
        else:
            return redirect(f"{page_of(made).removesuffix('change/')}map/")
    context = {
        **admin.admin_site.each_context(request), "title": _("Import a file"), "opts": admin.opts, "form": form,
        "media": admin.media + form.media, "back": page_list(admin), "step": 1,
    }  # fmt: skip
    return TemplateResponse(request, "admin/import_upload.html", context)


def map_columns(admin: BackOfficeAdmin, request: HttpRequest, batch: ImportBatch, asker: Asker) -> HttpResponse:
    """Say what each column means, and have it checked."""
    if batch.undoes_id or batch.status not in (ImportStatus.UPLOADED, ImportStatus.CHECKED, ImportStatus.FAILED):
        return redirect(page_of(batch))
    kind = get_kind(batch.kind)
    options: dict[str, Any] = {
        "kind": kind,
        "headings": batch.headings,
        "sees_cost": batch.sees_cost and asker.sees_cost,
    }
    form = MapForm(request.POST or None, initial=_initial(batch), **options)
    if request.method == "POST" and form.is_valid():
        try:
            skips = {name: {"skip": one["skip"]} for name, one in batch.mapping.items() if "skip" in one}
            checked = batches.check(
                batch, asker=asker, mapping=form.mapping(skips=skips), again=form.cleaned_data.get("again", False)
            )
            if form.cleaned_data["preset_name"]:
                batches.save_preset(form.cleaned_data["preset_name"], batch=checked, asker=asker)
        except BadImport as error:
            _tell(form, error)
        else:
            return redirect(page_of(batch))
    names = dict(presets_of(kind))
    context = {
        **admin.admin_site.each_context(request), "title": _("Columns of %s") % (batch.file_name or batch.code),
        "opts": admin.opts, "original": batch, "batch": batch, "form": form, "media": admin.media + form.media,
        "sample": _sample(batch), "preset": names.get(batch.preset, ""), "fixed": FIXED, "back": page_of(batch), "step": 2,
        "earlier": list(batches.applied_before(batch)[:3]),
    }  # fmt: skip
    return TemplateResponse(request, "admin/import_map.html", context)


def show(admin: BackOfficeAdmin, request: HttpRequest, batch: ImportBatch, *, level: str) -> HttpResponse:
    """How far it is, and its rows. With ``live`` only what changes while a worker is at it."""
    counts = {state: batch.rows.filter(state=state).count() for state in TABS} if not batch.is_at_work else {}
    there = [state for state in TABS if counts.get(state)]
    asked = request.GET.get("rows", "")
    tab = next((state for state in there if state.value == asked), there[0] if there else None)
    rows = ImportRow.objects.filter(batch=batch, state=tab).order_by("number") if tab else ImportRow.objects.none()
    page = Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    kind = all_kinds().get(batch.kind)
    fields = {field.name: field for field in kind.fields} if kind else {}
    costs = frozenset() if shows_cost(request) else COST_FIELDS
    context = {
        **admin.admin_site.each_context(request), "title": batch.code, "opts": admin.opts, "original": batch, "batch": batch,
        "kind": kind.label if kind else batch.kind, "level": level, "tab": tab, "page": page,
        "tabs": [(state, counts[state]) for state in there], "rows": [_shown(row, fields, costs) for row in page],
        "earlier": list(batches.applied_before(batch)[:3]) if not batch.undoes_id else [],
        "twice": batches.counts_double(batch) if not batch.undoes_id else False,
        "undoings": list(batch.undoings.order_by("pk")), "acts": admin.has_operate_permission(request),
        "differs": batch.new + batch.changed, "step": _step(batch), "S": ImportStatus,
    }  # fmt: skip
    template = "admin/import_live.html" if "live" in request.GET else "admin/import_page.html"
    return TemplateResponse(request, template, context)


def page_list(admin: BackOfficeAdmin) -> str:
    """The address of the list of imports."""
    return list_of(admin.model)


def _step(batch: ImportBatch) -> int:
    """How many of the steps upload, columns, check, apply, result are behind it."""
    if batch.status in (ImportStatus.UPLOADED, ImportStatus.FAILED):
        return 2
    if batch.status == ImportStatus.CHECKING:
        return 3
    return 4 if batch.status in (ImportStatus.CHECKED, ImportStatus.APPLYING) else 5


def _initial(batch: ImportBatch) -> dict[str, Any]:
    found: dict[str, Any] = {"again": batch.again}
    for name, source in batch.mapping.items():
        found[f"column_{name}"] = source.get("column", FIXED)
        found[f"value_{name}"] = source.get("value", "")
    return found


def _tell(form: MapForm, error: BadImport) -> None:
    """Each complaint beside its field."""
    for path, said in error.fields.items():
        name = f"column_{path.removeprefix('mapping.')}"
        form.add_error(name if name in form.fields else None, "; ".join(said))
    if not error.fields:
        form.add_error(None, str(error))


def _sample(batch: ImportBatch) -> list[list[str]]:
    """The first rows, as they are read."""
    try:
        with files.opened(batch) as file:
            shape = reading.Shape(batch.format, batch.encoding, batch.delimiter)
            return [line.cells for line in islice(reading.read(file, shape), 1, SAMPLE + 1)]
    except BadFile:
        return []


def _shown(row: ImportRow, fields: dict[str, Field], costs: frozenset[str]) -> dict[str, Any]:
    """A row as the page shows it: field by field before and after, and what is wrong."""

    def text(name: str, value: Any) -> str:
        return fields[name].write(value).removeprefix("'") if name in fields else str(value)

    before, after = row.before or {}, row.after or {}
    names = [name for name in {**before, **after} if name not in costs]
    changes = [
        {
            "label": fields[name].label if name in fields else name.replace("_", " "),
            "before": text(name, before[name]) if name in before else None,
            "after": text(name, after[name]) if name in after else None,
        }
        for name in names
        if before.get(name) not in (None, "", []) or after.get(name) not in (None, "", [])
    ]
    return {"row": row, "changes": changes, "is_new": row.before is None, "ends": row.after is None}
