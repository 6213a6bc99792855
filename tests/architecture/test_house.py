"""House rules that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db.models import Choices, Field, Model
from django.utils.functional import Promise

from tests.architecture.source import APPS, ROOT, imports, name_of, product, texts, tracked, tree

STOCK_TABLES = r"inventory_(ledgerentry|stocklevel)\b"
WRITE = re.compile(rf"\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE(\s+TABLE)?|COPY)\s+{STOCK_TABLES}", re.IGNORECASE)
LOCK = re.compile(r"\bFOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE)\b|\bLOCK\s+TABLE\b", re.IGNORECASE)
ORM_WRITE = re.compile(
    r"\b(LedgerEntry|StockLevel)\.objects\b.*\.(create|bulk_create|bulk_update|update|delete|get_or_create|update_or_create)\("
    r"|\w\.(levels|entries)\.(create|bulk_create|update|delete|add|set|get_or_create)\("
    r"|\b(LedgerEntry|StockLevel)\("
)


def test_one_door_to_every_quantity() -> None:
    """Entries and levels are written in inventory/ledger.py alone.

    Stated exceptions: repair() makes levels follow their entries; a lock needs a row to lock, so it makes an empty one; the
    bench spoils the levels of a stack of its own, as their owner, to have them rebuilt.
    """
    found = {name_of(path) for path in product() for text in texts(path) if WRITE.search(text)}
    assert found == {"inventory/ledger.py", "inventory/rebuild.py", "inventory/locks.py", "config/bench/ledger.py"}
    rebuild = [text for text in texts(ROOT / "inventory/rebuild.py") if WRITE.search(text)]
    assert len(rebuild) == 1 and "UPDATE inventory_stocklevel level" in rebuild[0], "repair, and levels only"
    (empty,) = [text for text in texts(ROOT / "inventory/locks.py") if WRITE.search(text)]
    assert "0, 0, 0, 0, 0, 0, ''::bytea" in empty and "UPDATE" not in empty.upper().replace("DO NOTHING", "")


def test_no_orm_writes_to_stock() -> None:
    for path in product():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.lstrip().startswith(("class ", "#", '"""')):
                continue
            assert not ORM_WRITE.search(line), f"{name_of(path)}:{number}: {line.strip()}"


def test_stock_is_locked_in_one_file() -> None:
    found = {
        name_of(path)
        for path in product()
        for text in texts(path)
        if LOCK.search(text) and re.search(rf"{STOCK_TABLES}|inventory_reservation", text)
    }
    assert found == {"inventory/locks.py", "inventory/rebuild.py"}
    for path in product():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and node.attr == "select_for_update":
                chain = ast.unparse(node)
                stock = re.search(r"StockLevel|LedgerEntry|Reservation|\blevels\b", chain)
                assert not stock or name_of(path) == "inventory/locks.py", f"{name_of(path)}: {chain}"


def test_tasks_are_one_line() -> None:
    files = [path for path in product() if path.name == "tasks.py"]
    assert len(files) >= 4
    for path in files:
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef):
                body = [part for part in node.body if not isinstance(getattr(part, "value", None), ast.Constant)]
                assert len(body) == 1, f"{name_of(path)}: {node.name} is more than an alarm clock"
                assert all(re.search("(ids?|lane)$", one.arg) for one in node.args.args), (
                    f"{node.name} takes more than ids"
                )


def test_nobody_listens_to_saved_rows() -> None:
    """No signal of Django's models: news is told by verbs, once per fact."""
    for path in product():
        for name in imports(path):
            assert not name.startswith("django.db.models.signals"), f"{name_of(path)} listens to {name}"


PLUG_INS = (
    "channels/connectors", "channels/allocation/rules", "fulfillment/routing/rules", "fulfillment/routing/carriers",
    "fulfillment/providers", "purchasing/policies", "purchasing/forecasting", "reports/notifiers",
)  # fmt: skip
IMPURE = ("django.db", "httpx", "httpcore", "requests", "urllib.request", "urllib3", "http.client", "socket", "subprocess",
          "redis", "celery", "psycopg", "threading", "asyncio")  # fmt: skip


def _plug_ins() -> list[Path]:
    return [
        path
        for path in product()
        if path.parent.relative_to(ROOT).as_posix() in PLUG_INS and path.name not in ("__init__.py", "base.py")
    ]


@pytest.mark.parametrize("path", _plug_ins(), ids=name_of)
def test_plug_ins_are_pure(path: Path) -> None:
    package = name_of(path.parent).replace("/", ".")
    for name in imports(path):
        top = name.split(".")
        assert not any(name == one or name.startswith(one + ".") for one in IMPURE), f"imports {name}"
        assert "models" not in top, f"imports {name}"
        if name.startswith(package + "."):
            sibling = name.removeprefix(package + ".").split(".")[0]
            shared = sibling == "base" or sibling.startswith("_") or not (path.parent / f"{sibling}.py").exists()
            assert shared, f"imports its neighbour {name}"
    calls = {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
    assert not calls & {"open", "print", "datetime.now", "time.time", "time.sleep"}, "has effects"


def test_plug_ins_are_found() -> None:
    assert len(_plug_ins()) >= 5


def test_files_and_functions_are_short() -> None:
    for path in product():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 400, f"{name_of(path)} has {lines} lines; 400 are the most"
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 60, f"{name_of(path)}: {node.name} has {length} lines; 60 are the most"


def test_modules_are_named_for_their_noun() -> None:
    forbidden = {
        "utils",
        "util",
        "helpers",
        "helper",
        "services",
        "service",
        "manager",
        "managers",
        "misc",
        "common_utils",
    }
    python = [path for path in tracked() if path.suffix == ".py" and path.name != "manage.py"]
    for path in python:
        names = {path.stem, *path.relative_to(ROOT).parts[:-1]}
        assert not names & forbidden, name_of(path)


def test_each_app_says_what_it_owns() -> None:
    for app in APPS:
        readme = ROOT / app / "README.md"
        assert readme.exists() and len(readme.read_text(encoding="utf-8").split()) > 30, readme


def _text_files() -> list[Path]:
    binary = {".png", ".jpg", ".ico", ".woff2", ".xz", ".gz", ".mo"}
    return [path for path in tracked() if path.suffix not in binary and "tests/golden/" not in name_of(path)]


def test_nothing_is_left_to_do() -> None:
    mark = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
    for path in _text_files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            assert not mark.search(line), f"{name_of(path)}:{number}: {line.strip()[:100]}"


def test_no_machine_of_ours_is_named() -> None:
    """No path of a developer's machine, no registry's or mirror's host."""
    machine = re.compile(
        r"(?<![\w.])/(root|home/\w+|Users/\w+|work|workspace)/|--(extra-)?index-url|\bfile:///(?!nowhere)"
    )
    host = re.compile(
        r"https?://[\w.:-]*(pypi|pythonhosted|npmjs|artifactory|nexus|goproxy|mirror)[\w.:-]*", re.IGNORECASE
    )
    for path in _text_files():
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            assert not machine.search(line) and not host.search(line), f"{name_of(path)}:{number}: {line.strip()[:120]}"


def test_layers() -> None:
    command = str(Path(sys.executable).with_name("lint-imports"))
    ran = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def _own_fields(model: type[Model]) -> list[Field]:
    """Fields that people see and that are declared here, not by a package that the model builds on."""
    foreign = [
        base for base in model.__mro__[1:] if hasattr(base, "_meta") and base.__module__.split(".")[0] not in APPS
    ]
    theirs = {field.name for base in foreign for field in base._meta.local_fields}
    every = [*model._meta.local_fields, *model._meta.local_many_to_many]
    return [field for field in every if field.editable and not field.auto_created and field.name not in theirs]


def test_what_people_read_of_models_can_be_translated() -> None:
    shown = [model for model in admin.site._registry if model._meta.app_label in APPS]
    assert len(shown) > 15
    plain = []
    for model in shown:
        for name in ("verbose_name", "verbose_name_plural"):
            if not isinstance(getattr(model._meta, name), Promise):
                plain.append(f"{model.__name__}.Meta.{name}")
        for field in _own_fields(model):
            if not isinstance(field._verbose_name, Promise):
                plain.append(f"{model.__name__}.{field.name}")
            if field.help_text and not isinstance(field.help_text, Promise):
                plain.append(f"{model.__name__}.{field.name}.help_text")
    assert not plain, plain


def test_apps_and_states_can_be_translated() -> None:
    for app in APPS:
        assert isinstance(apps.get_app_config(app).verbose_name, Promise), app
    for model in (model for app in APPS for model in apps.get_app_config(app).get_models()):
        for value in vars(sys.modules[model.__module__]).values():
            if (
                isinstance(value, type)
                and issubclass(value, Choices)
                and value is not Choices
                and value.__module__.split(".")[0] in APPS
            ):
                assert all(isinstance(member._label_, Promise) for member in value), value
