"""A buyer's name and address: invented, and always the same for the same order."""

from __future__ import annotations

from typing import Any

from channels.simulators.orders import CITIES, NAMES, Order

COUNTRIES = {
    "US": "United States",
    "GB": "United Kingdom",
    "DE": "Germany",
    "FR": "France",
    "NL": "Netherlands",
    "CA": "Canada",
    "AU": "Australia",
    "ES": "Spain",
    "IT": "Italy",
    "SE": "Sweden",
    "JP": "Japan",
    "BR": "Brazil",
}


def address_of(order: Order) -> dict[str, Any]:
    """Where the order goes."""
    city, region, postal_code = CITIES.get(order.country, ("Springfield", "", "00000"))
    name = NAMES[sum(map(ord, order.order_id)) % len(NAMES)]
    first, _, last = name.partition(" ")
    return {
        "first_name": first,
        "address1": f"{1 + order.number % 200} High Street",
        "phone": "+1 555 0100",
        "city": city,
        "zip": postal_code,
        "province": region,
        "country": COUNTRIES.get(order.country, order.country),
        "last_name": last,
        "address2": None,
        "company": None,
        "latitude": None,
        "longitude": None,
        "name": name,
        "country_code": order.country,
        "province_code": region,
    }


def email_of(order: Order) -> str:
    """The buyer's."""
    return f"buyer-{order.order_id}@example.com"
