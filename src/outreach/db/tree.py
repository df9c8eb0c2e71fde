"""The log over all streams: its leaves, the tree's tiles, its checkpoints and who signs them."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from outreach.db.pool import Connection
from outreach.ledger.checkpoint import PublicKey
from outreach.ledger.merkle import HASH, WIDTH, Tile


async def edge(conn: Connection) -> tuple[int, dict[Tile, bytes]]:
    """The log's size and the last tile of each level."""
    rows = await conn.fetch(
        """select l.level, t.number, t.hashes from generate_series(0, 7) as l(level)
           cross join lateral (
               select number, hashes from log_tiles where level = l.level
               order by number desc limit 1) t"""
    )
    tiles = {Tile(row["level"], row["number"]): row["hashes"] for row in rows}
    return _size(tiles), tiles


def _size(tiles: Mapping[Tile, bytes]) -> int:
    return max(
        (
            tile.number * WIDTH + len(hashes) // HASH
            for tile, hashes in tiles.items()
            if tile.level == 0
        ),
        default=0,
    )


async def write_tiles(conn: Connection, tiles: Mapping[Tile, bytes]) -> None:
    await conn.execute(
        """insert into log_tiles (level, number, hashes)
           select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])
           on conflict (level, number) do update set hashes = excluded.hashes""",
        [tile.level for tile in tiles],
        [tile.number for tile in tiles],
        list(tiles.values()),
    )


async def tiles(conn: Connection, wanted: Collection[Tile]) -> dict[Tile, bytes]:
    """Those of the tiles that there are."""
    rows = await conn.fetch(
        """select t.level, t.number, t.hashes
           from unnest($1::smallint[], $2::bigint[]) as w(level, number)
           join log_tiles t using (level, number)""",
        [tile.level for tile in wanted],
        [tile.number for tile in wanted],
    )
    return {Tile(row["level"], row["number"]): row["hashes"] for row in rows}


async def leaves_of(conn: Connection, stream: str) -> list[asyncpg.Record]:
    """``index, seq, head`` of a stream's leaves, in order."""
    return await conn.fetch(
        """select leaf as index, seq, head from chain
           where stream = $1 and leaf is not null order by seq""",
        stream,
    )


async def leaves(conn: Connection) -> AsyncIterator[asyncpg.Record]:
    """``index, stream, seq, head`` of every leaf; inside a transaction."""
    query = """select leaf as index, stream, seq, head from chain
        where leaf is not null order by leaf"""
    async for row in conn.cursor(query, prefetch=1000):
        yield row


async def count_leaves(conn: Connection) -> int:
    count: int = await conn.fetchval("select count(*) from chain where leaf is not null")
    return count


async def not_entered(conn: Connection, stream: str | None) -> list[asyncpg.Record]:
    """``stream, seq`` of heads that are no leaves."""
    return await conn.fetch(
        """select s.stream, s.seq from streams s
           join chain c on c.stream = s.stream and c.seq = s.seq
           where c.leaf is null and ($1::text is null or s.stream = $1) order by s.stream""",
        stream,
    )


async def last_tiles(conn: Connection) -> list[asyncpg.Record]:
    """``level, number, hashes`` of the last tile of each level there is."""
    return await conn.fetch(
        """select l.level, t.number, t.hashes from (select distinct level from log_tiles) l
           cross join lateral (
               select number, hashes from log_tiles where level = l.level
               order by number desc limit 1) t
           order by l.level"""
    )


# ------------------------------------------------------------------------------------ checkpoints


async def take_signer_lock(conn: Connection) -> bool:
    """One signer at a time, until this transaction ends."""
    taken: bool = await conn.fetchval(
        "select pg_try_advisory_xact_lock(hashtext('outreach.signer'))"
    )
    return taken


async def latest(conn: Connection) -> asyncpg.Record | None:
    """The checkpoint of the largest tree."""
    return await conn.fetchrow("select * from checkpoints order by size desc limit 1")


async def has_checkpoint(conn: Connection, size: int, root: bytes) -> bool:
    there: bool = await conn.fetchval(
        "select exists (select from checkpoints where size = $1 and root = $2)", size, root
    )
    return there


async def checkpoints(conn: Connection) -> AsyncIterator[asyncpg.Record]:
    """All of them, the oldest first; inside a transaction."""
    async for row in conn.cursor("select * from checkpoints order by size", prefetch=200):
        yield row


async def covering(conn: Connection, indexes: Sequence[int]) -> list[asyncpg.Record]:
    """For each leaf the first checkpoint that covers it: ``index`` beside the checkpoint."""
    return await conn.fetch(
        """select i.index, c.* from unnest($1::bigint[]) as i(index)
           cross join lateral (
               select * from checkpoints where size > i.index order by size limit 1) c
           order by i.index""",
        indexes,
    )


async def add(conn: Connection, size: int, root: bytes, at: datetime, note: str) -> None:
    await conn.execute(
        "insert into checkpoints (size, root, at, note) values ($1, $2, $3, $4)",
        *(size, root, at, note),
    )


async def stamp(conn: Connection, size: int, token: bytes) -> None:
    await conn.execute("update checkpoints set token = $2 where size = $1", size, token)


async def unstamped(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """``size, note`` of the newest checkpoints without a time stamp."""
    return await conn.fetch(
        "select size, note from checkpoints where token is null order by size desc limit $1", limit
    )


# ------------------------------------------------------------------------------- who signs, where


async def keys(conn: Connection) -> list[asyncpg.Record]:
    """``raw, origin, since, first_used_at``, in order of use."""
    return await conn.fetch("select * from log_keys order by since, raw")


async def use_key(conn: Connection, key: PublicKey, size: int, at: datetime) -> None:
    await conn.execute(
        "insert into log_keys (raw, origin, since, first_used_at) values ($1, $2, $3, $4)",
        *(key.raw, key.origin, size, at),
    )


async def not_brought(conn: Connection, place: str, limit: int) -> list[asyncpg.Record]:
    """``size, at, note`` of the oldest checkpoints that this place has not got."""
    return await conn.fetch(
        """select c.size, c.at, c.note from checkpoints c
           where not exists (
               select from checkpoint_copies where size = c.size and place = $1)
           order by c.size limit $2""",
        place,
        limit,
    )


async def brought(conn: Connection, size: int, place: str, at: datetime) -> None:
    await conn.execute(
        """insert into checkpoint_copies (size, place, brought_at) values ($1, $2, $3)
           on conflict do nothing""",
        *(size, place, at),
    )
