"""What creditors have filed, opened or been given: table ``registrations``."""

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.register import Status


async def approved(conn: Connection) -> list[asyncpg.Record]:
    """Every registration that was approved, of every creditor and for whichever days."""
    return await conn.fetch(
        """select creditor_id, kind, subject, holder, since, until from registrations
           where status = $1 order by creditor_id, kind, subject, holder""",
        Status.APPROVED,
    )
