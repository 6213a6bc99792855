"""Runs in a process of its own: the product with plug-ins dropped in, asked over HTTP; prints what it found as JSON.

The plug-ins' folders join their packages' paths before Django starts, as files copied into the packages would.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "dropped"


def start(database: str) -> None:
    """Start Django on the test database, with the plug-ins in their packages."""
    import channels.allocation.rules
    import channels.connectors

    channels.connectors.__path__.append(str(HERE / "connectors"))
    channels.allocation.rules.__path__.append(str(HERE / "rules"))
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    settings.ALLOWED_HOSTS.append("testserver")
    import django

    django.setup()


def look() -> dict[str, Any]:
    """What admin, API and webhooks know of the plug-ins."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    from inventory.models import ApiKey, Location, Product, Sku

    people, programs = (
        Client(),
        Client(headers={"authorization": f"Bearer {ApiKey.objects.create_key(name='t', role='admin')[1]}"}),
    )
    people.force_login(User.objects.create_superuser("boss"))
    sku = Sku.objects.create(code="A", name="A", product=Product.objects.create(code="A", name="A"))
    Location.objects.create(code="W1", name="W1")
    found: dict[str, Any] = {
        "admin_channel": people.get("/admin/channels/channel/add/").content.decode(),
        "admin_rule": people.get("/admin/channels/allocationrule/add/").content.decode(),
        "schema": programs.get("/api/schema/", {"format": "json"}).content.decode(),
    }
    channel = {
        "code": "loft",
        "name": "Loft",
        "connector": "pigeon",
        "base_url": "https://loft.example",
        "credentials": {"ring": "7"},
    }
    made = programs.post("/api/v1/channels/", channel, content_type="application/json")
    found["channel"] = [made.status_code, made.json()]
    listing = {"channel": "loft", "sku": sku.code, "external": {"feather": "f1"}}
    made = programs.post("/api/v1/listings/", listing, content_type="application/json")
    found["listing"] = [made.status_code, made.json()]
    made = programs.post("/api/v1/allocation-rules/", {"kind": "halve"}, content_type="application/json")
    found["rule"] = [made.status_code, made.json()]
    found["explanation"] = programs.get(f"/api/v1/listings/{found['listing'][1].get('id')}/explain/").json()
    headers = {"ring": "7", "message": "m1"}
    found["webhook"] = people.post(
        "/webhooks/loft/", b'{"order": 1}', content_type="application/json", headers=headers
    ).status_code
    found["forged"] = people.post(
        "/webhooks/loft/", b"{}", content_type="application/json", headers={"message": "m2"}
    ).status_code
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)  # leaves with SystemExit where one is missing
    return found


def main() -> None:
    """Look, undo, print."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    start(sys.argv[1])
    from django.db import transaction
    from django.test.utils import setup_test_environment

    setup_test_environment()
    with transaction.atomic():
        found = look()
        transaction.set_rollback(True)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
