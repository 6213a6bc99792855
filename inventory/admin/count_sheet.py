"""The pages of one count: the sheet on which people scan and type, what differs, the sheet of paper, the file."""

import csv
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import bins, counts
from ..count_approval import needs_second_person
from ..counts import Take, count_lines
from ..errors import CountError, StockError
from ..kernel.quantities import QuantityError, parse_quantity
from ..models import Count, CountLine, CountStatus, StockLevel
from ..scanning import read_scan
from ..tolerances import beyond
from .base import BackOfficeAdmin, actor
from .export import Echo, cell
from .pages import page_of

#: A page of the sheet has so many lines; scanning finds those on other pages too.
LINES_A_PAGE = 100


def show_sheet(admin: BackOfficeAdmin, request: HttpRequest, count: Count) -> HttpResponse:
    """One focused field for the scanner, and a number for each line."""
    if count.status != CountStatus.DRAFT:
        messages.warning(request, _("Count %s is not being counted any more.") % count)
        return redirect(page_of(count))
    if request.method == "POST":
        try:
            said = _scan(request, count) if "scan" in request.POST else _type(request, count)
            messages.success(request, said)
        except StockError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(request.get_full_path())
    rows = by_bin(count)
    page = Paginator(rows, LINES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Count %s") % count,
        "opts": admin.opts,
        "original": count,
        "count": count,
        "page": page,
        "left": rows.filter(counted=None).count(),
        "expects": counts.shows_expected(count, actor=actor(request)),
    }
    return TemplateResponse(request, "admin/count_sheet.html", context)


def show_variances(admin: BackOfficeAdmin, request: HttpRequest, count: Count) -> HttpResponse:
    """What differs, the gravest first; nothing of it for who counted blind."""
    shown = counts.shows_expected(count, actor=actor(request))
    lines = list(count.lines.filter(counted__isnull=False).exclude(variance=0).select_related("sku")) if shown else []
    over = {line.pk for line in beyond(lines)}
    rows = [{"line": line, "over": line.pk in over} for line in sorted(lines, key=lambda one: -abs(one.variance or 0))]
    waits = count.status == CountStatus.SUBMITTED
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Variances of %s") % count,
        "opts": admin.opts,
        "original": count,
        "count": count,
        "rows": sorted(rows, key=lambda row: not row["over"]),
        "hidden": not shown,
        "counted": count.lines.filter(counted__isnull=False).count(),
        "uncounted": count.lines.filter(counted=None).count(),
        "acts": waits and admin.has_operate_permission(request),
        "barred": waits and needs_second_person(count, actor=actor(request)),
    }
    return TemplateResponse(request, "admin/count_variances.html", context)


def print_sheet(request: HttpRequest, count: Count) -> HttpResponse:
    """A page to be printed, without the back office around it."""
    lines = by_bin(count)
    expects = counts.shows_expected(count, actor=actor(request))
    levels = _expected_now(count) if expects else {}
    rows = [(line, levels.get(line.sku_id, 0)) for line in lines]
    context = {"count": count, "rows": rows, "expects": expects, "title": _("Count %s") % count}
    return TemplateResponse(request, "admin/count_print.html", context)


def export_lines(request: HttpRequest, count: Count) -> HttpResponse:
    """The count's lines as CSV, without expectations for who counts blind."""
    names = ["sku", "name", "bins", "class", "counted", "picked", "recount", "counted_by", "counted_at"]
    shown = counts.shows_expected(count, actor=actor(request))
    writer = csv.writer(Echo())
    lines = [writer.writerow([*names, *(("expected", "variance") if shown else ())])]
    for line in by_bin(count):
        values = [
            line.sku.code, line.sku.name, ", ".join(line.bin_names), line.stock_class, line.counted, line.picked,
            line.recount, line.counted_by, line.counted_at, *((line.expected, line.variance) if shown else ()),
        ]  # fmt: skip
        lines.append(writer.writerow([cell(value) for value in values]))
    response = HttpResponse(map(str, lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="count-{count.pk}.csv"'
    return response


def by_bin(count: Count) -> Any:
    """The lines in the order of a walk along the shelves, with their bins; those without one come last."""
    here = StockLevel.objects.filter(sku=OuterRef("sku"), location=OuterRef("location")).values("pk")[:1]
    rows = count.lines.select_related("sku").annotate(level_id=Subquery(here))
    level = OuterRef("level_id")
    rows = rows.annotate(bin_names=bins.names_of(level), bin_key=bins.first_key(level))
    return rows.order_by(F("bin_key").asc(nulls_last=True), "sku__code")


def _expected_now(count: Count) -> dict[int, int]:
    levels = count.location.levels.filter(sku__in=count.lines.values("sku"))
    return {level.sku_id: level.available + level.reserved for level in levels}


def _scan(request: HttpRequest, count: Count) -> str:
    """Add what was scanned; said aloud with the sum."""
    text = request.POST.get("scan", "")
    if not text.strip():
        raise CountError(_("Nothing was scanned."))
    scan = read_scan(text)
    count_lines(count, [Take(scan.sku, scan.units)], actor=actor(request), adding=True)
    line = CountLine.objects.get(count=count, sku=scan.sku)
    said = ngettext(
        "%(sku)s · %(name)s: %(units)d unit counted.", "%(sku)s · %(name)s: %(units)d units counted.", line.counted or 0
    )
    return said % {"sku": scan.sku, "name": scan.sku.name, "units": line.counted}


def _type(request: HttpRequest, count: Count) -> str:
    """Take down the numbers that this person changed, all of them or none: others may count beside them."""
    takes, errors = [], {}
    for line in count.lines.select_related("sku").filter(pk__in=_named(request)):
        typed, picked = request.POST.get(f"counted_{line.pk}", ""), request.POST.get(f"picked_{line.pk}", "")
        if f"{typed.strip()}/{picked.strip()}" == request.POST.get(f"was_{line.pk}", ""):
            continue
        try:
            take = Take(line.sku, _number(typed), _number(picked) or 0, f"lines.{line.sku}")
        except QuantityError as error:
            errors[f"lines.{line.sku}"] = f"{line.sku}: {error}"
            continue
        takes.append(take)
    if errors:
        raise CountError(_("nothing was counted"), rows=errors)
    count_lines(count, takes, actor=actor(request))
    return ngettext("%d line was taken down.", "%d lines were taken down.", len(takes)) % len(takes)


def _named(request: HttpRequest) -> list[int]:
    names = (name.removeprefix("counted_") for name in request.POST if name.startswith("counted_"))
    return [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 19]


def _number(text: str) -> int | None:
    return parse_quantity(text.strip(), least=0) if text.strip() else None
