"""Places that hold stock."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .company import Company


class LocationKind(models.TextChoices):
    WAREHOUSE = "warehouse", _("Warehouse")
    STORE = "store", _("Store")
    THIRD_PARTY = "3pl", _("3PL")
    FBA = "fba", _("Fulfilled by Amazon")
    WFS = "wfs", _("Walmart Fulfillment Services")


#: Kinds whose count the marketplace owns: mirrored here, never pushed back, feeding no channel by default.
MARKETPLACE_OWNED = (LocationKind.FBA, LocationKind.WFS)


def weekdays() -> list[int]:
    """Monday to Friday, as ISO weekday numbers."""
    return [1, 2, 3, 4, 5]


class LocationQuerySet(models.QuerySet["Location"]):
    """Questions about many locations."""

    def feeding(self) -> "LocationQuerySet":
        """Locations that feed a channel which maps none of its own, the first to take from first."""
        return self.filter(is_active=True).exclude(kind__in=MARKETPLACE_OWNED).order_by("priority", "code")


class Location(models.Model):
    """A place that holds stock: warehouse, store, 3PL, FBA, WFS."""

    code = models.CharField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=LocationKind, default=LocationKind.WAREHOUSE)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("ISO 3166, as US."))
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    latitude = models.FloatField(
        _("latitude"), null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        _("longitude"), null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    time_zone = models.CharField(_("time zone"), max_length=50, default="UTC", help_text=_("As Europe/Berlin."))
    cut_off = models.TimeField(
        _("cut-off"), null=True, blank=True, help_text=_("Orders later than this ship next day.")
    )
    working_days = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(7)]),
        verbose_name=_("working days"),
        default=weekdays,
        help_text=_("1 is Monday, 7 is Sunday."),
    )
    priority = models.IntegerField(_("priority"), default=100, help_text=_("Lower numbers are taken from first."))
    company = models.ForeignKey(
        Company, models.PROTECT, related_name="locations", verbose_name=_("company"), null=True, blank=True,
        help_text=_("Whose stock it is. Empty: the first company's."),
    )  # fmt: skip
    is_active = models.BooleanField(_("active"), default=True)

    objects = LocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("location")
        verbose_name_plural = _("locations")
        ordering = ["priority", "code"]

    def __str__(self) -> str:
        return self.code
