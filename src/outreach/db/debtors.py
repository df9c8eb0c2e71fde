"""Debtors, their accounts and contact points, as the life of a notice needs them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.contact import ContactKind

_POINT = """p.id, p.debtor_id, p.creditor_id, p.kind, p.value_hash, p.region, p.sealed, p.origin,
    p.verified, p.usage, p.document, p.opted_out_at, p.dead_at, p.wrong_person_at, k.wrapped,
    k.master_version"""

USABLE = "p.dead_at is null and p.opted_out_at is null and p.wrong_person_at is null"
"""Of a contact point ``p``: it may still be written to."""
BEST = "p.verified desc, p.created_at desc, p.id desc"
"""The order of contact points ``p``, the one to write to first."""


async def find_account(conn: Connection, number_hash: bytes) -> list[asyncpg.Record]:
    """Accounts with this number: one per creditor at most."""
    return await conn.fetch("select * from accounts where number_hash = $1", number_hash)


async def accounts_with(
    conn: Connection, creditor_id: str, number_hashes: Sequence[bytes]
) -> dict[bytes, UUID]:
    """The creditor's accounts with these numbers, by number; those it has not are left out."""
    rows = await conn.fetch(
        """select number_hash, id from accounts
           where creditor_id = $1 and number_hash = any($2::bytea[])""",
        creditor_id,
        number_hashes,
    )
    return {row["number_hash"]: row["id"] for row in rows}


async def held_elsewhere(
    conn: Connection, creditor_id: str, number_hashes: Sequence[bytes]
) -> set[bytes]:
    """Which of these numbers are those of other creditors' accounts."""
    rows = await conn.fetch(  # by creditor, for the only index on numbers begins with it
        """select a.number_hash from creditors c
           join accounts a on a.creditor_id = c.id and a.number_hash = any($2::bytea[])
           where c.id <> $1""",
        creditor_id,
        number_hashes,
    )
    return {row["number_hash"] for row in rows}


async def account(conn: Connection, account_id: UUID) -> asyncpg.Record | None:
    return await conn.fetchrow("select * from accounts where id = $1", account_id)


async def debtor(conn: Connection, debtor_id: UUID) -> asyncpg.Record | None:
    """A debtor with the wrapped key that opens it."""
    return await conn.fetchrow(
        """select d.*, k.wrapped, k.master_version from debtors d
           left join sealing_keys k on k.id = d.id where d.id = $1""",
        debtor_id,
    )


async def people(conn: Connection, debtor_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """Creditor, zone and place of these persons."""
    return await conn.fetch(
        "select id, creditor_id, zone, jurisdiction from debtors where id = any($1::uuid[])",
        debtor_ids,
    )


async def with_part_in(conn: Connection, account_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """``(account_id, debtor_id)`` of everybody with a part in these accounts."""
    return await conn.fetch(
        """select account_id, debtor_id from parties where account_id = any($1::uuid[])
           order by account_id, debtor_id""",
        account_ids,
    )


async def accounts_by_id(conn: Connection, account_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        "select id, creditor_id, debtor_id, agency_id from accounts where id = any($1::uuid[])",
        account_ids,
    )


async def accounts_of(conn: Connection, debtor_id: UUID) -> list[asyncpg.Record]:
    """Every account a person is a party to, with the role."""
    return await conn.fetch(
        """select a.*, y.role from parties y join accounts a on a.id = y.account_id
           where y.debtor_id = $1 order by a.number_tail, a.id""",
        debtor_id,
    )


async def points_of(conn: Connection, debtor_id: UUID) -> list[asyncpg.Record]:
    """A person's contact points with their keys, oldest first."""
    return await conn.fetch(
        f"""select {_POINT}, p.created_at from contact_points p
            left join sealing_keys k on k.id = p.id
            where p.debtor_id = $1 order by p.kind, p.created_at, p.id""",
        debtor_id,
    )


async def best_point(conn: Connection, debtor_id: UUID, kind: ContactKind) -> asyncpg.Record | None:
    """The point to write to: usable before unusable, verified before not, newest first."""
    return await conn.fetchrow(
        f"""select {_POINT} from contact_points p left join sealing_keys k on k.id = p.id
            where p.debtor_id = $1 and p.kind = $2
            order by ({USABLE}) desc, {BEST} limit 1""",
        debtor_id,
        kind,
    )


async def points_for_intake(
    conn: Connection, point_ids: Sequence[UUID]
) -> dict[UUID, asyncpg.Record]:
    """Owner, kind, region and locale of contact points."""
    rows = await conn.fetch(
        """select p.id, p.debtor_id, p.kind, p.region, d.locale from contact_points p
           join debtors d on d.id = p.debtor_id where p.id = any($1::uuid[])""",
        point_ids,
    )
    return {row["id"]: row for row in rows}


async def locales(conn: Connection, creditor_id: str) -> set[str]:
    """In which any debtor of this creditor is written to."""
    rows = await conn.fetch(
        "select distinct locale from debtors where creditor_id = $1", creditor_id
    )
    return {row["locale"] for row in rows}


async def point(conn: Connection, point_id: UUID) -> asyncpg.Record | None:
    return await conn.fetchrow(
        f"""select {_POINT} from contact_points p left join sealing_keys k on k.id = p.id
            where p.id = $1""",
        point_id,
    )


async def points_with_value(conn: Connection, value_hash: bytes) -> list[asyncpg.Record]:
    """Everybody reached at one phone or mailbox."""
    return await conn.fetch(
        f"""select {_POINT} from contact_points p left join sealing_keys k on k.id = p.id
            where p.value_hash = $1 order by p.id""",
        value_hash,
    )


async def points_of_all(conn: Connection, debtor_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """What is known of these persons' contact points, but for what is sealed; oldest first."""
    return await conn.fetch(
        """select id, debtor_id, kind, value_hash, usage, origin, document, verified
           from contact_points where debtor_id = any($1::uuid[]) order by created_at, id""",
        debtor_ids,
    )


async def describe_points(conn: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """``(id, usage, origin, document, verified)``"""
    await conn.executemany(
        """update contact_points set usage = $2, origin = $3, document = $4, verified = $5
           where id = $1""",
        rows,
    )


async def mark_point(conn: Connection, point_id: UUID, field: str, at: datetime) -> bool:
    """Set ``opted_out_at``, ``dead_at`` or ``wrong_person_at`` once; False if it was set before."""
    assert field in ("opted_out_at", "dead_at", "wrong_person_at")
    status = await conn.execute(
        f"update contact_points set {field} = $2 where id = $1 and {field} is null", point_id, at
    )
    return status.endswith(" 1")


async def move_mark(
    conn: Connection, point_id: UUID, field: str, at: datetime, to: datetime | None
) -> bool:
    """Date a mark that was set at one instant from another, or take it away; False if none was."""
    assert field in ("opted_out_at", "wrong_person_at")
    status = await conn.execute(
        f"update contact_points set {field} = $3 where id = $1 and {field} = $2", point_id, at, to
    )
    return status.endswith(" 1")


async def lock(conn: Connection, debtor_ids: Sequence[UUID]) -> None:
    """Take the debtors' rows in id order, as dispatch does, so that nobody waits in a ring."""
    await conn.execute(
        "select from debtors where id = any($1::uuid[]) order by id for no key update", debtor_ids
    )


async def save_creditor(conn: Connection, creditor_id: str, name: str, jurisdiction: str) -> None:
    """Keep the creditor's row as its configuration has it."""
    await conn.execute(
        """insert into creditors values ($1, $2, $3) on conflict (id) do update
           set name = excluded.name, jurisdiction = excluded.jurisdiction
           where (creditors.name, creditors.jurisdiction)
               <> (excluded.name, excluded.jurisdiction)""",
        creditor_id,
        name,
        jurisdiction,
    )


async def unjudged(conn: Connection, places: Sequence[str]) -> int:
    """How many debtors are of none of these places; reads them all."""
    count: int = await conn.fetchval(
        "select count(*) from debtors where jurisdiction <> all($1::text[])", places
    )
    return count


async def exists(conn: Connection, debtor_id: UUID) -> bool:
    found: bool = await conn.fetchval(
        "select exists (select from debtors where id = $1)", debtor_id
    )
    return found
