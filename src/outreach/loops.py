"""Loops of a process: each round beats; a loop that falls starts again; one that hangs shows.

One log line when something falls and one when it is well again, however long it takes: a server
that goes away fells many loops, again and again, and that is one fault.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from outreach.clock import monotonic
from outreach.db.pool import LOST
from outreach.domain.errors import ConfigurationError
from outreach.logs import Log

BACKOFF_SECONDS = 1.0
SAME_FALL_SECONDS = 30.0
PATIENCE_SECONDS = 30.0

log = Log(__name__)


@dataclass(slots=True)
class Loop:
    """One loop; ``allowed`` is how many seconds it may be silent before that shows."""

    name: str
    server: str  # whose absence makes it fall
    allowed: float
    heard_at: float = field(default_factory=monotonic)
    rounds: int = 0
    falls: int = 0
    fallen: str = ""  # the class of the last error, until a round is whole again

    @property
    def silent(self) -> float:
        return monotonic() - self.heard_at

    @property
    def state(self) -> str:
        """``ok``, ``fallen`` (it starts again), or ``silent``: it hangs, or falls by its fault."""
        if self.silent > self.allowed:
            return "silent"
        return "fallen" if self.fallen else "ok"


@dataclass(slots=True)
class _Fault:
    loops: set[str] = field(default_factory=set)
    last: float = -SAME_FALL_SECONDS
    told: bool = False


class Loops:
    """All loops of one process."""

    def __init__(self) -> None:
        self._loops: dict[str, Loop] = {}
        self._faults: dict[str, _Fault] = {}

    def __iter__(self) -> Iterator[Loop]:
        return iter(self._loops.values())

    async def every(
        self,
        name: str,
        seconds: float,
        step: Callable[[], Awaitable[int | None]],
        stopping: asyncio.Event,
        *,
        full: int | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Take a step every so many seconds until told to stop.

        A step that did ``full`` or more has more to do and goes on at once; one may take
        ``patience`` seconds before its silence shows.
        """

        async def rounds(loop: Loop) -> None:
            while not stopping.is_set():
                done = await step()
                self.beat(loop)
                if full is None or (done or 0) < full:
                    await rest(stopping, seconds)

        await self.keep(name, rounds, stopping, allowed=seconds + patience)

    async def keep(
        self,
        name: str,
        run: Callable[[Loop], Awaitable[None]],
        stopping: asyncio.Event,
        *,
        allowed: float = PATIENCE_SECONDS,
        server: str = "postgresql",
    ) -> None:
        """Run something that beats by itself, again whenever it falls, until told to stop."""
        loop = self._loops[name] = Loop(name, server, allowed)
        while not stopping.is_set():
            try:
                await run(loop)
            except Exception as error:
                self.fell(loop, error)
                await rest(stopping, BACKOFF_SECONDS)

    def beat(self, loop: Loop) -> None:
        """A round is done."""
        loop.rounds += 1
        loop.heard_at = monotonic()
        if not loop.fallen:
            return
        loop.fallen = ""
        for cause, fault in self._faults.items():
            fault.loops.discard(loop.name)
            if fault.told and not fault.loops:
                fault.told = False
                log.info("healed", cause=cause)

    def fell(self, loop: Loop, error: Exception) -> None:
        """A round broke off; falling again soon after is the same fall."""
        now = monotonic()
        loop.falls += 1
        loop.fallen = type(error).__name__
        cause = loop.name
        if is_away(error):
            cause, loop.heard_at = loop.server, now  # no fault of the loop's: it lives
        fault = self._faults.setdefault(cause, _Fault())
        if not fault.loops and now - fault.last >= SAME_FALL_SECONDS:
            fault.told = True
            log.error("fell", cause=cause, loop=loop.name, error=error)
        fault.loops.add(loop.name)
        fault.last = now


async def rest(stopping: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def is_away(error: Exception) -> bool:
    """Whether a server is away, read-only, rewound or not the one meant: no fault of a loop's."""
    if isinstance(error, OSError):
        return error.filename is None  # a disk's error names its file
    return isinstance(error, (*LOST, RedisError, ConfigurationError))
