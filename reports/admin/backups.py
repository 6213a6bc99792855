"""Backups: which were made, how large they are, and whether they were restored to check."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from inventory.admin.base import RecordAdmin, badge

from ..models import Backup, BackupState

LEVELS = {BackupState.DONE: "good", BackupState.FAILED: "bad", BackupState.RUNNING: ""}


@admin.register(Backup)
class BackupAdmin(RecordAdmin):
    """A record for people; files are made and put back by commands on the machine."""

    empty_hint = gettext_lazy("The first one is made in the coming night, or now by: manage.py backup")
    list_display = ("started_at", "state_label", "size", "row_count", "checked_at", "took", "made_by", "remark")
    list_filter = (("state", ChoicesDropdownFilter), ("started_at", RangeDateTimeFilter))
    search_fields = ("path", "remark", "made_by")
    fields = (
        ("started_at", "finished_at", "took"), ("state_label", "checked_at"), "path", ("size", "row_count"),
        ("made_by", "is_nightly"), "remark",
    )  # fmt: skip

    def has_operate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """There is nothing to do to a backup from here."""
        return False

    @display(description=gettext_lazy("state"), ordering="state")
    def state_label(self, backup: Backup) -> SafeString:
        """What became of it."""
        if backup.state == BackupState.DONE and backup.checked_at:
            return badge(_("Made and restored to check"), "good")
        return badge(backup.get_state_display(), LEVELS[BackupState(backup.state)])

    @display(description=gettext_lazy("size"), ordering="size_bytes")
    def size(self, backup: Backup) -> Any:
        """The file's size."""
        return None if backup.size_bytes is None else filesizeformat(backup.size_bytes)

    @display(description=gettext_lazy("duration"))
    def took(self, backup: Backup) -> Any:
        """From the start to the end of the check."""
        return None if backup.duration is None else _("%.1f s") % backup.duration.total_seconds()
