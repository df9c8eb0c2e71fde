"""Which past this database is: the server it lives on, the era it is in, what it remembers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL cluster and its timeline, which a promotion or a point-in-time recovery ends."""

    system_identifier: int
    timeline: int


@dataclass(frozen=True, slots=True)
class Era:
    """The era in force. ``recovered``: a person began it, at ``at`` (the server's clock)."""

    id: UUID
    server: Server
    at: datetime
    recovered: bool


async def exist(conn: Connection) -> bool:
    """Whether the schema has come as far as eras."""
    return await conn.fetchval("select to_regclass('eras')") is not None


async def server(conn: Connection) -> Server | None:
    """Where this database lives; None on a standby, which nothing can be written to."""
    if await conn.fetchval("select pg_is_in_recovery()"):
        return None
    row = await conn.fetchrow(
        """select system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline
           from pg_control_system()"""
    )
    assert row is not None
    return Server(row["system_identifier"], int(row["timeline"], 16))


async def current(conn: Connection) -> Era | None:
    """The era in force, or None after a restore."""
    row = await conn.fetchrow("select * from eras where ended_at is null")
    if row is None:
        return None
    lived = Server(row["system_identifier"], row["timeline"])
    return Era(row["id"], lived, row["at"], row["previous"] is not None)


async def known(conn: Connection) -> set[UUID]:
    return {row["id"] for row in await conn.fetch("select id from eras")}


async def missing(conn: Connection, events: Sequence[tuple[UUID, datetime]]) -> set[UUID]:
    """Which of these events ``(id, at)`` the history does not hold."""
    rows = await conn.fetch(
        """select m.id from unnest($1::uuid[], $2::timestamptz[]) as m(id, at)
           where not exists (select from contact_events e where e.id = m.id and e.at = m.at)""",
        [event_id for event_id, _ in events],
        [at for _, at in events],
    )
    return {row["id"] for row in rows}


async def newest_event(conn: Connection) -> tuple[UUID, datetime] | None:
    """The last event this database remembers: ids grow with time."""
    row = await conn.fetchrow("select id, at from contact_events order by id desc limit 1")
    return (row["id"], row["at"]) if row else None


async def begin(
    conn: Connection, era_id: UUID, here: Server, since: datetime | None, actor: str, reason: str
) -> None:
    """End the era in force, if one is, and begin the next: from now on workers send again."""
    previous = await conn.fetchval("select id from eras order by at desc limit 1")
    await end(conn)
    await conn.execute(
        """insert into eras (id, previous, system_identifier, timeline, since, at, actor, reason)
           values ($1, $2, $3, $4, $5, clock_timestamp(), $6, $7)""",
        era_id,
        previous,
        here.system_identifier,
        here.timeline,
        since,
        actor,
        reason,
    )


async def end(conn: Connection) -> None:
    """End the era in force: no worker sends until a person begins the next."""
    await conn.execute("update eras set ended_at = clock_timestamp() where ended_at is null")


async def every(conn: Connection) -> list[asyncpg.Record]:
    """All eras, oldest first, as a backup keeps them."""
    return await conn.fetch("select * from eras order by at")


async def bring_back(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Put the eras of a backup into a restored database, every one of them ended."""
    for row in rows:
        await conn.execute(
            """insert into eras (id, previous, system_identifier, timeline, since, at, ended_at,
                   actor, reason)
               values ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp()), $8, $9)""",
            *(row[name] for name in ERA_COLUMNS),
        )


ERA_COLUMNS = (
    "id",
    "previous",
    "system_identifier",
    "timeline",
    "since",
    "at",
    "ended_at",
    "actor",
    "reason",
)
