"""Claims whose lease ran out, and notices nobody can yet say were sent or not."""

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.events import EventKind


async def expired_claims(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Claims whose lease ran out, locked: their workers are dead or stuck."""
    return await conn.fetch(
        """select id, worker, notice_ids, attempts from claims
           where lease_until < clock_timestamp() order by lease_until limit $1
           for update skip locked""",
        limit,
    )


async def list_uncertain(conn: Connection) -> list[asyncpg.Record]:
    return await conn.fetch(
        """select n.id, n.number, n.creditor_id, n.debtor_id, n.channel, n.purpose, n.route,
               u.attempt, u.since
           from uncertain u join notices n on n.id = u.notice_id order by u.since, n.number"""
    )


async def uncertain_since(conn: Connection, seconds: float, limit: int) -> list[asyncpg.Record]:
    """Uncertain notices older than ``seconds``, each with its attempt's sealed words.

    In no order, so that those no carrier can tell of do not stand before the others for ever.
    """
    return await conn.fetch(
        f"""select n.id, n.creditor_id, n.debtor_id, n.channel, n.route, n.attempt, n.state,
               e.id as event_id, e.at as sending_at, p.sealed, p.key_id, k.wrapped, k.master_version
           from uncertain u
           join notices n on n.id = u.notice_id
           cross join lateral (
               select id, at from contact_events
               where notice_id = n.id and kind = '{EventKind.SENDING}'
                   and (data->>'attempt')::int = u.attempt
               order by at desc, id desc limit 1) e
           join event_payloads p on p.event_id = e.id
           left join sealing_keys k on k.id = p.key_id
           where u.since < clock_timestamp() - make_interval(secs => $1)
           order by random() limit $2""",
        seconds,
        limit,
    )
