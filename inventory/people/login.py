"""The door: name and password, counted, and never saying which of them was wrong.

Not among the admin's modules: the theme imports it before there is an admin to register at.
"""

import hashlib
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm

from ..models import AttemptKind, EventKind
from . import attempts, events

#: Before what stands for a name that nobody has.
UNKNOWN = "? "


class LoginForm(AuthenticationForm):
    """Django's form for staff, behind the limits."""

    error_messages = {
        "invalid_login": _("Name and password do not go together, or the person cannot log in here."),
        "inactive": _("Name and password do not go together, or the person cannot log in here."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Email address or user name")

    def clean_username(self) -> str:
        """Addresses are kept in small letters."""
        name: str = self.cleaned_data["username"].strip()
        return name.lower() if "@" in name else name

    def clean(self) -> dict[str, Any]:
        """Count the attempt, then look at it."""
        name = self.cleaned_data.get("username", "")
        user = get_user_model().objects.filter(username__iexact=name).first()
        account = user.get_username().lower() if user is not None else _unknown(name)
        whom = events.name_of(user) if user is not None else str(_("an unknown name"))
        try:
            attempts.admit(AttemptKind.LOGIN, account=account, request=self.request)
        except attempts.LockedOut as error:
            raise ValidationError(error.message, code="locked_out") from None
        try:
            values: dict[str, Any] = super().clean()
        except ValidationError:
            events.record(EventKind.LOGIN_FAILED, actor=events.NOBODY, subject=whom, request=self.request)
            raise
        attempts.forgive(AttemptKind.LOGIN, account=account, request=self.request)
        return values


def _unknown(name: str) -> str:
    """What attempts of a name that nobody has are counted by: it may be a password, typed into the wrong field."""
    return f"{UNKNOWN}{hashlib.sha256(name.lower().encode()).hexdigest()[:16]}"
