"""How what can go wrong with orders is answered."""

from inventory.api.errors import Refused, translates

from ..orders import OrderError, OrderExists, OrderShort
from ..returns import ReturnError
from ..shipping import NotCovered, ShippingError


@translates(OrderError)
def _order_error(error: OrderError) -> Refused:
    return Refused(error, status=409)


@translates(OrderExists)
def _order_exists(error: OrderExists) -> Refused:
    return Refused(error, status=409, fields={"external_id": [str(error)]})


@translates(OrderShort)
def _order_short(error: OrderShort) -> Refused:
    return Refused(error, status=409, code="insufficient_stock", fields={"lines": error.lines})


@translates(ShippingError)
def _shipping_error(error: ShippingError) -> Refused:
    return Refused(error, status=409)


@translates(ReturnError)
def _return_error(error: ReturnError) -> Refused:
    return Refused(error, status=409)


@translates(NotCovered)
def _not_covered(error: NotCovered) -> Refused:
    return Refused(error, status=403, code="forbidden")
