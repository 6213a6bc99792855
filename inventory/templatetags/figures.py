"""Numbers, spans and instants as people read them."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()

NONE = "–"
_FORMS = {"time": "%H:%M:%S %Z", "short": "%Y-%m-%d %H:%M"}


@register.filter
def number(value: int | None) -> str:
    """With thousands apart."""
    return NONE if value is None else f"{value:,}"


@register.filter
def span(seconds: float | None) -> str:
    """A stretch of time in the unit that suits it: 85 ms, 1.2 s, 4 min, 3 h, 2 d."""
    if seconds is None:
        return NONE
    if seconds < 0.9995:
        return _("%d ms") % max(1, round(seconds * 1000))
    if seconds < 10:
        return _("%.1f s") % seconds
    for unit, length, most in ((_("%d s"), 1, 120), (_("%d min"), 60, 120 * 60), (_("%d h"), 3600, 48 * 3600)):
        if seconds < most:
            return unit % (seconds / length)
    return _("%d d") % (seconds / 86400)


@register.filter
def since(then: datetime | None, now: datetime) -> str:
    """How long ago an instant was."""
    return NONE if then is None else span(max(0.0, (now - then).total_seconds()))


@register.filter
def instant(value: datetime | None, form: str = "") -> str | SafeString:
    """An instant with its zone; a script writes it in the zone of who looks.

    ``time`` leaves out the date, ``short`` leaves the zone to a heading that names it.
    """
    if value is None:
        return NONE
    local = timezone.localtime(value)
    text = local.strftime(_FORMS.get(form, "%Y-%m-%d %H:%M %Z"))
    return format_html('<time class="so-instant" data-form="{}" datetime="{}">{}</time>', form, value.isoformat(), text)


@register.filter
def percent(share: float | None) -> str:
    """A share in percent, with digits where it is small."""
    if share is None:
        return NONE
    return "0 %" if share == 0 else f"{share * 100:.2f} %" if share < 0.1 else f"{share * 100:.0f} %"


@register.simple_tag
def zone() -> SafeString:
    """The time zone's name for a heading; a script puts in that of who looks."""
    return format_html('<span class="so-zone">{}</span>', timezone.get_current_timezone_name())
