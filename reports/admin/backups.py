"""Backups: which were made, how large they are, and whether they were restored to check."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat, truncatechars
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from inventory.admin.base import RecordAdmin, badge

from ..models import Backup, BackupState

REMARK_SHOWN = 90
LEVELS = {BackupState.DONE: "", BackupState.FAILED: "bad", BackupState.RUNNING: ""}


@admin.register(Backup)
class BackupAdmin(RecordAdmin):
    """A record for people; files are made and put back by commands on the machine."""

    empty_hint = gettext_lazy("The first one is made in the coming night, or now by: manage.py backup")
    list_display = ("started_at", "state_label", "size", "row_count", "checked_at", "took", "short_remark")
    list_filter = (("state", ChoicesDropdownFilter), ("started_at", RangeDateTimeFilter))
    search_fields = ("path", "remark", "made_by")
    fields = (
        ("started_at", "finished_at"), ("state_label", "checked_at"), "path", ("size", "row_count"),
        ("took", "made_by"), "is_nightly", "remark",
    )  # fmt: skip

    def has_operate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """There is nothing to do to a backup from here."""
        return False

    @display(description=gettext_lazy("state"), ordering="state")
    def state_label(self, backup: Backup) -> SafeString:
        """What became of it."""
        if backup.state == BackupState.DONE and backup.checked_at:
            return badge(_("Restores"), "good")
        return badge(backup.get_state_display(), LEVELS[BackupState(backup.state)])

    @display(description=gettext_lazy("size"), ordering="size_bytes")
    def size(self, backup: Backup) -> Any:
        """The file's size."""
        return None if backup.size_bytes is None else filesizeformat(backup.size_bytes)

    @display(description=gettext_lazy("remark"))
    def short_remark(self, backup: Backup) -> str | None:
        """What went wrong, in a line; the whole of it is on the backup's own page."""
        return truncatechars(backup.remark.partition("\n")[0], REMARK_SHOWN) or None

    @display(description=gettext_lazy("duration"))
    def took(self, backup: Backup) -> Any:
        """From the start to the end of the check."""
        return None if backup.duration is None else _("%.1f s") % backup.duration.total_seconds()
