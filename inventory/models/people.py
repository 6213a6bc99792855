"""People who come in, their links, second factors and sessions, and what became of each of these."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from encrypted_fields.fields import EncryptedTextField

from ..kernel import clock
from .access import Role
from .append_only import append_only
from .location import Location


class Person(models.Model):
    """What a user is here. A superuser is an administrator also without it; other users without it are nothing."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="person", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=20, choices=Role)
    locations = models.ManyToManyField(
        Location, verbose_name=_("locations"), blank=True, help_text=_("None means all of them.")
    )

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"


class LinkKind(models.TextChoices):
    INVITATION = "invitation", _("Invitation")
    PASSWORD = "password", _("New password")


class AccessLink(models.Model):
    """A link that opens a door once: to join, or to set a new password. Only its hash is kept."""

    kind = models.CharField(_("kind"), max_length=20, choices=LinkKind)
    email = models.EmailField(_("email address"))
    role = models.CharField(_("role"), max_length=20, choices=Role, blank=True)
    locations = models.ManyToManyField(
        Location, verbose_name=_("locations"), blank=True, help_text=_("None means all of them.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, verbose_name=_("user"), related_name="+"
    )
    token_hash = models.BinaryField(_("hash of the link"), unique=True)
    made_by = models.CharField(_("made by"), max_length=200)
    made_at = models.DateTimeField(_("made at"), default=clock.now)
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(kind="invitation", used_at=None, revoked_at=None),
                name="invitation_once",
                violation_error_message=_("There is an open invitation of this address already: send it again."),
            ),
            models.CheckConstraint(
                condition=Q(kind="invitation", role__in=Role.values) | Q(kind="password", user__isnull=False),
                name="link_is_for_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_open(self) -> bool:
        """Whether the link still opens its door."""
        return self.used_at is None and self.revoked_at is None and self.expires_at > clock.now()


class SecondFactor(models.Model):
    """The secret that a person's authenticator app shares with us. One each; a new secret counts once a code of it was right."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factor", verbose_name=_("user")
    )
    secret = EncryptedTextField(_("secret"), editable=False, null=True)
    pending_secret = EncryptedTextField(_("secret being set up"), editable=False, null=True)
    last_step = models.BigIntegerField(_("last time step"), default=0, help_text=_("No code up to it is taken again."))
    made_at = models.DateTimeField(_("made at"), default=clock.now)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def __str__(self) -> str:
        return str(self.user)


class RecoveryCode(models.Model):
    """Opens the door once where the phone is lost; 80 random bits, kept as a hash."""

    factor = models.ForeignKey(SecondFactor, models.CASCADE, related_name="codes", verbose_name=_("second factor"))
    code_hash = models.BinaryField(_("hash of the code"))
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        constraints = [models.UniqueConstraint(fields=["factor", "code_hash"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"{self.factor} {self.pk}"


class LoginSession(models.Model):
    """One browser in which a person is logged in. It goes when the session ends."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="login_sessions", verbose_name=_("person")
    )
    session_key = models.CharField(_("session key"), max_length=40, unique=True, editable=False)
    address = models.CharField(_("address"), max_length=45)
    agent = models.CharField(_("browser"), max_length=300, blank=True)
    started_at = models.DateTimeField(_("started"), default=clock.now)
    seen_at = models.DateTimeField(_("last seen"), default=clock.now)
    verified_at = models.DateTimeField(_("second factor"), null=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["-seen_at", "-id"]

    def __str__(self) -> str:
        return f"{self.user} @ {self.address}"


class AttemptKind(models.TextChoices):
    LOGIN = "login", _("Password")
    SECOND_FACTOR = "second_factor", _("Second factor")
    KEY = "key", _("API key")
    LINK = "link", _("Link")


class AttemptCount(models.Model):
    """Failed attempts of one account from one address (or of an address as a whole) within a span of time."""

    kind = models.CharField(_("door"), max_length=20, choices=AttemptKind)
    account = models.CharField(_("account"), max_length=150, blank=True, help_text=_("Empty: the address as a whole."))
    address = models.CharField(_("address"), max_length=45, blank=True)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    since = models.DateTimeField(_("since"), default=clock.now)

    class Meta:
        verbose_name = _("failed attempt")
        verbose_name_plural = _("failed attempts")
        ordering = ["-since", "-id"]
        constraints = [models.UniqueConstraint(fields=["kind", "account", "address"], name="attempts_once")]

    def __str__(self) -> str:
        return " @ ".join(part for part in (self.account, self.address) if part)


class EventKind(models.TextChoices):
    INVITED = "invited", _("Invited")
    INVITED_AGAIN = "invited_again", _("Invitation sent again")
    INVITATION_REVOKED = "invitation_revoked", _("Invitation revoked")
    JOINED = "joined", _("Joined")
    ROLE_CHANGED = "role_changed", _("Role changed")
    DEACTIVATED = "deactivated", _("Deactivated")
    REACTIVATED = "reactivated", _("Reactivated")
    LOGGED_IN = "logged_in", _("Logged in")
    LOGIN_FAILED = "login_failed", _("Login failed")
    LOCKED_OUT = "locked_out", _("Locked out")
    UNLOCKED = "unlocked", _("Unlocked")
    LOGGED_OUT = "logged_out", _("Logged out")
    PASSWORD_LINK = "password_link", _("Link for a new password made")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    FACTOR_SET = "factor_set", _("Second factor set up")
    FACTOR_FAILED = "factor_failed", _("Second factor failed")
    FACTOR_RESET = "factor_reset", _("Second factor reset")
    RECOVERY_USED = "recovery_used", _("Recovery code used")
    RECOVERY_RENEWED = "recovery_renewed", _("Recovery codes renewed")
    SESSION_ENDED = "session_ended", _("Session ended")
    KEY_MADE = "key_made", _("API key made")
    KEY_CHANGED = "key_changed", _("API key changed")
    KEY_REVOKED = "key_revoked", _("API key revoked")


class AccessEvent(models.Model):
    """Who let whom in, who came in, who failed: for ever."""

    at = models.DateTimeField(_("at"), default=clock.now, db_index=True)
    kind = models.CharField(_("what"), max_length=30, choices=EventKind)
    actor = models.CharField(_("by"), max_length=200, help_text=_("As the ledger names people and programs."))
    subject = models.CharField(_("whom"), max_length=200, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    address = models.CharField(_("address"), max_length=45, blank=True)

    class Meta:
        verbose_name = _("access event")
        verbose_name_plural = _("access events")
        ordering = ["-id"]
        triggers = append_only("access events are append-only")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject or self.actor}"
