"""``manifest.json``: what a backup says of itself, and the digests it is held to."""

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orjson

from outreach.db.eras import Server
from outreach.domain.errors import InvalidInput

MANIFEST = "manifest.json"
FORMAT = 1
_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    made_at: datetime
    schema: str
    server: Server
    newest_event: tuple[UUID, datetime] | None
    counts: Mapping[str, int]
    eras: Sequence[Mapping[str, object]]
    files: Mapping[str, str]  # name: SHA-256


def write(folder: Path, manifest: Manifest) -> None:
    """Whole or not at all, and last of all."""
    draft = folder / f"{MANIFEST}.part"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(_written(manifest))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / MANIFEST)


def _written(manifest: Manifest) -> bytes:
    newest = manifest.newest_event
    fields = {
        "format": FORMAT,
        "made_at": manifest.made_at,
        "schema": manifest.schema,
        "system_identifier": manifest.server.system_identifier,
        "timeline": manifest.server.timeline,
        "newest_event": [str(newest[0]), newest[1]] if newest else None,
        "counts": dict(manifest.counts),
        "eras": list(manifest.eras),
        "files": dict(manifest.files),
    }
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2)


def read(folder: Path) -> Manifest:
    """Raises ``InvalidInput`` where there is none, or one that cannot be read."""
    try:
        fields = orjson.loads((folder / MANIFEST).read_bytes())
        if fields["format"] != FORMAT:
            raise ValueError("of another format")
        newest = fields["newest_event"]
        return Manifest(
            made_at=datetime.fromisoformat(fields["made_at"]),
            schema=fields["schema"],
            server=Server(fields["system_identifier"], fields["timeline"]),
            newest_event=(UUID(newest[0]), datetime.fromisoformat(newest[1])) if newest else None,
            counts=fields["counts"],
            eras=fields["eras"],
            files=fields["files"],
        )
    except FileNotFoundError:
        raise InvalidInput(
            f"{folder} has no {MANIFEST}: it is no backup, or one that was broken off",
            "use another backup",
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidInput(f"{folder / MANIFEST} cannot be read", "use another backup") from None


def typed_era(row: Mapping[str, object]) -> dict[str, object]:
    def typed(name: str, value: object) -> object:
        if value is None or name in ("system_identifier", "timeline", "actor", "reason"):
            return value
        return (
            UUID(str(value)) if name in ("id", "previous") else datetime.fromisoformat(str(value))
        )

    return {name: typed(name, value) for name, value in row.items()}


async def same(folder: Path, manifest: Manifest, name: str) -> None:
    try:
        digest = await asyncio.to_thread(digest_of, folder / name)
    except OSError as error:
        raise InvalidInput(
            f"{folder / name} cannot be read: {error.strerror}", "use another backup"
        ) from None
    if digest != manifest.files.get(name):
        raise InvalidInput(
            f"{folder / name} is not what was backed up: its SHA-256 differs from {MANIFEST}",
            "use another backup; this one is damaged or was altered",
        )


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
