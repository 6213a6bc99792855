from .access import ApiKey, IdempotentRequest, Role
from .catalog import CodeKind, Product, Sku, SkuCode
from .count import (
    Count,
    CountLine,
    CountScope,
    CountStatus,
    CountTolerance,
    RecountCause,
    RecountRequest,
    StockClass,
)
from .ledger import LedgerEntry, Reason, State, StockLevel
from .location import Location, LocationKind
from .lot import UNASSIGNED, Lot, LotEntry, LotLevel, LotPlace
from .people import (
    AccessEvent,
    AccessLink,
    AttemptCount,
    AttemptKind,
    EventKind,
    LinkKind,
    LoginSession,
    Person,
    RecoveryCode,
    SecondFactor,
)
from .reservation import Reservation
from .transfer import StepKind, Transfer, TransferLine, TransferStatus, TransferStep

__all__ = [
    "UNASSIGNED",
    "AccessEvent",
    "AccessLink",
    "ApiKey",
    "AttemptCount",
    "AttemptKind",
    "CodeKind",
    "Count",
    "CountLine",
    "CountScope",
    "CountStatus",
    "CountTolerance",
    "EventKind",
    "IdempotentRequest",
    "LedgerEntry",
    "LinkKind",
    "Location",
    "LocationKind",
    "LoginSession",
    "Lot",
    "LotEntry",
    "LotLevel",
    "LotPlace",
    "Person",
    "Product",
    "Reason",
    "RecountCause",
    "RecountRequest",
    "RecoveryCode",
    "Reservation",
    "Role",
    "SecondFactor",
    "Sku",
    "SkuCode",
    "State",
    "StepKind",
    "StockClass",
    "StockLevel",
    "Transfer",
    "TransferLine",
    "TransferStatus",
    "TransferStep",
]
