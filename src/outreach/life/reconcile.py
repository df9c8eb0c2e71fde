"""Reconcile: what a dead process left between intent and result becomes uncertain, and is settled
by evidence: a late result, a receipt, a carrier's look-up, a named person. Never by sending again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson

from outreach.channels.base import Accepted, Message
from outreach.db import carriage, eras, events, notices, receipts, uncertain
from outreach.db.carriage import CarriageRow
from outreach.db.eras import Era
from outreach.db.notices import ResultRow
from outreach.db.pool import Connection
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, State
from outreach.ids import made_at
from outreach.ledger import places
from outreach.ledger.envelope import prepare
from outreach.ledger.keys import WrappedKey
from outreach.life.parts import Parts
from outreach.life.telling import notice_event
from outreach.logs import Log

ACTOR = "job:reconcile"
BATCH = 50
GRACE_SECONDS = 20.0
LOOK_UP_SECONDS = 30.0
LOOK_BACK = timedelta(minutes=5)
"""How long before our intent a carrier's clock may date the message."""

log = Log(__name__)


async def expire_leases(parts: Parts) -> int:
    """sending -> uncertain for every claim whose lease ran out; how many notices that were."""
    now, total = parts.clock.now(), 0
    async with parts.pool.acquire() as conn, conn.transaction():
        for claim in await uncertain.expired_claims(conn, BATCH):
            pairs = list(zip(claim["notice_ids"], claim["attempts"], strict=True))
            results = [
                ResultRow(notice_id, attempt, State.UNCERTAIN, code="lease")
                for notice_id, attempt in pairs
            ]
            rows = {row["id"]: row for row in await receipts.lock(conn, claim["notice_ids"])}
            results = [r for r in results if rows[r.notice_id]["state"] == State.SENDING]
            changed = await notices.record_results(conn, results)
            await events.append(
                conn,
                [
                    prepare(
                        notice_event(
                            rows[notice_id],
                            EventKind.UNCERTAIN,
                            now,
                            {
                                "code": "lease",
                                "attempt": rows[notice_id]["attempt"],
                                "worker": claim["worker"],
                            },
                            actor=ACTOR,
                        )
                    )
                    for notice_id in changed
                ],
            )
            await notices.close_claim(conn, claim["id"])
            await settle_from_carriage(conn, parts, changed)
            total += len(changed)
            parts.metrics.moved((rows[each]["channel"], State.UNCERTAIN) for each in changed)
            log.warning("lease_expired", worker=claim["worker"], uncertain=len(changed))
    return total


async def settle_from_carriage(conn: Connection, parts: Parts, notice_ids: set[UUID]) -> None:
    """A receipt that came while the notice was still ``sending`` already proves it was sent."""
    rows = {row["id"]: row for row in await receipts.lock(conn, list(notice_ids))}
    proven = {
        part["notice_id"]
        for part in await carriage.parts(conn, list(notice_ids))
        if part["attempt"] == rows[part["notice_id"]]["attempt"]
    }
    await _settle(conn, parts, [rows[i] for i in proven], State.SENT, "receipt", ACTOR)


async def _settle(
    conn: Connection,
    parts: Parts,
    rows: list[asyncpg.Record],
    state: State,
    by: str,
    actor: str,
    reason: str | None = None,
) -> int:
    """uncertain -> ``state``, told once: what somebody else settled first is left alone."""
    results = [ResultRow(row["id"], row["attempt"], state) for row in rows]
    changed = await notices.record_results(conn, results)
    parts.metrics.moved((row["channel"], state) for row in rows if row["id"] in changed)
    data: dict[str, object] = {"by": by, "as": str(state)}
    if reason:
        data["reason"] = reason
    await events.append(
        conn,
        [
            prepare(
                notice_event(
                    row,
                    EventKind.RESOLVED,
                    parts.clock.now(),
                    data | {"attempt": row["attempt"]},
                    actor=actor,
                )
            )
            for row in rows
            if row["id"] in changed
        ],
    )
    return len(changed)


async def look_up(parts: Parts) -> int:
    """Ask carriers that can tell what became of uncertain notices; how many were settled.

    Only a positive answer settles: "not found" is not "not sent".
    """
    async with parts.pool.acquire() as conn:
        era = await eras.current(conn)
        waiting = [
            row
            for row in await uncertain.uncertain_since(conn, GRACE_SECONDS, BATCH)
            if _answerable(row["event_id"], era)
        ]
        asked = [(row, _message(parts, row)) for row in waiting]
    settled = 0
    for row, message in asked:
        carrier = parts.carriers.get(row["carrier"])  # who carried it, not who would today
        if carrier is None or message is None:
            continue
        since = row["sending_at"] - LOOK_BACK
        found = await carrier.look_up(message, since)
        async with parts.pool.acquire() as conn, conn.transaction():
            (current,) = await receipts.lock(conn, [row["id"]])
            if (current["state"], current["attempt"]) != (State.UNCERTAIN, row["attempt"]):
                continue  # settled while we asked: what we found may be another's
            coded = parts.codes.mint(row["number"]) in message.text
            ours = await _ours(conn, carrier.name, row["id"], since, found, coded=coded)
            if ours is None:
                continue
            ids = [
                CarriageRow(
                    carrier.name, message_id, row["id"], row["attempt"], part, Delivery.ACCEPTED
                )
                for part, message_id in enumerate(ours)
            ]
            await carriage.merge(conn, ids)
            settled += await _settle(conn, parts, [row], State.SENT, "look_up", ACTOR)
    return settled


def _answerable(sending: UUID, era: Era | None) -> bool:
    """Whether we know of all who may own a message as old as this attempt.

    What a recovered database forgot may have said the same to the same recipient.
    """
    if era is None or not era.recovered:
        return era is not None
    return made_at(sending) - 2 * LOOK_BACK > era.at


async def _ours(
    conn: Connection,
    carrier: str,
    notice_id: UUID,
    since: datetime,
    found: Sequence[Accepted],
    *,
    coded: bool,
) -> Sequence[str] | None:
    """The ids of this notice's message among those found; None: it is not certain that one is.

    Another notice may have said the same to the same recipient, so a message proves something only
    when there is one for each notice that may be its own; of several it is not certain which is
    whose, so none is taken, and a receipt will tell. Notices are counted first: one that gets
    its id meanwhile takes its message away from us, and never leaves it behind. Words that hold the
    notice's own check code (``coded``) are nobody else's.
    """
    if not found:
        return None
    candidates = 1 if coded else await uncertain.unaccounted(conn, notice_id, since - LOOK_BACK)
    ids = [message_id for each in found for message_id in each.message_ids]
    known = await carriage.find(conn, carrier, ids)
    free = [each for each in found if known.keys().isdisjoint(each.message_ids)]
    if not free or len(free) < candidates:
        return None
    return free[0].message_ids if len(free) == 1 else ()


def _message(parts: Parts, row: asyncpg.Record) -> Message | None:
    """The message of an attempt, from the sealed payload of its ``sending`` event."""
    if row["wrapped"] is None:
        return None
    key = parts.masters.unwrap(WrappedKey(row["key_id"], row["wrapped"], row["master_version"]))
    payload = orjson.loads(key.open(row["sealed"], places.payload(row["event_id"])))
    if not isinstance(payload["to"], str):
        return None
    return Message(
        notice_id=row["id"],
        attempt=row["attempt"],
        token=parts.tokens.mint(row["id"], row["attempt"]),
        to=payload["to"],
        sender_name="",
        text=payload["text"],
        subject=payload["subject"],
        html=payload["html"],
    )


async def resolve(parts: Parts, name: str, sent: bool, actor: str, reason: str) -> UUID:
    """A named person settles an uncertain notice: ``sent``, or not sent and due again."""
    if not reason.strip():
        raise InvalidInput("a reason is needed", "add --reason")
    async with parts.pool.acquire() as conn, conn.transaction():
        found = await notices.by_number_or_id(conn, name)
        if found is None:
            raise NotFound(f"no notice {name}", "see: outreach uncertain list")
        row = (await receipts.lock(conn, [found["id"]]))[0]
        if row["state"] != State.UNCERTAIN:
            raise Conflict(f"notice {name} is {row['state']}, not uncertain")
        state = State.SENT if sent else State.PENDING
        await _settle(conn, parts, [row], state, "person", actor, reason)
        if not sent:
            await notices.requeue(conn, [(row["id"], parts.clock.now())])
        notice_id: UUID = row["id"]
        return notice_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person found out about one notice; ``row`` is where they wrote it."""

    row: int
    number: int
    sent: bool


async def resolve_all(
    parts: Parts, answers: Sequence[Answer], actor: str, reason: str, *, dry_run: bool = False
) -> list[tuple[int, str]]:
    """Settle all of them or, if any cannot be, none; ``(row, why)`` of those that cannot."""
    if not reason.strip():
        raise InvalidInput("a reason is needed", "add --reason")
    async with parts.pool.acquire() as conn, conn.transaction():
        found = await uncertain.by_numbers(conn, [answer.number for answer in answers])
        rows = {row["number"]: row for row in found}
        wrong = [(a.row, why) for a in answers if (why := _unsettled(a, rows.get(a.number)))]
        if wrong or dry_run:
            return wrong
        sent = [rows[a.number] for a in answers if a.sent]
        again = [rows[a.number] for a in answers if not a.sent]
        await _settle(conn, parts, sent, State.SENT, "person", actor, reason)
        await _settle(conn, parts, again, State.PENDING, "person", actor, reason)
        await notices.requeue(conn, [(row["id"], parts.clock.now()) for row in again])
    return []


def _unsettled(answer: Answer, row: asyncpg.Record | None) -> str | None:
    if row is None:
        return f"there is no notice {answer.number}"
    if row["state"] != State.UNCERTAIN:
        return f"notice {answer.number} is {row['state']}, not uncertain"
    return None
