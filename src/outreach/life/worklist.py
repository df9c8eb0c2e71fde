"""Tasks: what waits for a person is taken and closed by one, each closing told in the history.

What has a matter of its own, an uncertain notice or a dispute, closes when that is settled.
"""

from datetime import datetime, timedelta

import asyncpg

from outreach.db import debtors, events, standings, tasks
from outreach.db.pool import Connection
from outreach.domain.debtor import Standing
from outreach.domain.errors import Conflict, NotFound
from outreach.domain.events import Event, EventKind, debtor_stream, user_stream
from outreach.domain.task import CLOSES_WITH, Outcome, TaskKind
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, prepare
from outreach.life.parts import Parts

ACTOR = "job:tasks"
FOLLOW_SECONDS = 15.0
POSTING = timedelta(days=1)
"""How long after a promise's pause its payment may take to be in the books."""
BATCH = 500


async def follow(parts: Parts) -> int:
    """Open and close tasks as their matters stand, and judge promises; how many changed."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        seconds = parts.settings.uncertain_minutes * 60
        changed = await tasks.follow_uncertain(conn, seconds, now, ACTOR)
        changed += await tasks.follow_holds(conn, now, ACTOR)
        return changed + await _judge_promises(conn, now)


async def _judge_promises(conn: Connection, now: datetime) -> int:
    """End promises whose time is over: kept, kept in part or broken; a person hears of the last."""
    found = await tasks.promises_over(conn, now - POSTING, BATCH)
    whose = {row["debtor_id"] for row in found}
    await debtors.lock(conn, list(whose))
    # read again: another worker may have judged one meanwhile, or a reply have given it longer
    over = [
        r for r in await tasks.promises_over(conn, now - POSTING, BATCH) if r["debtor_id"] in whose
    ]
    await standings.end(conn, [row["id"] for row in over], now)
    entries: list[Entry] = []
    for row in over:
        came_of_it = _came_of(row["paid"], row["amount"])
        data: dict[str, object] = {
            "standing_id": str(row["id"]),
            "standing": str(Standing.PROMISE),
            "reason": came_of_it,
        }
        entries.append(_event(row, EventKind.STANDING_ENDED, ACTOR, now, data))
        if came_of_it != "kept":
            await tasks.add(
                conn,
                new_id(),
                TaskKind.BROKEN_PROMISE,
                row["id"],
                row["creditor_id"],
                row["debtor_id"],
                None,
                now,
            )
    await events.append(conn, entries)
    return len(over)


def _came_of(paid: int, promised: int | None) -> str:
    if paid >= (promised or 1):
        return "kept"
    return "kept_in_part" if paid > 0 else "broken"


# ------------------------------------------------------------------------------------ by a person


async def take(parts: Parts, number: int, actor: str, *, over: bool = False) -> None:
    """Take a task, so that nobody else works on it; ``over`` from whoever has it."""
    async with parts.pool.acquire() as conn, conn.transaction():
        row = await open_task(conn, number)
        if row["taken_by"] not in (None, actor) and not over:
            raise Conflict(f"task {number} is with {row['taken_by']}", "take it --over")
        await tasks.take(conn, row["id"], actor, parts.clock.now())


async def close(parts: Parts, number: int, actor: str, reason: str) -> None:
    """Close one that is not a reply: something was done about it, as ``reason`` says."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        row = await open_task(conn, number)
        kind = TaskKind(row["kind"])
        if kind in CLOSES_WITH:
            raise Conflict(
                f"task {number} closes once its matter is settled", f"run: {CLOSES_WITH[kind]}"
            )
        if kind is TaskKind.REPLY:
            raise Conflict(
                f"task {number} is a reply", "say what it says: --confirm, --meant or --nobodys"
            )
        await finish(conn, row, actor, now, Outcome.DONE, reason)


async def open_task(conn: Connection, number: int) -> asyncpg.Record:
    """The task of this number, locked; raises ``NotFound``, or ``Conflict`` once it is closed."""
    row = await tasks.find(conn, number)
    if row is None:
        raise NotFound(f"there is no task {number}", "see: outreach tasks list")
    if row["closed_at"] is not None:
        raise Conflict(f"task {number} was closed by {row['closed_by']}: {row['outcome']}")
    return row


async def finish(
    conn: Connection,
    row: asyncpg.Record,
    actor: str,
    now: datetime,
    outcome: Outcome,
    reason: str,
) -> None:
    """Close a task, and tell it where it belongs."""
    await tasks.close(conn, row["id"], actor, now, outcome, reason)
    data: dict[str, object] = {
        "task": row["number"],
        "about_task": row["kind"],
        "outcome": str(outcome),
        "reason": reason,
    }
    await events.append(conn, [_event(row, EventKind.TASK_DONE, actor, now, data)])


def _event(
    row: asyncpg.Record, kind: EventKind, actor: str, now: datetime, data: dict[str, object]
) -> Entry:
    """In the debtor's history; where no debtor is known, in that of whoever acts."""
    debtor_id = row["debtor_id"]
    stream = debtor_stream(debtor_id) if debtor_id else user_stream(actor.removeprefix("user:"))
    return prepare(
        Event(
            kind=kind,
            at=now,
            stream=stream,
            creditor_id=row["creditor_id"] or "",
            actor=actor,
            debtor_id=debtor_id,
            notice_id=row.get("notice_id"),
            data=data,
        )
    )
