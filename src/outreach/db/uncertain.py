"""Claims whose lease ran out, and notices nobody can yet say were sent or not."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.events import EventKind
from outreach.domain.states import COUNTS_AS_CONTACT

_COUNTED = ", ".join(f"'{state}'" for state in sorted(COUNTS_AS_CONTACT))


async def expired_claims(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """Claims whose lease ran out, locked: their workers are dead or stuck."""
    return await conn.fetch(
        """select id, worker, notice_ids, attempts from claims
           where lease_until < clock_timestamp() order by lease_until limit $1
           for update skip locked""",
        limit,
    )


async def list_uncertain(conn: Connection, seconds: float) -> list[asyncpg.Record]:
    """What is uncertain, oldest first; ``open``: for longer than ``seconds``."""
    return await conn.fetch(
        """select n.id, n.number, n.creditor_id, n.debtor_id, n.channel, n.purpose, n.route,
               u.attempt, u.since, u.since < clock_timestamp() - make_interval(secs => $1) as open
           from uncertain u join notices n on n.id = u.notice_id order by u.since, n.number""",
        seconds,
    )


async def uncertain_since(conn: Connection, seconds: float, limit: int) -> list[asyncpg.Record]:
    """Uncertain notices older than ``seconds``, each with its attempt's carrier and sealed words.

    In no order, so that those no carrier can tell of do not stand before the others for ever.
    """
    return await conn.fetch(
        f"""select n.id, n.number, n.creditor_id, n.debtor_id, n.channel, n.route, n.attempt,
               n.state, e.id as event_id, e.at as sending_at, e.carrier,
               p.sealed, p.key_id, k.wrapped, k.master_version
           from uncertain u
           join notices n on n.id = u.notice_id
           cross join lateral (
               select id, at, data->>'carrier' as carrier from contact_events
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


async def by_numbers(conn: Connection, numbers: Sequence[int]) -> list[asyncpg.Record]:
    """Notices by the numbers people know them by, locked in id order."""
    return await conn.fetch(
        """select id, number, creditor_id, debtor_id, channel, state, attempt
           from notices where number = any($1::bigint[]) order by id for no key update""",
        numbers,
    )


async def unaccounted(conn: Connection, notice_id: UUID, since: datetime) -> int:
    """How many notices, this one included, may be what a carrier took for this recipient since.

    Those whose newest attempt began then, and of whom no carrier's id is known.
    """
    count: int = await conn.fetchval(
        f"""select count(*) from notices me
            join contact_points mine on mine.id = me.contact_point_id
            join contact_points p on p.value_hash = mine.value_hash
            join notices n on n.debtor_id = p.debtor_id and n.contact_point_id = p.id
                and n.channel = me.channel
            where me.id = $1 and n.state in ({_COUNTED})
                and not exists (select from carriage c
                    where c.notice_id = n.id and c.attempt = n.attempt)
                and exists (select from contact_events e
                    where e.notice_id = n.id and e.kind = '{EventKind.SENDING}' and e.at >= $2)""",
        notice_id,
        since,
    )
    return count
