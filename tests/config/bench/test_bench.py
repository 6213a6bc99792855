"""``bench`` as anybody runs it: a quick look at every part, on stacks that are gone afterwards."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from config.bench.figures import PARTS
from config.layout import PROJECT_DIR

STRANGE = ("DJANGO_SETTINGS_MODULE", "DATA_DIR", "DATABASE_URL", "REDIS_URL")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in STRANGE}
    command = [sys.executable, str(PROJECT_DIR / "manage.py"), "bench", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def scratch() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("sellonce-scratch-*"))


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_part_is_measured_and_its_rows_add_up(tmp_path: Path) -> None:
    before = scratch()
    done = bench("--quick", "--runs", "1", "--json", "--output", str(tmp_path / "bench.json"))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads((tmp_path / "bench.json").read_text())
    assert document["failures"] == []
    assert {figure["part"] for figure in document["figures"]} == set(PARTS)
    for figure in document["figures"]:
        assert figure["problems"] == [], figure
        assert figure["value"] > 0
    assert document["machine"]["settings"]["fsync"] == "on"
    assert document["machine"]["settings"]["synchronous_commit"] == "on"
    assert scratch() <= before


def test_an_unknown_part_is_refused_before_anything_is_started() -> None:
    done = bench("speed")
    assert done.returncode == 1
    assert "There is no part speed." in done.stderr
