"""What waits for a worker, and since when: for ``outreach doctor`` and the metrics."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg
import orjson

from outreach.db.pool import Connection

COUNTED = 1_000
"""Due notices are counted so far, per lane, route and creditor."""


class Due(NamedTuple):
    """What is due in a lane by a route; ``since`` is the earliest due instant."""

    lane: str
    route: str
    waiting: int
    since: datetime | None


class Backlog(NamedTuple):
    """How many wait; ``since`` is the oldest one's instant on the business clock."""

    waiting: int
    since: datetime | None


async def unsealed(conn: Connection) -> Backlog:
    """Events that no sealer has chained yet."""
    row = await conn.fetchrow("select count(*), min(at) from unsealed")
    assert row is not None
    return Backlog(*row)


async def unsigned(conn: Connection) -> Backlog:
    """Leaves of the log that no checkpoint covers; ``since`` is when the last one was signed."""
    row = await conn.fetchrow(
        """select (select coalesce(max(leaf), -1) from chain) + 1 - coalesce(c.size, 0) as n,
               c.at
           from (select 1) one left join lateral (
               select size, at from checkpoints order by size desc limit 1) c on true"""
    )
    assert row is not None
    return Backlog(row["n"], row["at"] if row["n"] else None)


async def not_brought(conn: Connection, place: str) -> Backlog:
    """Checkpoints that the auditor's place has not got."""
    row = await conn.fetchrow(
        """select count(*), min(at) from checkpoints c where not exists (
               select from checkpoint_copies where size = c.size and place = $1)""",
        place,
    )
    assert row is not None
    return Backlog(*row)


async def unapplied(conn: Connection) -> Backlog:
    """Callbacks stored and answered, but not in the history yet."""
    row = await conn.fetchrow(
        """select count(*), min(r.received_at)
           from callbacks_due d join raw_callbacks r on r.id = d.callback_id"""
    )
    assert row is not None
    return Backlog(*row)


async def due(
    conn: Connection, now: datetime, lanes: Sequence[str], routes: Sequence[str]
) -> list[Due]:
    """What is due, stops or no stops.

    Counted as far as ``COUNTED``; beyond that the planner's estimate has to do, for counting a
    million rows every few seconds would cost more than sending some.
    """
    rows = await conn.fetch(
        """select l.lane, r.route, sum(c.count)::int as count, min(c.since) as since
           from unnest($2::text[]) as l(lane) cross join unnest($3::text[]) as r(route)
           cross join creditors k
           cross join lateral (select count(*), min(due_at) as since from (
               select q.due_at from due q
               where q.lane = l.lane and q.route = r.route and q.creditor_id = k.id
                   and q.due_at <= $1 order by q.due_at limit $4) due_here) c
           group by 1, 2""",
        now,
        lanes,
        routes,
        COUNTED,
    )
    found = [Due(*row) for row in rows]
    return [
        each._replace(waiting=await _estimated(conn, each, now))
        if each.waiting >= COUNTED
        else each
        for each in found
    ]


async def _estimated(conn: Connection, found: Due, now: datetime) -> int:
    plan = await conn.fetchval(
        """explain (format json)
           select from due where lane = $1 and route = $2 and due_at <= $3""",
        found.lane,
        found.route,
        now,
    )
    return max(found.waiting, int(orjson.loads(plan)[0]["Plan"]["Plan Rows"]))


async def letters(conn: Connection) -> list[asyncpg.Record]:
    """``carrier, count`` of letters in batches that have not been handed over."""
    return await conn.fetch(
        """select b.carrier, count(*) from letter_batches b join notices n on n.batch_id = b.id
           where b.handed_over_at is null group by 1"""
    )


async def standing(conn: Connection) -> asyncpg.Record:
    """Uncertain notices, claims and the oldest of what waits: each from an index's end or a table
    that is small by nature. ``callback_since`` and ``event_since`` are business instants.
    """
    row = await conn.fetchrow(
        """select u.uncertain, u.uncertain_age, c.claims, c.expired,
               (select r.received_at from callbacks_due d
                join raw_callbacks r on r.id = d.callback_id
                order by d.callback_id limit 1) as callback_since,
               (select at from unsealed order by event_id limit 1) as event_since
           from (select count(*) as uncertain,
                     coalesce(extract(epoch from clock_timestamp() - min(since)), 0)::float8
                         as uncertain_age
                 from uncertain) u,
               (select count(*) as claims,
                    count(*) filter (where lease_until < clock_timestamp()) as expired
                from claims) c"""
    )
    assert row is not None
    return row
