"""Where the vendors' own schemas and examples lie: outside of the project, which must not hold them.

``CONTRACTS_DIR`` names the folder. Without it the tests that read from there are skipped, and say so.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

WHY = "CONTRACTS_DIR names no folder of vendors' schemas and examples; these tests compare us with those"


def folder(name: str) -> Path:
    """The folder of one vendor; skips the test that asks where there is none."""
    given = os.environ.get("CONTRACTS_DIR", "")
    found = Path(given) / name
    if not given or not found.is_dir():
        pytest.skip(WHY)
    return found
