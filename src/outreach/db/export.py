"""Every notice with all that is known of it and nothing personal, for others to count with."""

from collections.abc import AsyncIterator

import asyncpg

from outreach.db.pool import Connection

_EVERY = """
select n.number, n.id, n.creditor_id, n.debtor_id, n.channel, n.purpose, n.lane, n.route, n.actor,
    n.idempotency_key, n.state, n.delivery, n.conflict, n.failure, n.code, n.attempt, n.due_at,
    n.expires_at, n.created_at, q.due_at as waits_until, u.since as uncertain_since,
    c.messages, e.steps
from notices n
left join due q on q.notice_id = n.id
left join uncertain u on u.notice_id = n.id
left join lateral (
    select jsonb_agg(jsonb_build_object('carrier', c.carrier, 'message_id', c.message_id,
        'attempt', c.attempt, 'part', c.part, 'delivery', c.delivery, 'code', c.code)
        order by c.attempt, c.part, c.message_id) as messages
    from carriage c where c.notice_id = n.id
) c on true
left join lateral (
    select jsonb_agg(jsonb_build_object('at', e.at, 'kind', e.kind, 'attempt', e.data->'attempt',
        'carrier', e.data->'carrier', 'code', e.data->'code', 'by', e.data->'by',
        'worker', e.data->'worker', 'rules', e.data->'rules') order by e.at, e.id) as steps
    from contact_events e where e.notice_id = n.id
) e on true
order by n.number
"""


async def notices(conn: Connection) -> AsyncIterator[asyncpg.Record]:
    """All of them by number; run it inside one repeatable read transaction."""
    async for row in conn.cursor(_EVERY, prefetch=500):
        yield row


async def count(conn: Connection) -> int:
    total: int = await conn.fetchval("select count(*) from notices")
    return total
