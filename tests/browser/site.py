"""The product's web server on a database of its own, as a child process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from config import servers
from config.layout import Layout

ROOT = Path(__file__).resolve().parents[2]
NAME, PASSWORD = "ann", "correct horse battery"
STRANGE = ("DJANGO_SETTINGS_MODULE", "SELLONCE_TEST_DATA_DIR")
START_SECONDS = 60


class Site:
    """One web server with fresh data and one person who may do everything."""

    def __init__(self, *, full: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="so-"))
        self.folder.chmod(0o755)
        self.full = full
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        given = {name: value for name, value in os.environ.items() if name not in STRANGE}
        self.env = given | {
            "DATA_DIR": str(self.folder), "DATABASE_URL": "", "DATABASE_OWNER_URL": "", "REDIS_URL": "",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD, "SECOND_FACTOR_ROLES": "",
        }  # fmt: skip
        self.web: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Servers, schema, a person, rows, the web server; ready when it answers."""
        servers.start(Layout.of(self.folder))
        self.run("manage.py", "migrate", "-v0")
        self.run("manage.py", "createsuperuser", "--noinput", "--username", NAME, "--email", "ann@example.com")
        if self.full:
            self.run("-m", "tests.browser.fill")
        command = [sys.executable, "-m", "config.web", "--port", str(self.port), "--workers", "1"]
        with (self.folder / "web.log").open("wb") as log:
            self.web = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > until or self.web.poll() is not None:
                raise RuntimeError((self.folder / "web.log").read_text())
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop all of it and forget it."""
        if self.web is not None:
            self.web.terminate()
            try:
                self.web.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.web.kill()
        servers.stop(Layout.of(self.folder))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base_url}/admin/login/", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def run(self, *arguments: str) -> None:
        """Run Python for this site, in a process of its own."""
        command = [sys.executable, *arguments]
        ran = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=110, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
