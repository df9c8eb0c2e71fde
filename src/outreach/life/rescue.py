"""Rescue: what to do when the transaction between two chunks breaks. Nothing known is given up."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from outreach.channels.base import Carrier, OutcomeUnknown
from outreach.clock import monotonic
from outreach.db import events, facts
from outreach.db.pool import LOST, Connection, about_data
from outreach.domain.states import State
from outreach.life import results
from outreach.life.intent import Chunk, hold_and_drop, intend
from outreach.life.parts import Parts
from outreach.life.prepare import drop
from outreach.life.results import UNWRITTEN_NOW, SentChunk, answered
from outreach.logs import Log

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.2

log = Log(__name__)


async def record(parts: Parts, sent: SentChunk | None, begun: Chunk | None) -> None:
    """Record what was sent, and put back what was begun: none of that was written to the wire.

    An answer in hand is worth some patience: while PostgreSQL is away it is tried again. What is
    not recorded by then is left to ``reconcile``, as if this process had died.
    """
    unsent = None
    if begun is not None and begun.going:
        unsent = answered(parts, begun, [UNWRITTEN_NOW] * len(begun.going))
    until = monotonic() + PATIENCE_SECONDS
    while sent or unsent:
        try:
            async with parts.pool.acquire() as conn, conn.transaction():
                # a commit whose answer was lost may stand all the same, these ones included
                if sent and not await _told(conn, sent):
                    await _record(conn, parts, sent)
                intended = unsent and await events.stored(conn, unsent.chunk.entries[0])
                if unsent and intended and not await _told(conn, unsent):
                    await _record(conn, parts, unsent)
            return
        except LOST:
            if monotonic() > until:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        except Exception as error:
            if sent is None or not about_data(error):
                raise
            await _one_by_one(parts, sent)
            sent = None


async def _one_by_one(parts: Parts, sent: SentChunk) -> None:
    """An answer that cannot be written down must cost no other: it alone becomes uncertain."""
    chunk = sent.chunk
    for go, entry, result in zip(chunk.going, chunk.entries, sent.results, strict=True):
        alone = replace(chunk, going=(go,), entries=(entry,))
        try:
            async with parts.pool.acquire() as conn, conn.transaction():
                await _record(conn, parts, replace(sent, chunk=alone, results=(result,)))
        except Exception as error:
            if not about_data(error):
                raise
            log.critical("result_fault", notice=go.row["id"], error=error)
            unknown = OutcomeUnknown(f"fault:{type(error).__name__}")
            async with parts.pool.acquire() as conn, conn.transaction():
                await _record(conn, parts, answered(parts, alone, [unknown]))


async def _told(conn: Connection, sent: SentChunk) -> bool:
    return await events.stored(conn, sent.results[0].entry)


async def _record(conn: Connection, parts: Parts, sent: SentChunk) -> None:
    await events.append(conn, await results.record(conn, parts, sent))


async def single_out(parts: Parts, carrier: Carrier, notice_ids: Sequence[UUID]) -> None:
    """A fault of ours in one notice must stop no other: find it by trying each, and fail it."""
    for notice_id in notice_ids:
        async with parts.pool.acquire() as conn, conn.transaction():
            now = parts.clock.now()
            rows = await facts.read(conn, [notice_id], now)
            trial = conn.transaction()
            await trial.start()
            fault = ""
            try:
                chunk = await intend(conn, parts, carrier, rows, "trial")
                await events.append(conn, chunk.entries)
            except Exception as error:
                if not about_data(error):
                    raise
                fault = type(error).__name__
            await trial.rollback()
            if fault:
                log.critical("notice_fault", notice=notice_id, error=fault)
                failed = drop(rows[0], State.FAILED, f"fault:{fault}", now, {})
                await hold_and_drop(conn, parts, [failed])
