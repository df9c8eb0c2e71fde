"""What debtors answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.response import ResponseKind

Row = tuple[Any, ...]

_COLUMNS = (
    "id, creditor_id, debtor_id, notice_id, callback_id, channel, kind, promised_on, sure, at, "
    "reply_id, point_id, amount, holds_until, said_by"
)


async def insert(conn: Connection, rows: Sequence[Row]) -> None:
    """New responses, in the order of ``_COLUMNS``.

    One without a debtor waits for a person to say whose it is.
    """
    numbers = ", ".join(f"${n}" for n in range(1, 16))
    await conn.executemany(
        f"""insert into responses ({_COLUMNS}, campaign_id) values ({numbers},
               (select campaign_id from notices where id = $4))""",
        rows,
    )


async def of_reply(conn: Connection, reply_id: UUID) -> list[asyncpg.Record]:
    """What one reply is taken to say today."""
    return await conn.fetch(
        "select * from responses where reply_id = $1 and withdrawn_at is null order by id", reply_id
    )


async def newest(conn: Connection, debtor_id: UUID) -> asyncpg.Record | None:
    """One row of the newest reply that can be read again."""
    return await conn.fetchrow(
        """select * from responses where debtor_id = $1 and reply_id is not null
           order by at desc, id desc limit 1""",
        debtor_id,
    )


async def said_since(
    conn: Connection,
    debtor_id: UUID,
    notice_id: UUID,
    said_by: str,
    kinds: Sequence[str],
    since: datetime,
) -> bool:
    """Whether one of the debtor's replies to this notice said just that since then."""
    found: bool = await conn.fetchval(
        """select exists (
               select from responses
               where debtor_id = $1 and notice_id = $2 and said_by = $3 and at >= $5
               group by reply_id having array_agg(kind order by kind collate "C") = $4::text[])""",
        debtor_id,
        notice_id,
        said_by,
        sorted(kinds),
        since,
    )
    return found


async def others_like(conn: Connection, row: asyncpg.Record) -> list[asyncpg.Record]:
    """What this debtor's other replies say of the same kind."""
    return await conn.fetch(
        """select point_id, holds_until, at from responses
           where debtor_id = $1 and kind = $2 and id <> $3 and withdrawn_at is null""",
        row["debtor_id"],
        row["kind"],
        row["id"],
    )


async def withdraw(conn: Connection, response_id: UUID, now: datetime) -> None:
    await conn.execute(
        "update responses set withdrawn_at = $2 where id = $1 and withdrawn_at is null",
        response_id,
        now,
    )


async def settle(conn: Connection, response_id: UUID, said_by: str) -> None:
    """A person took it so too."""
    await conn.execute(
        "update responses set sure = true, said_by = $2 where id = $1", response_id, said_by
    )


async def unsure(
    conn: Connection, debtor_id: UUID, kinds: Sequence[str], but: UUID
) -> list[asyncpg.Record]:
    """What else this debtor's replies may say of these kinds, and no person has read."""
    return await conn.fetch(
        """select point_id, holds_until, at from responses
           where debtor_id = $1 and kind = any($2::text[]) and id <> $3 and not sure
               and withdrawn_at is null""",
        debtor_id,
        kinds,
        but,
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
        """select * from responses where debtor_id = $1 and withdrawn_at is null order by at, id""",
        debtor_id,
    )


async def of_campaign(conn: Connection, campaign_id: UUID) -> dict[str, int]:
    """How many people of a campaign answered, by what they said.

    What may be an objection, or a stranger's, counts once a person has read it.
    """
    rows = await conn.fetch(
        f"""select kind, count(distinct debtor_id) as count from responses
           where campaign_id = $1 and withdrawn_at is null
               and (sure or kind not in ('{ResponseKind.OPTED_OUT}', '{ResponseKind.WRONG_PERSON}'))
           group by 1 order by 1""",
        campaign_id,
    )
    return {row["kind"]: row["count"] for row in rows}


async def counts(conn: Connection) -> dict[str, int]:
    rows = await conn.fetch(
        """select kind, count(*) as count from responses where withdrawn_at is null
           group by 1 order by 1"""
    )
    return {row["kind"]: row["count"] for row in rows}
