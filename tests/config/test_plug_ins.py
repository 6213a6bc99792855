"""Plug-ins touch no row and open no socket: what the import contracts cannot name is looked for in the source."""

import ast
from pathlib import Path

import pytest

from config.layout import PROJECT_DIR

FOLDERS = ("channels/connectors", "channels/allocation")
FORBIDDEN = ("django.db", "django.core.cache", "httpx", "requests", "urllib.request", "socket", "redis", "celery")
SOURCES = [path for folder in FOLDERS for path in (PROJECT_DIR / folder).rglob("*.py")]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_there_are_plug_ins_to_look_at() -> None:
    assert len(SOURCES) > 4


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT_DIR)))
def test_a_plug_in_is_pure(path: Path) -> None:
    bad = {name for name in imported(path) if name.startswith(tuple(FORBIDDEN))}
    assert not bad, f"{path} imports {bad}"
