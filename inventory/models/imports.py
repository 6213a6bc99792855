"""Files that people bring in: what each changed, row by row, so that it can be looked at before and taken back after."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ImportStatus(models.TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked")
    APPLYING = "applying", _("Being applied")
    APPLIED = "applied", _("Applied")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")
    PARTLY_UNDONE = "partly_undone", _("Undone in part")
    REFUSED = "refused", _("Refused")
    FAILED = "failed", _("Failed")


#: A worker is at these, or is to be.
AT_WORK = (ImportStatus.CHECKING, ImportStatus.APPLYING)

#: Something of these stands in the books.
IN_EFFECT = (ImportStatus.APPLYING, ImportStatus.APPLIED, ImportStatus.UNDOING, ImportStatus.PARTLY_UNDONE)


class RowState(models.TextChoices):
    ERROR = "error", _("Not valid")
    PLANNED = "planned", _("To be applied")
    DONE = "done", _("Applied")
    UNCHANGED = "unchanged", _("So already")
    CONFLICT = "conflict", _("Changed meanwhile")
    UNDONE = "undone", _("Undone")


class ImportBatch(models.Model):
    """One file, or the taking back of one: a document with who, when and why. Ledger entries refer to it as import:CODE."""

    code = models.CharField(_("code"), max_length=50, unique=True)
    kind = models.CharField(_("kind"), max_length=40)
    mode = models.CharField(_("mode"), max_length=20, blank=True, help_text=_("What is done with its numbers."))
    file_name = models.CharField(_("file"), max_length=255, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, db_index=True)
    size = models.BigIntegerField(_("bytes"), default=0)
    format = models.CharField(_("format"), max_length=10, blank=True)
    encoding = models.CharField(_("encoding"), max_length=20, blank=True)
    delimiter = models.CharField(_("delimiter"), max_length=1, blank=True)
    headings = models.JSONField(_("headings"), default=list, blank=True)
    mapping = models.JSONField(_("mapping"), default=dict, blank=True)
    preset = models.CharField(_("preset"), max_length=100, blank=True)
    again = models.BooleanField(
        _("once more"), default=False, help_text=_("Units of a file that was applied are added again.")
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=ImportStatus, default=ImportStatus.UPLOADED)
    error = models.TextField(_("why it failed"), blank=True)
    undoes = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="undoings", verbose_name=_("takes back")
    )
    only_rest = models.BooleanField(_("leaves what has moved on"), default=False)
    places = ArrayField(models.BigIntegerField(), verbose_name=_("locations it is limited to"), null=True, blank=True)
    sees_cost = models.BooleanField(_("may bring costs"), default=True)
    total = models.BigIntegerField(_("rows"), default=0)
    done = models.BigIntegerField(_("rows done"), default=0)
    new = models.BigIntegerField(_("new"), default=0)
    changed = models.BigIntegerField(_("changed"), default=0)
    unchanged = models.BigIntegerField(_("unchanged"), default=0)
    errors = models.BigIntegerField(_("not valid"), default=0)
    applied = models.BigIntegerField(_("applied"), default=0)
    conflicts = models.BigIntegerField(_("changed meanwhile"), default=0)
    created_by = models.CharField(_("uploaded by"), max_length=150)
    created_at = models.DateTimeField(_("uploaded at"))
    checked_at = models.DateTimeField(_("checked at"), null=True, blank=True)
    applied_by = models.CharField(_("applied by"), max_length=150, blank=True)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)
    kept_until = models.DateTimeField(_("its file and rows are kept until"), null=True, blank=True)
    holder = models.CharField(_("worker"), max_length=100, blank=True, editable=False)
    lease = models.CharField(_("lease"), max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["lease_until"], name="import_at_work", condition=Q(status__in=AT_WORK)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["undoes"],
                name="import_undone_once_at_a_time",
                condition=Q(undoes__isnull=False, status__in=AT_WORK),
            )
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def reference(self) -> str:
        """How the ledger names it."""
        return f"import:{self.code}"

    @property
    def is_at_work(self) -> bool:
        """Whether a worker is at it, or is to be."""
        return self.status in AT_WORK

    @property
    def percent(self) -> int:
        """How far the present step is."""
        return min(100, self.done * 100 // self.total) if self.total else 0


class ImportPart(models.Model):
    """A piece of the file's bytes, compressed: the check and the application read the very same ones."""

    batch = models.ForeignKey(
        ImportBatch, models.CASCADE, related_name="parts", verbose_name=_("import"), db_index=False
    )
    number = models.PositiveIntegerField(_("number"))
    data = models.BinaryField(_("bytes"))

    class Meta:
        verbose_name = _("part of a file")
        verbose_name_plural = _("parts of files")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="import_part_once")]

    def __str__(self) -> str:
        return f"{self.batch}, {self.number}"


class ImportRow(models.Model):
    """A row of the file that changes something or is not valid. Rows that say what is so already leave no trace."""

    batch = models.ForeignKey(
        ImportBatch, models.CASCADE, related_name="rows", verbose_name=_("import"), db_index=False
    )
    number = models.BigIntegerField(_("row"), help_text=_("As spreadsheets count: the headings are row 1."))
    position = models.BigIntegerField(_("order of applying"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=RowState)
    key = models.CharField(_("what it is about"), max_length=400, blank=True)
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"), null=True, blank=True)
    target = models.JSONField(_("rows behind it"), default=dict, blank=True)
    problems = models.JSONField(_("problems"), default=list, blank=True)

    class Meta:
        verbose_name = _("row of an import")
        verbose_name_plural = _("rows of imports")
        ordering = ["batch", "number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="import_row_once")]
        indexes = [
            models.Index(
                fields=["batch", "position", "number"], name="import_row_planned", condition=Q(state="planned")
            ),
            models.Index(fields=["batch", "state"], name="import_row_state"),
        ]

    def __str__(self) -> str:
        return f"{self.batch}, {self.number}"


class ImportPreset(models.Model):
    """Which column of a file means what, kept under a name for the next file of that sort."""

    kind = models.CharField(_("kind"), max_length=40)
    name = models.CharField(_("name"), max_length=100)
    mapping = models.JSONField(_("mapping"), default=dict)
    mode = models.CharField(_("mode"), max_length=20, blank=True)
    created_by = models.CharField(_("saved by"), max_length=150)
    created_at = models.DateTimeField(_("saved at"))

    class Meta:
        verbose_name = _("preset of imports")
        verbose_name_plural = _("presets of imports")
        ordering = ["kind", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="import_preset_once")]

    def __str__(self) -> str:
        return self.name
