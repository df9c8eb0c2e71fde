"""The people of a campaign: its notices, made at its start, and again where one came to nothing.

A member is one person's one currency; each channel tried is a notice. Ids rise as notices are made,
and whoever makes or releases them holds the campaign's row: so one id says how far each got.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from outreach.db.audience import chosen
from outreach.db.debtors import BEST, USABLE
from outreach.db.filters import Where
from outreach.db.pool import Connection
from outreach.db.tallies import EXCLUDED
from outreach.domain.campaign import Campaign, Exclusion
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.notice import Lane
from outreach.domain.states import COUNTS_AS_CONTACT, Delivery, FailureClass, State


@dataclass(frozen=True, slots=True)
class Way:
    """A route of a channel; it takes what goes to ``region``, or to anywhere (None)."""

    channel: Channel
    route: str
    region: str | None


# ------------------------------------------------------------------------------------------ making


def _given(first: int) -> str:
    """SQL that names what ``_arguments`` bind, from ``$first`` on: ``c`` is the campaign."""
    n = first
    return f"""
        c as materialized (select * from campaigns where id = ${n}),
        way as (select * from unnest(${n + 1}::text[], ${n + 2}::text[], ${n + 3}::text[])
            with ordinality as w(channel, route, region, place)),
        pin as (select * from unnest(${n + 4}::text[], ${n + 5}::text[], ${n + 6}::text[],
            ${n + 7}::text[]) as t(channel, locale, variant, digest)),
        channel as (select * from unnest(${n + 8}::text[], ${n + 9}::text[])
            with ordinality as o(channel, kind, place)),
        moment as (select ${n + 10}::timestamptz as now)"""


def _arguments(campaign: Campaign, ways: Sequence[Way], now: datetime) -> tuple[Any, ...]:
    assert campaign.templates is not None  # pinned when it was approved
    return (
        campaign.id,
        [way.channel for way in ways],
        [way.route for way in ways],
        [way.region for way in ways],
        [channel for channel, _, _ in campaign.templates],
        [locale for _, locale, _ in campaign.templates],
        [variant for _, _, variant in campaign.templates],
        list(campaign.templates.values()),
        list(campaign.channels),
        [KIND_FOR[channel] for channel in campaign.channels],
        now,
    )


_NEW = """insert into notices (id, creditor_id, debtor_id, account_ids, purpose, channel, currency,
    contact_point_id, idempotency_key, lane, route, due_at, expires_at, created_at, actor,
    campaign_id, pinned)"""

_LANE = f"case p.channel when '{Channel.LETTER}' then '{Lane.LETTERS}' else '{Lane.BULK}' end"

_KEY = """'c' || c.number || ':' || p.id || ':' || p.currency
    || case when p.guarantor then ':g' else '' end || ':' || p.channel"""
"""Each member and channel once: what is made twice by mistake is refused."""

_LOT = "('x' || substr(md5(c.id::text || m.id::text), 1, 7))::bit(28)::int"
"""A number drawn for a member, the same whenever it is asked for."""

_ROUTE = """(select w.route from way w where w.channel = p.channel
    and (w.region is null or w.region = p.region) order by w.place limit 1)"""


def _point(debtor: str, among: str = "true") -> str:
    """SQL for the best usable contact point for the first of the channels."""
    return f"""(select p.id, p.region, o.channel from contact_points p join channel o using (kind)
        where p.debtor_id = {debtor} and {USABLE} and {among} order by o.place, {BEST} limit 1)"""


async def span(conn: Connection, campaign: Campaign, size: int) -> UUID | None:
    """The last of the next ``size`` debtors to look at, by id; None: all were.

    Who came in after the campaign started has a later id, and is none of its audience.
    """
    last: UUID | None = await conn.fetchval(
        """select id from (select id from debtors where id > $1 and created_at <= $2
               order by id limit $3) s
           order by id desc limit 1""",
        campaign.frozen_to,
        campaign.started_at,
        size,
    )
    return last


class Made(NamedTuple):
    """How many notices were made, and how many people were left out."""

    notices: int
    excluded: int


async def make(
    conn: Connection,
    campaign: Campaign,
    where: Where | None,
    ways: Sequence[Way],
    upto: UUID,
    now: datetime,
) -> Made:
    """Make the notices of the audience's debtors up to ``upto``; none goes before its release.

    Without ``where`` the audience are those whom the campaign it corrects has reached.
    """
    args = where.args if where else ()
    n = len(args)
    between = f"> ${n + 1}::uuid and {{0}} <= ${n + 2}::uuid"
    source = _of(where, between) if where else _reached(between)
    row = await conn.fetchrow(
        f"""with {_given(n + 3)}, m as materialized ({source}), member as materialized (
                select m.*, p.channel, p.point, p.region, t.digest, {_ROUTE} as route,
                    {_LOT} % 100 < c.control_percent as control
                from m cross join c
                join debtors d on d.id = m.id
                left join lateral ({_place(where)}) p on true
                left join pin t on t.channel = p.channel and t.locale = d.locale
                    and t.variant = c.variants[1 + {_LOT} / 100 % cardinality(c.variants)]
            ), judged as materialized (
                select *, case when control then '{Exclusion.CONTROL}'
                    when point is null then '{Exclusion.UNREACHABLE}'
                    when route is null then '{Exclusion.NO_ROUTE}'
                    when digest is null then '{Exclusion.NO_TEMPLATE}' end as reason
                from member
            ), excluded as (
                insert into campaign_exclusions
                select c.id, m.id, m.currency, m.guarantor, m.reason from judged m, c
                where m.reason is not null returning reason
            ), counted as (
                insert into campaign_tallies
                select c.id, '', '{EXCLUDED}', '', e.reason, count(*) from excluded e, c
                group by 1, 5 returning count
            ), made as (
                {_NEW}
                select uuidv7(), c.creditor_id, p.id, p.account_ids, c.purpose, p.channel,
                    p.currency, p.point, {_KEY}, {_LANE}, p.route, c.started_at,
                    c.started_at + c.lifetime, now, 'campaign:' || c.number, c.id, p.digest
                from judged p, c, moment where p.reason is null order by p.id
                returning id
            ), moved as (update campaigns set frozen_to = ${n + 2} where id = ${n + 3})
            select (select count(*) from made) as notices,
                (select count(*) from excluded) as excluded""",
        *args,
        campaign.frozen_to,
        upto,
        *_arguments(campaign, ways, now),
    )
    assert row is not None
    return Made(*row)


async def reached(conn: Connection, campaign_id: UUID) -> int:
    """How many members of a campaign a notice may have arrived at."""
    count: int = await conn.fetchval(
        f"""with c as (select $1::uuid as corrects)
            select count(*) from ({_reached("is not null")}) m""",
        campaign_id,
    )
    return count


def _of(where: Where, between: str) -> str:
    within = f"{where.sql} and y.debtor_id {between.format('y.debtor_id')}"
    return chosen(Where(within, where.stage, where.args))


def _reached(between: str) -> str:
    """Each member's last notice of the corrected campaign that may have arrived."""
    counted = ", ".join(f"'{state}'" for state in sorted(COUNTS_AS_CONTACT))
    return f"""
        select distinct on (n.debtor_id, n.currency, 3) n.debtor_id as id, n.currency,
            n.idempotency_key like '%:g:%' as guarantor, n.account_ids, n.channel as by_channel,
            n.contact_point_id
        from notices n cross join c
        where n.campaign_id = c.corrects and n.debtor_id {between.format("n.debtor_id")}
            and n.state in ({counted}) and n.delivery <> '{Delivery.UNDELIVERED}'
        order by n.debtor_id, n.currency, 3, n.id desc"""


def _place(where: Where | None) -> str:
    """Where a member ``m`` is written to: ``channel, point, region``."""
    if where is None:
        return """select m.by_channel as channel, q.id as point, q.region from contact_points q
            where q.id = m.contact_point_id"""
    return f"select b.channel, b.id as point, b.region from {_point('m.id')} b"


# ------------------------------------------------------------------------------------- once more


async def misses(conn: Connection, campaign_id: UUID, limit: int) -> list[UUID]:
    """Notices whose address turned out dead: another channel may be left."""
    rows = await conn.fetch(
        """select m.notice_id from campaign_misses m join notices n on n.id = m.notice_id
           where n.campaign_id = $1 order by 1 limit $2""",
        campaign_id,
        limit,
    )
    return [row["notice_id"] for row in rows]


_BEGUN = "regexp_replace(m.idempotency_key, ':[a-z]+(:again)*$', '')"


async def miss(conn: Connection, notice_ids: Sequence[UUID]) -> None:
    """Say of notices that did not go that another channel may be left."""
    await conn.execute(
        "insert into campaign_misses select unnest($1::uuid[]) on conflict do nothing", notice_ids
    )


async def fall_back(
    conn: Connection,
    campaign: Campaign,
    missed: Sequence[UUID],
    ways: Sequence[Way],
    now: datetime,
) -> int:
    """Make a notice by the next channel for each missed one; for how many there was one.

    What was delivered all the same needs none.
    """
    await conn.execute(
        "delete from campaign_misses where notice_id = any($1::uuid[])", list(missed)
    )
    source = f"""select * from notices where id = any($1::uuid[])
        and delivery not in ('{Delivery.DELIVERED}', '{Delivery.READ}')"""
    return await _once_more(
        conn, source, "o.place > tried.place", f"{_BEGUN} || ':' || p.channel", missed,
        *_arguments(campaign, ways, now),
    )  # fmt: skip


async def retry(conn: Connection, campaign: Campaign, ways: Sequence[Way], now: datetime) -> int:
    """Make a notice anew for each member whose last one failed, expired or did not arrive; how
    many. A dead address or a refusal is not tried again.
    """
    source = f"""select * from notices n where n.campaign_id = any($1::uuid[])
        and (n.state in ('{State.FAILED}', '{State.EXPIRED}')
            or n.state = '{State.SENT}' and n.delivery = '{Delivery.UNDELIVERED}')
        and coalesce(n.failure, '') not in ('{FailureClass.HARD}', '{FailureClass.OPTED_OUT}')
        and not exists (select from notices l where l.debtor_id = n.debtor_id
            and l.campaign_id = n.campaign_id and l.currency = n.currency and l.id > n.id)"""
    return await _once_more(
        conn, source, "o.place = tried.place", "m.idempotency_key || ':again'", [campaign.id],
        *_arguments(campaign, ways, now),
    )  # fmt: skip


async def _once_more(
    conn: Connection, source: str, among: str, key: str, ids: Sequence[UUID], *args: Any
) -> int:
    made: int = await conn.fetchval(
        f"""with {_given(2)}, made as (
                {_NEW}
                select uuidv7(), c.creditor_id, m.debtor_id, m.account_ids, c.purpose, p.channel,
                    m.currency, p.id, {key}, {_LANE}, {_ROUTE}, now, now + c.lifetime, now, m.actor,
                    c.id, t.digest
                from ({source}) m cross join c cross join moment
                join debtors d on d.id = m.debtor_id
                join channel tried on tried.channel = m.channel
                cross join lateral {_point("m.debtor_id", among)} p
                join pin t on t.channel = p.channel and t.locale = d.locale and t.variant =
                    coalesce((select k.variant from pin k where k.digest = m.pinned limit 1), '')
                where {_ROUTE} is not null order by m.id
                on conflict (creditor_id, idempotency_key) do nothing returning id
            )
            select count(*) from made""",
        ids,
        *args,
    )
    return made
