"""Raw callbacks: kept sealed as they came, applied later, once."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection


class CallbackRow(NamedTuple):
    id: UUID
    carrier: str
    received_at: datetime
    key_id: UUID
    sealed: bytes
    digest: bytes


async def store(conn: Connection, rows: Sequence[CallbackRow]) -> int:
    """Keep and queue callbacks; how many of them were not kept already."""
    status = await conn.execute(
        """with kept as (
               insert into raw_callbacks (id, carrier, received_at, key_id, sealed, digest)
               select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::uuid[],
                   $5::bytea[], $6::bytea[])
               on conflict (carrier, digest) do nothing returning id)
           insert into callbacks_due (callback_id, retry_at)
           select id, clock_timestamp() from kept""",
        *(list(column) for column in zip(*rows, strict=True)),
    )
    return int(status.rpartition(" ")[2])


async def ready(conn: Connection, limit: int) -> list[UUID]:
    """The callbacks that ``take`` would give, unlocked."""
    rows = await conn.fetch(
        """select callback_id from callbacks_due where retry_at <= clock_timestamp()
           order by callback_id limit $1""",
        limit,
    )
    return [row["callback_id"] for row in rows]


async def take(conn: Connection, limit: int, only: UUID | None = None) -> list[asyncpg.Record]:
    """Callbacks to apply, locked, oldest first, with their keys; ``only`` this one, if given."""
    return await conn.fetch(
        """select r.id, r.carrier, r.received_at, r.key_id, r.sealed, k.wrapped, k.master_version,
               d.tries
           from callbacks_due d
           join raw_callbacks r on r.id = d.callback_id
           left join sealing_keys k on k.id = r.key_id
           where d.retry_at <= clock_timestamp() and ($2::uuid is null or d.callback_id = $2)
           order by d.callback_id limit $1 for update of d skip locked""",
        limit,
        only,
    )


async def kept(conn: Connection, callback_id: UUID) -> asyncpg.Record | None:
    """A callback with its key, to be read once more."""
    return await conn.fetchrow(
        """select r.id, r.carrier, r.received_at, r.key_id, r.sealed, k.wrapped, k.master_version
           from raw_callbacks r left join sealing_keys k on k.id = r.key_id where r.id = $1""",
        callback_id,
    )


async def done(conn: Connection, ids: Sequence[UUID]) -> None:
    await conn.execute("delete from callbacks_due where callback_id = any($1::uuid[])", ids)


async def later(conn: Connection, ids: Sequence[UUID], seconds: float) -> None:
    """Try again: the message it speaks of may not be known yet."""
    await conn.execute(
        """update callbacks_due set tries = tries + 1,
               retry_at = clock_timestamp() + make_interval(secs => $2)
           where callback_id = any($1::uuid[])""",
        ids,
        seconds,
    )


async def waiting(conn: Connection) -> int:
    count: int = await conn.fetchval("select count(*) from callbacks_due")
    return count
