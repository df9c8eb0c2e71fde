"""A campaign's worker is killed at every stage: nobody is written to twice, or forgotten."""

import asyncio
import os
import random
import signal
import sys

import pytest
from life_rig import ROOT, House, Person
from test_campaigns_run import cancel, pause, resume, seen, started, tended

from outreach.clock import Clock
from outreach.domain.campaign import CampaignState
from outreach.domain.states import State

PEOPLE = 400

TENDING = """
import asyncio, sys
from outreach.bootstrap import open_parts
from outreach.campaigns import tend
from outreach.db import release
from outreach.settings import load

async def work() -> None:
    async with open_parts(load(), sys.argv[1], pool_size=2, sends=True) as parts:
        print("open", flush=True)
        tend.SPAN, tend.DEPTH, release.SCAN = 4, 1000, 11
        while True:
            if not await tend.tend(parts):
                await asyncio.sleep(0.01)

asyncio.run(work())
"""
"""What a worker does for its campaigns, in steps so small that a kill falls into one of many."""


class Tender:
    """Such a process, killed and started anew."""

    def __init__(self, house: House, url: str) -> None:
        self._house = house
        self._arguments = (sys.executable, "-c", TENDING, url)
        shift = (house.now - Clock().now()).total_seconds()
        self._env = {
            **os.environ,
            "OUTREACH_DATA_DIR": str(house.folder),
            "OUTREACH_TEMPLATES_DIR": str(ROOT / "templates"),
            "OUTREACH_CONFIG_DIR": str(ROOT / "config"),
            "OUTREACH_CLOCK_OFFSET_SECONDS": str(shift),
        }

    async def live(self, seconds: float) -> None:
        """Work so long, and be killed; afterwards the server has noticed, and nothing is held."""
        process = await asyncio.create_subprocess_exec(
            *self._arguments, env=self._env, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"open\n"
        await asyncio.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await self._house.execute("select from campaigns for update")


async def everybody_once(house: House) -> None:
    row = await house.fetchrow(
        """select count(*) as notices, count(distinct debtor_id) as people from notices"""
    )
    assert row is not None
    assert (row["notices"], row["people"]) == (PEOPLE, PEOPLE)


@pytest.mark.parametrize("seed", range(2))
async def test_killed_at_any_point_of_its_life(house: House, clean_url: str, seed: int) -> None:
    chance = random.Random(seed)
    await house.people(*(Person() for _ in range(PEOPLE)))
    tender = Tender(house, clean_url)
    number = await started(house)
    kills = 0
    while (await seen(house, number)).campaign.frozen_at is None:
        await tender.live(chance.uniform(0.0, 0.12))
        kills += 1
        assert kills < 100
    assert kills >= 3
    await everybody_once(house)
    sent = 0
    for _ in range(3):
        await pause(house, number)
        sent += await house.dispatch()
        await tender.live(chance.uniform(0.0, 0.2))
        await resume(house, number)
        await tender.live(chance.uniform(0.0, 0.2))
        house.set(chunk=chance.randint(1, 30))
        worker = house.worker()
        chunk = await worker.intend() if await house.fetchval("select count(*) from due") else None
        if chunk is not None:
            await worker.record(await worker.send(chunk))
            sent += len(chunk.going)
    await everybody_once(house)
    await tended(house)
    sent += await house.dispatch()
    assert sent == PEOPLE
    assert len(house.book()) == PEOPLE
    assert len({entry.token for entry in house.book()}) == PEOPLE
    await tender.live(0.5)
    shown = await seen(house, number)
    assert shown.campaign.state is CampaignState.FINISHED
    assert shown.states == {State.SENT: PEOPLE}


async def test_killed_while_it_is_cancelled(house: House, clean_url: str) -> None:
    chance = random.Random(7)
    await house.people(*(Person() for _ in range(PEOPLE)))
    tender = Tender(house, clean_url)
    number = await started(house)
    await tended(house)
    house.set(chunk=30)
    worker = house.worker()
    flying = await worker.intend()
    await cancel(house, number)
    for _ in range(4):
        await tender.live(chance.uniform(0.0, 0.1))
    await worker.record(await worker.send(flying))
    await tender.live(1.0)
    assert not house.book()
    shown = await seen(house, number)
    assert shown.states == {State.CANCELLED: PEOPLE}
    assert await house.fetchval("select settled_at is not null from campaigns") is True
    assert await house.fetchval("select count(*) from due") == 0
