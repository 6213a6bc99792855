from .channel import Channel, ChannelLocation, FulfilledBy, Listing, Mode
from .drift import Drift
from .inbox import Delivery, DeliveryStatus
from .lookup import OrderLookup
from .outbox import Debt, Outcome, PushLog, StockTarget, SyncLane
from .rules import AllocationRule

__all__ = [
    "AllocationRule",
    "Channel",
    "ChannelLocation",
    "Debt",
    "Delivery",
    "DeliveryStatus",
    "Drift",
    "FulfilledBy",
    "Listing",
    "Mode",
    "OrderLookup",
    "Outcome",
    "PushLog",
    "StockTarget",
    "SyncLane",
]
