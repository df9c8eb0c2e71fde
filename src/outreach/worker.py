"""The worker process: loops around the steps of a notice's life, and arq workers that hear bells.

Redis carries bells only: ``(lane, route, slot)``. When it is away, restarted, wiped or read-only,
what is on the wire is recorded all the same, and bells are rung again from PostgreSQL once it is
back; loops that fall start again by themselves.
"""

import asyncio
import gc
import os
import socket
from asyncio import FIRST_COMPLETED
from functools import partial
from typing import Any, cast

import orjson
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from outreach.campaigns.tend import tend
from outreach.channels.base import Listening
from outreach.db import schema, workers
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Lane
from outreach.health import Health
from outreach.ids import new_id
from outreach.life import (
    feed,
    letters,
    links,
    receipts,
    reconcile,
    registers,
    seal,
    witness,
    worklist,
)
from outreach.life.calendars import Calendars
from outreach.life.checkpoints import checkpoint_due
from outreach.life.dispatch import Dispatcher
from outreach.life.parts import Parts
from outreach.life.stops import REFRESH_SECONDS, Stops
from outreach.life.watermark import WATCH_SECONDS
from outreach.logs import Log
from outreach.loops import Loop, Loops, is_away
from outreach.pace import Pace

QUEUE = "outreach:bells"
TICK_SECONDS = 5
BEAT_SECONDS = 1.0
REDIS_SECONDS = 5.0
"""How long Redis may take over one bell before it counts as away."""
SLOW_SECONDS = 900.0
LOG_SECONDS = 10.0
"""For rounds that print letters or ask carriers, one after the other."""
DRAIN_SECONDS = 45.0
"""How long a clean stop waits for what is on the wire; carriers' time-outs are shorter."""
LAST_SECONDS = 10.0
"""How long it then takes to apply, seal and say goodbye."""

log = Log(__name__)


class _Bells:
    """Rings bells in Redis and answers them in this process."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher, stopping: asyncio.Event) -> None:
        self._parts = parts
        self._dispatcher = dispatcher
        self._letters = letters.LettersOut(parts)
        self._stopping = stopping
        self._answering: dict[asyncio.Task[None], tuple[str, str]] = {}
        self._redis: ArqRedis | None = None
        self._trouble: Exception = ConnectionError("not connected yet")
        self._ringing = asyncio.Lock()

    async def hang(self, redis: ArqRedis | None) -> None:
        """Ring in this Redis from now on; None: in none."""
        async with self._ringing:
            self._redis = redis

    async def ring(self, lane: str, route: str, slot: int) -> None:
        """One bell per slot and tick: a bell that died with its worker is rung again after it."""
        tick = int(self._parts.clock.now().timestamp()) // TICK_SECONDS
        job_id = f"bell:{lane}:{route}:{slot}:{tick}"
        async with self._ringing:
            if self._redis is None:
                return
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    await self._redis.enqueue_job(
                        "answer", lane, route, _job_id=job_id, _queue_name=QUEUE
                    )
            except (RedisError, OSError) as error:
                self._redis, self._trouble = None, error  # whoever hears bells connects anew

    async def check(self) -> None:
        """Raise unless a bell could be rung now: Redis answers, and takes what we write."""
        if self._redis is None:
            raise self._trouble
        async with asyncio.timeout(REDIS_SECONDS):
            await self._redis.set(f"{QUEUE}:beat", b"", ex=60)

    async def answer(self, _: dict[str, Any], lane: str, route: str) -> None:
        """Begin to work the lane's route, unless this process already does so in every slot.

        Returns at once: what becomes of arq's job, or of Redis, must not touch what is on the wire.
        """
        place = lane, route
        slots = 1 if lane == Lane.LETTERS else self._parts.settings.slots
        busy = sum(1 for other in self._answering.values() if other == place)
        if self._stopping.is_set() or route not in self._parts.routes or busy >= slots:
            return
        task = asyncio.create_task(self._work(lane, route))
        self._answering[task] = place
        task.add_done_callback(self._answering.pop)

    async def _work(self, lane: str, route: str) -> None:
        """Errors end here: arq would log their texts, which may hold a value somebody sent us."""
        try:
            if lane == Lane.LETTERS:
                await self._letters.collect(route)
            else:
                await self._dispatcher.run(lane, route)
        except Exception as error:
            if not is_away(error):  # else the loops have said so
                log.error("lane_broke_off", lane=lane, route=route, error=error)

    async def quiet(self) -> None:
        """Return once nothing of ours is on the wire."""
        while self._answering:
            await asyncio.wait(list(self._answering))


async def run_worker(
    parts: Parts, redis_url: str, stopping: asyncio.Event, health: Health | None = None
) -> None:
    """Run until ``stopping`` is set; then finish what is on the wire, record it, and seal.

    Returns within ``DRAIN_SECONDS`` and ``LAST_SECONDS``; what could not be recorded by then is
    settled by the next worker's ``reconcile``.
    """
    rarely_collect()
    name = f"worker:{new_id().hex[-8:]}"
    health = health or Health(parts)
    loops, settings = health.loops, parts.settings
    stops = Stops()
    redis = Redis.from_url(redis_url)
    health.pace = pace = Pace(redis, parts.settings.lease_seconds)
    dispatcher = Dispatcher(parts, stops, pace, name, draining=stopping)
    bells = _Bells(parts, dispatcher, stopping)
    health.checks |= {"redis": bells.check, "draining": partial(_not_draining, stopping)}
    behind, calendars = asyncio.Event(), Calendars(parts)
    await stops.refresh(parts.pool)
    every = loops.every
    running = [
        every("stops", REFRESH_SECONDS, lambda: stops.refresh(parts.pool), stopping),
        every(
            "registers",
            registers.REFRESH_SECONDS,
            lambda: parts.registers.refresh(parts.pool),
            stopping,
        ),
        every("feed", settings.feed_seconds, lambda: feed.feed_once(parts, bells.ring), stopping),
        loops.keep(
            "bells", partial(_hear, loops, bells, redis_url, stopping), stopping, server="redis"
        ),
        every("watermark", WATCH_SECONDS, lambda: parts.watermark.watch(parts.pool), stopping),
        every("campaigns", 0.5, lambda: tend(parts), stopping, patience=SLOW_SECONDS, full=1),
        every("letters", 1.0, lambda: letters.tend(parts), stopping, patience=SLOW_SECONDS),
        every("reconcile", 1.0, lambda: reconcile.expire_leases(parts), stopping),
        every(
            "look_up",
            reconcile.LOOK_UP_SECONDS,
            lambda: reconcile.look_up(parts),
            stopping,
            patience=SLOW_SECONDS,
        ),
        every("tasks", worklist.FOLLOW_SECONDS, lambda: worklist.follow(parts), stopping),
        every("upkeep", 3600.0, lambda: _upkeep(parts, calendars), stopping),
        every("checkpoint", LOG_SECONDS, lambda: checkpoint_due(parts), stopping),
        every("witness", LOG_SECONDS, lambda: _witness(parts), stopping, patience=SLOW_SECONDS),
        every("presence", 5.0, lambda: _tell(parts, name, health), behind),
        every("receipts", 0.2, lambda: receipts.receive(parts), behind, full=receipts.BATCH),
        *(
            loops.keep(
                f"links:{carrier.name}", partial(_listen, parts, loops, carrier, behind), behind
            )
            for carrier in parts.carriers.values()
            if isinstance(carrier, Listening)
        ),
        every("seal", 0.5, lambda: seal.seal_once(parts.pool), behind, full=1),
    ]
    tasks = [asyncio.create_task(loop) for loop in running]
    log.info("worker_started", worker=name, address=health.address)
    await stopping.wait()
    await _drained(bells)
    behind.set()
    await _last_things(parts, name, tasks)
    await redis.aclose()
    log.info("worker_stopped", worker=name)


async def _listen(
    parts: Parts, loops: Loops, carrier: Listening, behind: asyncio.Event, loop: Loop
) -> None:
    """Have a carrier keep its connections up until everything else is done."""
    listening = asyncio.create_task(links.listen(parts, carrier, partial(loops.beat, loop)))
    done = asyncio.create_task(behind.wait())
    await asyncio.wait({listening, done}, return_when=FIRST_COMPLETED)
    done.cancel()
    if not behind.is_set():
        await listening
    listening.cancel()


async def _last_things(parts: Parts, name: str, tasks: list[asyncio.Task[None]]) -> None:
    """Let the loops end, seal what they left, say goodbye: as far as the servers let us."""
    try:
        async with asyncio.timeout(LAST_SECONDS):
            await asyncio.gather(*tasks)
            await seal.seal_all(parts.pool)
            async with parts.pool.acquire() as conn:
                await workers.leave(conn, name)
    except Exception as error:
        log.error("stopped_rudely", worker=name, error=error)


async def _not_draining(stopping: asyncio.Event) -> None:
    if stopping.is_set():
        raise ConfigurationError("told to stop")


async def _tell(parts: Parts, name: str, health: Health) -> None:
    """Say in the database how we are, for ``outreach doctor``."""
    states = {loop.name: loop.state for loop in health.loops}
    async with parts.pool.acquire() as conn:
        await workers.tell(conn, name, socket.gethostname(), os.getpid(), health.address, states)


def rarely_collect() -> None:
    """Set what a worker has loaded apart from garbage, and look for garbage less often.

    A chunk makes thousands of objects that live for milliseconds and hold no cycles; the usual
    thresholds spend a tenth of the worker's time walking templates and tables again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _witness(parts: Parts) -> None:
    """Where checkpoints are brought, and who stamps them."""
    await witness.bring_copies(parts)
    await witness.stamp(parts)


async def _upkeep(parts: Parts, calendars: Calendars) -> None:
    """Keep the months ahead partitioned, however long this process runs; forget dead workers."""
    calendars.watch()
    async with parts.pool.acquire() as conn:
        await schema.ensure_partitions(conn, parts.clock.now())
        await workers.forget_gone(conn)


async def _hear(
    loops: Loops, bells: _Bells, redis_url: str, stopping: asyncio.Event, loop: Loop
) -> None:
    """One arq worker, from connecting to Redis until Redis drops, refuses writes, or we stop."""
    settings = RedisSettings.from_dsn(redis_url)
    settings.conn_retries = 0
    redis = await create_pool(settings, job_serializer=_dump, job_deserializer=orjson.loads)
    worker = Worker(
        functions=[func(cast(WorkerCoroutine, bells.answer), name="answer")],
        queue_name=QUEUE,
        redis_pool=redis,
        handle_signals=False,
        max_jobs=64,
        keep_result=0,
        poll_delay=0.02,
        max_tries=1,
        retry_jobs=False,
        health_check_interval=3600,
        job_serializer=_dump,
        job_deserializer=orjson.loads,
        log_results=False,
    )
    await bells.hang(redis)
    hearing = asyncio.create_task(worker.async_run())
    told = asyncio.create_task(stopping.wait())
    try:
        while not stopping.is_set():
            await bells.check()
            loops.beat(loop)
            await asyncio.wait({hearing, told}, timeout=BEAT_SECONDS, return_when=FIRST_COMPLETED)
            if hearing.done():
                hearing.result()
    finally:
        await bells.hang(None)
        told.cancel()
        hearing.cancel()
        await asyncio.gather(hearing, told, *worker.tasks.values(), return_exceptions=True)
        await redis.aclose(close_connection_pool=True)


async def _drained(bells: _Bells) -> None:
    """Wait, within bounds, until nothing of ours is on the wire."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await bells.quiet()
    except TimeoutError:
        log.error("left_on_the_wire", seconds=DRAIN_SECONDS)


def _dump(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value)
