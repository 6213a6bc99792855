"""Files and rows of old imports go; what the import was, who made it and why stays."""

from ..kernel import clock
from ..models import ImportBatch, ImportPart, ImportRow
from ..models.imports import AT_WORK


def prune(*, batch: int = 5000) -> int:
    """Delete what is not kept any longer, some at a time; how many rows went."""
    old = ImportBatch.objects.filter(kept_until__lt=clock.now()).exclude(status__in=AT_WORK)
    ids = list(old.values_list("pk", flat=True))
    ImportPart.objects.filter(batch__in=ids).delete()
    gone = 0
    while rows := list(ImportRow.objects.filter(batch__in=ids).values_list("pk", flat=True)[:batch]):
        gone += ImportRow.objects.filter(pk__in=rows).delete()[0]
    ImportBatch.objects.filter(pk__in=ids).update(kept_until=None)
    return gone
