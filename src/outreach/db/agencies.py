"""Agencies (委托机构): who works the accounts a creditor placed with them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection

COLUMNS = [
    "id",
    "creditor_id",
    "name",
    "since",
    "until",
    "kind",
    "registration",
    "contract",
    "listed_on",
    "phone",
]
"""What an agency is made of, in the order ``put`` takes."""


async def all_agencies(conn: Connection) -> list[asyncpg.Record]:
    """Every agency, those whose contract has ended too."""
    return await conn.fetch("select * from agencies order by creditor_id, id")


async def agency(conn: Connection, agency_id: str) -> asyncpg.Record | None:
    return await conn.fetchrow("select * from agencies where id = $1", agency_id)


async def listed(conn: Connection, creditor_id: str | None) -> list[asyncpg.Record]:
    """Agencies with how many accounts each works; contracts that end next first."""
    return await conn.fetch(
        """select g.*, coalesce(a.accounts, 0) as accounts
           from agencies g left join (
               select agency_id, count(*) as accounts from accounts
               where agency_id is not null group by agency_id) a on a.agency_id = g.id
           where $1::text is null or g.creditor_id = $1
           order by g.until nulls last, g.creditor_id, g.id""",
        creditor_id,
    )


async def put(conn: Connection, row: tuple[Any, ...]) -> None:
    """A new agency, or a known one as it is now; an agency never changes its creditor."""
    places = ", ".join(f"${place}" for place in range(1, len(COLUMNS) + 1))
    changing = COLUMNS[COLUMNS.index("name") :]
    await conn.execute(
        f"""insert into agencies ({", ".join(COLUMNS)}) values ({places})
            on conflict (id) do update set
                {", ".join(f"{name} = excluded.{name}" for name in changing)}""",
        *row,
    )


async def place(
    conn: Connection, account_ids: Sequence[UUID], agency_id: str | None, now: datetime
) -> None:
    """These accounts are the agency's to work from now on; None: the creditor's own again."""
    await conn.execute(
        "update accounts set agency_id = $2, updated_at = $3 where id = any($1::uuid[])",
        account_ids,
        agency_id,
        now,
    )
