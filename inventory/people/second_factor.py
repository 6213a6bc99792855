"""Codes that change every half minute, made by an authenticator app, and recovery codes for the day the phone is lost.

The algorithm is django-otp's. Its devices are not used: their keys and recovery codes lie readable in the database; ours are
encrypted and hashed.
"""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django_otp.oath import TOTP

from ..kernel import clock
from ..models import AttemptKind, EventKind, LoginSession, RecoveryCode, SecondFactor
from . import attempts, events, sessions
from .roles import standing_of

ISSUER = "SellOnce"
RECOVERY_CODES = 10
#: Time steps of half a minute by which a phone's clock may be wrong.
TOLERANCE = 1


class WrongCode(Exception):
    """A code that is not right, or was taken before."""


def is_demanded(user: Any) -> bool:
    """Whether the person's role may not come in without one."""
    standing = standing_of(user)
    return standing is not None and standing.role.value in settings.SECOND_FACTOR_ROLES


def is_set_up(user: Any) -> bool:
    """Whether the person has one."""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def is_missing(session: LoginSession) -> bool:
    """Whether this session still has to show one. The session comes from ``sessions.current``."""
    if session.verified_at is not None:
        return False
    held: SecondFactor | None = getattr(session.user, "second_factor", None)
    return (held is not None and held.confirmed_at is not None) or is_demanded(session.user)


def begin(user: Any) -> SecondFactor:
    """A secret to set up; it counts once a code of it was right. Asked for again it is the same."""
    factor, _made = SecondFactor.objects.get_or_create(user=user)
    if not factor.pending_secret:
        factor.pending_secret = base64.b32encode(secrets.token_bytes(20)).decode()
        factor.save(update_fields=["pending_secret"])
    return factor


def address(factor: SecondFactor) -> str:
    """What the QR code says to the app."""
    label = quote(f"{ISSUER}:{factor.user.get_username()}")
    return f"otpauth://totp/{label}?{urlencode({'secret': factor.pending_secret, 'issuer': ISSUER})}"


def picture(factor: SecondFactor) -> str:
    """The QR code as SVG; it is drawn here, nobody else hears of the secret."""
    return segno.make(address(factor), error="m").svg_inline(scale=5, border=3, dark="#000", light="#fff")


def confirm(user: Any, *, code: str, session: LoginSession, request: HttpRequest) -> list[str]:
    """Take the pending secret into use where the code is right; the recovery codes. Raises WrongCode, LockedOut.

    All other sessions of the person end.
    """
    attempts.admit(AttemptKind.SECOND_FACTOR, account=user.get_username(), request=request)
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().get(user=user)
        step = _step_of(factor.pending_secret, code, after=0)
        if step is not None:
            factor.secret, factor.pending_secret = factor.pending_secret, None
            factor.last_step, factor.confirmed_at = step, clock.now()
            factor.save()
            codes = _renew(factor)
            _let_in(session)
            events.record(EventKind.FACTOR_SET, actor=events.name_of(user), request=request)
            sessions.end_all(user, actor=events.name_of(user), but=session, request=request)
    if step is None:
        raise _failure(user, request)
    attempts.forgive(AttemptKind.SECOND_FACTOR, account=user.get_username(), request=request)
    return codes


def verify(user: Any, *, code: str, session: LoginSession, request: HttpRequest) -> bool:
    """Let the session in where a code of the app, or a recovery code, is right. Each is taken once.

    True, or raises WrongCode or LockedOut.
    """
    attempts.admit(AttemptKind.SECOND_FACTOR, account=user.get_username(), request=request)
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user=user, confirmed_at__isnull=False).first()
        taken = factor is not None and (_take(factor, code) or _take_recovery(factor, code, request))
        if taken:
            _let_in(session)
    if not taken:
        raise _failure(user, request)
    attempts.forgive(AttemptKind.SECOND_FACTOR, account=user.get_username(), request=request)
    return True


def renew_codes(user: Any, *, request: HttpRequest) -> list[str]:
    """Ten new recovery codes; the old ones open nothing any more."""
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().get(user=user, confirmed_at__isnull=False)
        events.record(EventKind.RECOVERY_RENEWED, actor=events.name_of(user), request=request)
        return _renew(factor)


def codes_left(user: Any) -> int:
    """How many recovery codes were not used yet."""
    return RecoveryCode.objects.filter(factor__user=user, used_at=None).count()


@transaction.atomic
def reset(user: Any, *, actor: str, but: LoginSession | None = None, request: HttpRequest | None = None) -> None:
    """Forget a person's second factor, as when the phone is lost, and end their sessions, one excepted."""
    SecondFactor.objects.filter(user=user).delete()
    events.record(EventKind.FACTOR_RESET, actor=actor, subject=events.name_of(user), request=request)
    sessions.end_all(user, actor=actor, but=but, request=request)


def _let_in(session: LoginSession) -> None:
    session.verified_at = clock.now()
    session.save(update_fields=["verified_at"])


def _failure(user: Any, request: HttpRequest) -> WrongCode:
    events.record(EventKind.FACTOR_FAILED, actor=events.name_of(user), request=request)
    return WrongCode()


def _take(factor: SecondFactor, code: str) -> bool:
    step = _step_of(factor.secret, code, after=factor.last_step)
    if step is None:
        return False
    factor.last_step = step
    factor.save(update_fields=["last_step"])
    return True


def _step_of(secret: str | None, code: str, *, after: int) -> int | None:
    """The time step whose code this is; None where it is none, or none that is later than the last one taken."""
    digits = code.replace(" ", "")
    if not secret or len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    totp = TOTP(base64.b32decode(secret))
    totp.time = clock.now().timestamp()
    return int(totp.t()) if totp.verify(int(digits), tolerance=TOLERANCE, min_t=after + 1) else None


def _take_recovery(factor: SecondFactor, code: str, request: HttpRequest) -> bool:
    given = code.replace(" ", "").replace("-", "").lower()
    if len(given) != 16:
        return False
    taken = factor.codes.filter(code_hash=_hash(given), used_at=None).update(used_at=clock.now())
    if taken:
        left = factor.codes.filter(used_at=None).count()
        who = events.name_of(factor.user)
        events.record(EventKind.RECOVERY_USED, actor=who, detail=_("%d left") % left, request=request)
    return bool(taken)


def _renew(factor: SecondFactor) -> list[str]:
    factor.codes.all().delete()
    plain = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _number in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(factor=factor, code_hash=_hash(code)) for code in plain)
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in plain]


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
