"""What units cost: facts given with receipts, the order in which entries are valued, and the projection of both.

Facts and the order are only ever added to. Scopes, layers and moves follow from them and can be made anew from them; only
``inventory.costing`` writes any of these.
"""

from decimal import ROUND_HALF_UP, Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .append_only import append_only
from .catalog import Costing, Sku
from .company import Company
from .landed import LandedShare
from .ledger import LedgerEntry, StockLevel

CENT = Decimal("0.01")


def cents(value: Decimal) -> Decimal:
    """An amount as it is booked: to the cent, halves up."""
    return value.quantize(CENT, ROUND_HALF_UP)


class CostFact(models.Model):
    """What the units of one incoming entry cost, as whoever received them said. Recorded with the entry, for ever."""

    level = models.ForeignKey(StockLevel, models.PROTECT, related_name="+", verbose_name=_("stock level"))
    number = models.BigIntegerField(_("entry's number"))
    unit_cost = models.DecimalField(_("unit cost"), max_digits=20, decimal_places=6)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    rate = models.DecimalField(_("rate"), max_digits=20, decimal_places=10, default=1)
    base_unit_cost = models.DecimalField(_("unit cost in the base currency"), max_digits=24, decimal_places=6)

    class Meta:
        verbose_name = _("cost of a receipt")
        verbose_name_plural = _("costs of receipts")
        constraints = [
            models.UniqueConstraint(fields=["level", "number"], name="cost_fact_once"),
            models.CheckConstraint(condition=Q(base_unit_cost__gte=0, unit_cost__gte=0), name="cost_fact_not_negative"),
        ]
        triggers = append_only("costs of receipts are append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return f"{self.unit_cost} {self.currency}".strip()


class CostOrigin(models.TextChoices):
    """Where the unit cost of what came in is from."""

    GIVEN = "given", _("Given with the receipt")
    CATALOGUE = "catalogue", _("The SKU's own")
    NONE = "none", _("Not given")


class CostPosition(models.Model):
    """One entry's place in the order of valuing, and all that valuing it asks of the world: fixed when it is lined up.

    A share of landed costs, or its cancellation, has a place of its own.
    """

    company = models.ForeignKey(Company, models.PROTECT, related_name="+", db_constraint=False)
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    entry = models.OneToOneField(
        LedgerEntry, models.PROTECT, related_name="cost_position", null=True, db_constraint=False
    )
    share = models.ForeignKey(LandedShare, models.PROTECT, related_name="positions", null=True)
    amount = models.DecimalField(max_digits=20, decimal_places=2, null=True, help_text=_("Of landed costs."))
    batch = models.BigIntegerField(null=True, help_text=_("What carries its cost from one entry to another has one."))
    origin = models.CharField(max_length=10, choices=CostOrigin, default=CostOrigin.NONE)
    unit_cost = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    rate = models.DecimalField(max_digits=20, decimal_places=10, null=True, default=1)
    booked_at = models.DateTimeField()

    class Meta:
        verbose_name = _("position in the order of valuing")
        verbose_name_plural = _("positions in the order of valuing")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["company", "sku", "id"], name="cost_position_scope"),
            models.Index(fields=["batch"], name="cost_position_batch", condition=Q(batch__isnull=False)),
        ]
        triggers = append_only("the order of valuing is append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return str(self.pk)


class CostCursor(models.Model):
    """How many of a level's entries have been lined up: they are numbered without gaps, so that none is missed."""

    level = models.OneToOneField(StockLevel, models.PROTECT, primary_key=True, related_name="+", db_constraint=False)
    number = models.BigIntegerField()

    class Meta:
        verbose_name = _("entries lined up")
        verbose_name_plural = _("entries lined up")

    def __str__(self) -> str:
        return str(self.number)


class CostHorizon(models.Model):
    """One row: how far valuing has come. Whoever values holds its lock.

    All entries up to ``seen_id`` were lined up and no other will ever appear among them. The same is true of ``pending_id`` once
    every transaction before ``pending_xid`` has ended.
    """

    seen_id = models.BigIntegerField(default=0)
    pending_id = models.BigIntegerField(default=0)
    pending_xid = models.BigIntegerField(default=0)
    valued_id = models.BigIntegerField(default=0, help_text=_("The last position that was valued."))

    class Meta:
        verbose_name = _("horizon of valuing")
        verbose_name_plural = _("horizon of valuing")

    def __str__(self) -> str:
        return str(self.valued_id)


class CostScope(models.Model):
    """A SKU's stock in one company, by both methods. Exact to a millionth; booked to the cent."""

    company = models.ForeignKey(Company, models.PROTECT, related_name="scopes", verbose_name=_("company"))
    sku = models.ForeignKey(Sku, models.PROTECT, related_name="scopes", verbose_name=_("SKU"))
    quantity = models.BigIntegerField(_("units"), default=0)
    fifo_value = models.DecimalField(_("value by FIFO"), max_digits=38, decimal_places=6, default=0)
    average_value = models.DecimalField(_("value by average"), max_digits=38, decimal_places=6, default=0)
    known_cost = models.DecimalField(
        _("last known average"), max_digits=38, decimal_places=6, null=True, help_text=_("Also when none is left.")
    )

    class Meta:
        verbose_name = _("stock value")
        verbose_name_plural = _("stock values")
        ordering = ["sku__code", "company"]
        constraints = [models.UniqueConstraint(fields=["company", "sku"], name="cost_scope_once")]

    def __str__(self) -> str:
        return f"{self.sku} @ {self.company}"

    @property
    def value(self) -> Decimal:
        """By the SKU's method, to the cent."""
        return cents(self.fifo_value if self.sku.costing == Costing.FIFO else self.average_value)


class CostLayer(models.Model):
    """Units that came in together, and what is left of them and of their cost: the first in goes out first."""

    scope = models.ForeignKey(
        CostScope, models.CASCADE, related_name="layers", verbose_name=_("stock value"), db_index=False
    )
    entry = models.OneToOneField(
        LedgerEntry, models.PROTECT, related_name="cost_layer", verbose_name=_("entry"), db_constraint=False
    )
    received_at = models.DateTimeField(_("received at"))
    quantity = models.BigIntegerField(_("received"))
    units_left = models.BigIntegerField(_("units left"))
    value_left = models.DecimalField(_("value left"), max_digits=38, decimal_places=6)

    class Meta:
        verbose_name = _("cost layer")
        verbose_name_plural = _("cost layers")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["scope", "id"], name="cost_layer_left", condition=Q(units_left__gt=0)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(units_left__gte=0, value_left__gte=0, quantity__gte=models.F("units_left")),
                name="cost_layer_adds_up",
            )
        ]

    def __str__(self) -> str:
        return f"{self.units_left} / {self.quantity}"


class MoveKind(models.TextChoices):
    """Why a value changed: what a line of the journal is about."""

    RECEIPT = "receipt", _("Receipt")
    LANDED = "landed", _("Landed cost")
    SALE = "sale", _("Cost of goods sold")
    RETURN = "return", _("Return")
    LATE = "late", _("Landed cost of units gone")
    ADJUSTMENT = "adjustment", _("Adjustment")
    TRANSFER = "transfer", _("Between companies")
    ASSEMBLY = "assembly", _("Assembly")


class CostMove(models.Model):
    """How one entry changed a SKU's value in a company, with the value after it, so that any past instant can be read."""

    scope = models.ForeignKey(
        CostScope, models.CASCADE, related_name="moves", verbose_name=_("stock value"), db_index=False
    )
    position = models.ForeignKey(
        CostPosition, models.PROTECT, related_name="moves", verbose_name=_("position"), db_constraint=False
    )
    kind = models.CharField(_("kind"), max_length=12, choices=MoveKind)
    quantity = models.BigIntegerField(_("units"))
    fifo_cost = models.DecimalField(_("cost by FIFO"), max_digits=38, decimal_places=6)
    average_cost = models.DecimalField(_("cost by average"), max_digits=38, decimal_places=6)
    quantity_after = models.BigIntegerField(_("units after"))
    fifo_after = models.DecimalField(_("value by FIFO after"), max_digits=38, decimal_places=6)
    average_after = models.DecimalField(_("value by average after"), max_digits=38, decimal_places=6)
    is_unknown = models.BooleanField(_("cost unknown"), default=False, help_text=_("Nobody has said what it cost: 0."))
    document = models.CharField(_("document"), max_length=200, blank=True)
    booked_at = models.DateTimeField(_("booked at"))

    class Meta:
        verbose_name = _("change of value")
        verbose_name_plural = _("changes of value")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["scope", "booked_at", "id"], name="cost_move_past"),
            models.Index(fields=["booked_at"], name="cost_move_booked_at"),
            models.Index(
                fields=["scope", "document"], name="cost_move_document", condition=Q(kind__in=["sale", "return"])
            ),
            models.Index(fields=["id"], name="cost_move_unknown", condition=Q(is_unknown=True)),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.quantity:+d}"

    @property
    def fifo_booked(self) -> Decimal:
        """What it changed by FIFO, to the cent: by how much the value, rounded, moved."""
        return cents(self.fifo_after) - cents(self.fifo_after - self.fifo_cost)

    @property
    def average_booked(self) -> Decimal:
        """The same by average."""
        return cents(self.average_after) - cents(self.average_after - self.average_cost)

    @property
    def booked(self) -> Decimal:
        """The same by the SKU's present method."""
        return self.fifo_booked if self.scope.sku.costing == Costing.FIFO else self.average_booked


class CostingChange(models.Model):
    """A SKU's method of costing was switched: from which day on, by whom and why."""

    sku = models.ForeignKey(Sku, models.PROTECT, related_name="costing_changes", verbose_name=_("SKU"))
    before = models.CharField(_("before"), max_length=10, choices=Costing)
    costing = models.CharField(_("after"), max_length=10, choices=Costing)
    from_day = models.DateField(
        _("from day"), null=True, help_text=_("Empty: no period was closed, so from the first day.")
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    actor = models.CharField(_("actor"), max_length=150)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("switch of costing")
        verbose_name_plural = _("switches of costing")
        ordering = ["-id"]
        triggers = append_only("switches of costing are append-only: TRUNCATE is refused")

    def __str__(self) -> str:
        return f"{self.sku}: {self.before} → {self.costing}"
