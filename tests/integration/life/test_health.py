"""Health that tells the truth: a worker's three pages, and its row in the database."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import orjson
import pytest
from life_rig import House, Person, until
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from outreach import health as module
from outreach.cli.presence import check_workers
from outreach.db import backlog, schema, workers
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Lane
from outreach.health import PORTS, Health, answering
from outreach.ids import new_id
from outreach.life import feed
from outreach.loops import Loop
from outreach.worker import run_worker

pytestmark = pytest.mark.timeout(90)


@dataclass
class Door:
    """A running worker and where it answers."""

    health: Health
    stopping: asyncio.Event

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.health.address}/{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def ready(self) -> tuple[int, dict[str, str]]:
        status, text = await self.get("readyz")
        return status, orjson.loads(text)["checks"]

    async def metrics(self) -> dict[tuple[str, ...], float]:
        status, text = await self.get("metrics")
        assert status == 200
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def working(house: House, port: int | None = None) -> AsyncIterator[Door]:
    """A worker with its door open, ready when the block begins."""
    door = Door(Health(house.parts), asyncio.Event())
    async with answering(door.health, "127.0.0.1", port or free_port()):
        task = asyncio.create_task(
            run_worker(house.parts, house.redis_url, door.stopping, door.health)
        )

        async def ready() -> bool:
            return (await door.get("readyz"))[0] == 200

        try:
            await until(ready)
            yield door
        finally:
            door.stopping.set()
            await asyncio.wait_for(task, 30)


async def test_a_worker_that_is_well(house: House) -> None:
    async with working(house) as door:

        async def every_loop_beat() -> bool:
            return all(loop.rounds for loop in door.health.loops)

        await until(every_loop_beat)
        status, text = await door.get("healthz")
        assert status == 200
        told = orjson.loads(text)
        assert told["status"] == "ok"
        assert {loop["state"] for loop in told["loops"].values()} == {"ok"}
        assert {"feed", "bells", "seal", "receipts", "reconcile"} <= told["loops"].keys()
        assert (await door.ready())[1] == {"postgresql": "ok", "redis": "ok", "draining": "ok"}


async def test_a_loop_that_hangs_shows(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(house) as door:

        async def hangs(*_: object) -> int:
            await door.stopping.wait()
            return 0

        monkeypatch.setattr(feed, "feed_once", hangs)
        loop = next(each for each in door.health.loops if each.name == "feed")
        await until(lambda: _stands(loop))
        loop.allowed = loop.silent
        status, text = await door.get("healthz")
        assert status == 503
        assert orjson.loads(text)["loops"]["feed"]["state"] == "silent"
        assert (await door.metrics())["outreach_loop_silent_seconds", "feed"] > 0
        async with house.parts.pool.acquire() as conn:

            async def told() -> bool:
                rows = await workers.all_workers(conn)
                return orjson.loads(rows[0]["loops"])["feed"] == "silent"

            await until(told)
            with pytest.raises(ConfigurationError, match="feed is silent"):
                await check_workers(conn)


async def _stands(loop: Loop) -> bool:
    rounds = loop.rounds
    await asyncio.sleep(0.6)  # longer than the feed's own rest
    return loop.rounds == rounds


async def test_a_loop_that_keeps_falling_shows(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    person = Person()

    async def falls(*_: object) -> int:
        raise KeyError(person.phone)

    async with working(house) as door:
        monkeypatch.setattr(feed, "feed_once", falls)
        loop = next(each for each in door.health.loops if each.name == "feed")

        async def fallen() -> bool:
            return loop.falls >= 2

        await until(fallen)
        assert orjson.loads((await door.get("healthz"))[1])["loops"]["feed"]["error"] == "KeyError"
        loop.allowed = 0.0
        assert (await door.get("healthz"))[0] == 503
        assert (await door.metrics())["outreach_loop_falls", "feed"] >= 2
    assert caplog.text.count("fell cause=feed") == 1
    assert person.phone not in caplog.text


async def test_not_ready_while_everything_is_stopped_or_drains(house: House) -> None:
    async with working(house) as door:
        await house.execute("insert into stops values ('all', 'u', 'r', now())")
        status, checks = await door.ready()
        assert (status, checks["postgresql"]) == (503, "everything is stopped")
        await house.execute("delete from stops")
        await house.execute("update alembic_version set version_num = '0001'")
        status, checks = await door.ready()
        await house.execute("update alembic_version set version_num = $1", schema.revisions()[-1])
        assert status == 503
        assert "this version needs" in checks["postgresql"]
        assert (await door.ready())[0] == 200
        door.stopping.set()
        assert (await door.ready())[1]["draining"] == "told to stop"


async def test_not_ready_while_redis_takes_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A replica answers and refuses writes: no bell could be rung."""
    redis = Redis.from_url(house.redis_url)
    async with working(house) as door:
        await redis.replicaof("127.0.0.1", 1)
        try:

            async def fallen() -> bool:
                return "fell cause=redis" in caplog.text

            await until(fallen)
            assert (await door.ready())[0] == 503
            assert (await door.get("healthz"))[0] == 200, "restarting the worker helps nothing"
            _, notice = await house.a_notice()
        finally:
            await redis.replicaof("NO", "ONE")

        async def sent() -> bool:
            return (await house.state(notice))[0] == "sent"

        await until(sent)
        assert (await door.ready())[0] == 200
    await redis.aclose()
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if line.startswith("fell ")]) == 1
    assert len([line for line in lines if line.startswith("healed ")]) == 1


async def test_the_next_worker_takes_the_next_port(house: House) -> None:
    first = free_port()
    async with working(house, first) as one, working(house, first) as two:
        assert one.health.address == f"127.0.0.1:{first}"
        assert two.health.address != one.health.address
        assert (await two.get("healthz"))[0] == 200
    with socket.socket() as door:
        door.bind(("127.0.0.1", first))


async def test_no_port_is_free(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PORTS", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match="OUTREACH_WORKER_PORT"):
            async with answering(Health(house.parts), "127.0.0.1", taken.getsockname()[1]):
                pass
    assert PORTS == 8


async def test_a_worker_leaves_no_row_behind_unless_it_dies(house: House) -> None:
    async with house.parts.pool.acquire() as conn:
        async with working(house) as door:
            assert door.health.address in await check_workers(conn)
        assert await check_workers(conn) == "none run"
        name = f"worker:{new_id().hex[-8:]}"
        await workers.tell(conn, name, "host", 1, "", {"feed": "ok"})
        await conn.execute("update workers set beat_at = beat_at - interval '1 minute'")
        with pytest.raises(ConfigurationError, match=f"without a goodbye: {name}"):
            await check_workers(conn)
        async with working(house):
            assert f"gone without a goodbye: {name}" in await check_workers(conn)
        await conn.execute("update workers set beat_at = beat_at - interval '1 day'")
        await workers.forget_gone(conn)
        assert await workers.all_workers(conn) == []


async def test_the_gauges_measure(house: House) -> None:
    people = [Person() for _ in range(3)]
    await house.people(*people)
    for person in people:
        await house.notice(person)
    uncertain = await house.notice(people[0], lane=Lane.URGENT)
    await house.execute("update due set due_at = due_at - interval '90 seconds'")
    await house.execute("delete from due where notice_id = $1", uncertain)
    await house.execute(
        "insert into uncertain values ($1, 1, clock_timestamp() - interval '5 minutes')", uncertain
    )
    await house.execute(
        "insert into claims values ($1, 'w', '{}', '{}', clock_timestamp() - interval '1 second')",
        new_id(),
    )
    await house.execute("delete from unsealed")
    await house.execute(
        "insert into unsealed values ($1, $2, 'debtor:x')",
        new_id(),
        house.now - timedelta(seconds=40),
    )
    async with house.parts.pool.acquire() as conn:
        measured = await module.measure(conn, house.parts)
    found = {name: dict(values) for name, values in measured.items()}
    assert found["due"]["bulk", "sms"] == 3
    assert found["due"]["urgent", "sms"] == 0
    assert 90 <= found["due_age_seconds"]["bulk",] < 120
    assert found["due_age_seconds"]["urgent",] == 0
    assert found["uncertain"][()] == 1
    assert 300 <= found["uncertain_age_seconds"][()] < 330
    assert (found["claims"][()], found["claims_expired"][()]) == (1, 1)
    assert found["receipts_lag_seconds"][()] == 0
    assert 40 <= found["seal_lag_seconds"][()] < 70


async def test_great_numbers_are_estimated(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.people(*(people := [Person() for _ in range(6)]))
    for person in people:
        await house.notice(person)
    monkeypatch.setattr(backlog, "COUNTED", 2)
    await house.execute("analyze due")
    async with house.parts.pool.acquire() as conn:
        (bulk,) = await backlog.due(conn, house.now, ["bulk"], ["sms"])
    assert bulk.waiting == 6


async def test_metrics_while_the_database_is_away(house: House) -> None:
    async with working(house) as door:
        await door.metrics()

        async def away(*_: object) -> None:
            raise ConnectionRefusedError

        door.health._measured = (-1e9, {})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backlog, "standing", away)
            found = await door.metrics()
        assert found["outreach_database_up",] == 0
        assert ("outreach_uncertain",) not in found
        assert found["outreach_loop_rounds", "stops"] > 0
