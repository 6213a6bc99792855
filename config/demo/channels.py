"""The sample merchant's thirty channels, named as a merchant knows them; all of them speak the ``http`` connector."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal

#: Units of the currency for one dollar, roughly; for prices that look right, never for money.
RATES = {
    "USD": "1", "GBP": "0.79", "EUR": "0.92", "CAD": "1.37", "AUD": "1.52", "JPY": "150", "PLN": "3.95", "SEK": "10.5",
    "BRL": "5.4", "MXN": "18.5",
}  # fmt: skip
DIGITS = "0123456789"
LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class DemoChannel:
    """One shop window. ``latency_ms`` is how long its marketplace takes to answer."""

    code: str
    name: str
    currency: str
    countries: tuple[str, ...]
    fee_percent: str
    latency_ms: int = 50
    priority: int = 100


CHANNELS = (
    DemoChannel("shopify-us", "Shopify US", "USD", ("US", "CA"), "2.90", 40, 10),
    DemoChannel("shopify-uk", "Shopify UK", "GBP", ("GB",), "2.20", 40, 10),
    DemoChannel("shopify-de", "Shopify DE", "EUR", ("DE", "NL"), "2.20", 40, 10),
    DemoChannel("amazon-us", "Amazon US", "USD", ("US",), "15.00", 90, 20),
    DemoChannel("amazon-uk", "Amazon UK", "GBP", ("GB",), "15.30", 90, 20),
    DemoChannel("amazon-de", "Amazon DE", "EUR", ("DE",), "15.00", 90, 20),
    DemoChannel("amazon-fr", "Amazon FR", "EUR", ("FR",), "15.00", 90, 20),
    DemoChannel("amazon-it", "Amazon IT", "EUR", ("IT",), "15.00", 90, 20),
    DemoChannel("amazon-es", "Amazon ES", "EUR", ("ES",), "15.00", 90, 20),
    DemoChannel("amazon-jp", "Amazon JP", "JPY", ("JP",), "15.00", 120, 20),
    DemoChannel("walmart", "Walmart", "USD", ("US",), "15.00", 110, 30),
    DemoChannel("target-plus", "Target Plus", "USD", ("US",), "15.00", 80, 30),
    DemoChannel("tiktok-us", "TikTok Shop US", "USD", ("US",), "6.00", 60, 30),
    DemoChannel("tiktok-uk", "TikTok Shop UK", "GBP", ("GB",), "9.00", 60, 30),
    DemoChannel("ebay-us", "eBay US", "USD", ("US", "CA"), "13.25", 70, 40),
    DemoChannel("ebay-uk", "eBay UK", "GBP", ("GB",), "12.80", 70, 40),
    DemoChannel("ebay-de", "eBay DE", "EUR", ("DE",), "11.00", 70, 40),
    DemoChannel("etsy", "Etsy", "USD", ("US", "GB", "CA", "AU"), "6.50", 60, 40),
    DemoChannel("woocommerce", "WooCommerce", "EUR", ("NL", "DE", "FR"), "1.80", 50, 10),
    DemoChannel("bigcommerce", "BigCommerce", "AUD", ("AU",), "2.50", 60, 10),
    DemoChannel("magento", "Adobe Commerce", "USD", ("US", "GB"), "1.50", 90, 10),
    DemoChannel("wayfair", "Wayfair", "USD", ("US", "CA"), "15.00", 100, 50),
    DemoChannel("zalando", "Zalando", "EUR", ("DE", "FR", "IT"), "12.00", 80, 50),
    DemoChannel("otto", "OTTO Market", "EUR", ("DE",), "15.00", 80, 50),
    DemoChannel("bol", "bol.com", "EUR", ("NL",), "12.40", 60, 50),
    DemoChannel("allegro", "Allegro", "PLN", ("DE", "SE"), "11.00", 70, 50),
    DemoChannel("cdon", "CDON", "SEK", ("SE",), "12.00", 70, 50),
    DemoChannel("mercado-libre", "Mercado Libre", "BRL", ("BR",), "14.00", 110, 50),
    DemoChannel("rakuten", "Rakuten", "JPY", ("JP",), "10.00", 100, 50),
    DemoChannel("pos-chicago", "POS Chicago store", "USD", ("US",), "0.00", 25, 5),
)


def external_id(channel: str, sku: str) -> str:
    """The channel's own id of a SKU, in the channel's manner."""
    platform = channel.partition("-")[0]
    if platform == "amazon":
        return "B0" + _letters(f"amazon:{sku}", LETTERS, 8)  # one catalogue for all its countries
    if platform in ("ebay", "walmart", "etsy", "tiktok", "mercado", "wayfair"):
        return _letters(f"{channel}:{sku}", DIGITS, 12)
    return sku


def price_in(currency: str, dollars: Decimal) -> str:
    """A price that looks at home in the currency."""
    local = dollars * Decimal(RATES[currency])
    if currency == "JPY":
        return str(int(local) // 10 * 10)
    return str(max(Decimal(1), local.to_integral_value()) - Decimal("0.05"))


def _letters(text: str, alphabet: str, length: int) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        letters.append(alphabet[digit])
    return "".join(letters)
