"""Sendings of the past, and the contacts each of them knew of: for judging them again."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.compliance.rules.frequency import LONGEST
from outreach.db.pool import Connection
from outreach.domain.events import EventKind

_ASKED = f"""
    from contact_events e
    where e.kind = '{EventKind.SENDING}' and e.at >= $1 and e.at < $2
        and ($3::text is null or e.creditor_id = $3)"""

_MOVES = (
    EventKind.SENDING,
    EventKind.SENT,
    EventKind.UNCERTAIN,
    EventKind.RESOLVED,
    EventKind.FAILED,
    EventKind.DEFERRED,
    EventKind.EXPIRED,
)
"""What says whether a notice counted as a contact."""


async def count(conn: Connection, since: datetime, until: datetime, creditor: str | None) -> int:
    total: int = await conn.fetchval(f"select count(*) {_ASKED}", since, until, creditor)
    return total


async def sendings(
    conn: Connection, since: datetime, until: datetime, creditor: str | None
) -> AsyncIterator[asyncpg.Record]:
    """Every intent in its order, with the facts its event keeps; run it inside one repeatable read
    transaction. A notice that was tried again is there for each attempt.
    """
    query = f"""
        select e.*, n.number, n.contact_point_id, p.value_hash
        from (select e.id, e.at, e.debtor_id, e.notice_id, e.creditor_id, e.channel,
                  e.policy_version, e.data->>'purpose' as purpose, e.data->'facts' as facts
              {_ASKED}) e
        join notices n on n.id = e.notice_id
        join contact_points p on p.id = n.contact_point_id
        order by e.at, e.id"""
    async for row in conn.cursor(query, since, until, creditor, prefetch=500):
        yield row


async def moves(
    conn: Connection,
    debtors: Sequence[UUID],
    values: Sequence[bytes],
    first: datetime,
    last: datetime,
) -> list[asyncpg.Record]:
    """What became of the notices to these debtors, and to whoever else has these phones, mailboxes
    or addresses, as far back as any cap of a sending from ``first`` to ``last`` looks.
    """
    return await conn.fetch(
        """select e.id, e.at, e.kind, e.debtor_id, e.notice_id, e.data->>'as' as settled_as,
               n.channel, n.purpose, n.state, n.contact_point_id, p.value_hash
           from contact_events e
           join notices n on n.id = e.notice_id
           join contact_points p on p.id = n.contact_point_id
           where e.debtor_id = any(array(
                   select unnest($1::uuid[]) union
                   select debtor_id from contact_points where value_hash = any($2::bytea[])))
               and e.at > $3 and e.at <= $4 and e.kind = any($5::text[])
           order by e.at, e.id""",
        debtors,
        values,
        first - LONGEST,
        last,
        _MOVES,
    )
