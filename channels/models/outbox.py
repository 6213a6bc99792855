"""What each channel should be told next: one row per target, and a narrow row for each debt."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .channel import Channel, Listing


class Outcome(models.TextChoices):
    """What came of the last push."""

    NONE = "", _("Nothing sent yet")
    APPLIED = "applied", _("Applied")
    ACCEPTED_PENDING = "accepted_pending", _("Accepted, not yet applied")
    STALE = "stale", _("Stale")
    REJECTED = "rejected", _("Rejected")
    RETRY_LATER = "retry_later", _("To be tried again")
    UNKNOWN = "unknown", _("Unknown")
    UNCHANGED = "unchanged", _("Already shown")
    SHADOW = "shadow", _("Computed only (shadow mode)")


class StockTarget(models.Model):
    """Where one number goes: a listing at one remote location. One request in flight at a time."""

    channel = models.ForeignKey(
        Channel, models.CASCADE, related_name="targets", verbose_name=_("channel"), db_index=False
    )
    listing = models.ForeignKey(
        Listing, models.CASCADE, related_name="targets", verbose_name=_("listing"), db_index=False
    )
    remote = models.CharField(_("remote location"), max_length=100, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    published = models.BigIntegerField(_("published"), null=True, blank=True, help_text=_("The number last computed."))
    shown = models.BigIntegerField(
        _("shown"), null=True, blank=True, help_text=_("What we believe the channel shows; empty is unknown.")
    )
    version = models.BigIntegerField(_("version of the last number sent"), default=0)
    in_flight = models.BigIntegerField(_("number in flight"), null=True, blank=True)
    flight_key = models.UUIDField(_("key of the request in flight"), null=True, blank=True)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    claim_owed_at = models.DateTimeField(_("claimed debt's time"), null=True, blank=True)
    claim_stored_at = models.DateTimeField(_("claimed debt's delivery"), null=True, blank=True)
    disturbed = models.BooleanField(
        _("sold while in flight"),
        default=False,
        help_text=_("The channel's own sale came while a number was in flight."),
    )
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    pushed_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome, blank=True, default=Outcome.NONE)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    parked_reason = models.CharField(_("parked because"), max_length=60, blank=True)
    suspect = models.BigIntegerField(_("number read back"), null=True, blank=True)
    suspect_at = models.DateTimeField(_("read back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("stock target")
        verbose_name_plural = _("stock targets")
        constraints = [models.UniqueConstraint(fields=["listing", "remote"], name="target_once")]
        indexes = [
            # nothing that changes with every number: PostgreSQL then writes the row alone, and no index
            models.Index(fields=["channel"], name="target_of_channel"),
            models.Index(fields=["channel"], name="target_parked", condition=~Q(parked_reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.listing}{f' @ {self.remote}' if self.remote else ''}"


class Debt(models.Model):
    """A target is owed a number. Inserted by whatever changed it, deleted by the claim; coalescing is the key."""

    pk = models.CompositePrimaryKey("channel_id", "target_id")
    channel = models.ForeignKey(Channel, models.CASCADE, db_constraint=False, db_index=False)
    target = models.ForeignKey(StockTarget, models.CASCADE, db_constraint=False, db_index=False)
    owed_at = models.DateTimeField(_("owed at"))
    stored_at = models.DateTimeField(_("its delivery stored at"), null=True)

    class Meta:
        verbose_name = _("debt")
        verbose_name_plural = _("debts")

    def __str__(self) -> str:
        return f"{self.channel_id}/{self.target_id}"


class PushLog(models.Model):
    """History of numbers computed and sent. Narrow, pruned."""

    channel = models.ForeignKey(Channel, models.CASCADE, db_constraint=False, db_index=False, verbose_name=_("channel"))
    target = models.ForeignKey(
        StockTarget, models.CASCADE, db_constraint=False, db_index=False, verbose_name=_("target")
    )
    quantity = models.BigIntegerField(_("number"))
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome)
    stored_at = models.DateTimeField(_("delivery stored at"), null=True, help_text=_("Of the earliest sale in it."))
    owed_at = models.DateTimeField(_("owed at"))
    computed_at = models.DateTimeField(_("computed at"))
    sent_at = models.DateTimeField(_("sent at"), null=True)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True)

    class Meta:
        verbose_name = _("push")
        verbose_name_plural = _("pushes")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["target", "computed_at"], name="push_target"),
            models.Index(fields=["channel", "-id"], name="push_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.quantity}"


class SyncLane(models.Model):
    """The one lane in which a channel's numbers leave: who drives in it, and when it may be tried again."""

    channel = models.OneToOneField(Channel, models.CASCADE, primary_key=True, related_name="lane")
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    lease = models.UUIDField(_("lease"), null=True, blank=True)
    holder = models.CharField(_("leased by worker"), max_length=200, blank=True)
    not_before = models.DateTimeField(_("not before"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)
    answered_at = models.DateTimeField(_("last answer at"), null=True, blank=True)
    repairs = models.BigIntegerField(_("repairs by the sweep"), default=0)

    class Meta:
        verbose_name = _("sync lane")
        verbose_name_plural = _("sync lanes")

    def __str__(self) -> str:
        return str(self.channel)
