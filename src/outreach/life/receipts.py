"""Receipts: what kept callbacks say is applied in batches, to notices and to the history.

Nothing is applied
twice or out of order: facts merge by rank, so neither repetition nor order matters.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson

from outreach.channels.base import Callback, DeliveryFact, Fact, Inbound
from outreach.channels.token import nameless
from outreach.db import callbacks, carriage, events, notices, receipts, tasks
from outreach.db import responses as responded
from outreach.db.carriage import CarriageRow
from outreach.db.notices import ResultRow
from outreach.db.pool import Connection
from outreach.domain.contact import Channel
from outreach.domain.errors import CallbackRejected, ConfigurationError, NotFound
from outreach.domain.events import Event, EventKind
from outreach.domain.states import (
    IN_FLIGHT,
    RANK,
    Delivery,
    FailureClass,
    State,
    merge_part,
    merge_parts,
)
from outreach.domain.task import TaskKind
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.envelope import Entry, prepare
from outreach.ledger.keys import SealingKey, WrappedKey
from outreach.life import responses
from outreach.life.callbacks import accept
from outreach.life.originals import original
from outreach.life.parts import Parts
from outreach.life.telling import notice_event
from outreach.logs import Log

ACTOR = "job:receipts"
BATCH = 100
RETRIES = 20
RETRY_SECONDS = 3.0
REPORTED_WITHIN = timedelta(days=3)
"""How long after a notice was asked for a report may come that names it by its number alone."""
FAULT_SECONDS = 3600.0
"""How long a callback rests that we cannot apply: a newer version may be able to."""
_PASSING = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    ConfigurationError,  # a rewound database: until somebody has recovered it
)
"""What passes by itself: a server that is away, two that waited for each other."""

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Matched:
    """A delivery fact, the attempt it speaks of, and the callback it stood in."""

    carrier: str
    fact: DeliveryFact
    notice_id: UUID
    attempt: int
    body: bytes


async def apply_batch(parts: Parts) -> int:
    """Apply what waits, oldest first, in one transaction; how many callbacks were looked at.

    A callback that cannot be applied by a fault of ours holds up no other: it is set aside.
    """
    try:
        return await _apply(parts, BATCH)
    except _PASSING:
        raise
    except Exception as error:
        log.error("callbacks_one_by_one", error=error)
        return await _apply_singly(parts)


async def _apply_singly(parts: Parts) -> int:
    async with parts.pool.acquire() as conn:
        ids = await callbacks.ready(conn, BATCH)
    for callback_id in ids:
        try:
            await _apply(parts, 1, callback_id)
        except _PASSING:
            raise
        except Exception as error:
            log.critical("callback_fault", callback=callback_id, error=error)
            async with parts.pool.acquire() as conn:
                await callbacks.later(conn, [callback_id], FAULT_SECONDS)
    return len(ids)


async def _apply(parts: Parts, limit: int, only: UUID | None = None) -> int:
    async with parts.pool.acquire() as conn, conn.transaction():
        rows = await callbacks.take(conn, limit, only)
        done: list[UUID] = []
        later: list[UUID] = []
        matched: list[Matched] = []
        settling: set[UUID] = set()
        for row in rows:
            body, facts = read(parts, row)
            found, missing = await _match(conn, parts, row["carrier"], body, facts)
            if missing and row["tries"] < RETRIES:
                later.append(row["id"])  # it may precede our own commit
                continue
            if missing:
                of_tail = await _match_tail(conn, parts, row["carrier"], missing, body, settling)
                if of_tail is None:
                    later.append(row["id"])
                    continue
                found += of_tail
                if not of_tail:
                    log.warning("callback_unmatched", callback=row["id"], carrier=row["carrier"])
            matched += found
            for fact in facts:
                if isinstance(fact, Inbound):
                    await responses.take(conn, parts, row["carrier"], fact, row["id"])
            done.append(row["id"])
        await apply_facts(conn, parts, matched)
        await callbacks.done(conn, done)
        await callbacks.later(conn, later, RETRY_SECONDS)
    return len(rows)


def read(parts: Parts, row: asyncpg.Record) -> tuple[bytes, Sequence[Fact]]:
    """The body and the facts of a stored callback; one that cannot be read says nothing and is
    logged.
    """
    if row["wrapped"] is None:
        return b"", ()
    key = parts.masters.unwrap(WrappedKey(row["key_id"], row["wrapped"], row["master_version"]))
    fields = orjson.loads(key.open(row["sealed"], places.callback(row["id"])))
    callback = Callback(
        carrier=row["carrier"],
        path=fields["path"],
        url=fields["url"],
        headers=fields["headers"],
        body=base64.b64decode(fields["body"]),
    )
    try:
        return callback.body, parts.adapter(row["carrier"]).parse(callback)
    except (CallbackRejected, NotFound) as error:
        log.warning("callback_unreadable", callback=row["id"], error=error)
    except Exception as error:
        log.critical("callback_fault", callback=row["id"], error=error)
    return b"", ()


async def _match(
    conn: Connection, parts: Parts, carrier: str, body: bytes, facts: Sequence[Fact]
) -> tuple[list[Matched], list[DeliveryFact]]:
    """Find each delivery fact's notice: by our token, else by the carrier's message id; and those
    that have none.
    """
    wanted = [fact for fact in facts if isinstance(fact, DeliveryFact)]
    ids = [i for fact in wanted for i in (fact.message_id, fact.detail.get("mail_no")) if i]
    known = await carriage.find(conn, carrier, ids) if ids else {}
    found: list[Matched] = []
    missing: list[DeliveryFact] = []
    for fact in wanted:
        place = parts.tokens.read(fact.token) if fact.token else None
        place = (
            place or known.get(fact.message_id or "") or known.get(fact.detail.get("mail_no", ""))
        )
        if place:
            found.append(Matched(carrier, fact, *place, body))
        else:
            missing.append(fact)
    return found, missing


async def _match_tail(
    conn: Connection,
    parts: Parts,
    carrier: str,
    facts: Sequence[DeliveryFact],
    body: bytes,
    settling: set[UUID],
) -> list[Matched] | None:
    """Find messages of ours that nobody answered for, by the numbers they came from.

    Each is taken to be the first part that has no id, which of them it may be; the others are held
    to be open, so that one part that arrived does not make a message that has. None: not yet, for
    whoever sends it may still say, or another part of it is being applied (``settling``, or by
    somebody else).
    """
    found: list[Matched] = []
    since = parts.clock.now() - REPORTED_WITHIN
    for fact in facts:
        if not fact.tail:
            continue
        value_hash = parts.lookup.hash("phone", fact.to)
        sent = await responded.notice_of_tail(conn, value_hash, fact.tail, since)
        if sent is None:
            continue
        notice_id = sent["id"]
        if notice_id in settling or not await receipts.lock_if_free(conn, notice_id):
            return None
        doubt = await carriage.in_doubt(conn, notice_id)
        if doubt is None:
            continue
        if doubt["state"] == State.SENDING:
            return None
        free = [part for part in range(doubt["parts"]) if part not in doubt["known"]]
        if not free:
            continue
        settling.add(notice_id)
        token = parts.tokens.mint(notice_id, doubt["attempt"])
        open_ = [
            DeliveryFact(
                nameless(token, part + 1), token, Delivery.NONE, None, "unanswered", part=part
            )
            for part in free
        ]
        found += [
            Matched(carrier, each, notice_id, doubt["attempt"], body)
            for each in (*open_, replace(fact, part=free[0]))
        ]
    return found


async def apply_facts(conn: Connection, parts: Parts, matched: Sequence[Matched]) -> None:
    """Merge facts into carriage and notices, settle what was uncertain, and tell the history."""
    if not matched:
        return
    now = parts.clock.now()
    rows = {row["id"]: row for row in await receipts.lock(conn, [m.notice_id for m in matched])}
    matched = [m for m in matched if m.notice_id in rows]
    await carriage.merge(conn, [row for m in matched for row in _carriage_rows(m)])
    words: dict[UUID, list[asyncpg.Record]] = {}
    for part in await carriage.parts(conn, list(rows)):
        words.setdefault(part["notice_id"], []).append(part)
    told: dict[UUID, list[Matched]] = {}
    for each in matched:
        told.setdefault(each.notice_id, []).append(each)
    entries: list[Entry] = []
    settled: list[ResultRow] = []
    for notice_id, facts in told.items():
        result = _settled_by(rows[notice_id], facts)
        if result is not None:
            settled.append(result)
            entries.append(prepare(_settling_event(rows[notice_id], result, facts[-1], now)))
    if settled:
        moved = await notices.record_results(conn, settled)
        parts.metrics.moved(
            (rows[each.notice_id]["channel"], each.state)
            for each in settled
            if each.notice_id in moved
        )
    for notice_id, facts in told.items():
        key = parts.open_key(rows[notice_id], "point_", rows[notice_id]["contact_point_id"])
        parts_of = words.get(notice_id, [])
        entries += await _apply_to(conn, rows[notice_id], key, parts_of, facts, now)
    await events.append(conn, entries)


def _settled_by(row: asyncpg.Record, facts: Sequence[Matched]) -> ResultRow | None:
    """The state a receipt proves: of an uncertain notice, of a letter its mail house answers, or
    of one that waits to go again though an earlier attempt went after all.

    A letter has one name at its mail house, whatever the attempt. A receipt for a later attempt
    than the one in doubt is of a time that a rewound database has forgotten.
    """
    state = State(row["state"])
    letter = state in IN_FLIGHT and row["channel"] == Channel.LETTER
    if state is State.PENDING:
        mine = [m for m in facts if RANK[m.fact.delivery] >= RANK[Delivery.SENT]]
    else:
        mine = [m for m in facts if letter or m.attempt >= row["attempt"]]
    if not mine or not (letter or state in (State.UNCERTAIN, State.PENDING)):
        return None
    refused = letter and all(m.fact.failure is FailureClass.REJECTED for m in mine)
    proven = State.FAILED if refused else State.SENT
    code = mine[-1].fact.code if refused else None
    failure = FailureClass.REJECTED if refused else None
    return ResultRow(row["id"], row["attempt"], proven, parts=1, failure=failure, code=code)


def _settling_event(
    row: asyncpg.Record, result: ResultRow, matched: Matched, now: datetime
) -> Event:
    if row["state"] != State.SENDING:
        data: dict[str, object] = {"by": "receipt", "as": str(result.state)}
        return notice_event(
            row, EventKind.RESOLVED, now, data | {"attempt": result.attempt}, actor=ACTOR
        )
    kind = EventKind.SENT if result.state is State.SENT else EventKind.FAILED
    return notice_event(row, kind, now, _data(matched), actor=ACTOR)


def _carriage_rows(matched: Matched) -> list[CarriageRow]:
    """One row for the message, and one under the mail number a letter got on the way."""
    fact = matched.fact
    return [
        CarriageRow(
            matched.carrier,
            message_id,
            matched.notice_id,
            matched.attempt,
            fact.part,
            fact.delivery,
            fact.failure,
            fact.code,
        )
        for message_id in {fact.message_id, fact.detail.get("mail_no")}
        if message_id
    ]


_KINDS = {
    Delivery.DEFERRED: EventKind.DEFERRED,
    Delivery.UNDELIVERED: EventKind.UNDELIVERED,
    Delivery.PARTIAL: EventKind.DELIVERED,
    Delivery.DELIVERED: EventKind.DELIVERED,
    Delivery.READ: EventKind.READ,
}


def merged(parts: Sequence[asyncpg.Record], attempt: int) -> tuple[Delivery, asyncpg.Record | None]:
    """The delivery of an attempt from its parts, and the row that says so."""
    mine = [part for part in parts if part["attempt"] == attempt]
    by_part: dict[int, Delivery] = {}
    for part in mine:
        number, word = part["part"], Delivery(part["delivery"])
        by_part[number] = merge_part(by_part.get(number, Delivery.NONE), word)
    delivery = merge_parts(list(by_part.values()), len(by_part))
    telling = max(mine, key=lambda part: RANK[Delivery(part["delivery"])], default=None)
    return delivery, telling


async def _apply_to(
    conn: Connection,
    row: asyncpg.Record,
    key: SealingKey | None,
    words: Sequence[asyncpg.Record],
    facts: Sequence[Matched],
    now: datetime,
) -> list[Entry]:
    """Bring one notice's delivery up to date; the events that tell it, ``key`` seals what their
    carrier wrote.
    """
    telling_facts = {m.fact.event: m for m in facts if m.fact.event is not None}
    entries = []
    for kind, m in telling_facts.items():
        if await receipts.first_time(conn, row["id"], kind):
            entries.append(_told(row, kind, m, key, now))
            if kind is EventKind.RETURNED:
                await _open_task(conn, row, now)
    if any(m.fact.asks for m in facts):
        await _open_task(conn, row, now)
    attempt = max([row["attempt"], *(m.attempt for m in facts)])
    delivery, telling = merged(words, attempt)
    old = Delivery(row["delivery"])
    if telling is None or RANK[delivery] <= RANK[old]:
        return entries
    failure = FailureClass(telling["failure"]) if telling["failure"] else None
    failed = old is Delivery.UNDELIVERED or any(
        m.fact.delivery is Delivery.UNDELIVERED for m in facts if m.attempt == attempt
    )
    conflict = failed and delivery in (Delivery.DELIVERED, Delivery.READ)
    await receipts.set_delivery(
        conn,
        row["id"],
        delivery,
        failure if delivery is Delivery.UNDELIVERED else None,
        telling["code"] if delivery is Delivery.UNDELIVERED else None,
        conflict,
    )
    said = max(facts, key=lambda m: RANK[m.fact.delivery])
    if delivery in _KINDS and all(m.fact.event is None for m in facts):
        more: dict[str, object] = {"delivery": str(delivery), "conflict": conflict}
        if failure:
            more["class"] = str(failure)
        entries.append(_told(row, _KINDS[delivery], said, key, now, more))
    if failure and delivery is Delivery.UNDELIVERED:
        entries += await responses.point_failed(conn, row, failure, now)
    return entries


async def _open_task(conn: Connection, row: asyncpg.Record, now: datetime) -> None:
    """It came back: somebody must find out where the debtor is, or what a mail system meant."""
    await tasks.add(
        conn,
        new_id(),
        TaskKind.RETURNED,
        row["id"],
        row["creditor_id"],
        row["debtor_id"],
        row["id"],
        now,
    )


def _told(
    row: asyncpg.Record,
    kind: EventKind,
    matched: Matched,
    key: SealingKey | None,
    now: datetime,
    more: Mapping[str, object] | None = None,
) -> Entry:
    """The event, with the carrier's own words sealed in it unless the address was erased."""
    data, payload = original(matched.body, matched.fact.row)
    data |= _data(matched) | dict(more or {})
    event = notice_event(row, kind, now, data, actor=ACTOR, payload=payload if key else None)
    return prepare(event, key)


def _data(matched: Matched) -> dict[str, object]:
    fact = matched.fact
    data: dict[str, object] = {
        "carrier": matched.carrier,
        "attempt": matched.attempt,
        "code": fact.code,
        **fact.detail,
    }
    if fact.at:
        data["carrier_time"] = fact.at.isoformat()
    return data


async def receive(parts: Parts) -> int:
    """Collect mail houses' answer files and apply a batch; how many callbacks were looked at."""
    await collect_files(parts)
    return await apply_batch(parts)


async def collect_files(parts: Parts) -> None:
    """Keep each answer file like a callback; it leaves the inbox only once it is kept."""
    for house in parts.mail_houses.values():
        for callback, path in await house.collect():
            try:
                await accept(parts, callback)
            except CallbackRejected as error:
                log.warning("answer_file_refused", carrier=house.name, error=error)
            await house.archive(path)
