"""What waits for a person, from when it was seen until somebody closed it."""

from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.db.standings import STANDS
from outreach.domain.debtor import Standing
from outreach.domain.response import ResponseKind
from outreach.domain.task import Outcome, TaskKind

_ANSWERED = f"'{Standing.DISPUTE}', '{Standing.COMPLAINT}'"


async def add(
    conn: Connection,
    task_id: UUID,
    kind: TaskKind,
    subject: UUID,
    creditor_id: str | None,
    debtor_id: UUID | None,
    notice_id: UUID | None,
    since: datetime,
) -> None:
    """One task; nothing, if one of this kind about this subject is open already."""
    await conn.execute(
        """insert into tasks (id, kind, subject, creditor_id, debtor_id, notice_id, since)
           values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing""",
        task_id,
        kind,
        subject,
        creditor_id,
        debtor_id,
        notice_id,
        since,
    )


async def find(conn: Connection, number: int) -> asyncpg.Record | None:
    """The task, locked until the transaction ends."""
    return await conn.fetchrow("select * from tasks where number = $1 for update", number)


async def open_about(conn: Connection, kind: TaskKind, subject: UUID) -> int:
    """The number of the open task of this kind about this subject."""
    number: int = await conn.fetchval(
        "select number from tasks where kind = $1 and subject = $2 and closed_at is null",
        kind,
        subject,
    )
    return number


async def listed(
    conn: Connection,
    *,
    creditor_id: str | None = None,
    kind: TaskKind | None = None,
    taken_by: str | None = None,
    limit: int | None,
) -> list[asyncpg.Record]:
    """Open tasks, those first whose time runs out; each with what its reply was taken to say."""
    return await conn.fetch(
        """select t.number, t.kind, t.creditor_id, t.debtor_id, t.since, t.due_by, t.taken_by,
               n.number as notice, d.zone,
               (select array_agg(r.kind order by r.at, r.id) from responses r
                where t.kind = 'reply' and r.reply_id = t.subject and r.withdrawn_at is null)
                   as understood
           from tasks t left join notices n on n.id = t.notice_id
               left join debtors d on d.id = t.debtor_id
           where t.closed_at is null and ($1::text is null or t.creditor_id = $1)
               and ($2::text is null or t.kind = $2) and ($3::text is null or t.taken_by = $3)
           order by t.due_by nulls last, t.since, t.number limit $4""",
        creditor_id,
        kind,
        taken_by,
        limit,
    )


async def take(conn: Connection, task_id: UUID, actor: str, now: datetime) -> None:
    await conn.execute(
        "update tasks set taken_by = $2, taken_at = $3 where id = $1", task_id, actor, now
    )


async def close(
    conn: Connection, task_id: UUID, actor: str, now: datetime, outcome: Outcome, reason: str
) -> None:
    await conn.execute(
        """update tasks set closed_by = $2, closed_at = $3, outcome = $4, reason = $5
           where id = $1""",
        task_id,
        actor,
        now,
        outcome,
        reason,
    )


async def open_counts(conn: Connection) -> dict[str, int]:
    rows = await conn.fetch("select kind, count(*) from tasks where closed_at is null group by 1")
    return {row["kind"]: row["count"] for row in rows}


# -------------------------------------------------------- what opens and closes by its matter


async def follow_uncertain(conn: Connection, seconds: float, now: datetime, actor: str) -> int:
    """A task for each notice that is uncertain for so long; how many opened or closed."""
    opened = await conn.execute(
        f"""insert into tasks (id, kind, subject, creditor_id, debtor_id, notice_id, since)
            select gen_random_uuid(), '{TaskKind.UNCERTAIN}', n.id, n.creditor_id, n.debtor_id,
                n.id, u.since
            from uncertain u join notices n on n.id = u.notice_id
            where u.since < clock_timestamp() - make_interval(secs => $1)
            on conflict do nothing""",
        seconds,
    )
    gone = "not exists (select from uncertain u where u.notice_id = t.subject)"
    return _count(opened) + await _settle(conn, TaskKind.UNCERTAIN, gone, now, actor)


async def follow_holds(conn: Connection, now: datetime, actor: str) -> int:
    """A task for each dispute and complaint that stands, due as its clock says."""
    stands = STANDS.format(now="$1")
    opened = await conn.execute(
        f"""insert into tasks as t (id, kind, subject, creditor_id, debtor_id, since, due_by)
            select gen_random_uuid(), '{TaskKind.HOLD}', s.id, d.creditor_id, d.id, s.since,
                s.answer_by
            from standings s join debtors d on d.id = s.debtor_id
            where s.kind in ({_ANSWERED}) and {stands}
            on conflict (kind, subject) where closed_at is null
            do update set due_by = excluded.due_by
            where t.due_by is distinct from excluded.due_by""",
        now,
    )
    gone = f"not exists (select from standings s where s.id = t.subject and {stands})"
    return _count(opened) + await _settle(conn, TaskKind.HOLD, gone, now, actor)


async def _settle(conn: Connection, kind: TaskKind, gone: str, now: datetime, actor: str) -> int:
    closed = await conn.execute(
        f"""update tasks t set closed_by = $2, closed_at = $1, outcome = '{Outcome.SETTLED}'
            where t.closed_at is null and t.kind = '{kind}' and {gone}""",
        now,
        actor,
    )
    return _count(closed)


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])


async def promises_over(conn: Connection, before: datetime, limit: int) -> list[asyncpg.Record]:
    """Promises whose time was over by then, each with what was paid since it was made.

    A payment that was reversed counts as none; ``paid`` is in minor units, of all the person's
    accounts, for a promise names none.
    """
    return await conn.fetch(
        f"""select s.id, s.debtor_id, d.creditor_id,
               (select r.amount from responses r where r.debtor_id = s.debtor_id
                    and r.kind = '{ResponseKind.PROMISED}' and r.withdrawn_at is null
                    and r.at >= s.since order by r.at desc, r.id desc limit 1) as amount,
               (select coalesce(sum(p.amount), 0)::bigint from parties y
                join payments p on p.account_id = y.account_id and p.posted_at >= s.since
                where y.debtor_id = s.debtor_id and p.kind = 'payment' and not exists (
                    select from payments r where r.creditor_id = p.creditor_id
                        and r.reverses = p.reference)) as paid
           from standings s join debtors d on d.id = s.debtor_id
           where s.kind = '{Standing.PROMISE}' and s.ended_at is null and s.expires_at <= $1
           order by s.expires_at, s.id limit $2""",
        before,
        limit,
    )
