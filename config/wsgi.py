"""The web server's entry point."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler, get_script_name
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import set_script_prefix

from config.connections import kept

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

#: So much of a body that nobody read is read away; a larger one costs its sender the connection.
LARGEST_LEFTOVER = 1024 * 1024

WEBHOOKS = "/webhooks/"


class WebhookHandler(WSGIHandler):
    """Django without middleware: a webhook has no session, language, cookie or page, and comes a thousand times a second.

    Its database connection stays open for the next one.
    """

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> list[bytes]:  # type: ignore[override]
        """As Django's, without the signals of a request's beginning and end, on which connections are given back."""
        set_script_prefix(get_script_name(environ))
        with kept():
            response = self.get_response(self.request_class(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]

    def load_middleware(self, is_async: bool = False) -> None:
        """There is none."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]

    def get_response(self, request: HttpRequest) -> HttpResponse:
        """With its length, so that a sender knows where the answer ends without chunks."""
        response = super().get_response(request)
        assert isinstance(response, HttpResponse)  # nothing here streams
        response.headers["Content-Length"] = str(len(response.content))
        return response


pages = get_wsgi_application()
webhooks = WebhookHandler()


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Django, with bodies read to their end: who is refused at the door must not lose the next request on its connection."""
    handler = webhooks if environ.get("PATH_INFO", "").startswith(WEBHOOKS) else pages
    answer = handler(environ, start_response)
    length = environ.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and 0 < int(length) <= LARGEST_LEFTOVER:
        while environ["wsgi.input"].read(65536):
            pass
    return answer
