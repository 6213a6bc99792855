"""What this app does when the apps below it tell news: it raises alerts."""

from typing import Any

from django.dispatch import receiver

from channels.models import Channel, Drift
from channels.signals import channel_switched, drift_found
from channels.signals import parked as target_parked
from fulfillment.models import ShortfallKind
from fulfillment.signals import delivery_parked, lines_parked, shortfall_found
from purchasing.models import ReorderAlert
from purchasing.signals import reorder_closed, reorder_raised

from .alerts import close_matter, raise_alert
from .models import AlertKind


@receiver(shortfall_found, dispatch_uid="reports.oversell")
def alert_oversell(sender: Any, *, lines: list[dict[str, Any]], **news: Any) -> None:
    """Units were sold that are not there."""
    for line in lines:
        if line["kind"] == ShortfallKind.OVERSELL:
            message = f"{line['sku']}: order {line['order']} is short of {line['units']} units"
            raise_alert(AlertKind.OVERSELL, subject=line["sku"], message=message)


@receiver(reorder_raised, dispatch_uid="reports.reorder")
def alert_reorder(sender: Any, *, alert_ids: list[int], **news: Any) -> None:
    """A reorder point was crossed."""
    for alert in ReorderAlert.objects.filter(pk__in=alert_ids).select_related("rule__sku"):
        message = f"{alert.rule.sku}: {alert.position} units left, reorder point {alert.reorder_point}"
        raise_alert(AlertKind.REORDER, subject=str(alert.rule.sku), message=message)


@receiver(reorder_closed, dispatch_uid="reports.reorder_closed")
def close_reorder(sender: Any, *, alert_ids: list[int], **news: Any) -> None:
    """It was dealt with."""
    for alert in ReorderAlert.objects.filter(pk__in=alert_ids).select_related("rule__sku"):
        close_matter(AlertKind.REORDER, subject=str(alert.rule.sku))


@receiver(channel_switched, dispatch_uid="reports.switched")
def alert_switched(sender: Any, *, channel: Channel, state: str, **news: Any) -> None:
    """A disconnected channel still sells what it showed last."""
    if state == "disconnected":
        message = f"{channel.name} is disconnected: the last numbers that it was sent are still on sale there"
        raise_alert(AlertKind.DISCONNECTED, subject=channel.code, message=message)
    elif state == "resumed":
        close_matter(AlertKind.DISCONNECTED, subject=channel.code)


@receiver(delivery_parked, dispatch_uid="reports.delivery_parked")
def alert_delivery(sender: Any, *, channel_code: str, reason: str, detail: str, **news: Any) -> None:
    """A delivery could not be recorded."""
    raise_alert(AlertKind.PARKED, subject=f"{channel_code}: {reason}", message=f"A delivery is parked: {detail}")


@receiver(lines_parked, dispatch_uid="reports.lines_parked")
def alert_lines(sender: Any, *, channel_code: str, lines: list[dict[str, str]], **news: Any) -> None:
    """Order lines wait for a person. One alert per channel and reason, however many lines a batch has."""
    by_reason = {line["reason"]: line for line in lines}
    for reason, line in by_reason.items():
        count = sum(one["reason"] == reason for one in lines)
        message = f"{count} order lines are parked; the last: order {line['order']}, {line['detail']}"
        raise_alert(AlertKind.PARKED, subject=f"{channel_code}: {reason}", message=message)


@receiver(target_parked, dispatch_uid="reports.target_parked")
def alert_target(sender: Any, *, channel_code: str, subject: str, reason: str, detail: str, **news: Any) -> None:
    """A channel refused a number for good."""
    raise_alert(AlertKind.PARKED, subject=f"{channel_code}: {reason}", message=f"{subject}: {detail}")


@receiver(drift_found, dispatch_uid="reports.drift")
def alert_drift(sender: Any, *, channel_code: str, drifts: list[Drift], **news: Any) -> None:
    """A channel showed other numbers than ours."""
    excess = sum(drift.excess for drift in drifts)
    message = f"{channel_code} showed {len(drifts)} wrong numbers, {excess} units too many; they are being corrected"
    raise_alert(AlertKind.DRIFT, subject=channel_code, message=message)
