"""Releases: what a rule stopped, asked to go by one person and agreed to by another."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.events import EventKind
from outreach.domain.states import MOVES, State

_STOPPED = f"('{State.BLOCKED}', '{State.PENDING}')"


async def lock(conn: Connection, notice_id: UUID) -> asyncpg.Record:
    """The notice, locked for this transaction."""
    row = await conn.fetchrow("select * from notices where id = $1 for no key update", notice_id)
    assert row is not None
    return row


async def last_verdict(conn: Connection, notice_id: UUID) -> asyncpg.Record | None:
    """``kind, policy_version, data`` of what the gate said last of a notice."""
    return await conn.fetchrow(
        f"""select kind, policy_version, data from contact_events
            where notice_id = $1
                and kind in ('{EventKind.HELD}', '{EventKind.BLOCKED}', '{EventKind.SENDING}')
            order by at desc, id desc limit 1""",
        notice_id,
    )


async def of_notice(conn: Connection, notice_id: UUID) -> list[asyncpg.Record]:
    """All that was asked for it and not refused."""
    return await conn.fetch("select * from releases where notice_id = $1 order by rule", notice_id)


async def ask(
    conn: Connection, notice_id: UUID, rules: Sequence[str], reason: str, actor: str, now: datetime
) -> None:
    await conn.execute(
        """insert into releases (notice_id, rule, reason, asked_by, asked_at)
           select $1, rule, $3, $4, $5 from unnest($2::text[]) as r(rule)""",
        notice_id,
        rules,
        reason,
        actor,
        now,
    )


async def approve(
    conn: Connection, notice_id: UUID, rules: Sequence[str], actor: str, now: datetime
) -> None:
    await conn.execute(
        """update releases set approved_by = $3, approved_at = $4
           where notice_id = $1 and rule = any($2::text[])""",
        notice_id,
        rules,
        actor,
        now,
    )


async def withdraw(conn: Connection, notice_id: UUID, rules: Sequence[str]) -> None:
    """What was refused may be asked for again; the history has both."""
    await conn.execute(
        "delete from releases where notice_id = $1 and rule = any($2::text[])", notice_id, rules
    )


async def back_to_pending(conn: Connection, notice_id: UUID) -> None:
    """blocked -> pending of a locked notice; the caller queues it."""
    assert State.PENDING in MOVES[State.BLOCKED]
    await conn.execute(
        f"""update notices set state = '{State.PENDING}', code = null
            where id = $1 and state = '{State.BLOCKED}'""",
        notice_id,
    )


async def waiting(conn: Connection, now: datetime) -> list[asyncpg.Record]:
    """What waits for a second person and can still go, the oldest first."""
    return await conn.fetch(
        f"""select n.number, n.creditor_id, n.purpose, n.channel, n.state, n.expires_at, r.rule,
                r.reason, r.asked_by, r.asked_at
            from releases r join notices n on n.id = r.notice_id
            where r.approved_at is null and n.state in {_STOPPED} and n.expires_at > $1
            order by r.asked_at, n.number, r.rule""",
        now,
    )
