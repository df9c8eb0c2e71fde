"""Notices a second through the whole loop, beside the bare floor and beside Celery.

The loop is claim, gate, render, intent, send, record, on PostgreSQL with fsync on, while a sealer
seals behind it. The floor is the same client object sending the same messages at the same
concurrency, with one status write a chunk. They run in turns in one process on one core; Celery's
worker takes its turns on the same core; everything else has the others.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from bench.celery_app import TABLES, render
from bench.celery_peer import PeerRun, best_pool, celery_worker, peer_row
from bench.one_sealer import sealer
from bench.one_worker import Run, Worker, equal_messages
from bench.people import submit
from bench.stage import Place, Stage, cpu, micro, postgres_cpu, require_sent, say, spread

from outreach.bootstrap import open_parts
from outreach.clock import monotonic
from outreach.db import audience
from outreach.domain.contact import Channel
from outreach.life.parts import Parts

ROUTES = {Channel.SMS: "sms", Channel.EMAIL: "email"}
FLOORS = {
    Channel.SMS: "the official Twilio library's request_async on one aiohttp session, the form "
    "with every octet as %xx",
    Channel.EMAIL: "hand-written MIME (text and html, base64) on kept sessions, "
    "MAIL RCPT DATA pipelined",
}
WHOSE = ("ours", "usual")
USUAL = {
    Channel.SMS: "messages.create of the official library on one requests session",
    Channel.EMAIL: "smtplib on one kept session, EmailMessage",
}


NAMES = {
    "loop": "Outreach, whole loop",
    "floor": "floor: client, one write",
    "ours": "Celery + Redis, our client",
    "usual": "Celery + Redis, usual",
}


@dataclass(slots=True)
class Round:
    """One turn of everything: CPU in seconds, ``lag`` in events and ``caught_up`` in seconds."""

    floor: Run
    loop: Run
    postgres: float
    carrier: float
    sealer: float
    lag: int
    caught_up: float
    peers: dict[str, PeerRun] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """``pools`` of Celery, ``chosen`` from several or not; ``peak`` memory in MB."""

    channel: Channel
    size: int
    pools: dict[str, tuple[str, int]]
    chosen: bool
    peak: float
    rounds: list[Round]

    def of(self, name: str) -> Sequence[Run | PeerRun]:
        if name in ("loop", "floor"):
            return [getattr(turn, name) for turn in self.rounds]
        return [turn.peers[name] for turn in self.rounds]


class Rounds:
    """One channel in a database of its own."""

    def __init__(self, stage: Stage, place: Place, parts: Parts, channel: Channel) -> None:
        self._stage, self._place, self._parts, self._channel = stage, place, parts, channel
        self._submitted = 0

    async def measure(self, size: int, rounds: int, tasks: int, trial: int) -> Found:
        """A first run to warm up and take the peak memory, then the rounds."""
        channel, core = self._channel, self._stage.core
        async with self._parts.pool.acquire() as conn:
            debts = await audience.open_debts(conn)
            await conn.execute(TABLES)
        with ExitStack() as open_:
            sealing = open_.enter_context(sealer(self._place))
            worker = open_.enter_context(Worker(self._place, ROUTES[channel], core))
            await submit(self._parts, debts[:size], channel)
            await self._require_same_words()
            first = worker.run("loop", size)
            await require_sent(self._parts, size)
            found = Found(channel, size, {}, trial > 0, first.peak, [])
            celery = {}
            for whose in WHOSE:
                pool = await best_pool(self._place, self._parts, core, channel, whose, trial)
                beside = celery_worker(self._place, self._parts, core, channel, whose, pool)
                celery[whose] = open_.enter_context(beside)
                await celery[whose].run(range(trial or tasks))
                found.pools[whose] = pool
            await self._sealed()
            async with self._parts.pool.acquire() as conn:
                await conn.execute("analyze")  # as a house that has sent before
            for turn in range(1, rounds + 1):
                await submit(self._parts, debts[turn * size : (turn + 1) * size], channel)
                found.rounds.append(await self._round(worker, sealing, size))
                await require_sent(self._parts, size * (turn + 1))
                for whose, peer in celery.items():
                    found.rounds[-1].peers[whose] = await peer.run(range(tasks))
        return found

    async def _round(self, worker: Worker, sealing: int, size: int) -> Round:
        floor = worker.run("floor", size)
        carrier = self._stage.carriers.process.pid
        before = await postgres_cpu(self._parts), cpu([carrier]), cpu([sealing])
        loop = worker.run("loop", size)
        lag, ended = await self._unsealed(), monotonic()
        after = await postgres_cpu(self._parts), cpu([carrier])
        await self._sealed()
        seconds = monotonic() - ended
        return Round(
            floor,
            loop,
            postgres=after[0] - before[0],
            carrier=after[1] - before[1],
            sealer=cpu([sealing]) - before[2],
            lag=lag,
            caught_up=seconds,
        )

    async def _unsealed(self) -> int:
        async with self._parts.pool.acquire() as conn:
            count: int = await conn.fetchval("select count(*) from unsealed")
        return count

    async def _sealed(self) -> None:
        while await self._unsealed():  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.02)

    async def _require_same_words(self) -> None:
        """The peer sends what we send, or the comparison means nothing."""
        message, *_ = await equal_messages(self._parts, ROUTES[self._channel], 1)
        digits = message.to.removeprefix("+86154").removeprefix("u").partition("@")[0]
        row = peer_row(int(digits), self._parts)
        words = render(self._parts.settings, self._channel, row)
        if words["txt"] != message.text or words.get("html") != message.html:
            raise RuntimeError("the peer's words differ from ours")


# ---------------------------------------------------------------------------------------- show


def table(found: Found) -> Iterator[str]:
    """The lines that tell what was found, ratios first."""
    size, rounds = found.size, found.rounds
    rates = {name: [run_size / run.wall for run, run_size in _sized(found, name)] for name in NAMES}
    to_floor = median(turn.floor.wall / turn.loop.wall for turn in rounds)
    times = {
        whose: median(
            ours / theirs for ours, theirs in zip(rates["loop"], rates[whose], strict=True)
        )
        for whose in WHOSE
    }
    above = micro(median(turn.loop.cpu - turn.floor.cpu for turn in rounds), size)
    yield f"{found.channel}: {size:,} notices a run, {len(rounds)} rounds in turns, medians"
    yield f"  {to_floor:.2f} of the floor's rate ({1 / to_floor:.2f} times its wall time)"
    yield f"  {times['ours']:.1f} times Celery + Redis with our client objects"
    yield f"  {times['usual']:.1f} times Celery + Redis with the usual client objects"
    yield f"  {above:.0f} µs of own CPU a notice above the floor"
    yield f"  {'':<27}{'notices/s':>10} {'(min-max)':>15}{'wall':>10}{'own CPU':>10}"
    for name, told in NAMES.items():
        runs = _sized(found, name)
        wall = median(micro(run.wall, run_size) for run, run_size in runs)
        own = median(micro(run.cpu, run_size) for run, run_size in runs)
        rate = median(rates[name])
        yield (f"  {told:<27}{rate:>10,.0f} {spread(rates[name]):>15}{wall:>7.0f} µs{own:>7.0f} µs")
    yield from _beside(found)


def _beside(found: Found) -> Iterator[str]:
    size, rounds = found.size, found.rounds
    postgres = micro(median(turn.postgres for turn in rounds), size)
    carrier = micro(median(turn.carrier for turn in rounds), size)
    sealing = micro(median(turn.sealer for turn in rounds), size)
    yield (
        f"  beside the loop: PostgreSQL {postgres:.0f} µs (part of it for the sealer), "
        f"sealer {sealing:.0f} µs, carrier {carrier:.0f} µs of CPU a notice"
    )
    yield (
        f"  unsealed when the loop ended: {median(turn.lag for turn in rounds):,.0f} events; "
        f"sealed {median(turn.caught_up for turn in rounds):.2f} s later"
    )
    yield f"  peak memory {found.peak:.0f} MB after the first {size:,} notices"
    yield f"  floor: {FLOORS[found.channel]}; one status write a chunk"
    for whose, client in (("ours", "the same client objects"), ("usual", USUAL[found.channel])):
        pool, concurrency = found.pools[whose]
        chosen = "was quickest" if found.chosen else "(no other tried)"
        yield f"  Celery, {whose}: {client}; --pool={pool} -c {concurrency} {chosen}"


def _sized(found: Found, name: str) -> list[tuple[Run | PeerRun, int]]:
    return [(run, run.size if isinstance(run, PeerRun) else found.size) for run in found.of(name)]


async def run(stage: Stage, size: int, rounds: int, tasks: int, trial: int) -> None:
    """Each channel from the same start, in a database and a process of its own."""
    for channel in ROUTES:
        name = f"bench_{channel}"
        place = await stage.database(name)
        async with open_parts(place.settings(), place.database, pool_size=2) as parts:
            found = await Rounds(stage, place, parts, channel).measure(size, rounds, tasks, trial)
        say(*table(found), "")
        await stage.drop(name)
