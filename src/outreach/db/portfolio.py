"""The SQL of imports: what is known of a batch of rows, and how the batch is written.

Everything comes and goes by the batch: arrays in, COPY out. Only one import runs at a time
(``take_lock``), so what a batch found missing is still missing when it is inserted.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection

Key = tuple[str, bytes]
"""A creditor and the look-up hash of an ID or account number."""

Row = tuple[Any, ...]

DEBT = (
    "product",
    "statement_date",
    "due_date",
    "oldest_unpaid_due_date",
    "minimum_payment",
    "overdue",
    "balance",
    "principal",
    "interest",
    "penalty",
    "fees",
    "balance_as_of",
    "core_dpd",
    "core_stage",
)
"""The columns of ``accounts`` that a new balance replaces, in the order rows are given in."""

_COLUMNS = {
    "sealing_keys": "id wrapped master_version created_at",
    "debtors": "id creditor_id id_number_hash id_tail_hash name_hash sealed locale zone "
    "jurisdiction created_at",
    "accounts": "id creditor_id debtor_id number_hash number_tail sealed currency updated_at "
    + " ".join(DEBT),
    "parties": "account_id debtor_id role",
    "contact_points": "id debtor_id creditor_id kind value_hash tail_hash region sealed origin "
    "verified created_at",
    "payments": "id creditor_id account_id reference kind amount currency posted_at reverses",
}
COLUMNS = {table: tuple(columns.split()) for table, columns in _COLUMNS.items()}
"""What a new row of each table is made of, in order."""


# --------------------------------------------------------------------------------- one at a time


async def take_lock(conn: Connection) -> bool:
    """One import at a time, until the lock is given back or this connection ends."""
    held: bool = await conn.fetchval("select pg_try_advisory_lock(hashtext('outreach.import'))")
    return held


async def give_lock_back(conn: Connection) -> None:
    """For a dry run, which takes none, too."""
    await conn.execute("select pg_advisory_unlock_all()")


async def start(
    conn: Connection, import_id: UUID, kind: str, digest: str, actor: str, now: datetime
) -> None:
    await conn.execute(
        """insert into imports (id, kind, file_digest, actor, started_at)
           values ($1, $2, $3, $4, $5)""",
        import_id,
        kind,
        digest,
        actor,
        now,
    )


async def count(
    conn: Connection,
    import_id: UUID,
    *,
    read: int,
    created: int,
    changed: int,
    unchanged: int,
    refused: int,
) -> None:
    """Add one batch's counts, in that batch's transaction."""
    await conn.execute(
        """update imports set rows_read = rows_read + $2, created = created + $3,
               changed = changed + $4, unchanged = unchanged + $5, refused = refused + $6
           where id = $1""",
        import_id,
        read,
        created,
        changed,
        unchanged,
        refused,
    )


async def finish(conn: Connection, import_id: UUID, now: datetime) -> None:
    await conn.execute("update imports set finished_at = $2 where id = $1", import_id, now)


# ---------------------------------------------------------------------------------- what is known


async def lock_debtors(conn: Connection, people: Sequence[Key], accounts: Sequence[Key]) -> None:
    """Lock these persons and all with a part in these accounts, in id order, as dispatch does.

    A notice to any of them waits, or is skipped, until the batch is in.
    """
    await conn.execute(
        """select from debtors where id in (
               select d.id from unnest($1::text[], $2::bytea[]) as q(creditor_id, hash)
               join debtors d on d.creditor_id = q.creditor_id and d.id_number_hash = q.hash
               union
               select y.debtor_id from unnest($3::text[], $4::bytea[]) as q(creditor_id, hash)
               join accounts a on a.creditor_id = q.creditor_id and a.number_hash = q.hash
               join parties y on y.account_id = a.id
           ) order by id for no key update""",
        *_keys(people),
        *_keys(accounts),
    )


async def debtors(conn: Connection, people: Sequence[Key]) -> list[asyncpg.Record]:
    """The persons already here, with the wrapped keys that open them."""
    return await conn.fetch(
        """select d.id, d.creditor_id, d.id_number_hash, d.sealed, d.locale, k.wrapped,
               k.master_version
           from unnest($1::text[], $2::bytea[]) as q(creditor_id, hash)
           join debtors d on d.creditor_id = q.creditor_id and d.id_number_hash = q.hash
           left join sealing_keys k on k.id = d.id""",
        *_keys(people),
    )


async def account_ids(conn: Connection, numbers: Sequence[Key]) -> dict[Key, UUID]:
    """The accounts already here, by their numbers."""
    rows = await conn.fetch(
        """select a.creditor_id, a.number_hash, a.id
           from unnest($1::text[], $2::bytea[]) as q(creditor_id, hash)
           join accounts a on a.creditor_id = q.creditor_id and a.number_hash = q.hash""",
        *_keys(numbers),
    )
    return {(row["creditor_id"], row["number_hash"]): row["id"] for row in rows}


async def debtor_ids(conn: Connection, people: Sequence[Key]) -> dict[Key, UUID]:
    """The persons already here, by their ID numbers."""
    rows = await conn.fetch(
        """select d.creditor_id, d.id_number_hash, d.id
           from unnest($1::text[], $2::bytea[]) as q(creditor_id, hash)
           join debtors d on d.creditor_id = q.creditor_id and d.id_number_hash = q.hash""",
        *_keys(people),
    )
    return {(row["creditor_id"], row["id_number_hash"]): row["id"] for row in rows}


async def accounts(conn: Connection, numbers: Sequence[Key]) -> list[asyncpg.Record]:
    """The accounts already here, with their primary borrowers' wrapped keys."""
    return await conn.fetch(
        f"""select a.id, a.creditor_id, a.number_hash, a.debtor_id, a.currency, k.wrapped,
                k.master_version, {", ".join(f"a.{name}" for name in DEBT)}
            from unnest($1::text[], $2::bytea[]) as q(creditor_id, hash)
            join accounts a on a.creditor_id = q.creditor_id and a.number_hash = q.hash
            left join sealing_keys k on k.id = a.debtor_id""",
        *_keys(numbers),
    )


async def points(conn: Connection, debtor_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        """select id, debtor_id, kind, value_hash, origin, verified,
               document is not null as documented from contact_points
           where debtor_id = any($1::uuid[])""",
        debtor_ids,
    )


async def addresses(conn: Connection, debtor_id: UUID) -> list[asyncpg.Record]:
    """A person's postal addresses with their keys: they carry the name that letters go to."""
    return await conn.fetch(
        """select p.id, p.sealed, k.wrapped, k.master_version from contact_points p
           join sealing_keys k on k.id = p.id
           where p.debtor_id = $1 and p.kind = 'address' and k.wrapped is not null""",
        debtor_id,
    )


async def parties(conn: Connection, account_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        "select account_id, debtor_id, role from parties where account_id = any($1::uuid[])",
        account_ids,
    )


async def paid_since(
    conn: Connection, instants: Sequence[tuple[UUID, datetime]]
) -> dict[UUID, tuple[int, datetime]]:
    """Per account, what was paid after its instant, reversals taken off, and when last."""
    rows = await conn.fetch(
        """select p.account_id, max(p.posted_at) as last,
               sum(case p.kind when 'reversal' then -p.amount else p.amount end)::bigint as paid
           from unnest($1::uuid[], $2::timestamptz[]) as q(account_id, as_of)
           join payments p on p.account_id = q.account_id and p.posted_at > q.as_of
           group by p.account_id""",
        [account_id for account_id, _ in instants],
        [as_of for _, as_of in instants],
    )
    return {row["account_id"]: (row["paid"], row["last"]) for row in rows}


async def payments(conn: Connection, references: Sequence[tuple[str, str]]) -> list[asyncpg.Record]:
    """The payments already here under these creditors' references."""
    return await conn.fetch(
        """select p.* from unnest($1::text[], $2::text[]) as q(creditor_id, reference)
           join payments p on p.creditor_id = q.creditor_id and p.reference = q.reference""",
        *_columns(references, 2),
    )


async def reversed_references(
    conn: Connection, account_ids: Sequence[UUID]
) -> set[tuple[str, str]]:
    """``(creditor, reference)`` of every payment on these accounts that was undone."""
    rows = await conn.fetch(
        """select creditor_id, reverses from payments
           where account_id = any($1::uuid[]) and kind = 'reversal'""",
        account_ids,
    )
    return {(row["creditor_id"], row["reverses"]) for row in rows}


async def shared_phones(conn: Connection) -> int:
    """How many phone numbers belong to more than one debtor."""
    number: int = await conn.fetchval(
        """select count(*) from (
               select from contact_points where kind = 'phone'
               group by value_hash having count(distinct debtor_id) > 1) s"""
    )
    return number


# -------------------------------------------------------------------------------- what is written


async def insert(conn: Connection, table: str, rows: Sequence[Row]) -> None:
    """New rows of a table, their values in the order of ``COLUMNS``."""
    if rows:
        await conn.copy_records_to_table(table, records=rows, columns=COLUMNS[table])


async def insert_values(conn: Connection, hashes: Iterable[bytes]) -> None:
    """Make sure the contact values exist; in order, so that two writers never wait in a ring."""
    await conn.execute(
        """insert into contact_values (hash) select unnest($1::bytea[]) on conflict do nothing""",
        sorted(hashes),
    )


async def update_debtors(conn: Connection, rows: Sequence[Row]) -> None:
    """``(id, name_hash, sealed, locale)``"""
    if rows:
        await conn.execute(
            """update debtors d set name_hash = q.name_hash, sealed = q.sealed, locale = q.locale
               from unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::text[])
               as q(id, name_hash, sealed, locale) where d.id = q.id""",
            *_columns(rows, 4),
        )


async def update_points(conn: Connection, rows: Sequence[Row]) -> None:
    """``(id, origin, verified)``"""
    if rows:
        await conn.execute(
            """update contact_points p set origin = q.origin, verified = q.verified
               from unnest($1::uuid[], $2::text[], $3::bool[]) as q(id, origin, verified)
               where p.id = q.id""",
            *_columns(rows, 3),
        )


async def reseal_points(conn: Connection, rows: Sequence[Row]) -> None:
    """``(id, sealed)``"""
    if rows:
        await conn.execute(
            """update contact_points p set sealed = q.sealed
               from unnest($1::uuid[], $2::bytea[]) as q(id, sealed) where p.id = q.id""",
            *_columns(rows, 2),
        )


async def update_accounts(conn: Connection, rows: Sequence[Row], now: datetime) -> None:
    """``(id, *DEBT)``"""
    if rows:
        await conn.execute(
            f"""update accounts a set updated_at = $16,
                   {", ".join(f"{name} = q.{name}" for name in DEBT)}
               from unnest($1::uuid[], $2::text[], $3::date[], $4::date[], $5::date[],
                   $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                   $11::bigint[], $12::bigint[], $13::timestamptz[], $14::int[], $15::text[])
               as q(id, {", ".join(DEBT)}) where a.id = q.id""",
            *_columns(rows, 15),
            now,
        )


async def update_parties(conn: Connection, rows: Sequence[Row]) -> None:
    """``(account_id, debtor_id, role)``"""
    if rows:
        await conn.execute(
            """update parties y set role = q.role
               from unnest($1::uuid[], $2::uuid[], $3::text[]) as q(account_id, debtor_id, role)
               where y.account_id = q.account_id and y.debtor_id = q.debtor_id""",
            *_columns(rows, 3),
        )


def _keys(keys: Sequence[Key]) -> list[list[Any]]:
    return _columns(keys, 2)


def _columns(rows: Sequence[Row], width: int) -> list[list[Any]]:
    """Rows turned into one array a column."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * width
