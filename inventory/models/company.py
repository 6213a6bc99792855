"""Whose stock it is, and what its books are kept in."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Company(models.Model):
    """A legal person with books of its own. Its locations' stock is valued together."""

    code = models.CharField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=200)
    base_currency = models.CharField(
        _("base currency"), max_length=3, blank=True,
        help_text=_("ISO 4217, as EUR. While it is empty, amounts are taken as they are given."),
    )  # fmt: skip
    time_zone = models.CharField(
        _("time zone"), max_length=50, default="UTC", help_text=_("When its days and months begin. As Europe/Berlin.")
    )

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code


class ExchangeRate(models.Model):
    """What one unit of a currency is worth in a base currency, from a day on until there is a newer rate."""

    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217, as USD."))
    base = models.CharField(_("base currency"), max_length=3, help_text=_("ISO 4217, as EUR."))
    day = models.DateField(_("from day"))
    rate = models.DecimalField(
        _("rate"), max_digits=20, decimal_places=10, validators=[MinValueValidator(Decimal("0.0000000001"))],
        help_text=_("Units of the base currency for one unit of the currency."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ["-day", "currency", "base"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "base", "day"], name="exchange_rate_once_a_day"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="exchange_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.base} {self.day}"
