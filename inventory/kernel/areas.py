"""What things are about, as far as people's roles go. Each app says it of its models, in `areas` of its AppConfig."""

from dataclasses import dataclass
from enum import StrEnum


class Area(StrEnum):
    """What a resource, a page or a command is about."""

    CATALOG = "catalog"
    STOCK = "stock"
    SHIPPING = "shipping"
    ORDERS = "orders"
    CHANNELS = "channels"
    RULES = "rules"
    REORDERING = "reordering"
    COST = "cost"
    PEOPLE = "people"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class About:
    """What a model's rows are about, and how they belong to locations."""

    area: Area
    location: str = ""  # the path to a row's location, for people who are limited to some
    spans: bool = False  # rows are about all locations at once: not for people who are limited to some
