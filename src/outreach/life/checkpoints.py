"""Checkpoints: the log's size and root, signed now and then, and never over a past that changed.

Before signing, the tree is held against the last checkpoint of the database and against the last
one signed from this data folder, which a rewound or rewritten database cannot take back. A person
who recovers a rewound database begins an era, and with it a log of a new name: whoever holds an old
checkpoint sees that the old log ended, and not a second past under its name.
"""

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from outreach.db import eras, tree
from outreach.db.eras import Era
from outreach.db.pool import Connection
from outreach.domain.errors import Rewritten
from outreach.ledger.checkpoint import BadCheckpoint, Checkpoint, LogKey, sign
from outreach.ledger.merkle import Range, range_hash, tiles_of
from outreach.life.parts import Parts
from outreach.logs import Log

FILE = "checkpoint"
"""The last note signed from here, in the data folder."""

log = Log(__name__)


async def checkpoint_due(parts: Parts) -> int:
    """Sign the log if the last checkpoint is as old as checkpoints may get."""
    async with parts.pool.acquire() as conn:
        last = await tree.latest(conn)
    age = timedelta(minutes=parts.settings.checkpoint_minutes)
    if last is not None and parts.clock.now() - last["at"] < age:
        return 0
    return await checkpoint_once(parts)


async def checkpoint_once(parts: Parts) -> int:
    """Sign the log as it is now if it grew; 1 if there is a new checkpoint, else 0.

    Raises ``Rewritten`` where the log does not hold what was signed before.
    """
    kept = parts.settings.data_dir / FILE
    async with parts.pool.acquire() as conn, conn.transaction():
        era = await eras.current(conn)
        if era is None or not await tree.take_signer_lock(conn):
            return 0  # restored and not recovered yet, or another signer is at work
        origin = origin_of(parts.settings.log_name, era)
        size, _ = await tree.edge(conn)
        last = await tree.latest(conn)
        if last is not None:
            await _require(conn, size, last["size"], last["root"])
        outside = _outside(kept)
        if outside is not None and outside.origin == origin:
            await _require(conn, size, outside.size, outside.root)
        if size == (last["size"] if last else 0):
            return 0
        checkpoint = Checkpoint(origin, size, await root_at(conn, size), parts.clock.now())
        note = sign(checkpoint, await _signers(conn, parts, checkpoint))
        await tree.add(conn, size, checkpoint.root, checkpoint.at, note)
    _keep(kept, note)
    log.info("checkpoint_signed", size=size)
    return 1


def origin_of(name: str, era: Era) -> str:
    """The log's name: the configured one, and after a recovery the era beside it."""
    return f"{name}/{era.id.hex[-8:]}" if era.recovered else name


async def root_at(conn: Connection, size: int) -> bytes:
    """The root of the tree when it had so many leaves, from today's tiles."""
    whole = Range(0, size)
    return range_hash(whole, await tree.tiles(conn, tiles_of([whole])))


async def _require(conn: Connection, size: int, signed_size: int, signed_root: bytes) -> None:
    """The tree of today began as the signed one."""
    if signed_size > size:
        why = f"it has {size} leaves, {signed_size} were signed"
    elif not signed_size or await _root_or_none(conn, signed_size) == signed_root:
        return
    else:
        why = f"its first {signed_size} leaves are not those that were signed"
    raise Rewritten(
        f"the log was rewound or rewritten: {why}; nothing is signed any more",
        "run: outreach history verify; after a restore: outreach recover",
    )


async def _root_or_none(conn: Connection, size: int) -> bytes | None:
    try:
        return await root_at(conn, size)
    except KeyError:  # a tile is missing or too short
        return None


async def _signers(conn: Connection, parts: Parts, checkpoint: Checkpoint) -> list[LogKey]:
    """The current key; the first time it signs, those before it too. Keys are kept as they come."""
    keys = parts.log_keys.of(checkpoint.origin)
    current = keys[-1]
    known = {(row["raw"], row["origin"]) for row in await tree.keys(conn)}
    if (current.public.raw, current.public.origin) in known:
        return [current]
    await tree.use_key(conn, current.public, checkpoint.size, checkpoint.at)
    before = [key for key in keys[:-1] if (key.public.raw, key.public.origin) in known]
    return [current, *before]


def _outside(path: Path) -> Checkpoint | None:
    """What was signed from here last; a file that cannot be read says nothing."""
    try:
        return Checkpoint.parse(path.read_text("utf-8").partition("\n\n")[0] + "\n")
    except FileNotFoundError:
        return None
    except (OSError, BadCheckpoint, UnicodeDecodeError) as error:
        log.warning("checkpoint_file_unreadable", error=error)
        return None


def _keep(path: Path, note: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(note, "utf-8")
        draft.replace(path)
    except OSError as error:
        log.error("checkpoint_file_unwritable", error=error)
        with suppress(OSError):
            draft.unlink(missing_ok=True)
