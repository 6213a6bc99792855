"""Returns."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from inventory.admin.base import RecordAdmin, actor, badge, places_of
from inventory.admin.inlines import ReadInline
from inventory.admin.pages import ask, find, page_of
from inventory.errors import StockError
from inventory.people.roles import Standing

from .. import returns
from ..coverage import seen_at
from ..models import Return, ReturnLine, ReturnStatus
from .forms import ReceiveForm, beyond, due_lines


class ReturnLineInline(ReadInline):
    """What was announced and where it went; it is announced on the order's page and received by a named action."""

    model = ReturnLine
    fields = readonly_fields = ("line", "sku", "quantity", "reason", "restocked", "quarantined", "missing")
    joins = ("line__sku", "line__order__channel")

    @display(description=gettext_lazy("SKU"))
    def sku(self, line: ReturnLine) -> str:
        """The SKU's code."""
        return str(line.line.sku)


@admin.register(Return)
class ReturnAdmin(RecordAdmin):
    """Goods announced back."""

    empty_hint = gettext_lazy("Returns are announced from an order's page or by the API.")
    list_display = ("id", "order", "state", "announced", "created_at")
    list_display_links = ("id", "order")
    list_select_related = ("order__channel",)
    list_filter = (
        ("status", ChoicesDropdownFilter), ("order__channel", RelatedDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("order__external_id", "lines__line__sku__code")
    date_hierarchy = "created_at"
    inlines = (ReturnLineInline,)
    actions_detail = ("receive",)
    fields = ("order", ("state", "created_at"))

    def limited(self, rows: QuerySet, standing: Standing | None) -> QuerySet:
        """Of orders that hold or held stock at this person's locations."""
        places = standing.location_ids if standing else frozenset()
        return rows if places is None else rows.filter(order__in=seen_at(places))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Return]:
        """With the units announced."""
        return super().get_queryset(request).annotate(unit_sum=Sum("lines__quantity"))

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, parcel: Return) -> SafeString:
        """Expected, partly received or received."""
        levels = {ReturnStatus.PARTLY_RECEIVED: "warn", ReturnStatus.RECEIVED: "good"}
        return badge(parcel.get_status_display(), levels.get(ReturnStatus(parcel.status), ""))

    @display(description=gettext_lazy("units announced"), ordering="unit_sum")
    def announced(self, parcel: Any) -> int:
        """Units announced."""
        return parcel.unit_sum or 0

    @action(description=gettext_lazy("Receive"), icon="move_to_inbox", url_path="receive", permissions=["operate"])
    def receive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Book what came back."""
        parcel = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            returns.receive(parcel, lines=values["received"], actor=actor(request))
            return _("The return is received.")

        says = [
            _("Units to stock are sold again at once; those in quarantine wait for a look; missing ones move nothing."),
            *beyond(due_lines(parcel)),
        ]
        return ask(
            self, request, title=_("Receive return %s") % parcel.pk, deed=deed, says=says, subjects=[parcel],
            back=page_of(parcel), form_class=ReceiveForm, form_options={"parcel": parcel, "places": places_of(request)},
            refusals=(StockError, returns.ReturnError), submit=_("Receive"),
        )  # fmt: skip
