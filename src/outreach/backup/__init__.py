"""Backup and restore by PostgreSQL's own programs; sealing keys apart; checked before use.

A backup is a folder: ``outreach.dump`` (pg_dump's custom format, without sealing keys and eras),
``keys.csv`` (the wrapped keys: kept and expired by itself, so that an old backup does not bring
back a destroyed key) and, written last, ``manifest.json``.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

from outreach.backup import manifest as manifests
from outreach.backup.manifest import Manifest
from outreach.backup.programs import connected, programs, run
from outreach.clock import Clock
from outreach.db import copying, eras, events, schema
from outreach.db.pool import Connection
from outreach.domain.errors import ConfigurationError, Conflict, InvalidInput
from outreach.domain.events import Event, EventKind, debtor_stream, user_stream
from outreach.ledger.envelope import prepare

DUMP, KEYS = "outreach.dump", "keys.csv"
_APART = ("sealing_keys", "eras")
_PLAIN = ("--no-owner", "--no-privileges")

Progress = Callable[[int, int], None]


# ------------------------------------------------------------------------------------------ backup


async def backup(dsn: str, folder: Path, progress: Progress = lambda *_: None) -> Manifest:
    """Write ``folder``, which must be new or empty; without its manifest it is no backup."""
    _new_folder(folder)
    async with connected(dsn) as conn:
        await schema.require_known(conn)
        if not await eras.exist(conn):
            raise Conflict(
                "the database's schema is too old to be backed up", "outreach db upgrade"
            )
        folder_of = await programs(conn)
        async with copying.snapshot(conn) as name:
            await copying.write_keys(conn, folder / KEYS)
            tables = await copying.tables(conn)
            apart = [f"--exclude-table-data=public.{table}" for table in _APART]
            common = [*_PLAIN, "--format=custom", f"--snapshot={name}"]
            await run(
                folder_of / "pg_dump",
                dsn,
                [*common, *apart, f"--file={folder / DUMP}"],
                "dumping contents of table",
                lambda done: progress(min(done, tables), tables),
            )
            manifest = await _describe(conn, folder)
    manifests.write(folder, manifest)
    return manifest


async def _describe(conn: Connection, folder: Path) -> Manifest:
    server = await eras.server(conn)
    if server is None:
        raise ConfigurationError("this PostgreSQL server is a standby", "back up the primary")
    return Manifest(
        made_at=Clock().now(),
        schema=await schema.current(conn) or "",
        server=server,
        newest_event=await eras.newest_event(conn),
        counts=await copying.counts(conn),
        eras=[_plain(row) for row in await eras.every(conn)],
        files={name: manifests.digest_of(folder / name) for name in (DUMP, KEYS)},
    )


def _plain(row: asyncpg.Record) -> dict[str, object]:
    return {
        name: str(value) if isinstance(value, UUID) else value
        for name, value in ((name, row[name]) for name in eras.ERA_COLUMNS)
    }


def _new_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InvalidInput(f"{folder} is not empty", "name a new folder for each backup")
        for name in (DUMP, KEYS):  # readable by nobody else from the first byte
            os.close(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise InvalidInput(
            f"{folder} cannot be written: {error.strerror}", "name another folder"
        ) from None


# ----------------------------------------------------------------------------------------- restore


async def check(folder: Path, newer_keys: Path | None) -> tuple[Manifest, list[Path]]:
    """Verify every digest; the manifest, and the key files to use, newest first."""
    manifest = manifests.read(folder)
    if manifest.schema not in schema.revisions():
        raise ConfigurationError(
            f"this version of Outreach does not know the backup's schema {manifest.schema}",
            "install the version of Outreach that made it, or a later one",
        )
    await manifests.same(folder, manifest, DUMP)
    files: list[Path] = []
    if newer_keys is not None:
        newer = manifests.read(newer_keys)
        if newer.made_at < manifest.made_at:
            raise InvalidInput(
                "the keys are older than the backup", "name the newest folder that has keys"
            )
        await manifests.same(newer_keys, newer, KEYS)
        files.append(newer_keys / KEYS)
    if (folder / KEYS).exists():
        await manifests.same(folder, manifest, KEYS)
        files.append(folder / KEYS)
    if not files:
        raise InvalidInput(
            f"{folder} has no {KEYS}: nothing sealed in it could be read",
            "name a folder that has one: --keys FOLDER",
        )
    return manifest, files


async def restore(
    dsn: str,
    folder: Path,
    newer_keys: Path | None,
    actor: str,
    *,
    dry_run: bool = False,
    progress: Progress = lambda *_: None,
) -> tuple[Manifest, int]:
    """Fill an empty database; the manifest, and how many keys stay destroyed against the dump.

    No worker sends from it until a person has run ``outreach recover``.
    """
    manifest, files = await check(folder, newer_keys)
    async with connected(dsn) as conn:
        if await copying.tables(conn):
            raise Conflict(
                "the database is not empty: a restore never writes over another",
                "make a new database, or set OUTREACH_DATA_DIR to a new folder",
            )
        folder_of = await programs(conn)
    if dry_run:
        await run(folder_of / "pg_restore", None, ["--list", str(folder / DUMP)])
        return manifest, 0
    tables = manifest.counts["tables"]
    await run(
        folder_of / "pg_restore",
        dsn,
        ["--single-transaction", "--exit-on-error", *_PLAIN, str(folder / DUMP)],
        "processing data for table",
        lambda done: progress(done, max(done, tables)),
    )
    async with connected(dsn) as conn, conn.transaction():
        await copying.read_keys(conn, files)
        untold = await _tell_destructions(conn, actor)
        await eras.bring_back(conn, [manifests.typed_era(row) for row in manifest.eras])
    return manifest, untold


async def _tell_destructions(conn: Connection, actor: str) -> int:
    """The restored history does not know of keys destroyed after it: say so, stream by stream."""
    told = [UUID(str(i)) async for data in events.erasures(conn, None) for i in _keys_of(data)]
    rows = await copying.untold_destructions(conn, told)
    now = Clock().now()
    by_stream: dict[tuple[UUID | None, str], list[str]] = {}
    for row in rows:
        by_stream.setdefault((row["debtor_id"], row["creditor_id"]), []).append(str(row["id"]))
    told_now = [
        Event(
            kind=EventKind.ERASED,
            at=now,
            stream=debtor_stream(debtor) if debtor else user_stream(actor.removeprefix("user:")),
            creditor_id=creditor,
            actor=actor,
            debtor_id=debtor,
            data={"keys": list(ids), "reason": "destroyed before this database was restored"},
        )
        for (debtor, creditor), ids in by_stream.items()
    ]
    await events.append(conn, [prepare(event) for event in told_now])
    return len(rows)


def _keys_of(data: Mapping[str, object]) -> Sequence[object]:
    keys = data.get("keys")
    return keys if isinstance(keys, list) else ()
