"""Money as Shopify writes it: the same amount for the shop and for the buyer."""

from __future__ import annotations

from decimal import Decimal

Bag = dict[str, dict[str, str]]


def amount(value: Decimal) -> str:
    """Two decimal places."""
    return f"{value:.2f}"


def bag(value: Decimal, *, currency: str) -> Bag:
    """An amount in the shop's and the buyer's currency, which are one here."""
    money = {"amount": amount(value), "currency_code": currency}
    return {"shop_money": money, "presentment_money": money}
