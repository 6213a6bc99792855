"""`manage.py demo` as a person meets it: selling within a minute, gone after Ctrl-C, and the same shop next time."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SURROUNDINGS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PORT")
#: Alone it sells within a minute; a test has a machine for itself nowhere.
SECONDS_TO_SALES = 240


class Demo:
    """One start of the demo on a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder, folder / "output.txt"
        environment = {name: value for name, value in os.environ.items() if name not in SURROUNDINGS}
        self.began = time.monotonic()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo", "--port", "0"],
                cwd=ROOT,
                env=environment | {"DATA_DIR": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.browser = httpx.Client(timeout=10, follow_redirects=True)

    def said(self, pattern: str, *, seconds: float = SECONDS_TO_SALES) -> str:
        """Wait until the demo has said this; what stands in the pattern's group."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.output.read_text()):
                return found[1]
            assert self.process.poll() is None, self.output.read_text()
            time.sleep(0.1)
        raise AssertionError(f"{pattern!r} was not said:\n{self.output.read_text()}")

    def log_in(self) -> str:
        """Log in as the demo says; the start page's address."""
        url = self.said(r"SellOnce is at (\S+)")
        login, password = self.said(r"Log in as (\S+)"), self.said(r"with the password (\S+)")
        page = self.browser.get(f"{url}admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        form = {"username": login, "password": password, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
        answer = self.browser.post(f"{url}admin/login/", data=form, headers={"referer": f"{url}admin/login/"})
        assert "sellonce_session" in self.browser.cookies, answer.text[:500]
        return url

    def orders(self, url: str) -> int:
        """The number of the newest order in the admin's list; 0 while there is none."""
        page = self.browser.get(f"{url}admin/fulfillment/salesorder/")
        assert page.status_code == 200
        return max(map(int, re.findall(r"/salesorder/(\d+)/change/", page.text)), default=0)

    def wait_for_orders(self, url: str, *, more_than: int, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        while (found := self.orders(url)) <= more_than:
            assert time.monotonic() < deadline, f"{found} orders after {seconds} s:\n{self.output.read_text()}"
            time.sleep(0.5)
        return found

    def stop(self) -> None:
        """Ctrl-C, and everything has to go."""
        family = [self.process.pid, *(each.pid for each in psutil.Process(self.process.pid).children(recursive=True))]
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=40) in (0, 130), self.output.read_text()
        left = [pid for pid in family if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
        assert not left, [psutil.Process(pid).cmdline() for pid in left]

    def kill(self) -> None:
        self.browser.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.process.kill()


@pytest.fixture
def folder(data_dir: Path) -> Iterator[Path]:
    yield data_dir


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_a_demo_sells_stops_and_goes_on(folder: Path) -> None:
    demo = Demo(folder)
    try:
        url = demo.log_in()
        first = demo.wait_for_orders(url, more_than=5, seconds=SECONDS_TO_SALES - (time.monotonic() - demo.began))
        state = folder / "demo" / "demo.json"
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        password = json.loads(state.read_text())["password"]
        demo.stop()
        demo = Demo(folder)
        url = demo.log_in()
        assert demo.said(r"with the password (\S+)") == password
        demo.wait_for_orders(url, more_than=first, seconds=SECONDS_TO_SALES)
        demo.stop()
    finally:
        demo.kill()
