"""Drives a world that runs as another process, over its control endpoint. Standard library only."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class RemoteRefused(Exception):
    """The control endpoint refused; ``code`` says why."""

    def __init__(self, code: str, *, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Remote:
    """``Remote(url).buy(channel="shopify-uk", lines=[["A", 1]])``: every verb of ``control.Control``, by keyword."""

    def __init__(self, url: str, *, timeout_seconds: float = 120.0) -> None:
        parts = urlsplit(url)
        self.url = url
        self._connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=timeout_seconds
        )
        self._lock = threading.Lock()

    def call(self, verb: str, /, **arguments: Any) -> Any:
        """Post one verb."""
        body = json.dumps(arguments).encode()
        with self._lock:
            try:
                self._connection.request("POST", f"/control/{verb}", body, {"content-type": "application/json"})
                response = self._connection.getresponse()
                document = json.loads(response.read())
            except (OSError, http.client.HTTPException):
                self._connection.close()
                raise
        if response.status != 200:
            raise RemoteRefused(document["error"]["code"], message=document["error"]["message"])
        return document

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Process:
    """``python -m channels.simulators.serve`` as a child that ends with its parent."""

    def __init__(self, config: Mapping[str, Any], *, root: Path, log: Path | None = None) -> None:
        descriptor, self._config = tempfile.mkstemp(prefix="marketplaces-", suffix=".json")
        with os.fdopen(descriptor, "w") as file:
            json.dump(config, file)
        with (log or Path(os.devnull)).open("ab") as errors:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "channels.simulators.serve", "--config", self._config, "--with-parent"],
                cwd=root,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert self.child.stdout is not None
        try:
            ready = json.loads(self.child.stdout.readline() or b"null")
        finally:
            Path(self._config).unlink()
        if not ready:
            raise RuntimeError(f"the simulated marketplaces did not start (exit {self.child.wait()})")
        self.base_urls: dict[str, str] = ready["channels"]
        self.remote = Remote(ready["control"])

    def stop(self) -> None:
        """End the child."""
        self.remote.close()
        self.child.terminate()
        try:
            self.child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
