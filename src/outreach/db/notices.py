"""Notices and the queue they wait in: intake, claim, intent, result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from outreach.db import carriage
from outreach.db.carriage import CarriageRow
from outreach.db.pool import Connection
from outreach.db.stops import covered
from outreach.domain.notice import NoticeRequest
from outreach.domain.states import MOVES, Delivery, FailureClass, State

# -------------------------------------------------------------------------------------- intake


async def insert(
    conn: Connection,
    requests: Sequence[tuple[UUID, NoticeRequest, str]],
    actor: str,
    now: datetime,
) -> set[UUID]:
    """Insert ``(id, request, route)`` as pending and due; the ids that were new.

    A request whose idempotency key is already taken changes nothing.
    """
    rows = await conn.fetch(
        """with new as (
               insert into notices (id, creditor_id, debtor_id, account_ids, purpose, channel,
                   currency, contact_point_id, idempotency_key, lane, route, due_at, expires_at,
                   created_at, actor)
               select id, creditor_id, debtor_id, string_to_array(account_ids, ',')::uuid[],
                   purpose, channel, currency, point, key, lane, route, due_at, expires_at, $15, $14
               from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                   $7::text[], $8::uuid[], $9::text[], $10::text[], $11::text[],
                   $12::timestamptz[], $13::timestamptz[])
               as r(id, creditor_id, debtor_id, account_ids, purpose, channel, currency, point, key,
                   lane, route, due_at, expires_at)
               on conflict (creditor_id, idempotency_key) do nothing
               returning id, lane, route, creditor_id, due_at
           ), queued as (
               insert into due (notice_id, lane, route, creditor_id, due_at)
               select id, lane, route, creditor_id, due_at from new
           )
           select id from new""",
        [notice_id for notice_id, _, _ in requests],
        [r.creditor_id for _, r, _ in requests],
        [r.debtor_id for _, r, _ in requests],
        [",".join(map(str, r.account_ids)) for _, r, _ in requests],
        [r.purpose for _, r, _ in requests],
        [r.channel for _, r, _ in requests],
        [r.currency for _, r, _ in requests],
        [r.contact_point_id for _, r, _ in requests],
        [r.idempotency_key for _, r, _ in requests],
        [r.lane for _, r, _ in requests],
        [route for _, _, route in requests],
        [r.due_at for _, r, _ in requests],
        [r.expires_at for _, r, _ in requests],
        actor,
        now,
    )
    return {row["id"] for row in rows}


async def by_key(conn: Connection, creditor_id: str, key: str) -> UUID | None:
    notice_id: UUID | None = await conn.fetchval(
        "select id from notices where creditor_id = $1 and idempotency_key = $2", creditor_id, key
    )
    return notice_id


async def by_number(conn: Connection, number: int) -> asyncpg.Record | None:
    return await conn.fetchrow("select * from notices where number = $1", number)


async def by_number_or_id(conn: Connection, text: str) -> asyncpg.Record | None:
    """Find a notice by its number or its id, as a person types it."""
    return await conn.fetchrow(
        "select * from notices where id::text = $1 or number::text = $1", text.strip().lower()
    )


# ---------------------------------------------------------------------------------------- feed


async def count_due(
    conn: Connection,
    now: datetime,
    lanes: Sequence[str],
    routes: Sequence[tuple[str, str]],
    most: int,
) -> list[tuple[str, str, int]]:
    """``(lane, route, count)`` of what may go now and no stop covers, counted as far as ``most``.

    ``routes`` come with their channels. Each lane, route and creditor is counted by itself: however
    much waits in one, none hides another.
    """
    rows = await conn.fetch(
        f"""select l.lane, r.route, least(sum(c.count), $5)::int as count
           from unnest($2::text[]) as l(lane)
           cross join unnest($3::text[], $4::text[]) as r(route, channel)
           join creditors k on not {covered("k.id", "r.channel")}
           cross join lateral (select count(*) as count from (
               select from due q
               where q.lane = l.lane and q.route = r.route and q.creditor_id = k.id
                   and q.due_at <= $1 limit $5) due_here) c
           where c.count > 0 group by l.lane, r.route""",
        now,
        lanes,
        [route for route, _ in routes],
        [channel for _, channel in routes],
        most,
    )
    return [(row["lane"], row["route"], row["count"]) for row in rows]


# ------------------------------------------------------------------------------------ dispatch


_MOVES = ", ".join(f"('{old}', '{new}')" for old, onward in MOVES.items() for new in onward)
"""The one table of moves, as pairs for SQL: no state is ever written past it."""


class IntentRow(NamedTuple):
    """An ``intent_row``, committed before the wire: this attempt, in this version of the words."""

    notice_id: UUID
    attempt: int
    template_digest: str
    parts: int


async def save_template(
    conn: Connection,
    digest: str,
    channel: str,
    purpose: str,
    locale: str,
    source: str,
    now: datetime,
) -> None:
    """Keep the version of a template about to be sent; versions are never changed or removed."""
    await conn.execute(
        "insert into template_versions values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        digest,
        channel,
        purpose,
        locale,
        source,
        now,
    )


async def template_sources(conn: Connection, digests: Sequence[str]) -> list[str]:
    """The sources of kept versions."""
    rows = await conn.fetch(
        "select source from template_versions where digest = any($1::text[])", digests
    )
    return [row["source"] for row in rows]


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds a chunk in flight; after ``lease`` without a result it counts as dead."""

    id: UUID
    worker: str
    lease: timedelta


async def start_sending(
    conn: Connection, intents: Sequence[IntentRow], claim: Claim | None = None
) -> None:
    """pending -> sending for notices this transaction has locked; they leave the queue.

    Letters bring no claim: their batch is what remembers them.
    """
    await conn.execute(
        f"""with i as materialized (select * from unnest($1::intent_row[])),
            unqueued as (delete from due where notice_id = any(array(select id from i))),
            claimed as (
                insert into claims (id, worker, notice_ids, attempts, lease_until)
                select $2, $3, array_agg(id), array_agg(attempt), clock_timestamp() + $4::interval
                from i where $2::uuid is not null having count(*) > 0
            )
            update notices n set state = '{State.SENDING}', attempt = i.attempt,
                template_digest = i.template, parts = i.parts
            from i where n.id = i.id""",
        intents,
        claim.id if claim else None,
        claim.worker if claim else None,
        claim.lease if claim else None,
    )


async def close_claim(conn: Connection, claim_id: UUID) -> None:
    """Whoever closes a claim may settle its notices, in a later statement: only that one's snapshot
    holds what the other, who had the claim until now, did to them.
    """
    await conn.execute("delete from claims where id = $1", claim_id)


async def requeue(conn: Connection, due: Sequence[tuple[UUID, datetime]]) -> None:
    """Put notices that are pending back in the queue, or move them within it."""
    await conn.execute(
        """with moved as (
               update notices n set due_at = u.at
               from unnest($1::uuid[], $2::timestamptz[]) as u(id, at) where n.id = u.id
               returning n.id, n.lane, n.route, n.creditor_id, u.at)
           insert into due (notice_id, lane, route, creditor_id, due_at) select * from moved
           on conflict (notice_id) do update set due_at = excluded.due_at""",
        [notice_id for notice_id, _ in due],
        [at for _, at in due],
    )


async def leave_queue(conn: Connection, gone: Sequence[tuple[UUID, State, str]]) -> None:
    """Give notices this transaction has locked a state other than pending, and why."""
    await conn.execute(
        f"""with g as materialized (
                select * from unnest($1::uuid[], $2::text[], $3::text[]) as g(id, state, code)
            ), unqueued as (delete from due where notice_id = any($1))
            update notices n set state = g.state, code = g.code from g
            where n.id = g.id and (n.state, g.state) in ({_MOVES})""",
        [notice_id for notice_id, _, _ in gone],
        [state for _, state, _ in gone],
        [code for _, _, code in gone],
    )


class ResultRow(NamedTuple):
    """A ``result_row``: what became of one attempt.

    ``unused``: no carrier looked at it, so it does not count.
    """

    notice_id: UUID
    attempt: int
    state: State
    parts: int = 0
    failure: FailureClass | None = None
    code: str | None = None
    unused: bool = False


async def record_results(
    conn: Connection,
    results: Sequence[ResultRow],
    carried: Iterable[CarriageRow] = (),
) -> set[UUID]:
    """Write states fenced by attempt; the notices it was still true of. With them goes what their
    carrier calls them, in the same round trip.

    A late worker's write finds another attempt, or a state already settled, and changes nothing.
    Notices are locked in id order, as receipts lock them; what a receipt that came first said of a
    failed delivery stays. Arrays, not joins, reach ``due`` and ``uncertain``: they are empty or
    huge, and a generic plan made while they were empty would join by reading them whole.
    """
    rows = await conn.fetch(
        f"""with r as materialized (select * from unnest($2::result_row[])),
            locked as materialized (
                select id, state as was from notices where id = any(array(select id from r))
                order by id for no key update
            ), carried as ({carriage.MERGE}), settled as (
                update notices n set state = r.state, attempt = n.attempt - r.unused::int,
                    failure = case n.delivery when '{Delivery.UNDELIVERED}'
                        then coalesce(r.failure, n.failure) else r.failure end,
                    code = case n.delivery when '{Delivery.UNDELIVERED}'
                        then coalesce(r.code, n.code) else r.code end,
                    parts = greatest(n.parts, r.parts),
                    delivery = case when r.state = '{State.SENT}' and n.delivery = '{Delivery.NONE}'
                        then '{Delivery.ACCEPTED}' else n.delivery end
                from r join locked using (id)
                where n.id = r.id and n.attempt = r.attempt
                    and (n.state, r.state) in ({_MOVES})
                returning n.id, n.attempt, n.state, locked.was
            ), unqueued as (
                delete from due where notice_id = any(array(
                    select id from settled
                    where was = '{State.PENDING}' and state <> '{State.PENDING}'))
            ), opened as (
                insert into uncertain (notice_id, attempt, since)
                select id, attempt, clock_timestamp() from settled
                where state = '{State.UNCERTAIN}'
                on conflict (notice_id) do update set attempt = excluded.attempt
            ), closed as (
                delete from uncertain where notice_id = any(array(
                    select id from settled
                    where was = '{State.UNCERTAIN}' and state <> '{State.UNCERTAIN}'))
            )
            select id from settled""",
        carriage.highest(carried),
        results,
    )
    return {row["id"] for row in rows}


async def states(conn: Connection) -> list[asyncpg.Record]:
    """Counts by channel, state and delivery."""
    return await conn.fetch(
        """select channel, state, delivery, count(*) as count from notices
           group by 1, 2, 3 order by 1, 2, 3"""
    )


async def zone_of(conn: Connection, debtor_id: UUID) -> str:
    zone: str = await conn.fetchval("select zone from debtors where id = $1", debtor_id)
    return zone


async def all_states(conn: Connection) -> list[asyncpg.Record]:
    """``id, number, state`` of every notice: for taking stock of a small house."""
    return await conn.fetch("select id, number, state from notices")
