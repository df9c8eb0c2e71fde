"""Callbacks a second: signed, verified, sealed and stored before each answer; beside a bare INSERT.

The door is the product's own application on uvicorn, alone on its core. Callers in another process
keep connections open and wait for each answer. Beside it, on the same server, an application that
knows nothing: it reads the body, inserts a row and commits.

    python -m bench.callbacks door PLACE CORE        (listens; prints its ports)
    python -m bench.callbacks call PLACE URL SIZE    (calls; prints seconds a turn)
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from urllib.parse import urlencode

import aiohttp
import asyncpg
import uvicorn
import uvloop
from bench.stage import Place, Stage, cpu, micro, say, spread
from fastapi import FastAPI, Request, Response
from twilio.request_validator import RequestValidator

from outreach.bootstrap import open_parts
from outreach.clock import monotonic
from outreach.db import migrate
from outreach.http.app import build_app
from outreach.ids import new_id
from outreach.worker import rarely_collect

GOAL = 1_500
CALLERS = 32
"""Connections that carriers keep open."""
DOORS = ("outreach", "bare")
PUBLIC_URL = "https://outreach.test"


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds for all calls, and of each: the median and the 99th of a hundred."""

    wall: float
    p50: float
    p99: float


async def run(stage: Stage, size: int, rounds: int) -> None:
    place = await stage.database("bench_callbacks", "template1")
    await migrate.upgrade(place.database)
    turns: dict[str, list[Turn]] = {name: [] for name in DOORS}
    own: dict[str, list[float]] = {name: [] for name in DOORS}
    with _doors(place, stage.core) as (door, ports):
        for turn in range(rounds + 1):  # the first warms up
            for name in DOORS:
                before = cpu([door])
                called = await _called(place, ports[name], size)
                if turn:
                    turns[name].append(called)
                    own[name].append(cpu([door]) - before)
    connection = await asyncpg.connect(place.database)
    kept = await connection.fetchval("select count(*) from raw_callbacks")
    await connection.close()
    if kept != size * (rounds + 1):
        raise RuntimeError(f"{kept} of {size * (rounds + 1)} were kept: these figures mean nothing")
    await stage.drop("bench_callbacks")
    say(*table(turns, own, size), "")


def table(turns: dict[str, list[Turn]], own: dict[str, list[float]], size: int) -> Iterator[str]:
    ratio = median(
        bare.wall / ours.wall for ours, bare in zip(turns["outreach"], turns["bare"], strict=True)
    )
    rate = median(size / turn.wall for turn in turns["outreach"])
    yield (
        f"callbacks, {size:,} a run over {CALLERS} connections, "
        f"{len(own['bare'])} rounds in turns, medians"
    )
    yield f"  {ratio:.2f} of the rate of an application that inserts a row and knows nothing"
    yield f"  {rate / GOAL:.2f} times the {GOAL:,}/s asked for"
    yield f"  {'':<10}{'answers/s':>10} {'(min-max)':>15}{'own CPU':>10}{'p50':>10}{'p99':>10}"
    for name, each in turns.items():
        rates = [size / turn.wall for turn in each]
        spent = micro(median(own[name]), size)
        p50, p99 = (median(getattr(turn, at) for turn in each) * 1e3 for at in ("p50", "p99"))
        yield (
            f"  {name:<10}{median(rates):>10,.0f} {spread(rates):>15}{spent:>7.0f} µs"
            f"{p50:>7.1f} ms{p99:>7.1f} ms"
        )


# ----------------------------------------------------------------------------------- the doors


@contextmanager
def _doors(place: Place, core: int) -> Iterator[tuple[int, dict[str, int]]]:
    """Both applications in one process on the measured core: its id, and where they listen."""
    command = [sys.executable, "-m", "bench.callbacks", "door", place.spell(), str(core)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield process.pid, json.loads(process.stdout.readline())


async def _serve(place: Place) -> None:
    settings = place.settings().model_copy(update={"public_url": PUBLIC_URL})
    async with open_parts(settings, place.database) as parts:
        pool = await asyncpg.create_pool(place.database, min_size=8, max_size=8)
        await pool.execute("create table bench_rows (id uuid primary key, body bytea not null)")
        ports, serving = {}, []
        for name, app in (("outreach", build_app(parts)), ("bare", _bare(pool))):
            config = uvicorn.Config(
                app, port=0, log_config=None, access_log=False, lifespan="off", loop="none"
            )
            socket = config.bind_socket()
            ports[name] = socket.getsockname()[1]
            serving.append(asyncio.create_task(uvicorn.Server(config)._serve([socket])))
        await asyncio.sleep(0.5)
        rarely_collect()
        print(json.dumps(ports), flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.read)
        for each in serving:
            each.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await pool.close()


def _bare(pool: "asyncpg.Pool[asyncpg.Record]") -> FastAPI:
    app = FastAPI()

    @app.post("/callbacks/{carrier}/{path:path}")
    async def callback(request: Request) -> Response:
        body = await request.body()
        await pool.execute("insert into bench_rows values ($1, $2)", new_id(), body)
        return Response(b"")

    return app


# --------------------------------------------------------------------------------- the callers


async def _called(place: Place, port: int, size: int) -> Turn:
    """Have a process of its own call."""
    command = [sys.executable, "-m", "bench.callbacks", "call", place.spell()]
    called = await asyncio.create_subprocess_exec(
        *command, str(port), str(size), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await called.communicate()
    return Turn(**json.loads(said))


async def _call(place: Place, port: int, size: int) -> Turn:
    """Signed status callbacks, each of a message of its own."""
    secret = place.settings().secrets["OUTREACH_TWILIO_TOKEN"].get_secret_value()
    signer = RequestValidator(secret)
    waiting = iter([_signed(signer) for _ in range(size)])
    took: list[float] = []

    async def caller(session: aiohttp.ClientSession) -> None:
        for path, body, headers in waiting:
            began = monotonic()
            url = f"http://127.0.0.1:{port}{path}"
            async with session.post(url, data=body, headers=headers) as answer:
                if answer.status != 200:
                    raise RuntimeError(f"answered {answer.status}")
            took.append(monotonic() - began)

    connector = aiohttp.TCPConnector(limit=CALLERS)
    async with aiohttp.ClientSession(connector=connector) as session:
        began = monotonic()
        await asyncio.gather(*(caller(session) for _ in range(CALLERS)))
        wall = monotonic() - began
    return Turn(wall, median(took), quantiles(took, n=100)[98])


def _signed(signer: RequestValidator) -> tuple[str, bytes, dict[str, str]]:
    sid = f"SM{new_id().hex}"
    form = {
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "From": "+85200000000",
        "MessageSid": sid,
        "MessageStatus": "delivered",
        "SmsSid": sid,
        "SmsStatus": "delivered",
        "To": "+8615400000000",
    }
    path = f"/callbacks/twilio/status/{new_id().hex}"
    signature = signer.compute_signature(PUBLIC_URL + path, form)
    headers = {
        "X-Twilio-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return path, urlencode(form).encode(), headers


def main(arguments: Sequence[str]) -> None:
    what, spelt, *more = arguments
    place = Place.read(spelt)
    if what == "door":
        os.sched_setaffinity(0, {int(more[0])})
        uvloop.run(_serve(place))
    else:
        port, size = map(int, more)
        print(json.dumps(asdict(uvloop.run(_call(place, port, size)))))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
