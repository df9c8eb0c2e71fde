"""Seal: chain new events to their streams' heads and enter the heads in the log.

Behind the hot path, by one sealer at a time; a pass is one transaction, so that each stream it
touched has exactly one new leaf, whatever dies.
"""

from collections.abc import Sequence

import asyncpg

from outreach.db import events, tree
from outreach.db.pool import Pool
from outreach.ledger.chain import GENESIS, next_head
from outreach.ledger.checkpoint import leaf
from outreach.ledger.envelope import envelope
from outreach.ledger.merkle import grow, leaf_hash

BATCH = 5000


def link(
    rows: Sequence[asyncpg.Record], first: int
) -> tuple[list[events.Link], list[tuple[str, int, bytes]]]:
    """Give each event its place: chain links and the new heads of the streams touched.

    The last link of each stream is a leaf of the log, from ``first`` on in the order of the heads.
    """
    heads: dict[str, tuple[int, bytes]] = {}
    chained = []
    for row in rows:
        stream = row["stream"]
        seq, head = heads.get(stream) or (row["seq"] or 0, row["head"] or GENESIS)
        bytes_ = envelope(row["id"], events.read_event(row), row["payload_digest"])
        seq, head = seq + 1, next_head(head, seq + 1, bytes_)
        heads[stream] = seq, head
        chained.append((stream, seq, row["id"], row["at"], head))
    leaves = {(stream, seq): first + n for n, (stream, (seq, _)) in enumerate(heads.items())}
    links = [(*each, leaves.get(each[:2])) for each in chained]
    return links, [(stream, seq, head) for stream, (seq, head) in heads.items()]


async def seal_once(pool: Pool, *, wait: bool = False) -> int:
    """Seal one batch in one transaction; how many events it took.

    None while another sealer is at work, unless we ``wait`` for it.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await events.take_sealer_lock(conn, wait=wait):
            return 0
        rows = await events.unsealed(conn, BATCH)
        if rows:
            size, tiles = await tree.edge(conn)
            links, heads = link(rows, size)
            await events.seal(conn, links, heads)
            hashes = [leaf_hash(leaf(*each)) for each in heads]
            await tree.write_tiles(conn, grow(size, tiles, hashes))
    return len(rows)


async def seal_all(pool: Pool) -> int:
    """Seal whatever waits now."""
    total = 0
    while taken := await seal_once(pool, wait=True):
        total += taken
    return total
