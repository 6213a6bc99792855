"""Rows of a document that name a SKU each."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from ..codes import skus_by_code
from ..models import Sku
from .errors import Refused


def with_skus(rows: Sequence[Mapping[str, Any]], *, path: str = "lines") -> list[tuple[Sku, Mapping[str, Any]]]:
    """Each row with its SKU, found at once by any of its codes. Raises Refused naming every row whose SKU there is not."""
    known = skus_by_code([row["sku"] for row in rows])
    fields = {
        f"{path}.{index}.sku": [_("There is no {value}.").format(value=row["sku"])]
        for index, row in enumerate(rows)
        if row["sku"] not in known
    }
    if fields:
        first, messages = next(iter(fields.items()))
        raise Refused(f"{first}: {messages[0]}", fields=fields)
    return [(known[row["sku"]], row) for row in rows]
