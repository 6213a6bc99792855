"""Which backups were made, and whether they restore."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class BackupState(models.TextChoices):
    RUNNING = "running", _("Being made")
    DONE = "done", _("Made")
    FAILED = "failed", _("Failed")


class BackupQuerySet(models.QuerySet["Backup"]):
    def done(self) -> "BackupQuerySet":
        """Those whose file was written to its end, the newest first."""
        return self.filter(state=BackupState.DONE).order_by("-started_at")


class Backup(models.Model):
    """One attempt. The file itself carries its own manifest; this row is for people and for the schedule."""

    started_at = models.DateTimeField(_("started at"), db_index=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    is_nightly = models.BooleanField(_("nightly"), default=False)
    made_by = models.CharField(_("made by"), max_length=150)
    path = models.CharField(_("file"), max_length=1000, blank=True)
    size_bytes = models.BigIntegerField(_("size"), null=True, blank=True)
    row_count = models.BigIntegerField(_("rows"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=BackupState, default=BackupState.RUNNING)
    checked_at = models.DateTimeField(
        _("restored to check at"),
        null=True,
        blank=True,
        help_text=_("When this file was last restored into a database beside, and its ledger verified there."),
    )
    remark = models.CharField(_("remark"), max_length=500, blank=True, help_text=_("What went wrong, if anything."))

    objects = BackupQuerySet.as_manager()

    class Meta:
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"

    @property
    def duration(self) -> timedelta | None:
        """From the start to the end of the check."""
        return self.finished_at - self.started_at if self.finished_at else None
