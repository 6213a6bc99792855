"""The published expectation of a replay: a script that knows nothing of the product, beside the data it describes."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SCRIPT = DATA / "replay_expected.py"
LOG = DATA / "uci_online_retail" / "lines.csv.xz"

needs_oracle = pytest.mark.skipif(not SCRIPT.is_file(), reason=f"the oracle {SCRIPT} is not here")
needs_log = pytest.mark.skipif(
    not (SCRIPT.is_file() and LOG.is_file()), reason=f"the Online Retail log {LOG} or its oracle is not here"
)


def expected(*, rows: int = 0, csv: Path | None = None, script: Path = SCRIPT) -> dict[str, int]:
    """What the script says: its numbers by name; per SKU in ``csv``."""
    command = [
        sys.executable,
        str(script),
        *(["--rows", str(rows)] if rows else []),
        *(["--csv", str(csv)] if csv else []),
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return {name: int(number) for name, _, number in (line.rpartition(" ") for line in said.splitlines())}


def expected_of(text: str, *, folder: Path, csv: Path) -> dict[str, int]:
    """What the script says about another log of the same shape."""
    log = folder / "uci_online_retail" / "lines.csv.xz"
    log.parent.mkdir(exist_ok=True)
    with lzma.open(log, "wt", newline="") as stream:
        stream.write(text)
    script = folder / SCRIPT.name
    if not script.exists():
        shutil.copyfile(SCRIPT, script)
    return expected(csv=csv, script=script)
