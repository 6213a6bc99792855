"""Who works on an import: a token that the next worker replaces."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..kernel import clock
from ..models import ImportBatch
from .errors import LeaseLost

#: Longer than any one transaction of an import takes.
LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's claim of one import."""

    token: str

    def hold(self, batch: ImportBatch) -> None:
        """Keep every other worker out until this transaction ends. Raises LeaseLost where one has taken the import over."""
        rows = ImportBatch.objects.filter(pk=batch.pk, lease=self.token, status=batch.status)
        if not rows.select_for_update(no_key=True).values_list("pk", flat=True).first():
            raise LeaseLost(str(batch))

    def renew(self, batch: ImportBatch, **values: Any) -> None:
        """Hold it, and write how far it is. Raises LeaseLost."""
        until = clock.now() + timedelta(seconds=LEASE_SECONDS)
        rows = ImportBatch.objects.filter(pk=batch.pk, lease=self.token, status=batch.status)
        if not rows.update(lease_until=until, **values):
            raise LeaseLost(str(batch))

    def end(self, batch: ImportBatch, status: str, **values: Any) -> None:
        """A step is over."""
        self.renew(batch, status=status, **values)
        if status not in ("checking", "applying"):
            ImportBatch.objects.filter(pk=batch.pk).update(lease="", holder="", lease_until=None)
