"""Where a request comes from. What a proxy says of it counts only where settings name that proxy."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "-"


def address_of(request: HttpRequest | None) -> str:
    """The caller's address: the last one of the chain that is none of `TRUSTED_PROXIES`."""
    if request is None:
        return UNKNOWN
    here = request.META.get("REMOTE_ADDR", "") or UNKNOWN
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while _is_proxy(here) and forwarded and _readable(forwarded[-1]):
        here = forwarded.pop().strip()
    return here[:45]


def household_of(address: str) -> str:
    """What attempts are counted by: one IPv4 address, or the /64 that an IPv6 address lies in."""
    if not _readable(address):
        return address
    found = ip_address(address)
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False).network_address)


def agent_of(request: HttpRequest) -> str:
    """What the browser calls itself."""
    return request.META.get("HTTP_USER_AGENT", "")[:300]


def _readable(address: str) -> bool:
    try:
        ip_address(address.strip())
    except ValueError:
        return False
    return True


def _is_proxy(address: str) -> bool:
    if not _readable(address):
        return False
    return any(ip_address(address) in ip_network(each, strict=False) for each in settings.TRUSTED_PROXIES)
