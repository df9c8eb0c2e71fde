"""Results: what a carrier's answer means for a notice, and writing it down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from outreach.channels.base import (
    Accepted,
    Outcome,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.clock import random_fraction
from outreach.db import debtors, notices
from outreach.db.carriage import CarriageRow
from outreach.db.notices import ResultRow
from outreach.db.pool import Connection
from outreach.domain.events import Event, EventKind
from outreach.domain.frozen import frozen
from outreach.domain.states import Delivery, FailureClass, State
from outreach.ledger.envelope import Entry, prepare
from outreach.life.intent import Chunk
from outreach.life.pacing import NOT_WRITTEN, told_of
from outreach.life.parts import Parts
from outreach.life.prepare import Go
from outreach.life.reconcile import settle_from_carriage
from outreach.life.retry import decide_retry
from outreach.life.telling import DISPATCH, notice_event
from outreach.logs import Log
from outreach.pace import Told

ACCOUNT_PAUSE = timedelta(minutes=15)
UNWRITTEN = TemporaryFailure(NOT_WRITTEN, throttled=True)
"""Never put on the wire: the lease had run out."""
UNWRITTEN_NOW = TemporaryFailure(NOT_WRITTEN, retry_after=timedelta(0), throttled=True)
"""The same, and due again at once: the verdict had run out, a stop was set, a commit broke."""

log = Log(__name__)


@frozen
class Result:
    """An outcome turned into what is written: a state, an event, and what follows."""

    row: ResultRow
    entry: Entry
    due: datetime | None = None
    carriage: tuple[CarriageRow, ...] = ()
    mark: str | None = None  # the contact point's field to set


def understand(go: Go, outcome: Outcome, carrier: str, parts: Parts, now: datetime) -> Result:
    """Decide what an outcome means for its notice; pure but for the retry's jitter."""
    match outcome:
        case Accepted():
            return _accepted(go, outcome, carrier, now)
        case TemporaryFailure():
            return _temporary(go, outcome, parts, now)
        case PermanentFailure(kind=FailureClass.ACCOUNT):
            pause = TemporaryFailure(outcome.code, ACCOUNT_PAUSE, throttled=True)
            return _temporary(go, pause, parts, now)
        case PermanentFailure():
            return _permanent(go, outcome, now)
        case OutcomeUnknown():
            return _unknown(go, outcome, now)


_MARKS = {FailureClass.HARD: "dead_at", FailureClass.OPTED_OUT: "opted_out_at"}


def _accepted(go: Go, outcome: Accepted, carrier: str, now: datetime) -> Result:
    parts = tuple(
        CarriageRow(carrier, message_id, go.row["id"], go.attempt, part, Delivery.ACCEPTED)
        for part, message_id in enumerate(outcome.message_ids)
    )
    data: dict[str, object] = {
        "carrier": carrier,
        "message_ids": list(outcome.message_ids),
        "parts": outcome.parts,
        "attempt": go.attempt,
    }
    event = notice_event(go.row, EventKind.SENT, now, data, payload={"answer": outcome.raw})
    row = ResultRow(go.row["id"], go.attempt, State.SENT, outcome.parts)
    return Result(row, prepare(event, go.key), carriage=parts)


def _temporary(go: Go, outcome: TemporaryFailure, parts: Parts, now: datetime) -> Result:
    retry = decide_retry(
        outcome,
        go.attempt,
        parts.settings.max_attempts,
        now,
        go.row["expires_at"],
        random_fraction(),
    )
    data: dict[str, object] = {"code": outcome.code, "why": retry.why}
    if retry.at is None:
        row = ResultRow(go.row["id"], go.attempt, State.FAILED, code=outcome.code)
        return _result(go, row, EventKind.FAILED, now, data)
    data["again"] = retry.at.isoformat()
    row = ResultRow(
        go.row["id"], go.attempt, State.PENDING, code=outcome.code, unused=outcome.throttled
    )
    return _result(go, row, EventKind.DEFERRED, now, data, due=retry.at)


def _permanent(go: Go, outcome: PermanentFailure, now: datetime) -> Result:
    data: dict[str, object] = {"code": outcome.code, "class": str(outcome.kind)}
    row = ResultRow(go.row["id"], go.attempt, State.FAILED, failure=outcome.kind, code=outcome.code)
    return _result(go, row, EventKind.FAILED, now, data, mark=_MARKS.get(outcome.kind))


def _unknown(go: Go, outcome: OutcomeUnknown, now: datetime) -> Result:
    row = ResultRow(go.row["id"], go.attempt, State.UNCERTAIN, code=outcome.code)
    return _result(go, row, EventKind.UNCERTAIN, now, {"code": outcome.code})


def _result(
    go: Go,
    row: ResultRow,
    kind: EventKind,
    now: datetime,
    data: dict[str, object],
    due: datetime | None = None,
    mark: str | None = None,
) -> Result:
    event = notice_event(go.row, kind, now, data | {"attempt": go.attempt})
    return Result(row, prepare(event), due, mark=mark)


@dataclass(frozen=True, slots=True)
class SentChunk:
    """A chunk that has been on the wire. ``results`` hold their events' ids already, so that
    recording can be tried again without telling anything twice; ``told`` is what they say of the
    carrier.
    """

    chunk: Chunk
    results: tuple[Result, ...]
    told: Told


def said(outcome: Outcome) -> tuple[str, str]:
    """An outcome in two of our own words, for counting: which, and why."""
    match outcome:
        case Accepted():
            return "accepted", ""
        case TemporaryFailure(code=code) if code == NOT_WRITTEN:
            return "unwritten", ""
        case TemporaryFailure():
            return "temporary", "throttled" if outcome.throttled else ""
        case PermanentFailure():
            return "permanent", outcome.kind
        case OutcomeUnknown():
            return "unknown", ""


def _refusal(outcomes: Sequence[Outcome]) -> str:
    return next(
        outcome.code
        for outcome in outcomes
        if isinstance(outcome, PermanentFailure) and outcome.kind is FailureClass.ACCOUNT
    )


def answered(parts: Parts, chunk: Chunk, outcomes: Sequence[Outcome]) -> SentChunk:
    """A chunk with what its carrier answered, notice by notice."""
    now = parts.clock.now()
    results = tuple(
        understand(go, outcome, chunk.carrier.name, parts, now)
        for go, outcome in zip(chunk.going, outcomes, strict=True)
    )
    told = told_of(outcomes)
    if told.refused_account:
        log.error("account_refused", carrier=chunk.carrier.name, code=_refusal(outcomes))
    return SentChunk(chunk, results, told)


async def record(conn: Connection, parts: Parts, sent: SentChunk) -> list[Entry]:
    """Write what became of a chunk; the events that tell it are the caller's to append.

    A state that has moved on meanwhile (an expired lease was settled otherwise) is left alone; the
    event and the carrier's ids are kept all the same, as an observation.
    """
    await notices.close_claim(conn, sent.chunk.claim_id)
    results = sent.results
    settled = await notices.record_results(
        conn,
        [result.row for result in results],
        [row for result in results for row in result.carriage],
    )
    parts.metrics.moved(
        (sent.chunk.carrier.channel, result.row.state)
        for result in results
        if result.row.notice_id in settled
    )
    again = [(r.row.notice_id, r.due) for r in results if r.due and r.row.notice_id in settled]
    if again:
        await notices.requeue(conn, again)
    marked = await _mark_points(conn, sent)
    unknown = {r.row.notice_id for r in results if r.row.state is State.UNCERTAIN} & settled
    if unknown:
        await settle_from_carriage(conn, parts, unknown)
    return [result.entry for result in results] + marked


async def _mark_points(conn: Connection, sent: SentChunk) -> list[Entry]:
    """Set what an outcome says of the contact points; the events of those it changed."""
    changed: list[Entry] = []
    for result, go in zip(sent.results, sent.chunk.going, strict=True):
        at = result.entry.event.at
        if result.mark and await debtors.mark_point(
            conn, go.row["contact_point_id"], result.mark, at
        ):
            changed.append(prepare(point_event(go.row, result.mark, at)))
    return changed


def point_event(row: asyncpg.Record, mark: str, now: datetime, actor: str = DISPATCH) -> Event:
    """The contact point learnt something: dead, opted out or another person's."""
    data: dict[str, object] = {"point": str(row["contact_point_id"]), "mark": mark}
    return notice_event(row, EventKind.CONTACT_CHANGED, now, data, actor=actor)
