"""Review: a person reads a reply, confirms what it was taken to say, or says what it does say.

A correction is an event, and reverses what the wrong reading did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
import orjson

from outreach.channels.base import Inbound
from outreach.db import callbacks, debtors, events, responses, tasks
from outreach.db.pool import Connection
from outreach.domain.contact import Channel
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.domain.frozen import frozen
from outreach.domain.response import ResponseKind, Understood
from outreach.domain.task import Outcome, TaskKind
from outreach.ids import new_id
from outreach.ledger import places
from outreach.life import receipts
from outreach.life.effects import CARRIER, Effects
from outreach.life.parts import Parts
from outreach.life.responses import hash_of_sender, record
from outreach.life.worklist import finish, open_task

_DATED = frozenset({ResponseKind.PROMISED})
_SUMMED = frozenset({ResponseKind.PROMISED, ResponseKind.CLAIMED_PAID})


@frozen
class Meaning:
    """What a person says that a reply says."""

    kinds: tuple[ResponseKind, ...]
    promised_on: date | None = None
    amount: Decimal | None = None

    def understood(self) -> list[Understood]:
        return [
            Understood(
                kind,
                "",
                self.promised_on if kind in _DATED else None,
                self.amount if kind in _SUMMED else None,
            )
            for kind in self.kinds
        ]


@dataclass(frozen=True, slots=True, repr=False)  # holds what somebody wrote
class Reply:
    """A reply opened for reading. ``text`` None: erased. ``rows`` say what it is taken to say,
    ``candidates`` are the people it may be of, where it is not known.
    """

    task: asyncpg.Record
    text: str | None
    because: Sequence[str]
    rows: Sequence[asyncpg.Record]
    candidates: Sequence[asyncpg.Record]


async def open_reply(conn: Connection, parts: Parts, number: int) -> Reply:
    """The reply of a task, closed or not; raises ``NotFound``."""
    task = await tasks.find(conn, number)
    if task is None or task["kind"] != TaskKind.REPLY:
        raise NotFound(f"task {number} is no reply", "see: outreach tasks list --kind reply")
    rows = await responses.of_reply(conn, task["subject"])
    if task["debtor_id"] is None:
        inbound, _ = await _inbound(conn, parts, rows)
        people = await _candidates(conn, parts, rows, inbound)
        return Reply(task, inbound.text if inbound else None, (), rows, people)
    said = await events.payload(conn, task["subject"])
    key = parts.open_key(said, "", said["key_id"]) if said else None
    if said is None or key is None:
        return Reply(task, None, (), rows, ())
    payload = orjson.loads(key.open(said["sealed"], places.payload(task["subject"])))
    return Reply(task, payload["text"], payload["because"], rows, ())


async def _inbound(
    conn: Connection, parts: Parts, rows: Sequence[asyncpg.Record]
) -> tuple[Inbound | None, UUID]:
    """The message as it came: a callback brings one."""
    callback_id: UUID = rows[0]["callback_id"]
    kept = await callbacks.kept(conn, callback_id)
    facts = receipts.read(parts, kept)[1] if kept else ()
    return next((fact for fact in facts if isinstance(fact, Inbound)), None), callback_id


async def _candidates(
    conn: Connection, parts: Parts, rows: Sequence[asyncpg.Record], inbound: Inbound | None
) -> list[asyncpg.Record]:
    value_hash = inbound and hash_of_sender(parts, Channel(rows[0]["channel"]), inbound)
    return await debtors.points_with_value(conn, value_hash) if value_hash else []


async def reread(conn: Connection, parts: Parts, debtor_id: UUID) -> int:
    """Put this debtor's newest reply on the list, whatever came of it: the task's number.

    Raises ``NotFound`` where they never answered.
    """
    newest = await responses.newest(conn, debtor_id)
    if newest is None:
        raise NotFound("they never answered", "see: outreach debtor show")
    reply_id, now = newest["reply_id"], parts.clock.now()
    await tasks.add(
        conn,
        new_id(),
        TaskKind.REPLY,
        reply_id,
        newest["creditor_id"],
        debtor_id,
        newest["notice_id"],
        now,
    )
    return await tasks.open_about(conn, TaskKind.REPLY, reply_id)


# ---------------------------------------------------------------------------------------- closing


async def confirm(parts: Parts, number: int, actor: str, reason: str) -> None:
    """It says what it was taken to say."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        task = await _reply_task(conn, number, known=True)
        rows, effects = await _opened(conn, parts, task, actor, now)
        for row in rows:
            await effects.settle(row)
        await effects.write()
        await finish(conn, task, actor, now, Outcome.CONFIRMED, reason)


async def correct(
    parts: Parts, number: int, meaning: Meaning, actor: str, reason: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """It says something else: what it said before is taken back; ``(was, is)``.

    Raises ``Conflict`` where a carrier's own list of refusals has them, which no person can end.
    """
    _check(meaning)
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        task = await _reply_task(conn, number, known=True)
        was, kinds, changed = await _correct(conn, parts, task, meaning, actor, now)
        outcome = Outcome.CORRECTED if changed else Outcome.CONFIRMED
        await finish(conn, task, actor, now, outcome, reason)
        return was, kinds


def _check(meaning: Meaning) -> None:
    if not meaning.kinds:
        raise InvalidInput("no meaning is given", "--meant KIND, once for each")
    alone = {ResponseKind.OTHER, ResponseKind.EMPTY} & set(meaning.kinds)
    if alone and len(set(meaning.kinds)) > 1:
        raise InvalidInput(f"{min(alone)} stands alone", "leave it out, or leave out the others")
    if meaning.promised_on and not _DATED & set(meaning.kinds):
        raise InvalidInput("only a promise has a day", "add --meant promised, or leave out --on")
    if meaning.amount is not None and not _SUMMED & set(meaning.kinds):
        raise InvalidInput(
            "only a promise or a payment has a sum", "add --meant promised, or leave out --amount"
        )


async def _correct(
    conn: Connection,
    parts: Parts,
    task: asyncpg.Record,
    meaning: Meaning,
    actor: str,
    now: datetime,
) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """What it was taken to say, what it says, and whether that differs, in its day or sum too."""
    rows, effects = await _opened(conn, parts, task, actor, now)
    meant = {each.kind: each for each in meaning.understood()}
    for row in rows:
        same = meant.get(row["kind"])
        if same and (row["promised_on"], row["amount"]) == (
            same.promised_on,
            effects.minor(same.amount),
        ):
            del meant[same.kind]
            await effects.settle(row)
        elif row["said_by"] == CARRIER and not same:
            raise Conflict(
                "the carrier itself has refused them further messages: that stays",
                f"add --meant {row['kind']}",
            )
        elif row["said_by"] != CARRIER:
            await effects.withdraw(row)
    was = tuple(dict.fromkeys(row["kind"] for row in rows))
    kinds = tuple(str(kind) for kind in dict.fromkeys(meaning.kinds))
    changed = bool(meant) or set(was) != set(kinds)
    if changed:
        effects.tell(
            EventKind.CORRECTED,
            {"reply": str(task["subject"]), "misread": list(was), "understood": list(kinds)},
        )
    for each in meant.values():
        await effects.take(task["subject"], rows[0]["callback_id"], each, actor)
    await effects.write()
    return was, kinds, changed


async def _opened(
    conn: Connection, parts: Parts, task: asyncpg.Record, actor: str, now: datetime
) -> tuple[Sequence[asyncpg.Record], Effects]:
    """What a task's reply is taken to say, and what can be made of it."""
    rows = await responses.of_reply(conn, task["subject"])
    point_id = rows[0]["point_id"]
    point = await debtors.point(conn, point_id) if point_id else None
    effects = await Effects.open(
        conn,
        parts,
        task["debtor_id"],
        point,
        task["notice_id"],
        Channel(rows[0]["channel"]),
        actor,
        now,
    )
    return rows, effects


async def attribute(parts: Parts, number: int, debtor_id: UUID, actor: str, reason: str) -> UUID:
    """A reply of nobody known is this debtor's: it is read and acted on; its new id.

    From a number or mailbox that is none of theirs nothing is marked; what it says stands.
    """
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        task = await _reply_task(conn, number, known=False)
        (row,) = await responses.of_reply(conn, task["subject"])
        inbound, callback_id = await _inbound(conn, parts, [row])
        if inbound is None:
            raise Conflict("what they wrote was erased", "close the task: --nobodys")
        channel = Channel(row["channel"])
        people = await _candidates(conn, parts, [row], inbound)
        point = next((each for each in people if each["debtor_id"] == debtor_id), None)
        notice_id = await responses.latest_notice(conn, debtor_id, channel, now)
        effects = await Effects.open(conn, parts, debtor_id, point, notice_id, channel, actor, now)
        await responses.withdraw(conn, row["id"], now)
        reply_id = await record(effects, inbound, callback_id)
        await effects.write()
        await finish(conn, task, actor, now, Outcome.CORRECTED, reason)
        return reply_id


async def nobodys(parts: Parts, number: int, actor: str, reason: str) -> None:
    """A reply of nobody we know: an advertisement, somebody else's reply."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        task = await _reply_task(conn, number, known=False)
        await finish(conn, task, actor, now, Outcome.NOBODYS, reason)


async def _reply_task(conn: Connection, number: int, *, known: bool) -> asyncpg.Record:
    """An open task about a reply whose writer is ``known``, or is not."""
    task = await open_task(conn, number)
    if task["kind"] != TaskKind.REPLY:
        raise Conflict(f"task {number} is no reply", "close it with a reason alone")
    if known and task["debtor_id"] is None:
        raise Conflict(
            f"nobody knows whose reply task {number} is", "say --whose DEBTOR, or --nobodys"
        )
    if not known and task["debtor_id"] is not None:
        raise Conflict(f"whose reply task {number} is, is known", "say --confirm, or --meant KIND")
    return task
