"""Counts kept beside the rows that they count, so that live figures need not count a million rows every second."""

from django.db import models
from django.utils.translation import gettext_lazy as _

#: Stands for all channels together.
EVERY_CHANNEL = 0


class LagPart(models.TextChoices):
    """What is measured, in the words of the architecture's definition of lag."""

    INTAKE = "intake", _("Intake lag")
    SYNC = "sync", _("Sync lag")
    WAITING = "waiting", _("Waiting for its turn")
    ANSWER = "answer", _("The channel's answer")
    LAG = "lag", _("Lag per channel")
    SALE = "sale", _("Sale lag")


class Span(models.TextChoices):
    MINUTE = "minute", _("Minute")
    HOUR = "hour", _("Hour")


class TallyMark(models.Model):
    """How far a table has been counted. Rows up to ``done_id`` are in the tallies; the rest is counted when asked."""

    name = models.CharField(_("name"), max_length=20, primary_key=True)
    done_id = models.BigIntegerField(_("counted up to"), default=0)
    seen_id = models.BigIntegerField(_("last row seen"), default=0)
    seen_xid = models.BigIntegerField(
        _("transaction"),
        default=0,
        help_text=_("Once all before it have ended, no row up to the last seen can appear."),
    )
    tallied_at = models.DateTimeField(_("counted at"))

    class Meta:
        verbose_name = _("tally's mark")
        verbose_name_plural = _("tallies' marks")

    def __str__(self) -> str:
        return self.name


class LagTally(models.Model):
    """How many pushes of a minute took how long: buckets on a scale of equal ratios, so that percentiles can be read."""

    pk = models.CompositePrimaryKey("slot", "channel_id", "part", "bucket")
    slot = models.DateTimeField(_("minute"))
    channel_id = models.BigIntegerField(_("channel"), default=EVERY_CHANNEL)
    part = models.CharField(_("part"), max_length=10, choices=LagPart)
    bucket = models.SmallIntegerField(_("bucket"))
    pushes = models.BigIntegerField(_("pushes"))

    class Meta:
        verbose_name = _("lag tally")
        verbose_name_plural = _("lag tallies")

    def __str__(self) -> str:
        return f"{self.slot} {self.part} {self.bucket}: {self.pushes}"


class SaleReach(models.Model):
    """The last acknowledgement so far of the numbers that a delivery made owed; kept while it may still move."""

    stored_at = models.DateTimeField(_("delivery stored at"), primary_key=True)
    acknowledged_at = models.DateTimeField(_("last acknowledged at"))

    class Meta:
        verbose_name = _("sale's reach")
        verbose_name_plural = _("sales' reach")

    def __str__(self) -> str:
        return str(self.stored_at)


class SalesTally(models.Model):
    """Orders of a minute or an hour by channel, as they were recorded; what happened to them later is not counted."""

    pk = models.CompositePrimaryKey("span", "slot", "channel_id")
    span = models.CharField(_("span"), max_length=6, choices=Span)
    slot = models.DateTimeField(_("begins at"))
    channel_id = models.BigIntegerField(_("channel"))
    orders = models.BigIntegerField(_("orders"))
    lines = models.BigIntegerField(_("lines"))
    units = models.BigIntegerField(_("units"))

    class Meta:
        verbose_name = _("sales tally")
        verbose_name_plural = _("sales tallies")

    def __str__(self) -> str:
        return f"{self.span} {self.slot}: {self.orders}"
