"""A connector or a rule kind is one new file: it shows up everywhere, with no other change and no migration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def found(db: None) -> dict[str, Any]:
    """What a product with the plug-ins dropped in says of itself."""
    command = [sys.executable, "-m", "tests.architecture.drop_in", connection.settings_dict["NAME"]]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_one_file_is_all_it_takes(found: dict[str, Any]) -> None:
    assert '<option value="pigeon">Pigeon post</option>' in " ".join(found["admin_channel"].split()).replace("> ", ">")
    assert "credentials_pigeon_ring" in found["admin_channel"] and "settings_pigeon_loft" in found["admin_channel"]
    assert "Half of it" in found["admin_rule"]
    assert '"pigeon"' in found["schema"] and '"halve"' in found["schema"]
    status, channel = found["channel"]
    assert status == 201 and channel["webhook_url"].endswith("/webhooks/loft/")
    assert found["listing"][0] == 201 and found["rule"][0] == 201
    assert "halve" in [step["rule"] for step in found["explanation"]["steps"]]
    assert (found["webhook"], found["forged"]) == (200, 401)
