"""Audiences kept by name, and the tags that debtors carry."""

from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection


async def save(conn: Connection, name: str, spelt: str, actor: str, now: datetime) -> bool:
    """Keep a filter under a name, in place of what was there; False if it was there already."""
    changed = await conn.fetchval(
        """insert into segments (name, filter, actor, saved_at) values ($1, $2, $3, $4)
           on conflict (name) do update set filter = excluded.filter, actor = excluded.actor,
               saved_at = excluded.saved_at
           where segments.filter <> excluded.filter returning true""",
        name,
        spelt,
        actor,
        now,
    )
    return bool(changed)


async def find(conn: Connection, name: str) -> asyncpg.Record | None:
    return await conn.fetchrow("select * from segments where name = $1", name)


async def all_of_them(conn: Connection) -> list[asyncpg.Record]:
    return await conn.fetch("select * from segments order by name")


async def remove(conn: Connection, name: str) -> bool:
    """False if there is none of this name."""
    return bool(await conn.fetchval("delete from segments where name = $1 returning true", name))


async def tag(conn: Connection, debtor_id: UUID, word: str, actor: str, now: datetime) -> bool:
    """False if the debtor carries it already."""
    added = await conn.fetchval(
        "insert into tags values ($1, $2, $3, $4) on conflict do nothing returning true",
        debtor_id,
        word,
        actor,
        now,
    )
    return bool(added)


async def untag(conn: Connection, debtor_id: UUID, word: str) -> bool:
    """False if the debtor does not carry it."""
    gone = await conn.fetchval(
        "delete from tags where debtor_id = $1 and tag = $2 returning true", debtor_id, word
    )
    return bool(gone)
