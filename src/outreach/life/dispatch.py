"""Dispatch: claim, gate, render, commit intent, send, record. The heart of the product.

Woken by a bell, it works a lane's route in chunks. The transaction that commits a chunk's intent
also records the chunk before it, so each chunk costs one. Between them, with no transaction open,
the chunk is on the wire. Whatever dies in between leaves ``sending`` rows under a lease, and
``reconcile`` makes them ``uncertain``: nothing is ever sent again on a guess.

A slot prepares no chunk while another of its own is on the wire: that would hide some waiting, and
double what a crash leaves uncertain. The slots beside it fill the wait as well.
"""

import asyncio
from itertools import count

import asyncpg

from outreach.channels.base import Outcome, OutcomeUnknown
from outreach.clock import monotonic
from outreach.db import events, facts
from outreach.db.pool import about_data
from outreach.domain.notice import Lane
from outreach.life import rescue
from outreach.life.intent import Chunk, intend
from outreach.life.parts import Parts
from outreach.life.prepare import Go
from outreach.life.results import UNWRITTEN, UNWRITTEN_NOW, SentChunk, answered, record, said
from outreach.life.stops import Stops
from outreach.life.turns import Grant, Turns
from outreach.logs import Log
from outreach.pace import Pace

BELL_SECONDS = 60.0
"""How long one bell is answered; the feed rings again for what is left."""

log = Log(__name__)


class Dispatcher:
    """Works routes of SMS and email for one worker process."""

    def __init__(
        self, parts: Parts, stops: Stops, pace: Pace, worker: str, draining: asyncio.Event
    ) -> None:
        self._parts = parts
        self._stops = stops
        self._pace = pace
        self._worker = worker
        self._draining = draining
        self._runs = count(1)
        self._said: dict[str, str] = {}
        self._kept: set[str] = set()  # digests of template versions known to be kept

    async def run(self, lane: str, route: str) -> int:
        """Send until nothing of this lane and route is due; how many notices went to the wire."""
        holder = f"{self._worker}:{lane}:{route}:{next(self._runs)}"
        turns = Turns(
            self._parts,
            self._pace,
            self._parts.routes[route],
            holder,
            urgent=lane == Lane.URGENT,
            said=self._said,
        )
        try:
            return await self._run(lane, route, turns)
        finally:
            await turns.leave()

    async def _run(self, lane: str, route: str, turns: Turns) -> int:
        sent: SentChunk | None = None
        total, enough = 0, monotonic() + BELL_SECONDS
        while True:
            last = self._draining.is_set() or monotonic() > enough
            grant = None if last else await turns.take(self._parts.settings.chunk)
            chunk = await self._commit(lane, route, grant, sent)
            sent = None
            if grant is None:
                if last or not await turns.soon(self._draining):
                    return total
                continue
            if chunk is not None and chunk.going:
                sent = await self._send(chunk, grant.places)
                total += len(chunk.going)
            await turns.tell(grant, sent)
            if chunk is None:
                return total

    async def _commit(
        self, lane: str, route: str, grant: Grant | None, sent: SentChunk | None
    ) -> Chunk | None:
        """Record the chunk that was sent and commit the next one's intent; None: nothing is due.

        Whatever breaks it, what was sent is recorded and what was not is put back.
        """
        if grant is None and sent is None:
            return None
        parts = self._parts
        chunk, rows = None, []
        try:
            async with parts.pool.acquire() as conn, conn.transaction():
                entries = await record(conn, parts, sent) if sent else []
                if grant is not None:
                    channel, now = grant.carrier.channel, parts.clock.now()
                    rows = await facts.claim(conn, lane, route, channel, now, grant.count)
                if grant is not None and rows:
                    chunk = await intend(conn, parts, grant.carrier, rows, self._worker, self._kept)
                    entries += chunk.entries
                await events.append(conn, entries)
        except Exception as error:
            self._kept.clear()  # a rewound database has lost templates too
            await rescue.record(parts, sent, chunk)
            if isinstance(error, asyncpg.LockNotAvailableError):
                return None  # somebody else has this person in hand: the next bell tries again
            if grant is not None and about_data(error):
                await rescue.single_out(parts, grant.carrier, [row["id"] for row in rows])
            raise
        if chunk is not None and chunk.going:
            parts.watermark.note(entries[-1].id, entries[-1].event.at)
            self._kept |= {go.words.template.digest for go in chunk.going}
        return chunk

    async def _send(self, chunk: Chunk, places: int) -> SentChunk:
        """Put the chunk on the wire, ``places`` notices at a time."""
        outcomes: list[Outcome] = [UNWRITTEN] * len(chunk.going)
        took: list[float] = []
        waiting = enumerate(chunk.going)

        async def place() -> None:
            for number, go in waiting:
                outcomes[number] = await self._send_one(chunk, go, took)

        await asyncio.gather(*(place() for _ in range(min(places, len(chunk.going)))))
        sent = answered(self._parts, chunk, outcomes)
        again = sum(result.due is not None for result in sent.results)
        name = chunk.carrier.name
        self._parts.metrics.chunk_done(name, took, map(said, outcomes), again)
        return sent

    async def _send_one(self, chunk: Chunk, go: Go, took: list[float]) -> Outcome:
        """What became of one message; how long it took, in seconds, goes to ``took``."""
        # Asked at the last moment before the wire: a lease that ran out belongs to reconcile,
        # a verdict that ran out (the window closed, a stop was set) to the next claim.
        if monotonic() > chunk.deadline:
            return UNWRITTEN
        if self._stops.cover(go.row) or self._parts.clock.now() >= go.until:
            return UNWRITTEN_NOW
        began = monotonic()
        try:
            return await chunk.carrier.send(go.message())
        except Exception as error:
            # an adapter's fault: it may have written before it failed
            log.critical(
                "carrier_fault", carrier=chunk.carrier.name, notice=go.row["id"], error=error
            )
            return OutcomeUnknown(f"fault:{type(error).__name__}")
        finally:
            took.append(monotonic() - began)
