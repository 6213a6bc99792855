"""What stays at the top of every page while a channel is stopped or disconnected."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import Channel


def banners(request: HttpRequest) -> dict[str, Any]:
    """One banner for each such channel, for people who may see channels."""
    if not request.user.is_authenticated or not request.user.has_perm("channels.view_channel"):
        return {"channel_banners": []}
    unsure = Q(targets__is_active=True) & (Q(targets__shown__gt=0) | Q(targets__shown=None))
    channels = (
        Channel.objects.filter(is_active=True)
        .filter(Q(stopped_at__isnull=False) | Q(disconnected_at__isnull=False))
        .annotate(still_shown=Count("targets", filter=unsure))
    )
    return {"channel_banners": [_banner(channel) for channel in channels]}


def _banner(channel: Any) -> dict[str, Any]:
    count, name = channel.still_shown, channel.name
    if channel.disconnected_at is not None:
        text = ngettext(
            "%(name)s is disconnected: nothing is sent, and the last number of %(count)d listing is still on sale.",
            "%(name)s is disconnected: nothing is sent, and the last numbers of %(count)d listings are still on sale.",
            count,
        )
    elif count:
        text = ngettext(
            "Selling on %(name)s is stopped; %(count)d listing has not acknowledged 0 yet.",
            "Selling on %(name)s is stopped; %(count)d listings have not acknowledged 0 yet.",
            count,
        )
    else:
        text = _("Selling on %(name)s is stopped; every listing has acknowledged 0.")
    return {
        "text": text % {"name": name, "count": count},
        "danger": bool(count),
        "url": reverse("admin:channels_channel_change", args=(channel.pk,)),
    }
