"""The one place that reads the wall clock, so that tests and simulations can set it."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """The present instant, in UTC, to the microsecond."""
    return datetime.now(UTC)


def epoch_microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970, exactly what PostgreSQL's ``extract(epoch ...) * 1000000`` gives."""
    return (instant.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
