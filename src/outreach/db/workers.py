"""Workers as they tell of themselves every few seconds; times are the database server's."""

from collections.abc import Mapping

import asyncpg
import orjson

from outreach.db.pool import Connection

GONE_SECONDS = 30.0
"""A worker silent for longer is dead, stopped or cut off."""


async def tell(
    conn: Connection, name: str, host: str, pid: int, address: str, loops: Mapping[str, str]
) -> None:
    """``name`` is alive, and its loops are as they are."""
    await conn.execute(
        """insert into workers (name, host, pid, address, started_at, beat_at, loops)
           values ($1, $2, $3, $4, clock_timestamp(), clock_timestamp(), $5)
           on conflict (name) do update
               set beat_at = excluded.beat_at, loops = excluded.loops""",
        name,
        host,
        pid,
        address,
        orjson.dumps(loops).decode(),
    )


async def leave(conn: Connection, name: str) -> None:
    """A clean stop leaves nothing behind."""
    await conn.execute("delete from workers where name = $1", name)


async def forget_gone(conn: Connection) -> None:
    """Those that have said nothing for a day."""
    await conn.execute("delete from workers where beat_at < clock_timestamp() - interval '1 day'")


async def all_workers(conn: Connection) -> list[asyncpg.Record]:
    """``name, host, pid, address, started_at, beat_at, loops, gone``, the oldest first."""
    return await conn.fetch(
        """select *, beat_at < clock_timestamp() - make_interval(secs => $1) as gone
           from workers order by started_at""",
        GONE_SECONDS,
    )
