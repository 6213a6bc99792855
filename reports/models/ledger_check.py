"""When the ledger was last compared with itself, and what did not fit."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class LedgerCheckQuerySet(models.QuerySet["LedgerCheck"]):
    def waiting(self) -> "LedgerCheckQuerySet":
        """Those that were asked for and have not come to an end, the oldest first."""
        return self.filter(finished_at=None).order_by("pk")

    def done(self) -> "LedgerCheckQuerySet":
        """Those that looked at everything, the newest first."""
        return self.filter(differences__isnull=False).order_by("-finished_at")


class LedgerCheck(models.Model):
    """One look at the whole ledger: asked for, made, and what was found. The row is the debt; a worker that dies leaves it."""

    asked_at = models.DateTimeField(_("asked for at"), db_index=True)
    asked_by = models.CharField(_("asked for by"), max_length=150)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    differences = models.BigIntegerField(
        _("differences"), null=True, blank=True, help_text=_("Empty: it could not be made.")
    )
    kinds = models.JSONField(_("differences by kind"), default=dict, blank=True)
    first = models.JSONField(_("the first ones"), default=list, blank=True)
    remark = models.CharField(_("remark"), max_length=500, blank=True, help_text=_("What went wrong, if anything."))

    objects = LedgerCheckQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger check")
        verbose_name_plural = _("ledger checks")
        ordering = ["-asked_at", "-id"]
        indexes = [
            models.Index(
                fields=["-finished_at"], name="ledger_check_done", condition=models.Q(differences__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def duration(self) -> timedelta | None:
        """From its start to its end."""
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None
