"""Shopify's access tokens that end: refreshed by their refresh token, or granted to the app by its own secret."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from ._shopify_answers import decoded, refuse_status
from .base import Account, ChannelRefused, ChannelUnclear, ConnectorError, OutboundRequest, Response

ENDS_AT = "access_token_expires_at"

#: A token is replaced so long before it ends.
AHEAD = timedelta(minutes=5)


def ends_at(account: Account) -> datetime | None:
    """When the token that is held ends; None where it does not, or that is not known."""
    given = account.credentials.get(ENDS_AT)
    if given in (None, ""):
        return None
    try:
        instant = datetime.fromisoformat(str(given))
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def can_be_fetched(credentials: Mapping[str, Any]) -> bool:
    """Whether a new token can be had without a person."""
    return bool(credentials.get("client_id") and credentials.get("client_secret"))


def request(account: Account, *, now: datetime) -> OutboundRequest | None:
    """What fetches a new token, where the one that is held ends soon, ended, or is none."""
    held = account.credentials
    if not can_be_fetched(held):
        return None
    end = ends_at(account)
    if held.get("access_token") and (end is None or end - now > AHEAD):
        return None
    form = {"client_id": str(held["client_id"]), "client_secret": str(held["client_secret"])}
    if held.get("refresh_token"):
        form |= {"grant_type": "refresh_token", "refresh_token": str(held["refresh_token"])}
    else:
        form |= {"grant_type": "client_credentials"}
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    return OutboundRequest("POST", f"{account.base_url}/admin/oauth/access_token", urlencode(form).encode(), headers)


def read(response: Response, *, now: datetime) -> Mapping[str, Any]:
    """The credentials that changed."""
    if 400 <= response.status < 500 and response.status not in (408, 425, 429):
        text = response.body[:200].decode("utf-8", "replace")
        raise ChannelRefused(f"no new access token: {response.status}: {text}", code="http_401")
    refuse_status(response)
    body = decoded(response)
    token = body.get("access_token")
    if not isinstance(token, str) or not token:
        raise ChannelUnclear("the answer holds no access token")
    changed: dict[str, Any] = {"access_token": token, ENDS_AT: ""}
    seconds = body.get("expires_in")
    if isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < 10**9:
        changed[ENDS_AT] = (now + timedelta(seconds=seconds)).isoformat()
    refresh = body.get("refresh_token")
    if isinstance(refresh, str) and refresh:
        changed["refresh_token"] = refresh
    return changed


def check(credentials: Mapping[str, Any]) -> None:
    """Raise ConnectorError where there is no token and none can be fetched, or its end makes no sense."""
    if not credentials.get("access_token") and not can_be_fetched(credentials):
        raise ConnectorError("credentials.access_token is missing (or client_id, with which one is fetched)")
    if credentials.get("refresh_token") and not credentials.get("client_id"):
        raise ConnectorError("credentials.client_id is missing: the refresh token cannot be used without it")
    given = credentials.get(ENDS_AT)
    if given and ends_at(Account("", "", {}, credentials)) is None:
        raise ConnectorError(f"credentials.{ENDS_AT} is {str(given)[:40]!r}; an instant in ISO 8601 is expected")
