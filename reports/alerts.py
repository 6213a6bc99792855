"""Alerts: what a person should know now, once per matter."""

from typing import Any

from django.db import connection

from inventory.kernel import clock

from .models import Alert, AlertKind

_RAISE = """
INSERT INTO reports_alert (kind, subject, message, count, raised_at, repeated_at, closed_by)
VALUES (%(kind)s, %(subject)s, %(message)s, 1, %(now)s, %(now)s, '')
ON CONFLICT (kind, subject) WHERE closed_at IS NULL
DO UPDATE SET count = reports_alert.count + 1, repeated_at = excluded.repeated_at, message = excluded.message
RETURNING id
"""


def raise_alert(kind: AlertKind, *, subject: str, message: str) -> int:
    """Raise an alert, or count up the open one of the same kind and subject; its id."""
    given: dict[str, Any] = {"kind": kind.value, "subject": subject[:200], "message": message[:500], "now": clock.now()}
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, given)
        return int(cursor.fetchone()[0])


def close(alert: Alert, *, actor: str) -> Alert:
    """Somebody has dealt with it."""
    Alert.objects.filter(pk=alert.pk, closed_at=None).update(closed_at=clock.now(), closed_by=actor[:150])
    alert.refresh_from_db()
    return alert


def close_matter(kind: AlertKind, *, subject: str) -> None:
    """The matter has ended by itself."""
    Alert.objects.filter(kind=kind, subject=subject, closed_at=None).update(closed_at=clock.now(), closed_by="system")
