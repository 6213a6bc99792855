"""The keys under which secrets are encrypted at rest. Without them a restored database cannot speak to any channel."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from encrypted_fields.fields import EncryptedFieldMixin

from config.backup import BackupError
from config.layout import Layout

SETTINGS = {"secret_key": "SECRET_KEY", "salts": "SALT_KEY", "fallbacks": "SECRET_KEY_FALLBACKS"}
GIVEN_BY = ("SECRET_KEY", "ENCRYPTION_SALTS")


@dataclass(frozen=True)
class Keys:
    """What the settings hold."""

    secret_key: str
    salts: list[str]
    fallbacks: list[str]

    @classmethod
    def of_settings(cls) -> "Keys":
        """The keys of this installation."""
        return cls(settings.SECRET_KEY, list(settings.SALT_KEY), list(settings.SECRET_KEY_FALLBACKS))

    @classmethod
    def parse(cls, data: bytes) -> "Keys":
        """The keys that a backup holds."""
        try:
            held = cls(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise BackupError(f"keys.json: {error}") from error
        return held

    def to_json(self) -> bytes:
        """As a backup holds them."""
        return json.dumps(asdict(self), indent=1).encode()


def are_given() -> bool:
    """Whether the keys come from the environment, where we cannot write them, and not from the data folder."""
    return any(os.environ.get(name) for name in GIVEN_BY)


@contextmanager
def using(keys: Keys | None) -> Iterator[None]:
    """Read and write encrypted fields with these keys for a while; with ours where there are none."""
    if keys is None:
        yield
        return
    former = {name: getattr(settings, name) for name in SETTINGS.values()}
    _set({name: getattr(keys, field) for field, name in SETTINGS.items()})
    try:
        yield
    finally:
        _set(former)


def _set(values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    for field in _encrypted_fields():
        for derived in ("keys", "f"):
            field.__dict__.pop(derived, None)


def count_unreadable() -> tuple[int, int]:
    """How many encrypted values the present keys do not open, and how many there are."""
    unreadable = total = 0
    for field in _encrypted_fields():
        with connection.cursor() as cursor:
            name, table = connection.ops.quote_name(field.column), connection.ops.quote_name(field.model._meta.db_table)
            cursor.execute(f"SELECT {name} FROM {table} WHERE {name} <> ''")
            for (cipher,) in cursor.fetchall():
                total += 1
                unreadable += field.to_python(cipher) == cipher  # the field hands out what it cannot open
    return unreadable, total


def _encrypted_fields() -> list[Any]:
    models = apps.get_models(include_auto_created=True)
    return [
        field
        for model in models
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedFieldMixin)
    ]


def put_in_place(keys: Keys, *, layout: Layout) -> list[str]:
    """Make these the installation's keys, keeping its former ones aside; what there is to tell about it."""
    if keys == Keys.of_settings():
        return []
    if are_given() or len(keys.salts) != 1 or keys.fallbacks:
        file = layout.data / "restored-keys.env"
        _write(file, _as_environment(keys))
        said = _("The keys are not those in the environment: put the lines of {file} into .env, then remove that file.")
        return [said.format(file=file)]
    file = layout.data / "secrets.json"
    aside = layout.data / "secrets.before-restore.json"
    if file.exists():
        _write(aside, file.read_bytes())
    _write(file, json.dumps({"secret_key": keys.secret_key, "encryption_salt": keys.salts[0]}).encode())
    return [_("The keys from the backup are in {file}; the former ones in {aside}.").format(file=file, aside=aside)]


def _as_environment(keys: Keys) -> bytes:
    lines = {"SECRET_KEY": keys.secret_key, "ENCRYPTION_SALTS": ",".join(keys.salts)}
    if keys.fallbacks:
        lines["SECRET_KEY_FALLBACKS"] = ",".join(keys.fallbacks)
    return "".join(f"{name}={value}\n" for name, value in lines.items()).encode()


def _write(file: Path, content: bytes) -> None:
    scratch = file.with_name(f".{file.name}.new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.replace(file)
