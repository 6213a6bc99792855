"""A thin client of the REST surface: it adds the key, the idempotency key and checks the status that a test expects."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx

Json = dict[str, Any]
Result = TypeVar("Result")
PAGE_SIZE = 200


def eventually(check: Callable[[], Result], *, seconds: float = 10.0, every: float = 0.1) -> Result:
    """Call ``check`` until it raises no AssertionError and returns something true; that is returned."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            result = check()
            if result:
                return result
            failure = AssertionError(f"still {result!r} after {seconds} s")
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure
        time.sleep(every)


class Api:
    """One caller of ``/api/v1/``: a base URL and a key (or none)."""

    def __init__(self, base_url: str, *, key: str | None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self.http = httpx.Client(base_url=base_url, headers=headers, timeout=30.0, limits=limits)

    def close(self) -> None:
        """Give the connections back."""
        self.http.close()

    def request(
        self, method: str, *, path: str, body: Any = None, key: str | None = None, **params: Any
    ) -> httpx.Response:
        """Send one request and return whatever answer comes. A POST gets an idempotency key of its own unless told."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex} if method == "POST" else {}
        wanted = {name: value for name, value in params.items() if value is not None}
        return self.http.request(method, f"/api/v1/{path}", json=body, headers=headers, params=wanted)

    def post(self, path: str, *, body: Any = None, status: int = 201, key: str | None = None) -> Json:
        """POST and expect one status; the answer's JSON is returned."""
        answer = self.request("POST", path=path, body={} if body is None else body, key=key)
        assert answer.status_code == status, f"POST {path} {body!r}: {answer.status_code} {answer.text[:2000]}"
        return dict(answer.json()) if answer.content else {}

    def act(self, path: str, *, body: Any = None) -> Json:
        """POST to a named action of an object; any 2xx will do."""
        answer = self.request("POST", path=path, body={} if body is None else body)
        assert answer.is_success, f"POST {path} {body!r}: {answer.status_code} {answer.text[:2000]}"
        return dict(answer.json()) if answer.content else {}

    def patch(self, path: str, *, body: Json) -> Json:
        """Change some fields of an object."""
        answer = self.request("PATCH", path=path, body=body)
        assert answer.status_code == 200, f"PATCH {path} {body!r}: {answer.status_code} {answer.text[:2000]}"
        return dict(answer.json())

    def get(self, path: str, **params: Any) -> Json:
        """GET one object or one page."""
        answer = self.request("GET", path=path, **params)
        assert answer.status_code == 200, f"GET {path} {params}: {answer.status_code} {answer.text[:2000]}"
        return dict(answer.json())

    def rows(self, path: str, **params: Any) -> list[Json]:
        """Every row of a list, over all its pages."""
        return list(self._pages(path, params))

    def row(self, path: str, **params: Any) -> Json:
        """The one row that the filters leave."""
        rows = self.rows(path, **params)
        assert len(rows) == 1, f"GET {path} {params}: {len(rows)} rows {rows[:3]}"
        return rows[0]

    def count(self, path: str, **params: Any) -> int:
        """How many rows a list has."""
        return int(self.get(path, limit=1, **params)["count"])

    def _pages(self, path: str, params: Json) -> Iterator[Json]:
        offset = 0
        while True:
            page = self.get(path, limit=PAGE_SIZE, offset=offset, **params)
            yield from page["results"]
            offset += len(page["results"])
            if not page["next"] or not page["results"]:
                return
