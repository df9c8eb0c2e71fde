"""An urgent notice entered while bulk drains from a long queue, beside one entered when idle.

A whole worker process runs: feed, bells, dispatch, receipts, sealer. Latency is from the commit
that entered the notice to the moment the carrier had read the whole request.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import asyncpg
from bench.backlog import KEPT, LONG
from bench.peers import Peers, peers
from bench.people import ACTOR, request
from bench.stage import Place, Stage, say
from bench.whole_worker import whole_worker

from outreach.bootstrap import open_parts
from outreach.clock import monotonic
from outreach.db import audience
from outreach.domain.contact import Channel
from outreach.domain.notice import Lane
from outreach.domain.states import State
from outreach.life import intake
from outreach.life.parts import Parts

APART, MORE = 0.03, 0.06
"""Seconds between two urgent notices: at least, and up to so much more, never in step."""
GOLDEN = 0.618


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds, sorted, and what bulk did meanwhile."""

    seconds: list[float]
    bulk_rate: float
    pending: int

    def at(self, share: float) -> float:
        return self.seconds[ceil(share * len(self.seconds)) - 1]


async def enter(parts: Parts, debts: Sequence[asyncpg.Record]) -> dict[str, float]:
    """Enter an urgent notice to each, one after the other; when, by the token it will carry."""
    entered = {}
    for number, debt in enumerate(debts):
        notice = request(debt, Channel.SMS, parts.clock.now(), Lane.URGENT)
        async with parts.pool.acquire() as conn, conn.transaction():
            [(notice_id, _)] = await intake.submit(conn, parts, [notice], ACTOR)
        entered[parts.tokens.mint(notice_id, 1)] = monotonic()
        await asyncio.sleep(APART + MORE * (number * GOLDEN % 1))
    return entered


async def latencies(place: Place, core: int, carriers: Peers, urgent: int) -> Latencies:
    """``urgent`` notices through one whole worker on whatever queue ``place`` has."""
    async with open_parts(place.settings(), place.database, pool_size=1) as parts:
        async with parts.pool.acquire() as conn:
            kept = (await audience.open_debts(conn))[-KEPT:]
        idle = not await _counts(parts, State.PENDING)
        with whole_worker(place, core):
            await _going(parts, kept[0], carriers)
            began, before = monotonic(), await _counts(parts, State.SENT)
            entered = await enter(parts, kept[1 : urgent + 1])
            seconds, after = monotonic() - began, await _counts(parts, State.SENT)
            arrived = await _all_arrived(carriers, entered)
            pending = await _counts(parts, State.PENDING)
    if not idle and not pending:
        raise RuntimeError("bulk ran dry: these figures mean nothing")
    took = sorted(arrived[token] - at for token, at in entered.items())
    return Latencies(took, max(0, after - before - urgent) / seconds, pending)


async def _going(parts: Parts, debt: asyncpg.Record, carriers: Peers) -> None:
    """Wait until the worker works."""
    await _all_arrived(carriers, await enter(parts, [debt]))


async def _all_arrived(carriers: Peers, tokens: dict[str, float]) -> dict[str, float]:
    patience = monotonic() + 60
    while monotonic() < patience:
        arrived = carriers.arrivals()
        if tokens.keys() <= arrived.keys():
            return arrived
        await asyncio.sleep(0.25)
    raise RuntimeError("urgent notices did not arrive within a minute")


async def _counts(parts: Parts, state: State) -> int:
    async with parts.pool.acquire() as conn:
        count: int = await conn.fetchval("select count(*) from notices where state = $1", state)
    return count


async def run(stage: Stage, urgent: int) -> None:
    """Idle first; then in the queue that ``backlog`` left behind."""
    found = {}
    with peers(remember=True) as carriers:
        idle = await stage.database("bench_idle")
        for name, place in (("idle", idle), ("busy", stage.named(LONG))):
            found[name] = await latencies(place.at(carriers), stage.core, carriers, urgent)
    await stage.drop("bench_idle")
    say(*table(found["idle"], found["busy"]), "")


def table(idle: Latencies, busy: Latencies) -> Iterator[str]:
    yield f"urgent SMS, entered to read by the carrier: {len(idle.seconds)} idle and busy each"
    yield f"  {busy.at(0.99) / idle.at(0.99):.2f} times the idle p99"
    yield f"  {'':<6}{'p50':>9}{'p99':>9}{'most':>9}"
    for name, each in (("idle", idle), ("busy", busy)):
        told = "".join(
            f"{value * 1e3:>6.0f} ms" for value in (each.at(0.5), each.at(0.99), each.at(1))
        )
        yield f"  {name:<6}{told}"
    yield f"  bulk beside it: {busy.bulk_rate:,.0f} notices/s, {busy.pending:,} still pending"
