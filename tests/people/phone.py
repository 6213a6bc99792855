"""An authenticator app, by RFC 6238 and not by the product's library; and a browser that enrols and verifies with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.test import Client

from inventory.kernel import clock
from inventory.models import Location, Person, Role

PASSWORD = "correct horse battery"


def code_of(secret: str, *, ahead: int = 0) -> str:
    """The six digits that an app shows now, or so many half minutes ahead."""
    step = int(clock.now().timestamp()) // 30 + ahead
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def person(name: str, role: Role | None, *places: Location) -> User:
    """Somebody with a password and a role; None: with no role at all."""
    user = User.objects.create_user(name, email=name if "@" in name else "", password=PASSWORD, is_staff=True)
    if role is not None:
        Person.objects.create(user=user, role=role).locations.set(places)
    return user


@dataclass
class Browser:
    """One person at one browser, with a phone."""

    name: str
    address: str = "192.0.2.1"
    secret: str = ""
    codes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = Client(REMOTE_ADDR=self.address, HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")

    def login(self, password: str = PASSWORD) -> int:
        """Type name and password; the status of the answer (302 is in)."""
        return self.client.post("/admin/login/", {"username": self.name, "password": password}).status_code

    def enrol(self) -> None:
        """Set up the second factor as a person does: read the key, type a code, keep the recovery codes."""
        page = self.client.get("/account/second-factor/").content.decode()
        self.secret = re.search(r'so-key">([A-Z2-7 ]+)<', page)[1].replace(" ", "")  # type: ignore[index]
        page = self.client.post("/account/second-factor/", {"code": code_of(self.secret)}).content.decode()
        self.codes = re.findall(r"<li><code>([a-z2-7-]{19})</code>", page)
        assert len(self.codes) == 10, page[-3000:]

    def verify(self, code: str) -> bool:
        """Show a code; whether it let us in."""
        return self.client.post("/account/verify/", {"code": code}).status_code == 302

    def is_in(self) -> bool:
        """Whether the overview opens."""
        return self.client.get("/admin/").status_code == 200
