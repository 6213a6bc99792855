"""OAuth: access tokens that end, refresh tokens that rotate, client credentials."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any
from urllib.parse import parse_qsl

from channels.simulators.server import Request, Response, answer
from channels.simulators.shopify.subscriptions import Secrets
from channels.simulators.shopify.terms import ShopifyTerms

SCOPE = (
    "read_inventory,write_inventory,read_locations,read_orders,read_products,write_merchant_managed_fulfillment_orders"
)


@dataclass
class Issue:
    """One token and the refresh token that it replaces."""

    ends_at: float
    replaces: str = ""


class Tokens:
    """The tokens of one app in one shop."""

    def __init__(self, terms: ShopifyTerms, *, client_secrets: Secrets) -> None:
        self._terms, self._secrets = terms, client_secrets
        now = time.monotonic()
        self._access = {terms.access_token: Issue(now + (terms.token_seconds or inf))}
        self._refresh: dict[str, Issue] = {}
        if terms.refresh_token:
            self._refresh[terms.refresh_token] = Issue(now + terms.refresh_token_seconds)

    def admits(self, token: str) -> bool:
        """Whether this access token is good now; using it ends the refresh token that it replaced."""
        issue = self._access.get(token)
        if issue is None or issue.ends_at <= time.monotonic():
            return False
        self._retire(issue)
        return True

    def end_access(self) -> None:
        """No access token that was given so far is good any more."""
        self._access.clear()

    def answer(self, request: Request) -> Response:
        """``POST /admin/oauth/access_token``."""
        form = _form(request)
        if form.get("client_id") != self._terms.client_id or form.get("client_secret") not in self._secrets.accepted:
            return _refusal(401, "invalid_client", "The client could not be identified.")
        grant = form.get("grant_type")
        if grant == "refresh_token":
            return self._refreshed(str(form.get("refresh_token")))
        if grant == "client_credentials":
            token = self._issue(self._terms.grant_seconds)
            return answer({"access_token": token, "scope": SCOPE, "expires_in": int(self._terms.grant_seconds) - 1})
        return _refusal(400, "unsupported_grant_type", "This grant is not known.")

    def _refreshed(self, token: str) -> Response:
        issue = self._refresh.get(token)
        if issue is None or issue.ends_at <= time.monotonic():
            return _refusal(400, "invalid_grant", "The refresh token is not good (any more).")
        self._retire(issue)
        seconds = self._terms.token_seconds or 3600.0
        access = self._issue(seconds, replaces=token)
        refresh = f"shprt_{secrets.token_hex(16)}"
        self._refresh[refresh] = Issue(time.monotonic() + self._terms.refresh_token_seconds, replaces=token)
        return answer(
            {
                "access_token": access,
                "expires_in": int(seconds),
                "refresh_token": refresh,
                "refresh_token_expires_in": int(self._terms.refresh_token_seconds),
                "scope": SCOPE,
            }
        )

    def _issue(self, seconds: float, *, replaces: str = "") -> str:
        token = f"shpat_{secrets.token_hex(16)}"
        self._access[token] = Issue(time.monotonic() + seconds, replaces)
        return token

    def _retire(self, issue: Issue) -> None:
        if issue.replaces:
            self._refresh.pop(issue.replaces, None)
            issue.replaces = ""


def _form(request: Request) -> Mapping[str, Any]:
    text = request.body.decode("utf-8", "replace")
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(text))
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _refusal(status: int, code: str, description: str) -> Response:
    return answer({"error": code, "error_description": description}, status=status)
