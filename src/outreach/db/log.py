"""The log over all streams: its leaves, the tree's tiles, its checkpoints and who signs them."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from outreach.db.pool import Connection
from outreach.ledger.checkpoint import PublicKey
from outreach.ledger.merkle import HASH, WIDTH, Tile

Leaf = tuple[str, int, bytes]
"""``stream, seq, head``"""


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


async def append(
    conn: Connection, first: int, leaves: Sequence[Leaf], tiles: Mapping[Tile, bytes]
) -> None:
    """Add leaves from index ``first`` on, and write the tiles that changed, in one round trip."""
    streams, seqs, heads = zip(*leaves, strict=True)
    await conn.execute(
        """with leaves as (
               insert into log_leaves (index, stream, seq, head)
               select $1 + n - 1, stream, seq, head
               from unnest($2::text[], $3::bigint[], $4::bytea[])
                   with ordinality as l(stream, seq, head, n)
           )
           insert into log_tiles (level, number, hashes)
           select * from unnest($5::smallint[], $6::bigint[], $7::bytea[])
           on conflict (level, number) do update set hashes = excluded.hashes""",
        first,
        streams,
        seqs,
        heads,
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
        "select index, seq, head from log_leaves where stream = $1 order by seq", stream
    )


async def leaves(conn: Connection) -> AsyncIterator[asyncpg.Record]:
    """Every leaf beside the head its chain has at that place; inside a transaction."""
    query = """select l.index, l.stream, l.seq, l.head, c.head as chained
        from log_leaves l left join chain c on c.stream = l.stream and c.seq = l.seq
        order by l.index"""
    async for row in conn.cursor(query, prefetch=1000):
        yield row


async def count_leaves(conn: Connection) -> int:
    count: int = await conn.fetchval("select count(*) from log_leaves")
    return count


async def not_entered(conn: Connection, stream: str | None) -> list[asyncpg.Record]:
    """``stream, seq`` of heads that no leaf holds."""
    return await conn.fetch(
        """select s.stream, s.seq from streams s
           where ($1::text is null or s.stream = $1) and not exists (
               select from log_leaves l where l.stream = s.stream and l.seq = s.seq)
           order by s.stream""",
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


async def chained(conn: Connection, stream: str) -> dict[int, bytes]:
    """The heads of a stream's chain by seq."""
    rows = await conn.fetch("select seq, head from chain where stream = $1", stream)
    return {row["seq"]: row["head"] for row in rows}


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
