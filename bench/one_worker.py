"""The measured process: one worker's dispatcher and, in turns, the bare floor under it.

It does what it is told on standard input and nothing else, so that its CPU and memory are the
worker's.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from uuid import UUID

import asyncpg
import uvloop
from bench.stage import Place
from redis.asyncio import Redis

from outreach.bootstrap import open_parts
from outreach.channels.base import Accepted, Carrier, Message, Outcome
from outreach.clock import monotonic
from outreach.db import facts
from outreach.db.pool import Connection
from outreach.domain.notice import Lane
from outreach.ids import new_id
from outreach.life.dispatch import Dispatcher
from outreach.life.links import linked
from outreach.life.parts import Parts
from outreach.life.prepare import Go, prepare_notice
from outreach.life.stops import Stops
from outreach.pace import Pace
from outreach.worker import rarely_collect

What = Literal["loop", "share", "some", "floor"]
"""``loop``: send so many that are due, and no more are. ``share``: what others leave of them.
``some``: so many of more. ``floor``: as many equal messages past everything of ours."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost, in seconds; the process's greatest memory so far, in MB; notices sent."""

    wall: float
    cpu: float
    peak: float
    sent: int


class Worker:
    """The measured process, from outside: ``with Worker(place, route, core) as worker``."""

    def __init__(self, place: Place, route: str, core: int) -> None:
        self._command = [sys.executable, "-m", "bench.one_worker", place.spell(), route, str(core)]

    def __enter__(self) -> Self:
        # a program of its own, not a fork: it loads what a worker needs and holds nothing of ours
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()  # the end of its input is its end

    def run(self, what: What, size: int) -> Run:
        self.begin(what, size)
        return self.end()

    def begin(self, what: What, size: int) -> None:
        assert self._process.stdin is not None
        print(what, size, file=self._process.stdin, flush=True)

    def end(self) -> Run:
        """Wait for what was begun."""
        assert self._process.stdout is not None
        if said := self._process.stdout.readline():
            return Run(**json.loads(said))
        raise RuntimeError("the measured process ended: see above")


async def obey(place: Place, route: str) -> None:
    """Do what each line of standard input says, and answer with what it cost."""
    async with (
        open_parts(place.settings(), place.database, generic_plans=True) as parts,
        Redis.from_url(place.redis) as redis,
        AsyncExitStack() as connected,
    ):
        enough = asyncio.Event()
        carrier = parts.carriers[parts.routes[route].first]
        await connected.enter_async_context(linked(parts, carrier))
        counting = _Counting(carrier, enough)
        carriers: dict[str, Any] = {**parts.carriers, counting.name: counting}
        stops = Stops()
        await stops.refresh(parts.pool)
        pace = Pace(redis, parts.settings.lease_seconds)
        name = f"worker:bench-{os.getpid()}"
        dispatcher = Dispatcher(replace(parts, carriers=carriers), stops, pace, name, enough)
        floor = Floor(parts, route)
        rarely_collect()
        for line in sys.stdin:
            what, size = line.split()
            if what == "floor":
                await floor.prepare(int(size))
            enough.clear()
            counting.left = int(size) if what == "some" else sys.maxsize
            gc.collect()
            wall, cpu = monotonic(), time.process_time()
            if what == "floor":
                sent = await floor.run()
            else:
                sent = await drain(parts, dispatcher, route, 0 if what != "loop" else int(size))
            run = Run(monotonic() - wall, time.process_time() - cpu, _peak(), sent)
            print(json.dumps(asdict(run)), flush=True)  # noqa: T201


class _Counting:
    """A carrier that says when enough was sent: the queue may hold more than we are to send."""

    def __init__(self, carrier: Carrier, enough: asyncio.Event) -> None:
        self._carrier, self._enough = carrier, enough
        self.left = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._carrier, name)

    async def send(self, message: Message) -> Outcome:
        self.left -= 1
        if self.left == 0:
            self._enough.set()
        return await self._carrier.send(message)


async def drain(parts: Parts, dispatcher: Dispatcher, route: str, size: int) -> int:
    """What bells do: every slot works the route, and is rung again until ``size`` are sent."""
    sent = 0
    while True:
        slots = (dispatcher.run(Lane.BULK, route) for _ in range(parts.settings.slots))
        gone = sum(await asyncio.gather(*slots))
        sent += gone
        if sent >= size:
            return sent
        if not gone:
            raise RuntimeError(f"only {sent} of {size} notices went to the wire")


_BARE = "create table if not exists bench_floor (id uuid primary key, status text not null)"
_FILL = "insert into bench_floor select *, 'pending' from unnest($1::uuid[])"
_WRITE = """update bench_floor f set status = u.status
    from unnest($1::uuid[], $2::text[]) as u(id, status) where f.id = u.id"""


class Floor:
    """The same carrier object at the same concurrency, and one status write a chunk."""

    def __init__(self, parts: Parts, route: str) -> None:
        self._parts, self._route = parts, route
        self._messages: list[Message] = []
        self._ids: list[UUID] = []

    async def prepare(self, size: int) -> None:
        """The messages, taken from the queue the first time; and rows to write a status in."""
        if not self._messages:
            self._messages = await equal_messages(self._parts, self._route, size)
        self._ids = [new_id() for _ in self._messages]
        async with self._parts.pool.acquire() as conn:
            await conn.execute(_BARE)
            await conn.execute(_FILL, self._ids)

    async def run(self) -> int:
        carrier = self._parts.carriers[self._parts.routes[self._route].first]
        chunk = self._parts.settings.chunk
        waiting = iter(zip(self._ids, self._messages, strict=True))
        done: list[UUID] = []

        async def place() -> None:
            for id_, message in waiting:
                outcome = await carrier.send(message)
                if not isinstance(outcome, Accepted):
                    raise RuntimeError(f"the carrier did not accept: {outcome}")
                done.append(id_)
                if len(done) >= chunk:
                    await self._write(done)

        await asyncio.gather(*(place() for _ in range(carrier.concurrency)))
        await self._write(done)
        return len(self._messages)

    async def _write(self, done: list[UUID]) -> None:
        ids = done.copy()
        done.clear()
        async with self._parts.pool.acquire() as conn:
            await conn.execute(_WRITE, ids, ["sent"] * len(ids))


async def equal_messages(parts: Parts, route: str, size: int) -> list[Message]:
    """The very messages of what is due now; nothing is changed by looking."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn:
        rows = await look(conn, parts, route, size)
    prepared = [prepare_notice(parts, row, now) for row in rows]
    messages = [each.message() for each in prepared if isinstance(each, Go)]
    if len(messages) != size:
        raise RuntimeError(f"{len(messages)} of {size} notices may go: is it a working day's noon?")
    return messages


async def look(conn: Connection, parts: Parts, route: str, size: int) -> Sequence[asyncpg.Record]:
    """Claim, and think better of it."""
    looking = conn.transaction()
    await looking.start()
    try:
        channel = parts.routes[route].channel
        return await facts.claim(conn, Lane.BULK, route, channel, parts.clock.now(), size)
    finally:
        await looking.rollback()


def _peak() -> float:
    # not getrusage: its figure begins with what the parent had when it started us
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    spelt, route, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    uvloop.run(obey(Place.read(spelt), route))
