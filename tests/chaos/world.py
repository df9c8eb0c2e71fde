"""What the carriers of a storm share: lots drawn from the seed, the log, and how they tell it."""

import asyncio
import hashlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp

PATIENCE = 200  # times a word is told until somebody says that it was heard
AGAIN = 0.25
SLOW = 0.4
LATE = 1.5

Stories = list[tuple[int, list[tuple[str, float]]]]
"""What is told later of what was taken, with weights: words with delays, in seconds from the
answer; a delay below zero is before it."""


@dataclass(frozen=True)
class Setup:
    seed: int
    log: str
    public_url: str
    mail_port: int
    auth_token: str
    cmpp_secret: str
    offset: float  # of the business clock
    calm: float | None = None  # everything is taken, each after so many seconds


@dataclass
class Lot:
    """What was drawn for one arrival of one token."""

    fate: str
    taken: bool
    story: list[tuple[str, float]]
    id: str


@dataclass
class World:
    """The lots, the log and the tongue."""

    setup: Setup
    arrivals: Counter[str] = field(default_factory=Counter)
    telling: set[asyncio.Task[None]] = field(default_factory=set)
    session: aiohttp.ClientSession | None = None
    mail_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    post_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))

    def __post_init__(self) -> None:
        self._log = os.open(self.setup.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @property
    def slow(self) -> float:
        return SLOW if self.setup.calm is None else self.setup.calm

    def draw(
        self, token: str, fates: dict[str, int], stories: Stories, taken: Collection[str]
    ) -> Lot:
        arrival = self.arrivals[token]
        self.arrivals[token] += 1
        told = f"{self.setup.seed}:{token}:{arrival}"
        if self.setup.calm is not None:
            return Lot("slow", True, [], hashlib.sha256(told.encode()).hexdigest())
        lots = random.Random(told)
        fate = lots.choices(list(fates), list(fates.values()))[0]
        story = lots.choices([s for _, s in stories], [w for w, _ in stories])[0]
        took = fate in taken
        return Lot(fate, took, story if took else [], hashlib.sha256(told.encode()).hexdigest())

    def now(self) -> float:
        """Business time, as everybody's here."""
        return time.clock_gettime(time.CLOCK_REALTIME) + self.setup.offset

    def write(self, **line: Any) -> None:
        os.write(self._log, json.dumps({"at": round(self.now(), 6)} | line).encode() + b"\n")

    def arrived(
        self, carrier: str, token: str, lot: Lot, to: str, body: bytes, **more: Any
    ) -> None:
        self.write(
            carrier=carrier,
            token=token,
            did=lot.fate,
            taken=lot.taken,
            to=hashlib.sha256(to.encode()).hexdigest(),
            body=hashlib.sha256(body).hexdigest(),
            **more,
        )

    def later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self.telling.add(cast("asyncio.Task[None]", task))
        task.add_done_callback(self.telling.discard)  # type: ignore[arg-type]
