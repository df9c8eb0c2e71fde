"""Verify the log: tiles against their leaves, which are links of chains; checkpoints against tiles.

Whoever can rewrite the database can make all of these fit one another, but for the signatures, and
for a checkpoint that somebody else keeps: that is what ``since`` is for.
"""

from collections.abc import AsyncIterator, Callable, Mapping

import asyncpg

from outreach.db import tree
from outreach.db.pool import Connection
from outreach.ledger.checkpoint import BadCheckpoint, Checkpoint, PublicKey, leaf, read_note
from outreach.ledger.merkle import (
    HASH,
    HEIGHT,
    WIDTH,
    Range,
    Tile,
    edge,
    grow,
    inclusion,
    leaf_hash,
    range_hash,
    root_of_path,
    tiles_of,
)
from outreach.proof.report import Kind, Problem, Report

STEP = 4096
"""Leaves hashed at a time."""

Progress = Callable[[int, int], None]


async def verify_log(conn: Connection, report: Report, progress: Progress | None = None) -> None:
    """The whole log; memory does not grow with it."""
    check = _Log(conn, report)
    await check.leaves(progress)
    await check.checkpoints()
    await check.not_entered(None)


async def verify_stream(conn: Connection, report: Report, stream: str) -> None:
    """One stream's leaves: in its chain, and under signed checkpoints."""
    check = _Log(conn, report)
    await check.not_entered(stream)
    await check.stream(stream)


async def verify_since(conn: Connection, report: Report, note: str) -> None:
    """That the log began as a checkpoint kept elsewhere says."""
    check = _Log(conn, report)
    await check.since(note)


async def verify_kept(conn: Connection, report: Report, kept: Checkpoint) -> None:
    """That the last checkpoint signed from this data folder is still among those of the log."""
    check = _Log(conn, report)
    await check.kept(kept)


class _Log:
    def __init__(self, conn: Connection, report: Report) -> None:
        self._conn = conn
        self._report = report

    def _add(
        self, kind: Kind, sentence: str, stream: str | None = None, seq: int | None = None
    ) -> None:
        self._report.add([Problem(kind, None, stream, seq, sentence)])

    # ------------------------------------------------------------------------- leaves and tiles

    async def leaves(self, progress: Progress | None) -> None:
        """Leaves one by one, and the tiles they make."""
        total = await tree.count_leaves(self._conn)
        size, due, tiles = 0, 0, dict[Tile, bytes]()
        async for batch in _batches(tree.leaves(self._conn)):
            for row in batch:
                due = self._leaf(due, row)
            hashes = [leaf_hash(leaf(row["stream"], row["seq"], row["head"])) for row in batch]
            changed = grow(size, tiles, hashes)
            size += len(batch)
            await self._tiles(changed)
            tiles |= changed
            tiles = {tile: tiles[tile] for tile in edge(size)}
            if progress:
                progress(size, total)
        self._report.leaves = size
        await self._end(size)

    def _leaf(self, due: int, row: asyncpg.Record) -> int:
        """The index that is due after this leaf."""
        index = row["index"]
        if index != due:
            gone = f"leaf {due} of the log is" if index == due + 1 else f"leaves from {due} on are"
            self._add(Kind.REMOVED, f"{gone} gone: the next is {index}")
        return int(index) + 1

    async def _tiles(self, computed: Mapping[Tile, bytes]) -> None:
        """A stored tile may be longer, of leaves yet to come, but never different."""
        stored = await tree.tiles(self._conn, list(computed))
        for tile, hashes in sorted(computed.items()):
            if tile not in stored:
                self._add(Kind.REMOVED, f"{_named(tile)} is gone")
            elif stored[tile][: len(hashes)] != hashes:
                self._add(Kind.ALTERED, f"{_named(tile)} is not that of its leaves")

    async def _end(self, size: int) -> None:
        """No tile goes on after the last leaf."""
        for level, row in enumerate(await tree.last_tiles(self._conn)):
            tile, count = Tile(row["level"], row["number"]), size >> HEIGHT * row["level"]
            kept = tile.number * WIDTH + len(row["hashes"]) // HASH
            if kept > count and tile.level == 0:
                self._add(Kind.REMOVED, f"the log ends at leaf {count}, its tiles at {kept}")
            elif kept > count or tile.level != level:
                self._add(Kind.INSERTED, f"{_named(tile)} goes on after the log's end")

    # ------------------------------------------------------------------------------ checkpoints

    async def checkpoints(self) -> None:
        """Signed by a key of this log, each over what the tiles say of its size."""
        keys = await _keys(self._conn)
        first: dict[PublicKey, asyncpg.Record] = {}
        before = 0
        async for row in tree.checkpoints(self._conn):
            says = f"checkpoint {row['size']}"
            try:
                note = read_note(row["note"], keys)
            except BadCheckpoint as error:
                self._add(Kind.ALTERED, f"{says}: {error}")
                before = row["size"]
                continue
            signed = note.checkpoint
            if (signed.size, signed.root, signed.at) != (row["size"], row["root"], row["at"]):
                self._add(Kind.ALTERED, f"{says} is kept with other values than were signed")
            if signed.after > before:
                self._add(Kind.REMOVED, f"checkpoint {signed.after} is gone: {says} came after it")
            elif signed.after < before:
                self._add(Kind.INSERTED, f"{says} came after {signed.after}, not after {before}")
            before = row["size"]
            if await self._holds(signed, says):
                self._report.checkpoints += 1
                self._report.signed_at = signed.at
            first = dict.fromkeys(note.signers, row) | first
        for row in await tree.keys(self._conn):
            used = first.get(PublicKey(row["origin"], row["raw"]))
            if used is None:
                self._add(Kind.INSERTED, "a key of the log that signed nothing")
            elif (used["size"], used["at"]) != (row["since"], row["first_used_at"]):
                self._add(Kind.ALTERED, f"a key of the log did not begin to sign at {row['since']}")

    async def _holds(self, signed: Checkpoint, says: str) -> bool:
        whole = Range(0, signed.size)
        try:
            root = range_hash(whole, await tree.tiles(self._conn, tiles_of([whole])))
        except KeyError:
            self._add(Kind.REMOVED, f"the log is shorter than {says}")
            return False
        if root != signed.root:
            self._add(Kind.ALTERED, f"the log's first {signed.size} leaves are not those of {says}")
            return False
        return True

    async def since(self, note: str) -> None:
        """``note`` was kept elsewhere; only its signature says that it is of this log."""
        try:
            signed = read_note(note, await _keys(self._conn)).checkpoint
        except BadCheckpoint as error:
            self._add(Kind.ALTERED, f"the checkpoint given: {error}")
            return
        await self._holds(signed, f"checkpoint {signed.size} given")

    async def kept(self, last: Checkpoint) -> None:
        says = f"checkpoint {last.size}, the last signed from this data folder,"
        if not await tree.has_checkpoint(self._conn, last.size, last.root):
            self._add(Kind.REMOVED, f"{says} is gone")
        await self._holds(last, says)

    # ------------------------------------------------------------------------------- one stream

    async def not_entered(self, stream: str | None) -> None:
        for row in await tree.not_entered(self._conn, stream):
            says = "the stream's head is not in the log"
            self._add(Kind.UNSEALED, says, row["stream"], row["seq"])

    async def stream(self, stream: str) -> None:
        """Each leaf in its tile, and on a path to the first checkpoint that covers it."""
        rows = {row["index"]: row for row in await tree.leaves_of(self._conn, stream)}
        covering = {row["index"]: row for row in await tree.covering(self._conn, list(rows))}
        places = {index: Range(index, index + 1) for index in rows}
        paths = {index: inclusion(index, row["size"]) for index, row in covering.items()}
        wanted = tiles_of([*places.values(), *(each for path in paths.values() for each in path)])
        tiles, keys = await tree.tiles(self._conn, list(wanted)), await _keys(self._conn)
        for index, row in rows.items():
            hashed = leaf_hash(leaf(stream, row["seq"], row["head"]))
            try:
                good = range_hash(places[index], tiles) == hashed
                if index in covering:
                    path = [range_hash(each, tiles) for each in paths[index]]
                    signed = read_note(covering[index]["note"], keys).checkpoint
                    good &= root_of_path(hashed, index, signed.size, path) == signed.root
            except (KeyError, BadCheckpoint):
                good = False
            if not good:
                says = f"leaf {index} of the log is not this link, or not under its checkpoint"
                self._add(Kind.ALTERED, says, stream, row["seq"])
        self._report.leaves = len(rows)


def _named(tile: Tile) -> str:
    return f"tile {tile.level}/{tile.number} of the log"


async def _keys(conn: Connection) -> list[PublicKey]:
    return [PublicKey(row["origin"], row["raw"]) for row in await tree.keys(conn)]


async def _batches(
    rows: AsyncIterator[asyncpg.Record],
) -> AsyncIterator[list[asyncpg.Record]]:
    batch: list[asyncpg.Record] = []
    async for row in rows:
        batch.append(row)
        if len(batch) == STEP:
            yield batch
            batch = []
    if batch:
        yield batch
