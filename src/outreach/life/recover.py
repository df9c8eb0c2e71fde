"""Recover: after a rewind, what may have been sent and now looks unsent becomes uncertain.

Run by a person, in batches, each its own transaction; broken off, it goes on where it was. Only its
last step, the new era, lets workers send again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db import carriage, eras, events, recovery
from outreach.db.carriage import CarriageRow
from outreach.db.pool import Connection
from outreach.domain.campaign import CampaignState
from outreach.domain.contact import Channel
from outreach.domain.errors import ConfigurationError, Conflict, InvalidInput, Rewound
from outreach.domain.events import Event, EventKind, campaign_stream
from outreach.domain.states import Delivery
from outreach.ids import new_id
from outreach.ledger.envelope import prepare
from outreach.life.marks import read_all
from outreach.life.parts import Parts
from outreach.life.telling import notice_event
from outreach.life.watermark import MARKS, compare

BATCH = 500
CODE = "recovered"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What recovering would do. ``objection`` is why workers refuse; None where nothing is seen."""

    since: datetime
    due_by: datetime
    newest_event: datetime | None
    objection: str | None
    doubtful: tuple[tuple[str, str, int], ...]  # creditor, channel, count

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.doubtful)


async def plan(parts: Parts, since: datetime | None) -> Plan:
    """Look and count; raises ``InvalidInput`` for a ``since`` that cannot be right.

    Without ``since`` it is the newest event's time: the latest point there can have been.
    """
    now = parts.clock.now()
    async with parts.pool.acquire() as conn:
        objection = await _objection(conn, parts)
        newest = await eras.newest_event(conn)
        latest = newest[1] if newest else now
        if since is not None and since > latest:
            raise InvalidInput(
                f"--since is later than the newest event of this database, at {latest:%FT%TZ}",
                "give the instant the database was rewound to, or an earlier one",
            )
        since = since or latest
        rows = await recovery.count(conn, now, since)
    doubtful = tuple((row["creditor_id"], row["channel"], row["count"]) for row in rows)
    return Plan(since, now, newest[1] if newest else None, objection, doubtful)


async def _objection(conn: Connection, parts: Parts) -> str | None:
    if not await eras.known(conn):
        raise Conflict(
            "this database was restored only in part: its eras and keys are missing",
            "drop it, make an empty one, and run outreach restore again",
        )
    try:
        await compare(conn, parts.settings.data_dir / MARKS)
    except Rewound as error:
        return error.message
    return None


async def recover(
    parts: Parts, plan: Plan, actor: str, reason: str, progress: Progress = lambda *_: None
) -> tuple[int, UUID]:
    """Do it; how many notices became uncertain, and the new era."""
    if not reason.strip():
        raise InvalidInput("a reason is needed", "add --reason")
    done, after = 0, UUID(int=0)
    while True:
        async with parts.pool.acquire() as conn, conn.transaction():
            ids = await recovery.next_batch(conn, plan.due_by, plan.since, after, BATCH)
            if not ids:
                break
            done += await _doubt(conn, parts, plan, ids, actor, reason)
        after = ids[-1]
        progress(done, max(done, plan.total))
    async with parts.pool.acquire() as conn, conn.transaction():
        await recovery.close_open_batches(conn)
        await _hold_campaigns(conn, parts, actor, reason)
        era = await _begin(conn, plan.since, actor, reason)
    return done, era


async def _hold_campaigns(conn: Connection, parts: Parts, actor: str, reason: str) -> None:
    """Campaigns wait for a person: whether they began or went on meanwhile, nobody knows here."""
    now, kinds = parts.clock.now(), {CampaignState.PAUSED: EventKind.PAUSED}
    told = [
        Event(
            kind=kinds.get(row["state"], EventKind.MISSED),
            at=now,
            stream=campaign_stream(row["id"]),
            creditor_id=row["creditor_id"],
            actor=actor,
            data={"code": CODE, "reason": reason},
        )
        for row in await recovery.hold_campaigns(conn)
    ]
    await events.append(conn, [prepare(event) for event in told])


async def _doubt(
    conn: Connection, parts: Parts, plan: Plan, ids: list[UUID], actor: str, reason: str
) -> int:
    rows = await recovery.make_uncertain(conn, ids)
    await carriage.merge(conn, _letters(parts, rows))
    now, since = parts.clock.now(), f"{plan.since:%FT%TZ}"
    data: dict[str, object] = {"code": CODE, "since": since, "reason": reason}
    told = [
        notice_event(row, EventKind.UNCERTAIN, now, data | {"attempt": row["attempt"]}, actor=actor)
        for row in rows
    ]
    await events.append(conn, [prepare(event) for event in told])
    return len(rows)


def _letters(parts: Parts, rows: Sequence[asyncpg.Record]) -> list[CarriageRow]:
    """What a mail house's answer finds a letter by: the name it has there, which is its id."""
    return [
        CarriageRow(house, str(row["id"]), row["id"], row["attempt"], 0, Delivery.NONE)
        for row in rows
        if row["channel"] == Channel.LETTER and row["route"] in parts.routes
        for house in parts.routes[row["route"]].carriers
    ]


async def nothing_lost(parts: Parts, actor: str, reason: str) -> UUID:
    """A planned switch-over or move that lost no commit: a new era, and no notice touched.

    Raises ``Conflict`` for a restored database, and where a mark on this machine proves the
    contrary.
    """
    if not reason.strip():
        raise InvalidInput("a reason is needed", "add --reason")
    async with parts.pool.acquire() as conn, conn.transaction():
        if await eras.current(conn) is None:
            raise Conflict(
                "this database was restored from a backup: whatever came after it is lost",
                "outreach recover --since T --reason ...",
            )
        if lost := await missing_marks(conn, parts):
            raise Conflict(
                f"{lost} commits of this machine's workers are not in this database",
                "outreach recover --since T --reason ...",
            )
        return await _begin(conn, None, actor, reason)


async def missing_marks(conn: Connection, parts: Parts) -> int:
    marks = read_all(parts.settings.data_dir / MARKS)
    return len(await eras.missing(conn, list({m.event for m in marks if m.event})))


async def _begin(conn: Connection, since: datetime | None, actor: str, reason: str) -> UUID:
    here, era = await eras.server(conn), new_id()
    if here is None:
        raise ConfigurationError("this PostgreSQL server is a standby", "promote it first")
    await eras.begin(conn, era, here, since, actor, reason)
    return era
