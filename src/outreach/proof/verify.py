"""Verify: recompute everything the history claims of itself, in one snapshot of the database.

Covered is every column of the envelopes, payloads, chains and stream heads, and of the log over
them. Of events that still wait for the sealer only the payload is; somebody who can rewrite all
these tables alike and knows how is seen by a checkpoint kept elsewhere.
"""

from collections.abc import Callable
from typing import Any, TypeGuard
from uuid import UUID

import asyncpg

from outreach.db import events
from outreach.db.pool import Connection, Pool
from outreach.ledger.checkpoint import Checkpoint
from outreach.ledger.envelope import envelope
from outreach.ledger.keys import MasterKeys
from outreach.proof.payload import Fate, Fault, check_payload
from outreach.proof.report import Kind, Problem, Report
from outreach.proof.verify_log import verify_kept, verify_log, verify_since, verify_stream
from outreach.proof.walk import Link, Walk

TOLD_EVERY = 500
UNREADABLE = "its envelope holds what no event may hold"

Progress = Callable[[int, int], None]
"""Told now and then how many chain links of how many have been read."""


async def verify(
    pool: Pool,
    masters: MasterKeys,
    *,
    stream: str | None = None,
    full: bool = False,
    since: str | None = None,
    kept: Checkpoint | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check one stream, or all; memory does not grow with the history.

    Of one stream ``full`` checks the whole log beside its leaves. ``since`` is the note of a
    checkpoint that was kept elsewhere: the log must have begun so. ``kept`` is the last one signed
    from our data folder: it must be among the log's.
    """
    async with (
        pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        check = _Check(conn, masters, stream)
        await check.note_erasures()
        await check.chains(progress)
        await check.waiting()
        await check.strays()
        if stream is not None:
            await verify_stream(conn, check.report, stream)
        if stream is None or full:
            await verify_log(conn, check.report, progress)
        if since is not None:
            await verify_since(conn, check.report, since)
        if kept is not None:
            await verify_kept(conn, check.report, kept)
    return check.report


class _Check:
    """One verification, step by step, and what it found."""

    def __init__(self, conn: Connection, masters: MasterKeys, stream: str | None) -> None:
        self._conn = conn
        self._masters = masters
        self._stream = stream
        self._erased: set[UUID] = set()
        self._found_elsewhere: set[UUID] = set()  # events named already: their time was changed
        self.report = Report()

    async def note_erasures(self) -> None:
        async for data in events.erasures(self._conn, self._stream):
            self._erased |= _ids(data, "keys") | _ids(data, "payloads")

    async def chains(self, progress: Progress | None) -> None:
        total = await events.count_sealed(self._conn, self._stream) if progress else 0
        walk, done = None, 0
        problems: list[Problem] = []
        head: tuple[int | None, bytes | None] = None, None
        async for row in events.sealed_links(self._conn, self._stream):
            if walk is None or walk.stream != row["chain_stream"]:
                self._close(walk, problems, *head)
                walk, problems = Walk(row["chain_stream"]), []
            head = row["stream_seq"], row["stream_head"]
            walk.take(await self._link(row, problems))
            done += 1
            if progress and done % TOLD_EVERY == 0:
                progress(done, total)
        self._close(walk, problems, *head)

    def _close(
        self, walk: Walk | None, problems: list[Problem], seq: int | None, head: bytes | None
    ) -> None:
        if walk is not None:
            self.report.streams += 1
            found = walk.end(seq, head) + problems
            self.report.add(sorted(found, key=lambda p: p.seq or 0))

    async def _link(self, row: asyncpg.Record, problems: list[Problem]) -> Link:
        """A link with its event's envelope; problems of its payload go to ``problems``."""
        event = row if row["id"] is not None else await self._elsewhere(row["event_id"])
        place = row["chain_stream"], row["seq"]
        seq, event_id, head = row["seq"], row["event_id"], row["head"]
        if event is None:
            gone = Problem(Kind.REMOVED, event_id, *place, "the event this link holds is gone")
            return Link(seq, event_id, head, None, gone)
        self.report.events += 1
        problems += self._payload(event, row, *place)
        content = _envelope(event)
        says = _trouble(event, row) if content else UNREADABLE
        trouble = Problem(Kind.ALTERED, event_id, *place, says) if says else None
        return Link(seq, event_id, head, content, trouble)

    async def _elsewhere(self, event_id: UUID) -> asyncpg.Record | None:
        """The event under another time than the one it was chained or queued with."""
        event = await events.by_id(self._conn, event_id)
        if event is not None:
            self._found_elsewhere.add(event_id)
        return event

    def _payload(
        self, event: asyncpg.Record, row: asyncpg.Record, stream: str, seq: int | None
    ) -> list[Problem]:
        fate = check_payload(self._masters, event["id"], event["payload_digest"], row, self._erased)
        if isinstance(fate, Fault):
            return [Problem(fate.kind, event["id"], stream, seq, fate.sentence)]
        self.report.payloads += fate is Fate.WHOLE
        self.report.erased += fate is Fate.ERASED
        return []

    async def waiting(self) -> None:
        """Events the sealer has not come to yet."""
        async for row in events.unsealed_payloads(self._conn, self._stream):
            self.report.events += 1
            self.report.unsealed += 1
            self.report.add(self._payload(row, row, row["stream"], None))
            if _envelope(row) is None:
                self._add(Kind.ALTERED, UNREADABLE, row["id"], row["stream"])
            elif row["waiting_in"] != row["stream"]:
                says = "it waits to be sealed in a stream that is not its own"
                self._add(Kind.ALTERED, says, row["id"], row["stream"])

    async def strays(self) -> None:
        async for row in events.strays(self._conn, self._stream):
            what, event_id, stream = row["what"], row["id"], row["stream"]
            if what == "event" and event_id in self._found_elsewhere:
                self._found_elsewhere.remove(event_id)
            elif what == "waiting":
                await self._waiting_for_nothing(event_id, stream)
            else:
                self._add(*_STRAYS[what], event_id, stream)

    async def _waiting_for_nothing(self, event_id: UUID, stream: str) -> None:
        if await self._elsewhere(event_id):
            self._add(Kind.ALTERED, "it waits to be sealed under another time", event_id, stream)
        else:
            self._add(Kind.REMOVED, "it waited to be sealed and is gone", event_id, stream)

    def _add(self, kind: Kind, sentence: str, event_id: UUID | None, stream: str | None) -> None:
        self.report.add([Problem(kind, event_id, stream, None, sentence)])


_STRAYS = {
    "event": (Kind.INSERTED, "no link chains it and it does not wait to be sealed"),
    "payload": (Kind.INSERTED, "a payload of no event"),
    "twice": (Kind.INSERTED, "it waits to be sealed and is chained already"),
    "head": (Kind.REMOVED, "a stream's head without any link"),
}


def _trouble(event: asyncpg.Record, row: asyncpg.Record) -> str | None:
    """What is wrong with an event even before its head is computed."""
    if event["at"] != row["link_at"]:
        return "its time is not the one it was chained with"
    if event["stream"] != row["chain_stream"]:
        return "it is chained in a stream that is not its own"
    return None


def _envelope(row: asyncpg.Record) -> bytes | None:
    try:
        return envelope(row["id"], events.read_event(row), row["payload_digest"])
    except (ValueError, TypeError, OverflowError):
        return None


def _ids(data: Any, name: str) -> set[UUID]:
    """The ids an ``erased`` event lists; what is no id names nothing."""
    listed = data.get(name) if isinstance(data, dict) else None
    return {UUID(text) for text in listed if _is_id(text)} if isinstance(listed, list) else set()


def _is_id(value: object) -> TypeGuard[str]:
    try:
        UUID(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True
