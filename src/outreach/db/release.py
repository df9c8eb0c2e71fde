"""Letting a campaign's notices go: walks over them, in the order they were made.

How far a walk got is kept with the campaign, in the transaction that did something for those it
passed: nobody is skipped, whatever dies.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from outreach.db.pool import Connection
from outreach.domain.campaign import NIL, CampaignState
from outreach.domain.notice import Lane
from outreach.domain.states import State

SCAN = 10_000
"""Of so many notices at a time, at most, it is asked whether they wait."""


class Walked(NamedTuple):
    """How many something was done for, of how many looked at."""

    done: int
    looked_at: int


async def some(conn: Connection, campaign_id: UUID, most: int) -> tuple[int, bool]:
    """Put the next up to ``most`` that wait into the queue; what is there already stays.

    How many those are, and whether there are fewer only because the walk had so much to step over.
    """
    scan = min(SCAN, max(4 * most, SCAN // 10))
    walked = await _walk(
        conn,
        f"""with scanned as materialized (
                select n.id, n.lane, n.route, n.creditor_id, n.due_at,
                    n.state = '{State.PENDING}' and n.batch_id is null as waits
                from notices n where n.campaign_id = $1
                    and n.id > (select released_to from campaigns where id = $1)
                order by n.id limit $3
            ), picked as materialized (
                select id, lane, route, creditor_id, due_at from scanned where waits
                order by id limit $2
            ), queued as (
                insert into due (notice_id, lane, route, creditor_id, due_at)
                select id, lane, route, creditor_id, due_at from picked
                on conflict do nothing
            ), reached as (
                select id from (
                    select id from scanned where (select count(*) from picked) < $2
                    union all select id from picked) r
                order by id desc limit 1
            ), moved as (
                update campaigns set released_to = r.id from reached r where campaigns.id = $1
            )
            select (select count(*) from picked), (select count(*) from scanned)""",
        campaign_id,
        most,
        scan,
    )
    return walked.done, walked.done < most and walked.looked_at == scan


async def cancel(conn: Connection, campaign_id: UUID) -> Walked:
    """Cancel what waits, as far as a scan goes; what somebody holds is left for the next walk."""
    return await _walk(
        conn,
        f"""with scanned as materialized (
                select n.id from notices n where n.campaign_id = $1
                    and n.id > (select released_to from campaigns where id = $1)
                order by n.id limit $2
            ), waiting as materialized (
                select id from notices where id = any(array(select id from scanned))
                    and state = '{State.PENDING}' order by id for no key update skip locked
            ), unqueued as (
                delete from due where notice_id = any(array(select id from waiting))
            ), cancelled as (
                update notices n set state = '{State.CANCELLED}', code = 'campaign', batch_id = null
                from waiting w where n.id = w.id
            ), moved as (
                update campaigns set released_to = s.id
                from (select id from scanned order by id desc limit 1) s where campaigns.id = $1
            )
            select (select count(*) from waiting), (select count(*) from scanned)""",
        campaign_id,
        SCAN,
    )


async def _walk(conn: Connection, statement: str, *args: object) -> Walked:
    row = await conn.fetchrow(statement, *args)
    assert row is not None
    return Walked(*row)


async def rewind(conn: Connection, campaign_id: UUID) -> None:
    """Begin the walk over the campaign's notices anew; what has gone will be stepped over."""
    await conn.execute("update campaigns set released_to = $2 where id = $1", campaign_id, NIL)


async def queued(
    conn: Connection, creditor_id: str, routes: Sequence[str], now: datetime, most: int
) -> int:
    """How many due notices of a creditor wait in the fullest of these routes, up to ``most``."""
    count: int = await conn.fetchval(
        """select coalesce(max(c.count), 0) from unnest($2::text[]) as r(route)
           cross join unnest($5::text[]) as l(lane)
           cross join lateral (select count(*) from (
               select from due q where q.lane = l.lane and q.route = r.route
                   and q.creditor_id = $1 and q.due_at <= $3 limit $4) d) c""",
        creditor_id,
        routes,
        now,
        most,
        [Lane.BULK, Lane.LETTERS],
    )
    return count


async def park(conn: Connection, notice_ids: Sequence[UUID]) -> None:
    """Out of the queue those whose campaign is paused: they stay pending, and come back with it.

    Asked anew, in this statement: one that was resumed meanwhile may have been walked over already,
    and would not find again what is taken out now.
    """
    await conn.execute(
        f"""delete from due using notices n join campaigns c on c.id = n.campaign_id
            where due.notice_id = any($1::uuid[]) and n.id = due.notice_id
                and c.state = '{CampaignState.PAUSED}'""",
        notice_ids,
    )


async def begun(conn: Connection) -> int:
    """Every transaction that has written or locked a row by now has a smaller number."""
    number: int = await conn.fetchval(
        "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    )
    return number


async def ended(conn: Connection, number: int) -> bool:
    """Whether all transactions of a smaller number are over."""
    over: bool = await conn.fetchval(
        "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= $1", number
    )
    return over
