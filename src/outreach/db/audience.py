"""Whom to write to: one row per debtor, creditor and currency with something open."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db.debtors import BEST, USABLE
from outreach.db.filters import Where
from outreach.db.pool import Connection
from outreach.domain.contact import ContactKind

_BEST_POINTS = f"""(select jsonb_object_agg(kind, id) from (
    select distinct on (p.kind) p.kind, p.id from contact_points p
    where p.debtor_id = d.id and {USABLE}
    order by p.kind, {BEST}) best)"""


ACCOUNT_IDS = "array_agg(a.id order by a.number_tail, a.id) as account_ids"


async def open_debts(conn: Connection) -> list[asyncpg.Record]:
    """Borrowers with their open accounts, how long the oldest is unpaid, and their best points.

    ``points`` maps a kind (phone, email, address) to the point's id; unusable points are left out.
    """
    return await conn.fetch(
        f"""select d.id as debtor_id, d.locale, d.zone, a.creditor_id, a.currency,
               {ACCOUNT_IDS},
               min(a.oldest_unpaid_due_date) as oldest_unpaid_due_date,
               {_BEST_POINTS} as points
           from parties y
           join accounts a on a.id = y.account_id and a.balance > 0
           join debtors d on d.id = y.debtor_id
           where y.role in ('primary', 'joint')
           group by d.id, a.creditor_id, a.currency order by d.id, a.creditor_id, a.currency"""
    )


def chosen(where: Where, columns: str = ACCOUNT_IDS) -> str:
    """SQL for whom a filter chooses, one row a notice: per person, creditor and currency, and what
    they guarantee for others apart from what they owe, for it has words of its own.

    ``columns`` are what is wanted of the accounts ``a`` of each, beside the latest one's ``stage``.
    """
    return f"""
        select d.id, a.creditor_id, a.currency, y.role = 'guarantor' as guarantor,
            max({where.stage}) as stage, {columns}
        from parties y join accounts a on a.id = y.account_id join debtors d on d.id = y.debtor_id
        where {where.sql} group by 1, 2, 3, 4"""


async def count(conn: Connection, where: Where) -> list[asyncpg.Record]:
    """How many notices a filter's audience would get, one per debtor, creditor and currency.

    A row for each creditor, currency, stage (the rank of the latest account's) and what those
    people can be reached by (``phone``, ``email``, ``address``): ``notices``, ``accounts``, and
    ``overdue`` and ``balance`` in minor units.
    """
    sums = "count(*) as accounts, sum(a.overdue) as overdue, sum(a.balance) as balance"
    return await conn.fetch(
        f"""select c.creditor_id, c.currency, c.stage, coalesce(r.phone, false) as phone,
               coalesce(r.email, false) as email, coalesce(r.address, false) as address,
               count(*) as notices, sum(c.accounts)::bigint as accounts,
               sum(c.overdue)::bigint as overdue, sum(c.balance)::bigint as balance
           from ({chosen(where, sums)}) c
           left join (
               select p.debtor_id, bool_or(p.kind = 'phone') as phone,
                   bool_or(p.kind = 'email') as email, bool_or(p.kind = 'address') as address
               from contact_points p where {USABLE} group by 1
           ) r on r.debtor_id = c.id
           group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6""",
        *where.args,
    )


SPARE = 4
"""Of so many times as many people as are wanted a sample is drawn; the others are not looked at."""


async def sample(
    conn: Connection, where: Where, kinds: Sequence[ContactKind], size: int, among: int
) -> list[asyncpg.Record]:
    """Up to ``size`` of a filter's audience who have a usable point of one of ``kinds``, drawn at
    random but always the same: ``debtor_id, creditor_id, currency, account_ids, points``.

    ``among``: how many there are of them.
    """
    n = len(where.args)
    drawn = f"""{where.sql} and hashtext(d.id::text) % ${n + 1}::int = 0
        and exists (select from contact_points p
            where p.debtor_id = d.id and p.kind = any(${n + 2}::text[]) and {USABLE})"""
    return await conn.fetch(
        f"""select d.id as debtor_id, d.creditor_id, d.currency, d.account_ids,
               {_BEST_POINTS} as points
           from ({chosen(Where(drawn, where.stage, where.args))}
                 order by md5(d.id::text), 2, 3, 4 limit ${n + 3}) d""",
        *where.args,
        max(1, among // (size * SPARE)),
        kinds,
        size,
    )


async def answered(conn: Connection) -> list[asyncpg.Record]:
    """Whoever answered a message: the first account it spoke of, its purpose and its channel."""
    return await conn.fetch(
        """select distinct on (r.debtor_id) r.debtor_id, n.account_ids[1] as account_id, n.purpose,
               n.channel
           from responses r join notices n on n.id = r.notice_id
           where r.withdrawn_at is null and n.channel <> 'letter'
           order by r.debtor_id, r.at desc, r.id desc"""
    )


async def after_answers(conn: Connection, key: str) -> list[asyncpg.Record]:
    """What became of notices whose keys begin so, by what their debtors had answered.

    ``kind``, the counts ``sent``, ``held`` and ``blocked``, and ``says``, what a rule beside those
    on how often (F) said of most of them.
    """
    return await conn.fetch(
        """with again as (
               select n.id, n.debtor_id, n.state from notices n
               where starts_with(n.idempotency_key, $1)
           ), spoke as (
               select e.notice_id, f->>'rule' as rule, f->>'says' as says
               from contact_events e cross join lateral jsonb_array_elements(e.data->'findings') f
               where e.kind in ('held', 'blocked') and e.notice_id in (select id from again)
                   and f->>'rule' not like 'F-%'
           )
           select r.kind, count(distinct a.id) filter (where a.state = 'sent') as sent,
               count(distinct a.id) filter (where a.state = 'pending') as held,
               count(distinct a.id) filter (where a.state = 'blocked') as blocked,
               mode() within group (order by s.rule || ' ' || s.says) as says
           from responses r join again a on a.debtor_id = r.debtor_id
               left join spoke s on s.notice_id = a.id
           where r.withdrawn_at is null group by 1 order by 1""",
        key,
    )


async def settled_by_payment(conn: Connection) -> list[asyncpg.Record]:
    """Accounts that a payment has settled."""
    return await conn.fetch(
        """select a.id as account_id from accounts a
           where a.balance <= 0 and exists (select from payments p where p.account_id = a.id)
           order by a.id"""
    )


async def totals(conn: Connection) -> asyncpg.Record:
    row = await conn.fetchrow(
        """select (select count(*) from accounts) as accounts,
                  (select count(*) from debtors) as debtors,
                  (select count(*) from contact_events) as events"""
    )
    assert row is not None
    return row


async def rules_that_spoke(conn: Connection) -> list[asyncpg.Record]:
    """Holds and blocks by rule, with what the rule says and how sure its source is."""
    return await conn.fetch(
        """select e.kind, f->>'rule' as rule, min(f->>'says') as says,
               min(f->>'confidence') as confidence, count(distinct e.notice_id) as notices
           from contact_events e cross join lateral jsonb_array_elements(e.data->'findings') f
           where e.kind in ('held', 'blocked')
           group by 1, 2 order by 1, 5 desc"""
    )


async def anything_moving(conn: Connection, now: datetime) -> bool:
    """Whether something is due now, on the wire, or a receipt waits to be applied."""
    moving: bool = await conn.fetchval(
        """select exists (select from due where due_at <= $1)
               or exists (select from claims)
               or exists (select from callbacks_due)
               or exists (select from letter_batches where handed_over_at is null)""",
        now,
    )
    return moving


async def deferred_until(conn: Connection, now: datetime) -> datetime | None:
    """The latest moment a notice waits for after a temporary failure, or None."""
    until: datetime | None = await conn.fetchval(
        """select max(d.due_at) from due d join notices n on n.id = d.notice_id
           where n.attempt > 0 and d.due_at > $1""",
        now,
    )
    return until


async def event_count(conn: Connection) -> int:
    count: int = await conn.fetchval("select count(*) from contact_events")
    return count


async def liveliest(conn: Connection) -> UUID | None:
    """The debtor with the most to tell."""
    debtor_id: UUID | None = await conn.fetchval(
        """select debtor_id from contact_events where debtor_id is not null
           group by debtor_id order by count(distinct kind) desc, count(*) desc,
               debtor_id limit 1"""
    )
    return debtor_id
