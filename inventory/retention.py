"""What was kept to make retries harmless goes when no retry will come any more."""

from datetime import timedelta

from .imports import retention as imports
from .kernel import clock
from .models import IdempotentRequest
from .people import attempts, sessions

#: How long the answer to an idempotent request is kept.
REQUESTS_KEPT = timedelta(days=7)


def prune(*, batch: int = 5000) -> int:
    """Delete old requests' answers, sessions, counted attempts and imported files that are over; how many answers went."""
    sessions.prune()
    attempts.prune()
    imports.prune()
    gone = 0
    while True:
        old = IdempotentRequest.objects.filter(created_at__lt=clock.now() - REQUESTS_KEPT).order_by("pk")
        ids = list(old.values_list("pk", flat=True)[:batch])
        gone += IdempotentRequest.objects.filter(pk__in=ids).delete()[0]
        if len(ids) < batch:
            return gone
