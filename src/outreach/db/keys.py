"""Sealing keys as stored, and the check that the configured keys are this database's."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from outreach.db.pool import Connection
from outreach.domain.errors import ConfigurationError
from outreach.ledger.keys import WrappedKey
from outreach.ledger.lookup import LookupKey


async def insert(conn: Connection, keys: Sequence[WrappedKey], now: datetime) -> None:
    """Store new wrapped keys; one already there keeps its place."""
    await conn.execute(
        """insert into sealing_keys (id, wrapped, master_version, created_at)
           select id, wrapped, version, $4
           from unnest($1::uuid[], $2::bytea[], $3::smallint[]) as k(id, wrapped, version)
           on conflict (id) do nothing""",
        [key.id for key in keys],
        [key.wrapped for key in keys],
        [key.master_version for key in keys],
        now,
    )


async def fetch(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, WrappedKey]:
    """The keys that still exist among ``ids``."""
    rows = await conn.fetch(
        """select id, wrapped, master_version from sealing_keys
           where id = any($1::uuid[]) and wrapped is not null""",
        ids,
    )
    return {row["id"]: WrappedKey(*row) for row in rows}


async def outdated(conn: Connection, version: int, limit: int) -> list[WrappedKey]:
    """Keys wrapped by another master key than ``version``, locked for rewrapping."""
    rows = await conn.fetch(
        """select id, wrapped, master_version from sealing_keys
           where master_version <> $1 and wrapped is not null
           order by id limit $2 for update skip locked""",
        version,
        limit,
    )
    return [WrappedKey(*row) for row in rows]


async def count_outdated(conn: Connection, version: int) -> int:
    count: int = await conn.fetchval(
        "select count(*) from sealing_keys where master_version <> $1 and wrapped is not null",
        version,
    )
    return count


async def count_by_version(conn: Connection) -> tuple[dict[int, int], int]:
    """How many keys each master key version wraps, newest first, and how many are destroyed."""
    rows = await conn.fetch(
        """select case when wrapped is not null then master_version end as version,
               count(*) as count
           from sealing_keys group by 1 order by 1 desc nulls last"""
    )
    counts = {row["version"]: row["count"] for row in rows}
    destroyed = counts.pop(None, 0)
    return counts, destroyed


async def replace(conn: Connection, keys: Sequence[WrappedKey]) -> None:
    await conn.execute(
        """update sealing_keys s set wrapped = k.wrapped, master_version = k.version
           from unnest($1::uuid[], $2::bytea[], $3::smallint[]) as k(id, wrapped, version)
           where s.id = k.id""",
        [key.id for key in keys],
        [key.wrapped for key in keys],
        [key.master_version for key in keys],
    )


async def any_key(conn: Connection) -> WrappedKey | None:
    row = await conn.fetchrow(
        """select id, wrapped, master_version from sealing_keys
           where wrapped is not null order by created_at desc limit 1"""
    )
    return WrappedKey(*row) if row else None


async def check_lookup(conn: Connection, lookup: LookupKey, now: datetime) -> None:
    """Remember the look-up key's mark on first use; raise ``ConfigurationError`` on another key."""
    mark = lookup.hash("deployment", "look-up key check")
    await conn.execute(
        "insert into deployment (lookup_check, created_at) values ($1, $2) on conflict do nothing",
        mark,
        now,
    )
    if await conn.fetchval("select lookup_check from deployment") != mark:
        raise ConfigurationError(
            "OUTREACH_LOOKUP_KEY is not the key this database was created with",
            "set it to the original key: with another one nobody would be found again",
        )
