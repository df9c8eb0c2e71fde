"""What a rewound database shows as unsent though it may have gone: found, and made uncertain."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.campaign import CampaignState
from outreach.domain.states import State

_DOUBTFUL = f"""
    from (select notice_id from due where due_at <= $1 union
          select n.id from letter_batches b join notices n on n.batch_id = b.id
          where b.closed_at is null union
          select n.id from campaigns c join notices n on n.campaign_id = c.id
          where c.state in ('{CampaignState.RUNNING}', '{CampaignState.PAUSED}')
              and n.due_at <= $1) q
    join notices n on n.id = q.notice_id
    where n.state = '{State.PENDING}' and n.expires_at > $2
"""
"""Due by $1, a letter in an open batch or a campaign's, let go or not: that it was is lost with the
rest. And not worthless before $2.
"""


async def count(conn: Connection, due_by: datetime, since: datetime) -> list[asyncpg.Record]:
    """``(creditor_id, channel, count)`` of what may have been sent after ``since``."""
    return await conn.fetch(
        f"""select n.creditor_id, n.channel, count(*) as count {_DOUBTFUL}
            group by 1, 2 order by 1, 2""",
        due_by,
        since,
    )


async def next_batch(
    conn: Connection, due_by: datetime, since: datetime, after: UUID, limit: int
) -> list[UUID]:
    """The next of them after ``after``, by id: each kind from its own index, for a batch of a
    million must not gather the million.
    """
    waits = f"n.state = '{State.PENDING}' and n.expires_at > $2 and n.id > $3"
    rows = await conn.fetch(
        f"""select id from (
                (select n.id from due q join notices n on n.id = q.notice_id
                 where q.due_at <= $1 and q.notice_id > $3 and {waits}
                 order by q.notice_id limit $4)
                union (select n.id from letter_batches b join notices n on n.batch_id = b.id
                 where b.closed_at is null and {waits} order by n.id limit $4)
                union (select of.id from campaigns c cross join lateral (
                     select n.id from notices n
                     where n.campaign_id = c.id and n.due_at <= $1 and {waits}
                     order by n.id limit $4) of
                 where c.state in ('{CampaignState.RUNNING}', '{CampaignState.PAUSED}'))
            ) d order by id limit $4""",
        due_by,
        since,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def make_uncertain(conn: Connection, notice_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """pending -> uncertain, as the attempt that may have gone; out of the queue and any batch."""
    return await conn.fetch(
        f"""with locked as materialized (
                select id from notices where id = any($1::uuid[]) and state = '{State.PENDING}'
                order by id for no key update
            ), doubted as (
                update notices n set state = '{State.UNCERTAIN}', attempt = n.attempt + 1,
                    code = 'recovered', batch_id = null
                from locked where n.id = locked.id
                returning n.id, n.creditor_id, n.debtor_id, n.channel, n.route, n.attempt
            ), unqueued as (
                delete from due using doubted where due.notice_id = doubted.id
            ), opened as (
                insert into uncertain (notice_id, attempt, since, recovered)
                select id, attempt, clock_timestamp(), true from doubted
            )
            select * from doubted""",
        notice_ids,
    )


async def hold_campaigns(conn: Connection) -> list[asyncpg.Record]:
    """Let no campaign go on or begin by itself: it may have done so in the time that is lost."""
    return await conn.fetch(
        f"""update campaigns set starts_at = null, state = case state
                when '{CampaignState.RUNNING}' then '{CampaignState.PAUSED}' else state end
            where state = '{CampaignState.RUNNING}'
                or state = '{CampaignState.APPROVED}' and starts_at is not null
            returning id, number, creditor_id, state"""
    )


async def close_open_batches(conn: Connection) -> int:
    """Close letter batches emptied by this: a folder of their name may exist at the mail house."""
    status = await conn.execute(
        """update letter_batches b set closed_at = clock_timestamp(),
               handed_over_at = clock_timestamp()
           where closed_at is null
               and not exists (select from notices n where n.batch_id = b.id)"""
    )
    return int(status.split()[-1])
