"""Backup and restore: one snapshot for all of it, and sealing keys in a file of their own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection

_KEYS = ("id", "wrapped", "master_version", "created_at", "destroyed_at")


@asynccontextmanager
async def snapshot(conn: Connection) -> AsyncIterator[str]:
    """A snapshot other connections can share for as long as the block lasts; its name."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        name: str = await conn.fetchval("select pg_export_snapshot()")
        yield name


async def counts(conn: Connection) -> dict[str, int]:
    row = await conn.fetchrow(
        """select (select count(*) from debtors) as debtors,
               (select count(*) from notices) as notices,
               (select count(*) from contact_events) as contact_events,
               (select count(*) from sealing_keys) as sealing_keys,
               (select count(*) from sealing_keys where wrapped is null) as destroyed_keys,
               (select count(*) from pg_class where relnamespace = 'public'::regnamespace
                   and relkind = 'r') as tables"""
    )
    assert row is not None
    return dict(row)


async def tables(conn: Connection) -> int:
    """How many tables of ours there are, partitions included; 0 in an empty database."""
    count: int = await conn.fetchval(
        """select count(*) from pg_class
           where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"""
    )
    return count


async def write_keys(conn: Connection, path: Path) -> None:
    """The sealing keys, still wrapped, as CSV."""
    await conn.copy_from_table(
        "sealing_keys", schema_name="public", columns=_KEYS, output=path, format="csv", header=True
    )


async def read_keys(conn: Connection, files: Sequence[Path]) -> None:
    """Put keys into an empty ``sealing_keys``: of several files the first one's word on each key
    counts, but a key destroyed in any of them stays destroyed. Within the caller's transaction.
    """
    await conn.execute(
        "create temporary table brought (file smallint, like sealing_keys) on commit drop"
    )
    for number, path in enumerate(files):
        await conn.execute(f"alter table brought alter file set default {number}")
        await conn.copy_to_table("brought", source=path, columns=_KEYS, format="csv", header=True)
    await conn.execute(
        """insert into public.sealing_keys (id, wrapped, master_version, created_at, destroyed_at)
           select distinct on (b.id) b.id, case when d.id is null then b.wrapped end,
               b.master_version, b.created_at, coalesce(b.destroyed_at, d.at)
           from brought b
           left join (select id, max(destroyed_at) as at from brought
               where wrapped is null group by id) d on d.id = b.id
           order by b.id, b.file"""
    )


async def untold_destructions(conn: Connection, told: Sequence[UUID]) -> list[asyncpg.Record]:
    """Destroyed keys no ``erased`` event of this history names, each with its debtor, if known."""
    return await conn.fetch(
        """select k.id, coalesce(d.id, p.debtor_id) as debtor_id,
               coalesce(d.creditor_id, p.creditor_id, '') as creditor_id
           from sealing_keys k
           left join debtors d on d.id = k.id left join contact_points p on p.id = k.id
           where k.wrapped is null and k.id <> all($1::uuid[]) order by 2, 1""",
        told,
    )
