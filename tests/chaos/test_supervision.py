"""A worker process while what it needs falls and rises: it heals by itself, and counts right.

``CHAOS_SMS=cmpp`` has the notices go by CMPP.
"""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from auditor import Finding, audit
from redis.asyncio import Redis
from storm import LEASE, Child, Place, Storm, Tail, at_rest, site, stage

from outreach.clock import monotonic

COUNT = 300
SECONDS = 60.0
DRAIN = 8.0
"""Stated: a clean stop takes no longer than what is on the wire, here some tenths of a second."""

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    async with stage(COUNT) as opened:
        yield opened


class Site:
    """One house with calm carriers, and what it says of itself in the end."""

    def __init__(self, state: Storm) -> None:
        self.state = state
        self._seen = Tail(state.folder / "carriers.jsonl")

    async def worker(self) -> Child:
        return await self.state.nursery.worker()

    async def sent(self, count: int) -> None:
        await self._seen.reach(count, SECONDS)
        assert self._seen.arrivals() >= count, "it does not go on"

    async def rest(self, *workers: Child) -> None:
        """Wait until all is done; then stop cleanly."""
        await at_rest(self.state, SECONDS)
        for worker in workers:
            worker.send(signal.SIGTERM)
            await worker.ended()

    def complaints(self) -> list[str]:
        """Lines of level ERROR, without their times."""
        logs = sorted(self.state.folder.glob("worker-*.log"))
        lines = [line for log in logs for line in log.read_text().splitlines()]
        assert not [line for line in lines if "Traceback" in line]
        healed = sum(" healed " in line for line in lines)
        wrong = [line.partition(" ")[2] for line in lines if re.search(r" (ERROR|CRITICAL) ", line)]
        assert healed == len([line for line in wrong if " fell " in line]), lines
        return wrong


Blow = Callable[[Storm], Awaitable[None]]


async def redis_gone(state: Storm) -> None:
    await state.machine.fell_redis()
    await asyncio.sleep(2)
    await state.machine.raise_redis()


async def redis_flushed(state: Storm) -> None:
    async with Redis.from_url(state.machine.urls.redis) as redis:
        await redis.flushall()


async def redis_read_only(state: Storm) -> None:
    """It follows a master that is not there."""
    async with Redis.from_url(state.machine.urls.redis) as redis:
        await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        await asyncio.sleep(2)
        await redis.execute_command("REPLICAOF", "NO", "ONE")


async def postgres_restarted(state: Storm) -> None:
    await state.machine.fell_postgres(signal.SIGINT)
    await asyncio.sleep(1)
    await state.machine.raise_postgres()


async def postgres_crashed(state: Storm) -> None:
    await state.machine.fell_postgres(signal.SIGQUIT)
    await asyncio.sleep(1)  # or nobody may have noticed
    await state.machine.raise_postgres()


@pytest.mark.parametrize(
    ("blow", "seed", "cause"),
    [
        (redis_gone, 101, "redis"),
        (redis_flushed, 102, None),
        (redis_read_only, 103, "redis"),
        (postgres_restarted, 104, "postgresql"),
        (postgres_crashed, 105, "postgresql"),
    ],
)
async def test_a_server_falls_and_rises(
    place: Place, blow: Blow, seed: int, cause: str | None, tmp_path: Path
) -> None:
    """Everything is sent, once, nothing stays uncertain; one line says that it fell."""
    async with site(place, seed, COUNT, tmp_path, calm=0.1) as state:
        house = Site(state)
        worker = await house.worker()
        await house.sent(COUNT // 4)
        await blow(state)
        await house.rest(worker)
        said = house.complaints()
    whole(audit(tmp_path))
    assert len(said) == (cause is not None), said
    assert all(f"fell cause={cause} " in line for line in said)


def whole(finding: Finding) -> None:
    assert finding.good, finding.complaints
    assert set(finding.states) <= {"sent", "pending"}, finding.states
    assert finding.states["sent"] >= COUNT * 0.9, "the rest is held by the day's cap"


async def test_told_to_stop_it_drains_in_time(place: Place, tmp_path: Path) -> None:
    """What is on the wire is recorded; the rest is still due for whoever comes next."""
    async with site(place, 106, COUNT, tmp_path, calm=0.3) as state:
        house = Site(state)
        worker = await house.worker()
        await house.sent(COUNT // 4)
        told = monotonic()
        worker.send(signal.SIGTERM)
        await worker.ended()
        assert monotonic() - told < DRAIN
        seen = house._seen.arrivals()
        assert seen < COUNT, "it was done before it was told"
        await asyncio.sleep(0.5)
        assert house._seen.arrivals() == seen, "something was sent after its end"
        next_one = await house.worker()
        await house.rest(next_one)
        assert not house.complaints()
    whole(audit(tmp_path))


async def test_killed_only_what_was_in_its_hands_is_uncertain(place: Place, tmp_path: Path) -> None:
    async with site(place, 107, COUNT, tmp_path, calm=0.1) as state:
        house = Site(state)
        worker = await house.worker()
        await house.sent(COUNT // 4)
        state.note("killed", pid=worker.pid)
        worker.send(signal.SIGKILL)
        await worker.ended()
        await house.rest(await house.worker())
    finding = audit(tmp_path)
    assert finding.good, finding.complaints
    hands = int(state.env["OUTREACH_CHUNK"]) * 4 * 2 * 2  # slots, routes, lanes
    assert finding.states["uncertain"] <= hands
    assert set(finding.uncertain) <= {"killed"}


async def test_stopped_past_its_lease_and_woken(place: Place, tmp_path: Path) -> None:
    """Another does the rest meanwhile; the late results settle what was uncertain."""
    async with site(place, 108, COUNT, tmp_path, calm=0.05) as state:
        house = Site(state)
        worker = await house.worker()
        await house.sent(COUNT // 4)
        worker.send(signal.SIGSTOP)
        other = await house.worker()
        await asyncio.sleep(LEASE * 1.5)
        worker.send(signal.SIGCONT)
        state.note("stopped", pid=worker.pid)
        await house.rest(worker, other)
    finding = audit(tmp_path)
    assert finding.good, finding.complaints
    assert finding.states["sent"] >= COUNT * 0.9 - finding.states["uncertain"]
