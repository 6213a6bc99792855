"""The bytes of an import's file: kept compressed beside it, in pieces, so that none is ever whole in memory."""

import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from ..models import ImportBatch, ImportPart
from .errors import BadFile

PIECE = 1 << 20

#: Up to so many bytes a file is read from memory, a larger one from the disk.
IN_MEMORY = 8 << 20


def measure(file: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and size of a file. Raises BadFile where it is larger than the setting allows."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while piece := file.read(PIECE):
        size += len(piece)
        if size > settings.IMPORT_MAX_BYTES:
            most = settings.IMPORT_MAX_BYTES
            raise BadFile(_("The file is larger than {most} bytes (IMPORT_MAX_BYTES).").format(most=most))
        digest.update(piece)
    return digest.hexdigest(), size


def keep(batch: ImportBatch, file: IO[bytes]) -> None:
    """Keep a file's bytes with its import."""
    file.seek(0)
    number = 0
    while piece := file.read(PIECE):
        ImportPart.objects.create(batch=batch, number=number, data=zlib.compress(piece, 6))
        number += 1


@contextmanager
def opened(batch: ImportBatch) -> Iterator[IO[bytes]]:
    """The file as it was uploaded. Raises BadFile where it is kept no longer, or is not what was uploaded."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        digest = hashlib.sha256()
        for data in (
            ImportPart.objects.filter(batch=batch).order_by("number").values_list("data", flat=True).iterator(1)
        ):
            piece = zlib.decompress(bytes(data))
            digest.update(piece)
            file.write(piece)
        if digest.hexdigest() != batch.sha256:
            raise BadFile(_("The file is not kept any more."))
        file.seek(0)
        yield file
