"""The worker process: loops around the steps of a notice's life, and arq workers that hear bells.

Redis carries bells only: ``(lane, route, slot)``. When it is away, restarted or wiped, bells are
rung again from PostgreSQL; the loops that fail start again by themselves, one log line each.
"""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func

from outreach.clock import monotonic, new_id
from outreach.db import schema
from outreach.domain.notice import Lane
from outreach.life import feed, letters, receipts, reconcile, seal
from outreach.life.dispatch import Dispatcher
from outreach.life.parts import Parts
from outreach.life.stops import Stops

QUEUE = "outreach:bells"
TICK_SECONDS = 5
BACKOFF_SECONDS = 1.0
SAME_FALL_SECONDS = 30.0
UPKEEP_SECONDS = 3600.0
DRAIN_SECONDS = 45.0
"""How long a clean stop waits for what is on the wire; carriers' time-outs are shorter."""

log = logging.getLogger(__name__)


class _Bells:
    """Rings bells in Redis and answers them in this process."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher, stopping: asyncio.Event) -> None:
        self._parts = parts
        self._dispatcher = dispatcher
        self._letters = letters.LettersOut(parts)
        self._stopping = stopping
        self._answering: dict[asyncio.Task[None], tuple[str, str]] = {}
        self._redis: ArqRedis | None = None
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
            if self._redis is not None:
                await self._redis.enqueue_job(
                    "answer", lane, route, _job_id=job_id, _queue_name=QUEUE
                )

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
            log.error("lane %s, route %s broke off: %s", lane, route, type(error).__name__)

    async def quiet(self) -> None:
        """Return once nothing of ours is on the wire."""
        while self._answering:
            await asyncio.wait(list(self._answering))


async def run_worker(parts: Parts, redis_url: str, stopping: asyncio.Event) -> None:
    """Run until ``stopping`` is set; then finish what is on the wire, record it, and seal.

    Returns within ``DRAIN_SECONDS`` and a little; what could not be recorded by then is settled by
    the next worker's ``reconcile``.
    """
    rarely_collect()
    name = f"worker:{new_id().hex[-8:]}"
    stops = Stops()
    dispatcher = Dispatcher(parts, stops, name, draining=stopping)
    bells = _Bells(parts, dispatcher, stopping)
    behind = asyncio.Event()
    await stops.refresh(parts.pool)
    loops = [
        _keep("stops", lambda: stops.watch(parts.pool, stopping), stopping),
        _keep("feed", lambda: feed.run(parts, bells.ring, stopping), stopping),
        _keep("bells", lambda: _hear(bells, redis_url, stopping), stopping),
        _keep("letters", lambda: letters.run(parts, stopping), stopping),
        _keep("upkeep", lambda: _upkeep(parts, stopping), stopping),
        _keep("reconcile", lambda: reconcile.run(parts, stopping), stopping),
        _keep("receipts", lambda: receipts.run(parts, behind), behind),
        _keep("seal", lambda: seal.run(parts.pool, behind), behind),
    ]
    tasks = [asyncio.create_task(loop) for loop in loops]
    log.info("%s started", name)
    await stopping.wait()
    await _drained(bells)
    behind.set()
    await asyncio.gather(*tasks)
    log.info("%s stopped", name)


def rarely_collect() -> None:
    """Set what a worker has loaded apart from garbage, and look for garbage less often.

    A chunk makes thousands of objects that live for milliseconds and hold no cycles; the usual
    thresholds spend a tenth of the worker's time walking templates and tables again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _upkeep(parts: Parts, stopping: asyncio.Event) -> None:
    """Keep the months ahead partitioned, however long this process runs."""
    while not stopping.is_set():
        async with parts.pool.acquire() as conn:
            await schema.ensure_partitions(conn, parts.clock.now())
        try:
            await asyncio.wait_for(stopping.wait(), UPKEEP_SECONDS)
        except TimeoutError:
            continue


async def _keep(name: str, run: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run a loop again whenever it falls over, until told to stop; one log line a fall.

    Falling again soon is the same fall: while a server is away there is one line, not many.
    """
    fell_at = -SAME_FALL_SECONDS
    while not stopping.is_set():
        try:
            await run()
        except Exception as error:
            if monotonic() - fell_at >= SAME_FALL_SECONDS:
                log.error("%s fell over (%s): starting it again", name, type(error).__name__)
            fell_at = monotonic()
            try:
                await asyncio.wait_for(stopping.wait(), BACKOFF_SECONDS)
            except TimeoutError:
                continue


async def _hear(bells: _Bells, redis_url: str, stopping: asyncio.Event) -> None:
    """One arq worker, from connecting to Redis until Redis drops or we stop."""
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
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({hearing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            hearing.result()
    finally:
        await bells.hang(None)
        stopped.cancel()
        hearing.cancel()
        await asyncio.gather(hearing, stopped, *worker.tasks.values(), return_exceptions=True)
        await redis.aclose(close_connection_pool=True)


async def _drained(bells: _Bells) -> None:
    """Wait, within bounds, until nothing of ours is on the wire."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await bells.quiet()
    except TimeoutError:
        log.error("still on the wire after %d s: left to reconcile", DRAIN_SECONDS)


def _dump(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value)
