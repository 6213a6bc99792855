"""The page on which a person confirms a named action: what will happen, why, and then what became of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ..errors import StockError
from .base import BackOfficeAdmin
from .forms import ReasonForm

#: How many of the chosen rows the page names one by one.
NAMED_ROWS = 20

Deed = Callable[[dict[str, Any]], object]


def ask(
    admin: BackOfficeAdmin,
    request: HttpRequest,
    *,
    title: object,
    deed: Deed,
    back: str,
    says: Sequence[object] = (),
    form_class: type[forms.Form] = ReasonForm,
    form_options: Mapping[str, Any] | None = None,
    refusals: tuple[type[Exception], ...] = (StockError,),
    subjects: Sequence[Model] = (),
    more: int = 0,
    hidden: Mapping[str, Sequence[str]] | None = None,
    submit: object = _("Confirm"),
    danger: bool = False,
    template: str = "admin/action_page.html",
) -> HttpResponse:
    """Show the page; when it comes back confirmed and valid, do the deed and say what became of it.

    ``deed`` takes the form's values and returns the message. What it raises of ``refusals`` is shown on the form.
    """
    confirmed = request.method == "POST" and "_confirm" in request.POST
    form = form_class(request.POST if confirmed else None, **(form_options or {}))
    if confirmed and form.is_valid():
        try:
            with transaction.atomic():
                said = deed(form.cleaned_data)
                _remember(request, subjects, title, form.cleaned_data)
        except refusals as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, str(said))
            return HttpResponseRedirect(back)
    context = {
        **admin.admin_site.each_context(request),
        "title": title,
        "opts": admin.opts,
        "original": subjects[0] if len(subjects) == 1 and not more else None,
        "says": says,
        "form": form,
        "media": admin.media + form.media,
        "subjects": subjects[:NAMED_ROWS] if len(subjects) + more > 1 else (),
        "more": max(0, len(subjects) - NAMED_ROWS) + more,
        "hidden": [(name, value) for name, values in (hidden or {}).items() for value in values],
        "back": back,
        "confirm": submit,
        "danger": danger,
    }
    return TemplateResponse(request, template, context)


def ask_about_rows(
    admin: BackOfficeAdmin,
    request: HttpRequest,
    queryset: QuerySet,
    *,
    action: str,
    deed: Callable[[list[Any], dict[str, Any]], object],
    **page: Any,
) -> HttpResponse:
    """`ask` for the rows chosen in a list; ``deed`` takes their primary keys and the form's values."""
    ids = list(queryset.order_by().values_list("pk", flat=True))
    names = (ACTION_CHECKBOX_NAME, "select_across")
    hidden = {"action": [action], **{name: request.POST.getlist(name) for name in names}}
    shown = list(queryset.filter(pk__in=ids[:NAMED_ROWS]))
    return ask(
        admin,
        request,
        deed=lambda values: deed(ids, values),
        back=request.get_full_path(),
        subjects=shown,
        more=len(ids) - len(shown),
        hidden=hidden,
        **page,
    )


def find(admin: BackOfficeAdmin, request: HttpRequest, object_id: str) -> Any:
    """The row that an action's address names, as the list's own queryset sees it; 404 where there is none."""
    field = admin.opts.pk
    try:
        key = field.to_python(object_id)
    except forms.ValidationError:
        key = None
    return get_object_or_404(admin.get_queryset(request), pk=key)


def page_of(row: Model) -> str:
    """The address of a row's page."""
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=(row.pk,))


def list_of(model: type[Model], query: str = "") -> str:
    """The address of a model's list."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{query}" if query else address


def _remember(request: HttpRequest, subjects: Sequence[Model], title: object, values: Mapping[str, Any]) -> None:
    """Keep who did what to which row and why, where the row's history shows it."""
    person = request.user.pk
    if not subjects or person is None:
        return
    reason = values.get("reason", "")
    LogEntry.objects.log_actions(
        person,
        subjects,
        CHANGE,
        change_message=f"{title}: {reason}" if reason else str(title),
    )
