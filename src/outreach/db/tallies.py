"""Counting a campaign's notices: what was added up as they changed, and what must be looked for."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.events import EventKind
from outreach.domain.states import State

EXCLUDED = "excluded"
"""The state under which those are counted who get no notice, by reason."""


class Tally(NamedTuple):
    """How many notices are in one state; of people left out, ``failure`` is the reason."""

    channel: str
    state: str
    delivery: str
    failure: str | None
    notices: int


async def of_campaign(conn: Connection, campaign_id: UUID) -> list[Tally]:
    """The campaign's notices by channel and state, from what was added up as they changed."""
    rows = await conn.fetch(
        """select channel, state, delivery, failure, sum(count)::bigint from campaign_tallies
           where campaign_id = $1 group by 1, 2, 3, 4 having sum(count) <> 0 order by 1, 2, 3, 4""",
        campaign_id,
    )
    return [Tally(*row) for row in rows]


class Waiting(NamedTuple):
    """How many are pending, how many of them are held, and until when the last is."""

    pending: int
    held: int
    until: datetime | None


async def waiting(conn: Connection, campaign_id: UUID, now: datetime) -> Waiting:
    row = await conn.fetchrow(
        f"""select count(*), count(*) filter (where due_at > $2),
                max(due_at) filter (where due_at > $2)
            from notices where campaign_id = $1 and state = '{State.PENDING}'""",
        campaign_id,
        now,
    )
    assert row is not None
    return Waiting(*row)


async def waiting_accounts(conn: Connection, campaign_id: UUID, most: int) -> list[UUID]:
    """Accounts of notices that have not gone, ``most`` notices' of them, the last ones first."""
    rows = await conn.fetch(
        f"""select unnest(account_ids) as account_id from (
                select account_ids from notices
                where campaign_id = $1 and state = '{State.PENDING}'
                    and cardinality(account_ids) = 1
                order by id desc limit $2) n""",
        campaign_id,
        most,
    )
    return [row["account_id"] for row in rows]


async def held_by(
    conn: Connection, campaign_id: UUID, now: datetime, most: int
) -> list[tuple[str, int]]:
    """Which rules hold how many, of up to ``most`` that are held."""
    rows = await conn.fetch(
        f"""select r.rule, count(distinct n.id) from (
                select id from notices where campaign_id = $1 and state = '{State.PENDING}'
                    and due_at > $2 limit $3) n
            cross join lateral (select data from contact_events e
                where e.notice_id = n.id and e.kind = '{EventKind.HELD}'
                order by e.at desc limit 1) h
            cross join lateral jsonb_array_elements_text(h.data->'rules') as r(rule)
            group by 1 order by 2 desc, 1""",
        campaign_id,
        now,
        most,
    )
    return [(row["rule"], row["count"]) for row in rows]


async def codes(conn: Connection, campaign_id: UUID) -> list[asyncpg.Record]:
    """Why notices ended without going: ``state, code, count``, the most frequent first."""
    return await conn.fetch(
        f"""select state, code, count(*) as count from notices
            where campaign_id = $1 and state in ('{State.FAILED}', '{State.BLOCKED}',
                '{State.EXPIRED}', '{State.UNCERTAIN}')
            group by 1, 2 order by 3 desc, 1, 2""",
        campaign_id,
    )


async def sum_up(conn: Connection, campaign_id: UUID) -> None:
    """Make few rows of many; of what others add meanwhile nothing is lost."""
    await conn.execute(
        """with gone as (
               delete from campaign_tallies where campaign_id = $1
                   and (select count(*) from campaign_tallies where campaign_id = $1) > 50
               returning *)
           insert into campaign_tallies
           select campaign_id, channel, state, delivery, failure, sum(count) from gone
           group by 1, 2, 3, 4, 5 having sum(count) <> 0""",
        campaign_id,
    )
