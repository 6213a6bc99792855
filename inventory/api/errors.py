"""Every error in one form: ``{"error": {"code", "message", "fields"}}``."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.signals import got_request_exception
from django.db import DataError, IntegrityError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ..errors import InsufficientStock, KeyConflict, StockError
from ..people.attempts import LockedOut

logger = logging.getLogger(__name__)

_CODES: Mapping[int, str] = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "too_many_requests",
    503: "unavailable",
}


class Refused(exceptions.APIException):
    """A refusal with its status, code, message and fields. Upper apps raise it, or register how theirs become one."""

    def __init__(
        self, message: Any, *, status: int = 400, code: str = "", fields: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(str(message))
        self.status_code = status
        self.code = code or _CODES.get(status, "error")
        self.message = str(message)
        self.fields = dict(fields or {})


_translations: dict[type[Exception], Callable[[Any], Refused]] = {}


def translates(kind: type[Exception]) -> Callable[[Callable[[Any], Refused]], Callable[[Any], Refused]]:
    """Say how an exception of this kind is answered; the nearest class of an exception wins."""

    def register(function: Callable[[Any], Refused]) -> Callable[[Any], Refused]:
        _translations[kind] = function
        return function

    return register


def invalid(field: str, message: Any) -> Refused:
    """A refusal for one field, named by its path."""
    return Refused(f"{field}: {message}", fields={field: [str(message)]})


def answer_error(error: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to any exception of a view."""
    refused = _refuse(error)
    set_rollback()
    if refused is None:
        logger.exception("request failed", exc_info=error)
        got_request_exception.send(sender=answer_error, request=getattr(context.get("request"), "_request", None))
        refused = Refused(_("Something went wrong on our side."), status=500, code="internal")
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if isinstance(error, LockedOut):
        headers["Retry-After"] = str(error.seconds_left)
    body = {"error": {"code": refused.code, "message": refused.message, "fields": refused.fields}}
    return Response(body, status=refused.status_code, headers=headers)


def _refuse(error: Exception) -> Refused | None:
    for kind in type(error).__mro__:
        if kind in _translations:
            return _translations[kind](error)
    if isinstance(error, Refused):
        return error
    if isinstance(error, exceptions.ValidationError):
        return _from_validation(error)
    if isinstance(error, exceptions.APIException):
        status = 401 if isinstance(error, exceptions.AuthenticationFailed) else error.status_code
        code = "malformed" if isinstance(error, exceptions.ParseError) else ""
        return Refused(error.detail, status=status, code=code)
    return None


def _from_validation(error: exceptions.ValidationError) -> Refused:
    fields: dict[str, list[str]] = {}
    _flatten(error.detail, "", fields)
    if len(fields) == 1:
        ((path, messages),) = fields.items()
        return Refused(f"{path}: {' '.join(messages)}", fields=fields)
    some = ", ".join(list(fields)[:5])
    return Refused(_("{count} fields are invalid: {names}").format(count=len(fields), names=some), fields=fields)


def _flatten(detail: Any, path: str, fields: dict[str, list[str]]) -> None:
    """Messages by dotted path: ``lines.0.quantity``; what concerns the body as a whole is under ``body``."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = path if name in ("non_field_errors", "__all__") else f"{path}.{name}" if path else str(name)
            _flatten(inner, here, fields)
    elif isinstance(detail, list) and any(isinstance(inner, Mapping | list) for inner in detail):
        for index, inner in enumerate(detail):
            _flatten(inner, f"{path}.{index}" if path else str(index), fields)
    elif isinstance(detail, list):
        for message in detail:
            fields.setdefault(path or "body", []).append(str(message))
    else:
        fields.setdefault(path or "body", []).append(str(detail))


@translates(Http404)
def _not_found(error: Http404) -> Refused:
    return Refused(_("There is no such thing here."), status=404)


@translates(PermissionDenied)
def _forbidden(error: PermissionDenied) -> Refused:
    return Refused(str(error) or _("That is not allowed."), status=403)


@translates(RequestDataTooBig)
def _too_large(error: RequestDataTooBig) -> Refused:
    return Refused(_("The body is too large."), status=413)


@translates(InsufficientStock)
def _insufficient(error: InsufficientStock) -> Refused:
    lines = [short.named() for short in error.lines]
    return Refused(error, status=409, code="insufficient_stock", fields={"lines": lines})


@translates(StockError)
def _stock_error(error: StockError) -> Refused:
    return Refused(error)


@translates(KeyConflict)
def _key_conflict(error: KeyConflict) -> Refused:
    return Refused(error, status=422, code="idempotency_key_reused")


@translates(LockedOut)
def _locked_out(error: LockedOut) -> Refused:
    return Refused(error, status=429)


@translates(ProtectedError)
def _in_use(error: ProtectedError) -> Refused:
    return Refused(_("Something else still refers to this."), status=409)


@translates(DataError)
def _data_error(error: DataError) -> Refused:
    return Refused(_("A value does not fit: {reason}").format(reason=str(error).splitlines()[0]))


@translates(OperationalError)
def _unavailable(error: OperationalError) -> Refused:
    logger.warning("database unavailable: %s", error)
    return Refused(_("The database is busy or away; try again."), status=503)


@translates(IntegrityError)
def _integrity(error: IntegrityError) -> Refused:
    """Two of what may be there once is a conflict; a value that a CHECK refuses is invalid."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if getattr(diagnosis, "sqlstate", "") != "23505":
        name = getattr(diagnosis, "constraint_name", "") or "constraint"
        return Refused(_("The values do not fit together: {name}").format(name=name.replace("_", " ")))
    named = re.match(r"Key \((.+?)\)=\((.*)\)", getattr(diagnosis, "message_detail", "") or "")
    columns = [column.strip().removesuffix("_id") for column in named[1].split(",")] if named else []
    message = _("There is one already.")
    return Refused(message, status=409, fields={column: [message] for column in columns})
