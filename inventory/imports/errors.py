"""What may be wrong with a file, or with what is asked of an import."""

from collections.abc import Mapping, Sequence

from ..errors import StockError


class BadImport(StockError):
    """It cannot be made or go on, and nothing was changed. ``fields`` says it by name where it has one."""

    def __init__(self, message: str, *, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = {name: list(messages) for name, messages in (fields or {}).items()}


class BadFile(BadImport):
    """The file cannot be read: the message says what, and in which row."""

    def __init__(self, message: str) -> None:
        super().__init__(message, fields={"file": [message]})


class WrongStep(BadImport):
    """It makes sense, but not as the import stands."""


class NotYours(BadImport):
    """The role or the locations of who asks do not cover it."""


class LeaseLost(Exception):
    """Another worker has taken the import over: this one stops, having changed nothing since."""
