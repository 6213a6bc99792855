"""Which characters a file's bytes are. Nothing is guessed that cannot be told: a byte that fits nowhere is named.

UTF-8 and UTF-16 prove themselves. Windows-1252 fits almost anything, so it is taken only for text that could be such: it has no
byte that stands for nothing there, no UTF-8 beside it, and no long run of letters beyond ASCII, as other alphabets give.
"""

import codecs
import re
from typing import IO

from django.utils.translation import gettext as _

from .errors import BadFile

CHUNK = 1 << 20

#: What may be asked for by name.
KNOWN = ("utf-8", "utf-8-sig", "utf-16", "cp1252")

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")
_NOTHING_IN_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_RUN = re.compile(rb"[\xc0-\xff]{5}")
_UTF8_PAIR = re.compile(rb"[\xc3-\xf4][\x80-\xbf]+")


def detect(file: IO[bytes]) -> str:
    """The encoding of a text file. Raises BadFile naming the first byte that is in none, and its row."""
    file.seek(0)
    head = file.read(4096)
    for mark, name in _MARKS:
        if head.startswith(mark):
            check(file, name)
            return name
    if b"\x00" in head:
        name = _wide(head)
        check(file, name)
        return name
    _refuse_binary(file)
    broken = _first_broken(file, "utf-8")
    if broken is None:
        return "utf-8"
    _refuse_all_but_1252(file, broken)
    return "cp1252"


def check(file: IO[bytes], encoding: str) -> None:
    """Raise BadFile unless all of the file is text of that encoding."""
    broken = _first_broken(file, encoding)
    if broken is not None:
        raise BadFile(_told(file, broken, _("it is no {encoding}").format(encoding=encoding)))


def _wide(head: bytes) -> str:
    """Which UTF-16 without a mark: text of a table has zeros in one half of its bytes alone."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > len(head) // 8 and even == 0:
        return "utf-16-le"
    if even > len(head) // 8 and odd == 0:
        return "utf-16-be"
    raise BadFile(_("This is no text: byte {byte} is 0. CSV or XLSX is expected.").format(byte=head.index(0) + 1))


def _refuse_binary(file: IO[bytes]) -> None:
    found = _search(file, _NOT_TEXT)
    if found is not None:
        raise BadFile(
            _told(file, found, _("this is a control character, so the file is no text; CSV or XLSX is expected"))
        )


def _refuse_all_but_1252(file: IO[bytes], broken: int) -> None:
    if (found := _search(file, _NOTHING_IN_1252)) is not None:
        raise BadFile(_told(file, found, _("it is neither UTF-8 nor Windows-1252; save the file as UTF-8")))
    if _search(file, _UTF8_PAIR) is not None and _mixed(file):
        raise BadFile(_told(file, broken, _("it is no UTF-8, though other rows are: the file mixes encodings")))
    if (found := _search(file, _RUN)) is not None:
        raise BadFile(_told(file, found, _("it looks like another alphabet than Windows-1252; save the file as UTF-8")))


def _mixed(file: IO[bytes]) -> bool:
    """Whether some rows are beyond ASCII and good UTF-8, though others are not."""
    file.seek(0)
    for line in file:
        if not line.isascii():
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                continue
            return True
    return False


def _first_broken(file: IO[bytes], encoding: str) -> int | None:
    """The place of the first byte that does not decode."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding.removesuffix("-sig"))()  # with a mark it would count from behind it
    place = 0
    while True:
        chunk = file.read(CHUNK)
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            return place - held + error.start
        if not chunk:
            return None
        place += len(chunk)


def _search(file: IO[bytes], pattern: re.Pattern[bytes]) -> int | None:
    """The place of the first bytes that match; a match over the border of two chunks is found too."""
    file.seek(0)
    place, tail = 0, b""
    while chunk := file.read(CHUNK):
        found = pattern.search(tail + chunk)
        if found:
            return place - len(tail) + found.start()
        place += len(chunk)
        tail = chunk[-8:]
    return None


def _told(file: IO[bytes], place: int, what: str) -> str:
    file.seek(0)
    before = file.read(place)
    byte = file.read(1)
    said = _("Row {row}, byte {place} of the file (0x{byte}): {what}.")
    return said.format(row=before.count(b"\n") + 1, place=place + 1, byte=byte.hex() or "--", what=what)
