from .order import OrderStatus, SalesOrder, SalesOrderLine
from .returns import Return, ReturnLine, ReturnStatus
from .shipment import Shipment, ShipmentLine, ShipmentStatus
from .shortfall import Shortfall, ShortfallCause, ShortfallKind

__all__ = [
    "OrderStatus",
    "Return",
    "ReturnLine",
    "ReturnStatus",
    "SalesOrder",
    "SalesOrderLine",
    "Shipment",
    "ShipmentLine",
    "ShipmentStatus",
    "Shortfall",
    "ShortfallCause",
    "ShortfallKind",
]
