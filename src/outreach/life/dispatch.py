"""Dispatch: claim, gate, render, commit intent, send, record. The heart of the product.

Woken by a bell, it works a lane's route in chunks. The transaction that commits a chunk's intent
also records the chunk before it, so each chunk costs one. Between them, with no transaction open,
the chunk is on the wire. Whatever dies in between leaves ``sending`` rows under a lease, and
``reconcile`` makes them ``uncertain``: nothing is ever sent again on a guess.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from outreach.channels.base import (
    Carrier,
    Outcome,
    OutcomeUnknown,
    TemporaryFailure,
)
from outreach.clock import monotonic, new_id
from outreach.db import events, facts, notices
from outreach.db.notices import Claim
from outreach.db.pool import Connection
from outreach.domain.contact import Channel
from outreach.ledger.envelope import Entry
from outreach.life.parts import Parts
from outreach.life.prepare import (
    Drop,
    Go,
    Prepared,
    Wait,
    keep_templates,
    prepare_notice,
    same_day,
    sending_entry,
)
from outreach.life.results import record
from outreach.life.stops import Stops

NOT_WRITTEN = "not_written"
BELL_SECONDS = 60.0
"""How long one bell is answered; the feed rings again for what is left."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Notices whose intent is committed, under a lease that ends at ``deadline`` (monotonic)."""

    claim_id: UUID
    carrier: Carrier
    going: tuple[Go, ...]
    deadline: float


@dataclass(frozen=True, slots=True)
class SentChunk:
    """A chunk that has been on the wire, with an outcome for each notice."""

    chunk: Chunk
    outcomes: tuple[Outcome, ...]


class Dispatcher:
    """Works routes of SMS and email for one worker process."""

    def __init__(self, parts: Parts, stops: Stops, worker: str, draining: asyncio.Event) -> None:
        self._parts = parts
        self._stops = stops
        self._worker = worker
        self._draining = draining
        self._places = {
            name: asyncio.Semaphore(carrier.concurrency) for name, carrier in parts.carriers.items()
        }
        self._kept: set[str] = set()  # digests of template versions known to be kept

    async def run(self, lane: str, route: str) -> int:
        """Send until nothing of this lane and route is due; how many notices went to the wire."""
        carrier = self._parts.carriers[self._parts.routes[route].carrier]
        previous: SentChunk | None = None
        total, enough = 0, monotonic() + BELL_SECONDS
        while True:
            last = self._draining.is_set() or monotonic() > enough
            try:
                chunk = await self._commit(lane, route, carrier, previous, last=last)
            except Exception:
                # whatever broke the next chunk, what has been sent must be recorded
                if previous is not None:
                    await self._commit(lane, route, carrier, previous, last=True)
                raise
            if chunk is None:
                return total
            previous = SentChunk(chunk, await self._send(chunk)) if chunk.going else None
            total += len(chunk.going)

    async def _commit(
        self, lane: str, route: str, carrier: Carrier, previous: SentChunk | None, *, last: bool
    ) -> Chunk | None:
        """Record the previous chunk and commit the next one's intent; None when that is all."""
        parts = self._parts
        lease = timedelta(seconds=parts.settings.lease_seconds)
        async with parts.pool.acquire() as conn, conn.transaction():
            entries = await _record(conn, parts, previous) if previous else []
            now = parts.clock.now()
            rows = [] if last else await facts.claim(conn, lane, route, now, parts.settings.chunk)
            if not rows:
                await events.append(conn, entries)
                return None
            today: dict[UUID, int] = {}
            prepared = []
            for row in rows:
                each = prepare_notice(parts, row, now, today.get(row["debtor_id"], 0))
                same_day(today, each)
                prepared.append(each)
            going = tuple(each for each in prepared if isinstance(each, Go))
            kept = await keep_templates(conn, going, now, self._kept)
            await hold_and_drop(conn, prepared)
            claim = Claim(new_id(), self._worker, lease)
            deadline = monotonic() + parts.settings.lease_seconds * 0.9
            if going:
                await notices.start_sending(conn, [each.intent for each in going], claim)
            entries += [sending_entry(each, carrier.name, now) for each in going]
            await events.append(conn, entries)
        self._kept |= kept
        return Chunk(claim.id, carrier, going, deadline)

    async def _send(self, chunk: Chunk) -> tuple[Outcome, ...]:
        """Put the chunk on the wire, as many at once as the carrier bears."""
        return tuple(await asyncio.gather(*(self._send_one(chunk, go) for go in chunk.going)))

    async def _send_one(self, chunk: Chunk, go: Go) -> Outcome:
        async with self._places[chunk.carrier.name]:
            # Asked at the last moment before the wire: a lease that ran out belongs to reconcile,
            # a verdict that ran out (the window closed, a stop was set) to the next claim.
            if monotonic() > chunk.deadline:
                return TemporaryFailure(NOT_WRITTEN, throttled=True)
            if self._parts.clock.now() >= go.until or self._stops.cover(
                go.row["creditor_id"], Channel(go.row["channel"])
            ):
                return TemporaryFailure(NOT_WRITTEN, retry_after=timedelta(0), throttled=True)
            try:
                return await chunk.carrier.send(go.message())
            except Exception as error:
                # an adapter's fault: it may have written before it failed
                log.critical(
                    "carrier %s failed by a fault of ours on notice %s: %s",
                    chunk.carrier.name,
                    go.row["id"],
                    type(error).__name__,
                )
                return OutcomeUnknown(f"fault:{type(error).__name__}")


async def hold_and_drop(conn: Connection, prepared: Sequence[Prepared]) -> None:
    """Record what does not go now: held notices wait on, dropped ones leave the queue."""
    waits = [each for each in prepared if isinstance(each, Wait)]
    if waits:
        known = await events.last_hold(conn, [each.row["id"] for each in waits])
        fresh = [each for each in waits if known.get(each.row["id"]) != list(each.rules)]
        await notices.requeue(conn, [(each.row["id"], each.until) for each in waits])
        await events.append(conn, [each.entry for each in fresh])
    drops = [each for each in prepared if isinstance(each, Drop)]
    if drops:
        await notices.leave_queue(conn, [(each.row["id"], each.state, each.code) for each in drops])
        await events.append(conn, [each.entry for each in drops])


async def _record(conn: Connection, parts: Parts, sent: SentChunk) -> list[Entry]:
    chunk = sent.chunk
    return await record(conn, parts, chunk.claim_id, chunk.carrier.name, chunk.going, sent.outcomes)
