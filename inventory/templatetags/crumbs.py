"""Where a page stands, in the words of the sidebar."""

from collections.abc import Iterator
from typing import Any

from django import template
from django.db.models import Model
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

register = template.Library()

Crumb = dict[str, str]

#: What an address says of a list besides which rows it shows.
_NO_FILTERS = frozenset({"p", "o", "e", "all", "_facets", "_popup", "_to_field", "_changelist_filters"})


@register.simple_tag(takes_context=True)
def crumbs(context: Context) -> list[Crumb]:
    """The way to this page, a title and perhaps a link each: section, list, row; the last is where one is."""
    found = list(_of_rows(context) if _opts(context) is not None else _of_pages(context))
    path = context["request"].path
    return [{**crumb, "link": "" if crumb["link"] == path else crumb["link"]} for crumb in found]


@register.simple_tag(takes_context=True)
def page_name(context: Context) -> str:
    """What the sidebar calls this page; its own title where it is not in there."""
    return crumbs(context)[-1]["title"]


@register.simple_tag(takes_context=True)
def is_narrowed(context: Context) -> bool:
    """Whether a list shows some of its rows alone: by a search, a filter, or a link that names what to show."""
    return any(value and name not in _NO_FILTERS for name, value in context["request"].GET.items())


def _of_rows(context: Context) -> Iterator[Crumb]:
    opts = _opts(context)
    address = f"admin:{opts.app_label}_{opts.model_name}"
    link = reverse(f"{address}_changelist")
    section, title = _in_sidebar(context, link)
    if section:
        yield {"title": section, "link": ""}
    yield {"title": title or capfirst(str(opts.verbose_name_plural)), "link": link}
    row = context.get("original") or context.get("object")
    if isinstance(row, Model) and row.pk is not None:
        yield {"title": str(row), "link": reverse(f"{address}_change", args=(row.pk,))}
    elif context.get("add"):
        yield {"title": _("New %s") % opts.verbose_name, "link": ""}


def _of_pages(context: Context) -> Iterator[Crumb]:
    home = reverse("account:home")
    path = context["request"].path
    if path.startswith(home) and path != home:
        yield {"title": _("My account"), "link": home}
    section, _title = _in_sidebar(context, path)
    if section:
        yield {"title": section, "link": ""}
    yield {"title": str(context.get("content_title") or context.get("title") or ""), "link": ""}


def _opts(context: Context) -> Any:
    """The model that the page is about, if its list has an address."""
    opts: Any = context.get("opts")
    try:
        reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    except (NoReverseMatch, AttributeError):
        return None
    return opts


def _in_sidebar(context: Context, link: str) -> tuple[str, str]:
    """The section and the title under which the sidebar leads there; empty where it does not."""
    for section in context.get("sidebar_navigation") or ():
        for item in section["items"]:
            if str(item["link"]) == link:
                return str(section["title"] or ""), str(item["title"])
    return "", ""
