"""The web server's entry point."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()

#: So much of a body that nobody read is read away; a larger one costs its sender the connection.
LARGEST_LEFTOVER = 1024 * 1024


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Django, with bodies read to their end: who is refused at the door must not lose the next request on its connection."""
    answer = django(environ, start_response)
    length = environ.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and 0 < int(length) <= LARGEST_LEFTOVER:
        while environ["wsgi.input"].read(65536):
            pass
    return answer
