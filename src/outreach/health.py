"""Health that tells the truth: loops that beat, servers that answer, and the page of metrics.

``/healthz``: the process lives and no loop is silent; restarting it is the remedy for a 503.
``/readyz``: what it needs answers, and nothing is stopped; the servers are the remedy.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from datetime import datetime

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from outreach.clock import monotonic
from outreach.db import backlog, schema, stops, tasks
from outreach.db.pool import Connection
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Lane
from outreach.domain.task import TaskKind
from outreach.life.parts import Parts
from outreach.loops import Loops, is_away
from outreach.metrics import Measured
from outreach.pace import Breaker, Pace, limits_of
from outreach.settings import PacedSettings

ANSWER_SECONDS = 2.0
"""How long a server may take before it counts as away."""
MEASURED_SECONDS = 5.0
"""How long a measure of the database serves, however many scrape."""
PORTS = 8

Check = Callable[[], Awaitable[None]]
"""Raises what is wrong; a ``ConfigurationError`` in words, anything else by its class."""


class Health:
    """What one process knows of itself.

    ``checks`` by name are what readiness takes beside PostgreSQL; whoever needs more adds one.
    """

    def __init__(self, parts: Parts, checks: Mapping[str, Check] | None = None) -> None:
        self.loops = Loops()
        self.address = ""  # host:port where it answers, if it does
        self.pace: Pace | None = None  # set by whoever takes turns with it
        self.checks: dict[str, Check] = {"postgresql": self._database, **(checks or {})}
        self._parts = parts
        self._measured: tuple[float, Measured] = (-MEASURED_SECONDS, {})
        self._measuring = asyncio.Lock()

    def alive(self) -> tuple[bool, dict[str, object]]:
        """Whether every loop was heard of within its allowance; each with its state."""
        told: dict[str, object] = {}
        for loop in self.loops:
            told[loop.name] = {
                "state": loop.state,
                "silent_seconds": round(loop.silent, 3),
                "falls": loop.falls,
                **({"error": loop.fallen} if loop.fallen else {}),
            }
        well = all(loop.state != "silent" for loop in self.loops)
        return well, {"status": "ok" if well else "silent", "loops": told}

    async def ready(self) -> tuple[bool, dict[str, object]]:
        """Whether every check holds; what each says."""
        said = await asyncio.gather(*map(_outcome, self.checks.values()))
        told = dict(zip(self.checks, said, strict=True))
        well = set(said) <= {"ok"}
        return well, {"status": "ok" if well else "not ready", "checks": told}

    async def page(self) -> bytes:
        """The metrics; without the database's while it is away."""
        async with self._measuring:
            if monotonic() - self._measured[0] >= MEASURED_SECONDS:
                measured = {**await self._measure(), **await self._carriers()}
                self._measured = monotonic(), measured
        return self._parts.metrics.page({**self._measured[1], **self._beats()})

    async def _database(self) -> None:
        async with self._parts.pool.acquire() as conn:
            await schema.require_head(conn)
            if await schema.read_only(conn):
                raise ConfigurationError("PostgreSQL takes no writes")
            if "all" in await stops.scopes(conn):
                raise ConfigurationError("everything is stopped")

    async def _measure(self) -> Measured:
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._parts.pool.acquire() as conn:
                return {"database_up": [((), 1)], **await measure(conn, self._parts)}
        except Exception as error:
            if is_away(error):
                return {"database_up": [((), 0)]}
            raise

    async def _carriers(self) -> Measured:
        """How the carriers fare; nothing while Redis is away."""
        limits = {
            carrier.name: limits_of(carrier)
            for carrier in self._parts.settings.carriers
            if isinstance(carrier, PacedSettings)
        }
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                fares = await self.pace.status(limits) if self.pace else {}
        except (RedisError, OSError):
            return {}
        states = (Breaker.CLOSED, Breaker.HALF_OPEN, Breaker.OPEN)
        return {
            "breaker_state": [((name,), states.index(each.state)) for name, each in fares.items()],
            "carrier_pause_seconds": [((name,), each.paused) for name, each in fares.items()],
        }

    def _beats(self) -> Measured:
        return {
            "loop_silent_seconds": [((loop.name,), loop.silent) for loop in self.loops],
            "loop_rounds": [((loop.name,), loop.rounds) for loop in self.loops],
            "loop_falls": [((loop.name,), loop.falls) for loop in self.loops],
        }


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await check()
    except ConfigurationError as error:
        return error.message
    except Exception as error:
        return type(error).__name__
    return "ok"


async def measure(conn: Connection, parts: Parts) -> Measured:
    """What the database holds that somebody should know of; no query looks through ``notices``."""
    now = parts.clock.now()
    due = await backlog.due(conn, now, list(Lane), list(parts.routes))
    letters = await backlog.letters(conn)
    row = await backlog.standing(conn)
    place = parts.settings.checkpoint_place
    copies = await backlog.not_brought(conn, place) if place else backlog.Backlog(0, None)
    waiting = await tasks.open_counts(conn)
    return {
        "due": [((each.lane, each.route), each.waiting) for each in due],
        "due_age_seconds": [
            ((lane,), max((_age(now, each.since) for each in due if each.lane == lane), default=0))
            for lane in Lane
        ],
        "letters_waiting": [((carrier,), count) for carrier, count in letters],
        "uncertain": [((), row["uncertain"])],
        "uncertain_age_seconds": [((), row["uncertain_age"])],
        "tasks": [((kind,), waiting.get(kind, 0)) for kind in TaskKind],
        "claims": [((), row["claims"])],
        "claims_expired": [((), row["expired"])],
        "receipts_lag_seconds": [((), _age(now, row["callback_since"]))],
        "seal_lag_seconds": [((), _age(now, row["event_since"]))],
        "checkpoint_lag_seconds": [((), _age(now, (await backlog.unsigned(conn)).since))],
        "checkpoint_copies_lag_seconds": [((), _age(now, copies.since))],
    }


def _age(now: datetime, since: datetime | None) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


# ------------------------------------------------------------------------------------- over HTTP


def routes(health: Health) -> list[Route]:
    """``/healthz``, ``/readyz`` and ``/metrics``."""

    async def healthz(_: Request) -> Response:
        well, told = health.alive()
        return JSONResponse(told, 200 if well else 503)

    async def readyz(_: Request) -> Response:
        well, told = await health.ready()
        return JSONResponse(told, 200 if well else 503)

    async def metrics(_: Request) -> Response:
        return Response(await health.page(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


@asynccontextmanager
async def answering(health: Health, host: str, port: int) -> AsyncIterator[None]:
    """Answer on the first free of ``PORTS`` ports from ``port`` on; on none for port 0.

    Several workers on one machine need no configuration of their own that way.
    """
    if not port:
        yield
        return
    with closing(_listen(host, port)) as door:
        health.address = f"{host}:{door.getsockname()[1]}"
        app = Starlette(routes=routes(health))
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[door]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


def _listen(host: str, first: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(first, min(first + PORTS, 65536)):
        door = socket.socket(family)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
            door.listen()
        except OSError:
            door.close()
        else:
            return door
    raise ConfigurationError(
        f"none of the ports {first} to {first + PORTS - 1} can be listened on at {host}",
        "stop what uses them, or set OUTREACH_WORKER_PORT (0: answer nowhere)",
    )
