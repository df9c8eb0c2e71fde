"""What debtors answered."""

from datetime import date, datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection


async def insert(
    conn: Connection,
    response_id: UUID,
    creditor_id: str | None,
    debtor_id: UUID | None,
    notice_id: UUID | None,
    callback_id: UUID | None,
    channel: str,
    kind: str,
    promised_on: date | None,
    sure: bool,
    at: datetime,
) -> None:
    """A response without a debtor waits for a person to say whose it is."""
    await conn.execute(
        """insert into responses values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
               (select campaign_id from notices where id = $4))""",
        response_id,
        creditor_id,
        debtor_id,
        notice_id,
        callback_id,
        channel,
        kind,
        promised_on,
        sure,
        at,
    )


async def latest_notice(
    conn: Connection, debtor_id: UUID, channel: str, before: datetime
) -> UUID | None:
    """The newest notice sent to this person on this channel: what a reply most likely answers."""
    notice_id: UUID | None = await conn.fetchval(
        """select notice_id from contact_events
           where debtor_id = $1 and channel = $2 and kind = 'sending' and at <= $3
           order by at desc limit 1""",
        debtor_id,
        channel,
        before,
    )
    return notice_id


async def notice_of_tail(
    conn: Connection, value_hash: bytes, tail: str, since: datetime
) -> asyncpg.Record | None:
    """``id, contact_point_id`` of the newest notice sent there whose number ends so."""
    return await conn.fetchrow(
        """select n.id, n.contact_point_id from contact_points p
           join notices n on n.contact_point_id = p.id
           where p.value_hash = $1 and n.number % (10::numeric ^ length($2))::bigint = $2::bigint
             and n.attempt > 0 and n.created_at >= $3
           order by n.number desc limit 1""",
        value_hash,
        tail,
        since,
    )


async def of_debtor(conn: Connection, debtor_id: UUID) -> list[asyncpg.Record]:
    return await conn.fetch(
        "select * from responses where debtor_id = $1 order by at, id", debtor_id
    )


async def of_campaign(conn: Connection, campaign_id: UUID) -> dict[str, int]:
    """How many people of a campaign answered, by what they said."""
    rows = await conn.fetch(
        """select kind, count(distinct debtor_id) as count from responses
           where campaign_id = $1 group by 1 order by 1""",
        campaign_id,
    )
    return {row["kind"]: row["count"] for row in rows}


async def counts(conn: Connection) -> dict[str, int]:
    rows = await conn.fetch("select kind, count(*) as count from responses group by 1 order by 1")
    return {row["kind"]: row["count"] for row in rows}
