from .access import ApiKey, IdempotentRequest, Role
from .catalog import Product, Sku
from .ledger import LedgerEntry, Reason, State, StockLevel
from .location import Location, LocationKind
from .reservation import Reservation

__all__ = [
    "ApiKey",
    "IdempotentRequest",
    "LedgerEntry",
    "Location",
    "LocationKind",
    "Product",
    "Reason",
    "Reservation",
    "Role",
    "Sku",
    "State",
    "StockLevel",
]
