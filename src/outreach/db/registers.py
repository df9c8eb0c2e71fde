"""What creditors have filed, opened or been given: table ``registrations``."""

from datetime import date, datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.register import Register, Status


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
