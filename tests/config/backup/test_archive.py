"""The file: whole or not there, private, checked, refused when it is not what was written."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.backup import BackupError, archive, contents
from config.backup.keys import Keys
from config.backup.place import Place
from config.backup.writing import write
from inventory.models import Sku
from tests.factories import SkuFactory

pytestmark = pytest.mark.django_db(transaction=True)


def rewrite(file: Path, **changes: Any) -> Path:
    """The same archive with another manifest."""
    other = file.with_name("other.zip")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(other, "w") as sink:
        for name in source.namelist():
            data = source.read(name)
            if name == archive.MANIFEST_PART:
                data = json.dumps({**json.loads(data), **changes}).encode()
            sink.writestr(name, data)
    return other


def test_a_backup_says_what_is_in_it(merchant: Place, tmp_path: Path) -> None:
    written = write(merchant, to=tmp_path / "a.zip")
    with archive.reading(tmp_path / "a.zip") as found:
        found.check()
        manifest = found.manifest
        assert Keys.parse(found.read(archive.KEYS_PART)) == Keys.of_settings()
    assert manifest == written.manifest
    assert manifest.rows["inventory_sku"] == 1 and manifest.rows["fulfillment_salesorder"] == 1
    assert "0001_initial" in manifest.migrations["inventory"]
    assert manifest.grants is not None
    assert manifest.grants["inventory_ledgerentry"] == ["INSERT", "SELECT"]
    assert manifest.grants["inventory_sku"] == ["DELETE", "INSERT", "SELECT", "UPDATE"]
    assert written.size == (tmp_path / "a.zip").stat().st_size


def test_only_its_owner_can_read_a_backup(merchant: Place, tmp_path: Path) -> None:
    write(merchant, to=tmp_path / "a.zip")
    assert stat.S_IMODE((tmp_path / "a.zip").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_the_keys_can_be_left_out(merchant: Place, tmp_path: Path) -> None:
    assert not write(merchant, to=tmp_path / "a.zip", without_keys=True).manifest.has_keys
    with zipfile.ZipFile(tmp_path / "a.zip") as found:
        assert found.namelist() == [archive.DATABASE_PART, archive.MANIFEST_PART]


def test_a_backup_shows_one_instant_whatever_is_written_meanwhile(merchant: Place, tmp_path: Path) -> None:
    def sell_on(_size: int) -> None:
        SkuFactory()

    written = write(merchant, to=tmp_path / "a.zip", meter=sell_on)
    assert Sku.objects.count() > 1
    assert written.manifest.rows["inventory_sku"] == 1


def test_a_name_that_is_taken_is_refused(merchant: Place, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(BackupError, match="is there already"):
        write(merchant, to=tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_text() == "mine"


def test_what_fails_leaves_nothing_behind(merchant: Place, tmp_path: Path) -> None:
    def stop(_size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(merchant, to=tmp_path / "a.zip", meter=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_told_before_it_is_full(merchant: Place, tmp_path: Path, settings: Any) -> None:
    settings.BACKUP_LEAVES_FREE_MB = shutil.disk_usage(tmp_path).total // 1024**2
    with pytest.raises(BackupError, match="free some space"):
        write(merchant, to=tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(merchant: Place, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="No such file or directory"):
        write(merchant, to=tmp_path / "nowhere" / "a.zip")


def test_a_database_that_is_not_there_is_told(merchant: Place, tmp_path: Path, target: Place) -> None:
    with pytest.raises(BackupError, match="does not exist"):
        write(target, to=tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_makes_no_backup(merchant: Place, tmp_path: Path, target: Place) -> None:
    target.make()
    with pytest.raises(BackupError, match="holds nothing of SellOnce"):
        write(target, to=tmp_path / "a.zip")


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_a_flipped_bit_is_found(merchant: Place, tmp_path: Path, where: float) -> None:
    file = tmp_path / "a.zip"
    write(merchant, to=file)
    content = bytearray(file.read_bytes())
    content[int(len(content) * where)] ^= 1
    file.write_bytes(content)
    with pytest.raises(BackupError, match="damaged"), archive.reading(file) as found:
        found.check()


def test_a_part_that_was_exchanged_is_found(merchant: Place, tmp_path: Path) -> None:
    write(merchant, to=tmp_path / "a.zip")
    parts = json.loads(zipfile.ZipFile(tmp_path / "a.zip").read(archive.MANIFEST_PART))["parts"]
    parts[archive.KEYS_PART]["sha256"] = "0" * 64
    with (
        pytest.raises(BackupError, match=r"keys\.json is not what was written"),
        archive.reading(rewrite(tmp_path / "a.zip", parts=parts)) as found,
    ):
        found.check()


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 and then nothing"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(BackupError, match="is no backup, or cut off"), archive.reading(tmp_path / "a.zip"):
        pass


def test_a_file_that_was_cut_off_is_refused(merchant: Place, tmp_path: Path) -> None:
    write(merchant, to=tmp_path / "a.zip")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(BackupError, match="is no backup, or cut off"), archive.reading(tmp_path / "a.zip"):
        pass


def test_other_archives_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as other:
        other.writestr("holiday.jpg", b"x")
    with pytest.raises(BackupError, match="is no backup of SellOnce"), archive.reading(tmp_path / "a.zip"):
        pass


def test_a_newer_format_is_refused(merchant: Place, tmp_path: Path) -> None:
    write(merchant, to=tmp_path / "a.zip")
    with (
        pytest.raises(BackupError, match="update SellOnce first"),
        archive.reading(rewrite(tmp_path / "a.zip", format=archive.FORMAT + 1, extra="?")),
    ):
        pass


@pytest.mark.parametrize(
    "changes",
    [{"product": "99.0"}, {"migrations": {"inventory": ["0001_initial", "9999_of_the_future"]}}],
    ids=["version", "migration"],
)
def test_a_newer_product_is_refused(merchant: Place, tmp_path: Path, changes: dict[str, Any]) -> None:
    write(merchant, to=tmp_path / "a.zip")
    with (
        archive.reading(rewrite(tmp_path / "a.zip", **changes)) as found,
        pytest.raises(BackupError, match="made by a newer version"),
    ):
        contents.refuse_newer(found.manifest)


def test_migrations_that_were_folded_since_and_other_apps_are_no_reason_to_refuse(
    merchant: Place, tmp_path: Path
) -> None:
    migrations = {"inventory": ["0001_initial", "0000_folded_since"], "gone": ["0007_whatever"]}
    write(merchant, to=tmp_path / "a.zip")
    with archive.reading(rewrite(tmp_path / "a.zip", migrations=migrations)) as found:
        contents.refuse_newer(found.manifest)


def test_one_backup_at_a_time(tmp_path: Path) -> None:
    with archive.alone(tmp_path), pytest.raises(BackupError, match="Another backup"), archive.alone(tmp_path):
        pass
    with archive.alone(tmp_path):
        pass


def test_what_a_killed_backup_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".a.zip.partial").touch()
    (tmp_path / "a.zip").touch()
    archive.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_table_that_somebody_holds_is_not_waited_for_for_ever(
    merchant: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.backup.writing.LOCK_WAIT_SECONDS", 1)
    with psycopg.connect(merchant.conninfo()) as busy:
        busy.execute("LOCK TABLE inventory_sku IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(BackupError, match="lock timeout"):
            write(merchant, to=tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file of a few hundred bytes, that no database was asked for."""
    manifest = archive.Manifest(
        "0.1.0", "2026-11-23T02:00:00+00:00", 18, 18, {"inventory": ["0001_initial"]}, {"a": 1}, None, 100
    )
    with archive.new(tmp_path / "a.zip") as writer:
        writer.add(archive.DATABASE_PART, BytesIO(b"the rows"))
        writer.add(archive.KEYS_PART, BytesIO(b"{}"))
        writer.finish(manifest)
    return tmp_path / "a.zip"


@pytest.mark.parametrize("mask", [0x01, 0x48])
def test_whichever_byte_is_damaged_the_file_is_whole_or_refused_in_our_words(small: Path, mask: int) -> None:
    content = small.read_bytes()
    refused = 0
    for place in range(len(content)):
        small.write_bytes(content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :])
        try:
            with archive.reading(small) as found:
                found.check()
                assert found.read(archive.DATABASE_PART) == b"the rows"
        except BackupError:
            refused += 1
    assert refused > len(content) // 2


WHOLE = {
    "product": "0.1.0", "taken_at": "2026-11-23T02:00:00+00:00", "server_major": 18, "client_major": 18, "migrations": {},
    "rows": {}, "grants": None, "database_bytes": 1, "format": 1,
    "parts": {"database.dump": {"bytes": 8, "sha256": "00"}},
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"parts": {}}, {"parts": []}, {"parts": {"database.dump": {}}}, {"parts": {"database.dump": {"bytes": "8", "sha256": 1}}},
        {"taken_at": "yesterday"}, {"taken_at": None}, {"product": None}, {"rows": []}, {"rows": {"a": "1"}},
        {"migrations": {"inventory": [1]}}, {"database_bytes": "1"}, {"format": None}, {"grants": []},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as sink:
        sink.writestr(archive.DATABASE_PART, b"the rows")
        sink.writestr(archive.MANIFEST_PART, json.dumps(WHOLE | wrong))
    with pytest.raises(BackupError, match="no backup of SellOnce, or damaged"), archive.reading(file):
        pass


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "null", "{}", "\xff"])
def test_a_foreign_manifest_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as sink:
        sink.writestr(archive.MANIFEST_PART, text.encode("latin-1"))
    with pytest.raises(BackupError, match="no backup of SellOnce, or damaged"), archive.reading(file):
        pass
