"""Orders that need a look."""

from typing import ClassVar

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from inventory.admin.base import ConditionFilter

from ..models import SalesOrderLine


def _with_line(condition: Q) -> Q:
    return Q(Exists(SalesOrderLine.objects.filter(condition, order=OuterRef("pk"))))


class NeedFilter(ConditionFilter):
    """What keeps an order from going on."""

    title = _("need")
    parameter_name = "need"
    conditions: ClassVar = {
        "short": (_("Short of units"), _with_line(Q(short__gt=0))),
        "parked": (_("With a parked line"), _with_line(~Q(parked_reason=""))),
        "problem": (_("Needs a look"), ~Q(problem="")),
    }


PARKED_CONDITIONS = {
    "parked": (_("Parked"), ~Q(parked_reason="")),
    "short": (_("Short of units"), Q(short__gt=0)),
}
