"""What the gate decides on, read in one statement, and the locks that keep it true meanwhile."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from outreach.compliance.rules.frequency import LONGEST
from outreach.db.pool import Connection
from outreach.db.stops import covered
from outreach.domain.events import EventKind
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.domain.register import Interruption
from outreach.domain.states import COUNTS_AS_CONTACT, State


def _list(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_COUNTED = _list(COUNTS_AS_CONTACT)
_ANSWERS = _list({Purpose.DISPUTE_REPLY, Purpose.COMPLAINT_REPLY})
_ARRIVED = _list({EventKind.DELIVERED, EventKind.READ, EventKind.SIGNED_FOR})


def _contacts(debtor: str) -> str:
    """SQL for a debtor's contacts as far back as any cap looks: id, channel, purpose, contact
    point, at.

    A notice that a recovered database forgot has no event: from its recovery on it counts. The
    question whether there is one is asked once a statement.
    """
    since = f"$1::timestamptz - interval '{LONGEST // timedelta(hours=1)} hours'"
    return f"""
        select m.id, m.channel, m.purpose, m.contact_point_id, max(e.at) as at
        from contact_events e join notices m on m.id = e.notice_id
        where e.debtor_id = {debtor} and e.kind = '{EventKind.SENDING}' and e.at > {since}
            and m.state in ({_COUNTED})
        group by m.id
        union all
        select m.id, m.channel, m.purpose, m.contact_point_id, u.since
        from uncertain u join notices m on m.id = u.notice_id
        where (select exists (select from uncertain where recovered))
            and u.recovered and m.debtor_id = {debtor} and u.since > {since}"""


# An agency as one account's debtor knows it: told of it by somebody's record, or by a notice of
# ours that arrived.
_AGENCY = f"""(
    select json_build_object('id', g.id, 'name', g.name, 'kind', g.kind,
        'since', g.since, 'until', g.until, 'listed', g.listed_on, 'told', least(
            (select min(t.told_on) from disclosures t where t.account_id = a.id
                and t.debtor_id = n.debtor_id and t.agency_id = g.id
                and t.purpose = '{Purpose.OUTSOURCING_NOTICE}'),
            (select (min(e.at) at time zone d.zone)::date
             from notices m join contact_events e on e.notice_id = m.id
             where m.debtor_id = n.debtor_id and m.purpose = '{Purpose.OUTSOURCING_NOTICE}'
                and a.id = any(m.account_ids) and m.created_at > g.since
                and e.kind in ({_ARRIVED}))))
    from agencies g where g.id = a.agency_id)"""

# Of a debt of two years and more: the last day of each kind.
_INTERRUPTED = f"""(
    select json_object_agg(kind, day) from (
        select kind, max(day) as day from (
            select i.kind, i.happened_on as day from interruptions i where i.account_id = a.id
            union all
            select '{Interruption.PART_PAYMENT}', (p.posted_at at time zone d.zone)::date
            from payments p where p.account_id = a.id and p.kind = 'payment') each
        group by kind) last)"""

_FACTS = f"""
select n.id, n.creditor_id, n.debtor_id, n.purpose, n.channel, n.currency, n.contact_point_id,
    n.number, n.attempt, n.expires_at, n.route, n.campaign_id, n.pinned, g.state as campaign_state,
    d.sealed as debtor_sealed, d.locale, d.zone, d.jurisdiction,
    dk.wrapped as debtor_wrapped, dk.master_version as debtor_master,
    p.sealed as point_sealed, p.region, p.origin, p.verified, p.opted_out_at, p.dead_at,
    p.wrong_person_at, p.usage, p.document is not null as documented,
    pk.wrapped as point_wrapped, pk.master_version as point_master,
    a.accounts, s.standings, p.value_hash, c.contacts, c.contact_channels, c.contact_purposes,
    c.here || o.there as value_contacts,
    (select array_agg(x.rule) from releases x
        where x.notice_id = n.id and x.approved_at is not null) as released,
    n.purpose in ({_ANSWERS}) and exists (select from responses w
        where w.debtor_id = n.debtor_id and w.at > $1::timestamptz - interval '24 hours')
        as answers_debtor
from n
join debtors d on d.id = n.debtor_id
join contact_points p on p.id = n.contact_point_id
left join sealing_keys dk on dk.id = d.id
left join sealing_keys pk on pk.id = p.id
left join campaigns g on g.id = n.campaign_id
cross join lateral (
    select json_agg(json_build_object(
        'role', y.role, 'tail', a.number_tail, 'product', a.product, 'due', a.due_date,
        'statement', a.statement_date, 'oldest', a.oldest_unpaid_due_date,
        'as_of', a.balance_as_of, 'minimum_payment', a.minimum_payment, 'overdue', a.overdue,
        'balance', a.balance, 'principal', a.principal, 'interest', a.interest,
        'penalty', a.penalty, 'fees', a.fees,
        'paid_since', exists (select from payments p
            where p.account_id = a.id and p.posted_at > a.balance_as_of),
        'agency', case when a.agency_id is not null then {_AGENCY} end,
        'interrupted',
            case when a.oldest_unpaid_due_date < $1::timestamptz - interval '2 years'
            then {_INTERRUPTED} end)
        order by a.number_tail, a.id) as accounts
    from accounts a left join parties y on y.account_id = a.id and y.debtor_id = n.debtor_id
    where a.id = any(n.account_ids)
) a
cross join lateral (
    select json_agg(json_build_object(
        'kind', s.kind, 'since', s.since, 'until', s.expires_at, 'detail', s.detail)) as standings
    from standings s where s.debtor_id = n.debtor_id and s.ended_at is null
        and (s.account_id is null or s.account_id = any(n.account_ids))
) s
cross join lateral (
    select array_agg(m.at) as contacts, array_agg(m.channel) as contact_channels,
        array_agg(m.purpose) as contact_purposes,
        array_agg(m.at) filter (where m.contact_point_id = n.contact_point_id) as here
    from ({_contacts("n.debtor_id")}) m where m.id <> n.id
) c
cross join lateral (
    -- the others who have this phone, mailbox or address: nearly always there is none
    select array_agg(m.at) as there
    from contact_points o
    join lateral ({_contacts("o.debtor_id")}) m on m.contact_point_id = o.id
    where o.value_hash = p.value_hash and o.debtor_id <> n.debtor_id
) o
"""

# The creditor whose oldest due notice is oldest: one that is stopped is passed over in one step,
# however much of it waits.
_FRONT = f"""
select c.id from creditors c
cross join lateral (
    select due_at from due
    where lane = $2 and route = $3 and creditor_id = c.id and due_at <= $1
    order by due_at limit 1) oldest
where not {covered("c.id", "$4::text")}
order by oldest.due_at limit 1
"""

_QUEUED = f"""
from due q join notices n on n.id = q.notice_id
where q.lane = $2 and q.route = $3 and q.creditor_id = ({_FRONT}) and q.due_at <= $1
    and n.state = '{State.PENDING}' and n.batch_id is null
order by q.due_at limit $5
"""

# Arrays, not joins: a generic plan takes ``limit`` for a tenth of the queue, and would read whole
# tables to join so much.
_CLAIM = f"""
with n as materialized (
    select n.id, n.debtor_id, n.contact_point_id {_QUEUED} for no key update skip locked
), ld as materialized (
    select id from debtors where id = any(array(select debtor_id from n))
    order by id for no key update skip locked
), lv as materialized (
    select hash from contact_values where hash = any(array(
        select p.value_hash from n join ld on ld.id = n.debtor_id
        join contact_points p on p.id = n.contact_point_id))
    order by hash for no key update skip locked
)
select n.id from n
join ld on ld.id = n.debtor_id
join contact_points p on p.id = n.contact_point_id
join lv on lv.hash = p.value_hash
"""

URGENT_WAIT = "300ms"

_READ = f"""
with n as materialized (select * from notices where id = any($2::uuid[]))
{_FACTS} order by n.due_at, n.id
"""


async def claim(
    conn: Connection, lane: str, route: str, channel: str, now: datetime, limit: int
) -> list[asyncpg.Record]:
    """Lock up to ``limit`` due notices of one creditor with their debtors and contact values, and
    read all facts.

    What somebody else holds is skipped; the urgent lane waits for it a moment instead, and raises
    ``asyncpg.LockNotAvailableError`` when that was not enough. The locks last until the caller's
    transaction ends. Facts are read in a statement of their own, after the locks: the snapshot of
    the locking one does not hold what another dispatcher, a reply or a payment committed while it
    ran.
    """
    queue = (now, lane, route, channel, limit)
    if lane == Lane.URGENT:
        locked = await _wait_for(conn, *queue)
    else:
        locked = [row["id"] for row in await conn.fetch(_CLAIM, *queue)]
    return await conn.fetch(_READ, now, locked) if locked else []


async def _wait_for(
    conn: Connection, now: datetime, lane: str, route: str, channel: str, limit: int
) -> list[UUID]:
    """Debtors first, then values, then the notices: who waits must keep the order of all others."""
    rows = await conn.fetch(f"select n.id {_QUEUED}", now, lane, route, channel, limit)
    found = [row["id"] for row in rows]
    if not found:
        return []
    await conn.execute(f"set local lock_timeout = '{URGENT_WAIT}'")
    await lock_people(conn, found)
    rows = await conn.fetch(
        f"""select n.id from due q join notices n on n.id = q.notice_id
            where n.id = any($1::uuid[]) and n.state = '{State.PENDING}' and n.batch_id is null
            order by n.id for no key update skip locked""",
        found,
    )
    return [row["id"] for row in rows]


async def lock_people(conn: Connection, notice_ids: Sequence[UUID]) -> None:
    """Lock the debtors of notices, then their contact values: what caps are counted over."""
    await conn.execute(
        """select from debtors
           where id in (select debtor_id from notices where id = any($1::uuid[]))
           order by id for no key update""",
        notice_ids,
    )
    await conn.execute(
        """select from contact_values where hash in (
               select p.value_hash from notices n join contact_points p on p.id = n.contact_point_id
               where n.id = any($1::uuid[]))
           order by hash for no key update""",
        notice_ids,
    )


async def look(conn: Connection, notice_id: UUID, now: datetime) -> asyncpg.Record | None:
    """The same facts of one notice, to be looked at: nothing is locked."""
    return await conn.fetchrow(_READ, now, [notice_id])


async def read(conn: Connection, notice_ids: Sequence[UUID], now: datetime) -> list[asyncpg.Record]:
    """The same facts for given notices, locking their people and them."""
    await lock_people(conn, notice_ids)
    await conn.execute(
        "select from notices where id = any($1::uuid[]) order by id for no key update", notice_ids
    )
    return await conn.fetch(_READ, now, notice_ids)


async def preview(
    conn: Connection, request: NoticeRequest, notice_id: UUID, now: datetime
) -> asyncpg.Record:
    """The facts a notice would meet if it existed: nothing is written or locked."""
    row = await conn.fetchrow(
        f"""with n as (select $2::uuid as id, $3::text as creditor_id, $4::uuid as debtor_id,
                $5::uuid[] as account_ids, $6::text as purpose, $7::text as channel,
                $8::text as currency, $9::uuid as contact_point_id, 0::bigint as number,
                0::smallint as attempt, $10::timestamptz as expires_at, ''::text as route,
                null::uuid as campaign_id, null::text as pinned)
            {_FACTS}""",
        now,
        notice_id,
        request.creditor_id,
        request.debtor_id,
        list(request.account_ids),
        request.purpose,
        request.channel,
        request.currency,
        request.contact_point_id,
        request.expires_at,
    )
    assert row is not None
    return row
