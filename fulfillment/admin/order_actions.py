"""What people do to orders: look at the walk, ship, announce a return, hold, release, cancel."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

from inventory.admin.base import actor, places_of
from inventory.admin.pages import ask, find, list_of, page_of
from inventory.errors import StockError
from inventory.models import LedgerEntry

from .. import orders, returns, shipping
from ..coverage import is_covered
from ..models import OrderStatus, SalesOrder
from ..walk import reaches, sale_lag, walk
from .forms import AnnounceForm, ShipForm, beyond, shipped_lines

#: Actions that make no sense in a status, by their path.
SENSELESS = {
    OrderStatus.PENDING: {"release"},
    OrderStatus.OPEN: {"release"},
    OrderStatus.PAUSED: {"hold", "ship"},
    OrderStatus.SHIPPED: {"hold", "release", "cancel", "ship"},
    OrderStatus.CANCELLED: {"hold", "release", "cancel", "ship"},
}


class OrderActions:
    """The named actions of the pages on orders."""

    actions_detail = (
        "walk_page",
        "ship",
        {
            "title": gettext_lazy("More"),
            "icon": "more_vert",
            "items": ["hold", "release", "announce_return", "cancel", "entries"],
        },
    )

    def has_ship_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Shipping is another right than changing orders."""
        return bool(request.user.has_perm("fulfillment.add_shipment"))

    def has_announce_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """So is taking goods back."""
        return bool(request.user.has_perm("fulfillment.add_return"))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only what makes sense in the order's status."""
        order = SalesOrder.objects.filter(pk=object_id).first()
        found = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        off = SENSELESS[OrderStatus(order.status)] if order else set()
        return [one for one in found if one.path not in off]

    @action(description=gettext_lazy("Walk"), icon="conversion_path", url_path="walk", permissions=["view"])
    def walk_page(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """The sale's hops with their times."""
        order = find(self, request, object_id)
        told = reaches(order)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Walk of order %s") % order.external_id,
            "opts": self.opts,
            "original": order,
            "hops": walk(order, told),
            "reaches": told,
            "slowest": next((one for one in told if one.counts and one.lag_seconds is not None), None),
            "sale_lag": sale_lag(order, told),
            "back": page_of(order),
        }
        return TemplateResponse(request, "admin/walk.html", context)

    @action(description=gettext_lazy("Ship"), icon="local_shipping", url_path="ship", permissions=["ship"])
    def ship(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """A parcel of everything outstanding, or a draft of one."""
        order = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            wanted = {name: values[name] for name in ("location", "carrier", "service", "tracking_number")}
            shipment = shipping.create_shipment(order=order, actor=actor(request), **wanted)
            if values["dispatch"]:
                shipping.dispatch(shipment, places=places_of(request), actor=actor(request))
                return _("Shipment %s has left; the channel is told.") % shipment.pk
            return _("Shipment %s is drafted.") % shipment.pk

        says = [_("All units outstanding go into one parcel. Dispatching takes them off the stock of that location.")]
        return ask(
            self, request, title=_("Ship order %s") % order.external_id, deed=deed, says=says, subjects=[order],
            back=page_of(order), form_class=ShipForm, form_options={"order": order, "places": places_of(request)},
            refusals=(StockError, shipping.ShippingError), submit=_("Ship"),
        )  # fmt: skip

    @action(
        description=gettext_lazy("Announce return"),
        icon="assignment_return",
        url_path="return",
        permissions=["announce"],
    )
    def announce_return(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Units are on their way back."""
        order = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            lines = [(line, units, values["reason"]) for line, units in values["announced"]]
            parcel = returns.create_return(order=order, lines=lines, actor=actor(request))
            return _("Return %s is announced; receive it when it is here.") % parcel.pk

        says = [_("Nothing moves yet: stock changes when the return is received."), *beyond(shipped_lines(order))]
        return ask(
            self, request, title=_("Announce a return of %s") % order.external_id, deed=deed, says=says,
            subjects=[order], back=page_of(order), form_class=AnnounceForm, form_options={"order": order},
            refusals=(StockError, returns.ReturnError), submit=_("Announce"),
        )  # fmt: skip

    @action(description=gettext_lazy("Hold"), icon="pause", url_path="hold", permissions=["operate"])
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Pause it."""
        says = [_("The order waits for a person; its units stay reserved.")]
        return self._ask(request, object_id, orders.hold_order, _("Hold order"), says, _("The order is paused."))

    @action(description=gettext_lazy("Release"), icon="play_arrow", url_path="release", permissions=["operate"])
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it go on."""
        return self._ask(request, object_id, orders.release_order, _("Release order"), [], _("The order goes on."))

    @action(
        description=gettext_lazy("Cancel"),
        icon="cancel",
        url_path="cancel",
        permissions=["operate"],
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Cancel what has not left yet."""
        says = [
            _("Units that have not left are released and sold again; every channel is told."),
            _("The marketplace is not told: cancel there too, else it will still expect the goods."),
        ]
        return self._ask(request, object_id, orders.cancel_order, _("Cancel order"), says, _("The order is cancelled."))

    @action(description=gettext_lazy("Ledger"), icon="receipt_long", url_path="entries", permissions=["view"])
    def entries(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Every movement that it caused."""
        return redirect(list_of(LedgerEntry, urlencode({"q": find(self, request, object_id).reference})))

    def _ask(
        self: Any, request: HttpRequest, object_id: str, verb: Any, title: str, says: list[str], done: str
    ) -> HttpResponse:
        order = find(self, request, object_id)
        if not is_covered(order, location_ids=places_of(request)):
            raise PermissionDenied(_("This order holds stock at other locations too."))

        def deed(values: dict[str, Any]) -> str:
            verb(order, actor=actor(request))
            return done

        return ask(
            self, request, title=f"{title} {order.external_id}", deed=deed, says=says, subjects=[order],
            back=page_of(order), danger=verb is orders.cancel_order, refusals=(StockError, orders.OrderError),
        )  # fmt: skip
