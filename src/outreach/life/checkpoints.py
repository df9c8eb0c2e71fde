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
from outreach.ledger.merkle import Range, consistency, is_consistent, range_hash, tiles_of
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
        size, root = await _grown(conn)
        last = await tree.latest(conn)
        before = last["size"] if last else 0
        if last is not None:
            await _require(conn, before, last["root"], size, root)
        outside = _outside(kept)
        if outside is not None and outside.origin == origin:
            await _require(conn, outside.size, outside.root, size, root)
        if size == before:
            return 0
        checkpoint = Checkpoint(origin, size, root, parts.clock.now(), before)
        note = sign(checkpoint, await _signers(conn, parts, checkpoint))
        await tree.add(conn, size, checkpoint.root, checkpoint.at, note)
    _keep(kept, note)
    log.info("checkpoint_signed", size=size)
    return 1


def origin_of(name: str, era: Era) -> str:
    """The log's name: the configured one, and after a recovery the era beside it."""
    return f"{name}/{era.id.hex[-8:]}" if era.recovered else name


async def signed_from_here(parts: Parts) -> Checkpoint | None:
    """The last checkpoint signed from this data folder, if it is of the log of today."""
    async with parts.pool.acquire() as conn:
        era = await eras.current(conn)
    last = _outside(parts.settings.data_dir / FILE)
    ours = last and era and last.origin == origin_of(parts.settings.log_name, era)
    return last if ours else None


async def _grown(conn: Connection) -> tuple[int, bytes]:
    """The log's size and root."""
    size, _ = await tree.edge(conn)
    whole = Range(0, size)
    try:
        return size, range_hash(whole, await tree.tiles(conn, tiles_of([whole])))
    except KeyError:
        raise _rewritten("a tile is missing or too short") from None


async def _require(
    conn: Connection, signed_size: int, signed_root: bytes, size: int, root: bytes
) -> None:
    """The tree about to be signed began as the signed one.

    Proved, not looked up: a root read from tiles holds only as far as the tiles of a level are made
    of those below, and the proof takes other tiles than the root does.
    """
    if signed_size > size:
        why = f"it has {size} leaves, {signed_size} were signed"
    elif not signed_size or await _extends(conn, signed_size, signed_root, size, root):
        return
    else:
        why = f"its first {signed_size} leaves are not those that were signed"
    raise _rewritten(why)


def _rewritten(why: str) -> Rewritten:
    return Rewritten(
        f"the log was rewound or rewritten: {why}; nothing is signed any more",
        "run: outreach history verify; after a restore: outreach recover",
    )


async def _extends(
    conn: Connection, signed_size: int, signed_root: bytes, size: int, root: bytes
) -> bool:
    ranges = consistency(signed_size, size)
    tiles = await tree.tiles(conn, tiles_of(ranges))
    try:
        path = [range_hash(each, tiles) for each in ranges]
    except KeyError:
        return False
    return is_consistent(signed_size, signed_root, size, root, path)


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
