"""Everything that waits for a person, in one list: deliveries, order lines, targets and news of shipments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from channels.models import Delivery, DeliveryStatus, StockTarget

from .models import SalesOrderLine, Shipment
from .models.shipment import NewsStatus

KINDS = ("delivery", "line", "target", "shipment")

_COLUMNS = ("kind", "row_id", "channel_code", "subject", "why", "evidence", "since")


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """One parked thing: what it is, whose, why, and since when."""

    kind: str
    id: int
    channel: str
    subject: str
    reason: str
    detail: str
    at: datetime | None


def parked_rows(
    *, kind: str = "", channel: str = "", reason: str = "", search: str = "", offset: int = 0, limit: int = 100
) -> list[ParkedRow]:
    """A page of the list, the newest first. ``search`` looks into subjects and details; the others match exactly."""
    rows = _chosen(kind, channel=channel, reason=reason, search=search)
    if not rows:
        return []
    union = rows[0].union(*rows[1:], all=True) if len(rows) > 1 else rows[0]
    return [
        ParkedRow(*row)
        for row in union.order_by(F("since").desc(nulls_last=True), "kind", "row_id")[offset : offset + limit]
    ]


def count_parked(*, kind: str = "", channel: str = "", reason: str = "", search: str = "") -> int:
    """How many there are under the same conditions."""
    return sum(rows.count() for rows in _chosen(kind, channel=channel, reason=reason, search=search))


def reasons() -> list[str]:
    """The reasons that occur now."""
    found: set[str] = set()
    for rows in _chosen("", channel="", reason="", search=""):
        found.update(rows.order_by().values_list("why", flat=True).distinct()[:200])
    return sorted(found)


def _chosen(kind: str, *, channel: str, reason: str, search: str) -> list[QuerySet[Any, tuple[Any, ...]]]:
    if kind and kind not in KINDS:
        return []
    condition = Q()
    if channel:
        condition &= Q(channel_code=channel)
    if reason:
        condition &= Q(why=reason)
    if search:
        condition &= Q(subject__icontains=search) | Q(evidence__icontains=search)
    return [_SOURCES[name]().filter(condition).values_list(*_COLUMNS) for name in KINDS if kind in ("", name)]


def _rows(
    rows: QuerySet[Any], kind: str, *, channel: str, subject: Any, why: Any, evidence: Any, since: Any
) -> QuerySet[Any]:
    text = TextField()
    return rows.order_by().annotate(
        kind=Value(kind, output_field=CharField()),
        row_id=F("pk"),
        channel_code=F(channel),
        subject=Cast(subject, text),
        why=Cast(why, text),
        evidence=Cast(evidence, text),
        since=since,
    )


def _deliveries() -> QuerySet[Any]:
    rows = Delivery.objects.filter(status=DeliveryStatus.PARKED)
    return _rows(
        rows, "delivery", channel="channel__code", subject=F("event_id"), why=F("reason"), evidence=F("detail"),
        since=F("stored_at"),
    )  # fmt: skip


def _lines() -> QuerySet[Any]:
    rows = SalesOrderLine.objects.exclude(parked_reason="")
    return _rows(
        rows, "line", channel="order__channel__code", subject=F("order__external_id"), why=F("parked_reason"),
        evidence=F("parked_detail"), since=F("order__recorded_at"),
    )  # fmt: skip


def _targets() -> QuerySet[Any]:
    rows = StockTarget.objects.exclude(parked_reason="")
    return _rows(
        rows, "target", channel="channel__code", subject=F("listing__sku__code"), why=F("parked_reason"),
        evidence=F("last_error"), since=F("sent_at"),
    )  # fmt: skip


def _shipments() -> QuerySet[Any]:
    rows = Shipment.objects.filter(news=NewsStatus.PARKED)
    return _rows(
        rows, "shipment", channel="order__channel__code", subject=F("order__external_id"), why=Value("news_refused"),
        evidence=F("news_error"), since=F("dispatched_at"),
    )  # fmt: skip


_SOURCES = {"delivery": _deliveries, "line": _lines, "target": _targets, "shipment": _shipments}
