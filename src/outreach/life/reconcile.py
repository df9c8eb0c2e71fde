"""Reconcile: what a dead process left between intent and result becomes uncertain, and is settled
by evidence: a late result, a receipt, a carrier's look-up, a named person. Never by sending again.
"""

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

import asyncpg
import orjson

from outreach.channels.base import Accepted, Message
from outreach.db import carriage, events, notices, receipts, uncertain
from outreach.db.carriage import CarriageRow
from outreach.db.notices import ResultRow
from outreach.db.pool import Connection
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, State
from outreach.ledger import places
from outreach.ledger.envelope import prepare
from outreach.ledger.keys import WrappedKey
from outreach.life.parts import Parts
from outreach.life.telling import notice_event

ACTOR = "job:reconcile"
BATCH = 50
GRACE_SECONDS = 20.0
LOOK_UP_SECONDS = 30.0

log = logging.getLogger(__name__)


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
                            {"code": "lease", "attempt": rows[notice_id]["attempt"]},
                            actor=ACTOR,
                        )
                    )
                    for notice_id in changed
                ],
            )
            await notices.close_claim(conn, claim["id"])
            await settle_from_carriage(conn, parts, changed)
            total += len(changed)
            log.warning(
                "a lease of %s ran out: %d notices uncertain", claim["worker"], len(changed)
            )
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
        waiting = await uncertain.uncertain_since(conn, GRACE_SECONDS, BATCH)
        asked = [(row, _message(parts, row)) for row in waiting]
    settled = 0
    for row, message in asked:
        route = parts.routes.get(row["route"])
        carrier = parts.carriers.get(route.carrier) if route else None
        if carrier is None or message is None:
            continue
        outcome = await carrier.look_up(message, row["sending_at"] - timedelta(minutes=5))
        if not isinstance(outcome, Accepted):
            continue
        async with parts.pool.acquire() as conn, conn.transaction():
            await receipts.lock(conn, [row["id"]])
            ids = [
                CarriageRow(
                    carrier.name, message_id, row["id"], row["attempt"], part, Delivery.ACCEPTED
                )
                for part, message_id in enumerate(outcome.message_ids)
            ]
            await carriage.merge(conn, ids)
            settled += await _settle(conn, parts, [row], State.SENT, "look_up", ACTOR)
    return settled


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


async def run(parts: Parts, stopping: asyncio.Event) -> None:
    """Expire leases every second, look up what stays open now and then, until told to stop."""
    loop = asyncio.get_running_loop()
    next_look_up = loop.time()
    while not stopping.is_set():
        await expire_leases(parts)
        if loop.time() >= next_look_up:
            await look_up(parts)
            next_look_up = loop.time() + LOOK_UP_SECONDS
        try:
            await asyncio.wait_for(stopping.wait(), 1.0)
        except TimeoutError:
            continue
