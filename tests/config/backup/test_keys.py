"""Keys go into a backup and come back where the installation looks for them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from config.backup import BackupError
from config.backup.keys import Keys, put_in_place
from config.layout import Layout, secret

OTHER = Keys("another key", ["another salt"], [])


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A data folder with keys of its own, and none in the environment."""
    for name in ("SECRET_KEY", "ENCRYPTION_SALTS"):
        monkeypatch.delenv(name, raising=False)
    layout = Layout(data=tmp_path, home=tmp_path)
    secret("secret_key", layout=layout)
    return layout


def test_keys_survive_the_file() -> None:
    keys = Keys("k", ["a", "b"], ["former"])
    assert Keys.parse(keys.to_json()) == keys


@pytest.mark.parametrize("data", [b"", b"[]", b'{"secret_key": 1}'])
def test_other_data_is_no_keys(data: bytes) -> None:
    with pytest.raises(BackupError, match=r"keys\.json"):
        Keys.parse(data)


def test_the_same_keys_change_nothing(layout: Layout) -> None:
    before = (layout.data / "secrets.json").read_bytes()
    assert put_in_place(Keys.of_settings(), layout=layout) == []
    assert (layout.data / "secrets.json").read_bytes() == before


def test_other_keys_take_the_place_of_the_data_folders_which_are_kept(layout: Layout) -> None:
    before = (layout.data / "secrets.json").read_bytes()
    (line,) = put_in_place(OTHER, layout=layout)
    assert "secrets.json" in line and "secrets.before-restore.json" in line
    assert secret("secret_key", layout=layout) == "another key"
    assert secret("encryption_salt", layout=layout) == "another salt"
    assert (layout.data / "secrets.before-restore.json").read_bytes() == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in layout.data.glob("secrets*")} == {0o600}


def test_keys_that_the_environment_gives_are_left_to_the_operator(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "given")
    before = json.loads((layout.data / "secrets.json").read_text())
    (line,) = put_in_place(Keys("k", ["a", "b"], ["f"]), layout=layout)
    file = layout.data / "restored-keys.env"
    assert str(file) in line
    assert file.read_text() == "SECRET_KEY=k\nENCRYPTION_SALTS=a,b\nSECRET_KEY_FALLBACKS=f\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads((layout.data / "secrets.json").read_text()) == before
