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
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import uvloop

from outreach.bootstrap import open_parts
from outreach.channels.base import Accepted, Message
from outreach.clock import monotonic
from outreach.db import facts
from outreach.domain.notice import Lane
from outreach.life.dispatch import Dispatcher
from outreach.life.parts import Parts
from outreach.life.prepare import Go, prepare_notice
from outreach.life.stops import Stops
from outreach.settings import CarrierSettings, Settings, SmtpSettings, TwilioSettings, load
from outreach.worker import rarely_collect

What = Literal["loop", "floor"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bench happens; ``ports`` of the peers, by carrier kind."""

    data_dir: str
    database: str
    offset_seconds: float
    ports: dict[str, int]

    def spell(self) -> str:
        """As one argument of a command."""
        return json.dumps(asdict(self))

    def settings(self) -> Settings:
        """The configuration as delivered, but with the peers as carriers."""
        settings = load(
            {
                "OUTREACH_DATA_DIR": self.data_dir,
                "OUTREACH_CLOCK_OFFSET_SECONDS": str(self.offset_seconds),
            }
        )
        carriers: list[CarrierSettings] = []
        for carrier in settings.carriers:
            if isinstance(carrier, TwilioSettings):
                url = f"http://127.0.0.1:{self.ports['twilio']}"
                carriers.append(carrier.model_copy(update={"base_url": url}))
            elif isinstance(carrier, SmtpSettings):
                carriers.append(carrier.model_copy(update={"port": self.ports["smtp"]}))
            else:
                carriers.append(carrier)
        return settings.model_copy(update={"carriers": tuple(carriers)})


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost, in seconds, and the process's greatest memory so far, in MB."""

    wall: float
    cpu: float
    peak: float


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
        """Send ``size`` notices that are due, or as many equal messages past everything of ours."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, size, file=self._process.stdin, flush=True)
        if said := self._process.stdout.readline():
            return Run(**json.loads(said))
        raise RuntimeError("the measured process ended: see above")


async def obey(place: Place, route: str) -> None:
    """Do what each line of standard input says, and answer with what it cost."""
    async with open_parts(place.settings(), place.database, generic_plans=True) as parts:
        stops = Stops()
        await stops.refresh(parts.pool)
        dispatcher = Dispatcher(parts, stops, "worker:bench", draining=asyncio.Event())
        messages: list[Message] = []
        rarely_collect()
        for line in sys.stdin:
            what, size = line.split()
            if what == "floor" and not messages:
                messages = await equal_messages(parts, route, int(size))
            gc.collect()
            wall, cpu = monotonic(), time.process_time()
            if what == "floor":
                await floor(parts, route, messages)
            else:
                await loop(parts, dispatcher, route, int(size))
            run = Run(monotonic() - wall, time.process_time() - cpu, _peak())
            print(json.dumps(asdict(run)), flush=True)  # noqa: T201


async def loop(parts: Parts, dispatcher: Dispatcher, route: str, size: int) -> None:
    """What bells do: every slot works the route, and is rung again while something is due."""
    sent = 0
    while sent < size:
        slots = (dispatcher.run(Lane.BULK, route) for _ in range(parts.settings.slots))
        gone = sum(await asyncio.gather(*slots))
        if not gone:
            raise RuntimeError(f"only {sent} of {size} notices went to the wire")
        sent += gone


async def floor(parts: Parts, route: str, messages: Sequence[Message]) -> None:
    """The same carrier object, the same concurrency, and nothing else."""
    carrier = parts.carriers[parts.routes[route].carrier]
    waiting = iter(messages)

    async def place() -> None:
        for message in waiting:
            outcome = await carrier.send(message)
            if not isinstance(outcome, Accepted):
                raise RuntimeError(f"the peer did not accept: {outcome}")

    await asyncio.gather(*(place() for _ in range(carrier.concurrency)))


async def equal_messages(parts: Parts, route: str, size: int) -> list[Message]:
    """The very messages of what is due now; nothing is changed by looking."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn:
        looking = conn.transaction()
        await looking.start()
        rows = await facts.claim(conn, Lane.BULK, route, now, size)
        await looking.rollback()
    prepared = [prepare_notice(parts, row, now) for row in rows]
    messages = [each.message() for each in prepared if isinstance(each, Go)]
    if len(messages) != size:
        raise RuntimeError(f"{len(messages)} of {size} notices may go: is it a working day's noon?")
    return messages


def _peak() -> float:
    # not getrusage: its figure begins with what the parent had when it started us
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    spelt, route, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    uvloop.run(obey(Place(**json.loads(spelt)), route))
