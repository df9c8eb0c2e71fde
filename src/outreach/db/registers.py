"""What creditors have filed, opened or been given: table ``registrations``."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.register import Register, Status

COLUMNS = [
    "id",
    "creditor_id",
    "kind",
    "subject",
    "holder",
    "number",
    "status",
    "since",
    "until",
    "evidence",
    "detail",
    "actor",
    "at",
]
"""What a registration is made of, in the order ``put`` takes; ``detail`` as JSON text."""


async def approved(conn: Connection) -> list[asyncpg.Record]:
    """Every registration that was approved, of every creditor and for whichever days."""
    return await conn.fetch(
        """select creditor_id, kind, subject, holder, since, until from registrations
           where status = $1 order by creditor_id, kind, subject, holder""",
        Status.APPROVED,
    )


async def declare(
    conn: Connection,
    registration_id: UUID,
    creditor_id: str,
    kind: Register,
    subject: str,
    holder: str,
    number: str,
    since: date,
    until: date | None,
    evidence: str,
    actor: str,
    at: datetime,
) -> bool:
    """Keep an approved registration; False if the creditor has one of this subject and holder."""
    status = await conn.execute(
        """insert into registrations (id, creditor_id, kind, subject, holder, number, status,
               since, until, evidence, actor, at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           on conflict (creditor_id, kind, subject, holder) do nothing""",
        registration_id,
        creditor_id,
        kind,
        subject,
        holder,
        number,
        Status.APPROVED,
        since,
        until,
        evidence,
        actor,
        at,
    )
    return status.endswith(" 1")


async def lock(conn: Connection, creditor_ids: Sequence[str]) -> None:
    """One writer of a creditor's registers and agencies at a time."""
    await conn.execute(
        "select from creditors where id = any($1) order by id for no key update", creditor_ids
    )


async def of_creditors(conn: Connection, creditor_ids: Sequence[str]) -> list[asyncpg.Record]:
    """All that these creditors ever registered."""
    return await conn.fetch("select * from registrations where creditor_id = any($1)", creditor_ids)


async def put(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """New registrations, and known ones as they are now, by id."""
    places = ", ".join(f"${place}" for place in range(1, len(COLUMNS) + 1))
    changing = COLUMNS[COLUMNS.index("number") :]
    await conn.executemany(
        f"""insert into registrations ({", ".join(COLUMNS)}) values ({places})
            on conflict (id) do update set
                {", ".join(f"{name} = excluded.{name}" for name in changing)}""",
        rows,
    )


async def listed(
    conn: Connection, creditor_id: str | None, kind: str | None, today: date
) -> list[asyncpg.Record]:
    """Those that lapse next first; what has lapsed stands last."""
    return await conn.fetch(
        f"""select * from registrations
            where ($1::text is null or creditor_id = $1) and ($2::text is null or kind = $2)
            order by status = '{Status.LAPSED}' or coalesce(until < $3, false),
                until nulls last, creditor_id, kind, subject, holder""",
        creditor_id,
        kind,
        today,
    )
