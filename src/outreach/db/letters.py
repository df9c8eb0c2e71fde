"""Letter batches: open, closed (intent committed for all), handed over."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.events import EventKind
from outreach.domain.states import State


async def with_room(conn: Connection, carrier: str, size: int) -> tuple[str, int] | None:
    """An open batch of fewer than ``size`` letters, locked, and how many more it takes."""
    row = await conn.fetchrow(
        """select b.id, $2 - c.letters as room from letter_batches b
           cross join lateral (
               select count(*) as letters from notices n where n.batch_id = b.id) c
           where b.carrier = $1 and b.closed_at is null and c.letters < $2
           order by b.opened_at limit 1 for update of b""",
        carrier,
        size,
    )
    return (row["id"], row["room"]) if row else None


async def open_batch(conn: Connection, carrier: str, fresh_id: str) -> None:
    await conn.execute(
        "insert into letter_batches (id, carrier, opened_at) values ($1, $2, clock_timestamp())",
        fresh_id,
        carrier,
    )


async def assign(conn: Connection, batch_id: str, notice_ids: Sequence[UUID]) -> None:
    """Put pending letters into a batch; they leave the queue but stay pending."""
    await conn.execute(
        """with unqueued as (delete from due where notice_id = any($2::uuid[]))
           update notices set batch_id = $1 where id = any($2::uuid[])""",
        batch_id,
        notice_ids,
    )


async def unassign(conn: Connection, notice_ids: Sequence[UUID]) -> None:
    await conn.execute("update notices set batch_id = null where id = any($1::uuid[])", notice_ids)


async def ripe(conn: Connection, carrier: str, seconds: float, size: int) -> list[str]:
    """Open batches that are full, or older than ``seconds``."""
    rows = await conn.fetch(
        """select b.id from letter_batches b where b.carrier = $1 and b.closed_at is null
           and (b.opened_at < clock_timestamp() - make_interval(secs => $2)
                or (select count(*) from notices n where n.batch_id = b.id) >= $3)
           order by b.opened_at""",
        carrier,
        seconds,
        size,
    )
    return [row["id"] for row in rows]


async def members(conn: Connection, batch_id: str) -> list[UUID]:
    """The pending letters of a batch."""
    rows = await conn.fetch(
        f"select id from notices where batch_id = $1 and state = '{State.PENDING}' order by id",
        batch_id,
    )
    return [row["id"] for row in rows]


async def lock_open(conn: Connection, batch_id: str) -> bool:
    """Lock a batch before its letters, as collecting does; False if it was closed before."""
    row = await conn.fetchrow(
        "select from letter_batches where id = $1 and closed_at is null for update", batch_id
    )
    return row is not None


async def close(conn: Connection, batch_id: str, *, empty: bool) -> None:
    """Close a locked batch; an empty one needs no handing over."""
    await conn.execute(
        """update letter_batches set closed_at = clock_timestamp(),
               handed_over_at = case when $2 then clock_timestamp() end
           where id = $1""",
        batch_id,
        empty,
    )


async def to_hand_over(conn: Connection, carrier: str) -> list[str]:
    """Closed batches whose folder may not be complete: a process died, or is at it."""
    rows = await conn.fetch(
        """select id from letter_batches
           where carrier = $1 and closed_at is not null and handed_over_at is null
           order by closed_at""",
        carrier,
    )
    return [row["id"] for row in rows]


async def take(conn: Connection, batch_id: str) -> bool:
    """Take a closed batch for handing over; False if it is done or somebody is at it.

    Held by the connection, not by a transaction: folders are written meanwhile.
    """
    if not await conn.fetchval("select pg_try_advisory_lock(hashtext('batch:' || $1))", batch_id):
        return False
    waits: bool = await conn.fetchval(
        """select exists (select from letter_batches
               where id = $1 and closed_at is not null and handed_over_at is null)""",
        batch_id,
    )
    if not waits:
        await give_back(conn, batch_id)
    return waits


async def give_back(conn: Connection, batch_id: str) -> None:
    await conn.execute("select pg_advisory_unlock(hashtext('batch:' || $1))", batch_id)


async def contents(conn: Connection, batch_id: str) -> list[asyncpg.Record]:
    """The letters of a closed batch with their sealed data, as committed."""
    return await conn.fetch(
        f"""select n.id, e.id as event_id, e.data, p.sealed, p.key_id, k.wrapped, k.master_version
           from notices n
           join contact_events e on e.notice_id = n.id and e.kind = '{EventKind.SENDING}'
               and (e.data->>'attempt')::int = n.attempt
           join event_payloads p on p.event_id = e.id
           left join sealing_keys k on k.id = p.key_id
           where n.batch_id = $1 and n.state <> '{State.PENDING}' order by n.id""",
        batch_id,
    )


async def handed_over(conn: Connection, batch_id: str) -> None:
    await conn.execute(
        "update letter_batches set handed_over_at = clock_timestamp() where id = $1", batch_id
    )
