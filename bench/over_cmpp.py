"""The whole loop over CMPP and over HTTP, in turns: the same notices, each from a database copied.

A message of several parts is as many SUBMITs, and one request by HTTP.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

from bench.one_sealer import sealer
from bench.one_worker import Run, Worker
from bench.people import submit
from bench.stage import Place, Stage, micro, require_sent, say, spread

from outreach.bootstrap import open_parts
from outreach.db import audience
from outreach.domain.contact import Channel
from outreach.life.parts import Parts

CARRIERS = ("cmpp", "twilio")


async def run(stage: Stage, size: int, rounds: int) -> None:
    runs: dict[str, list[Run]] = {name: [] for name in CARRIERS}
    parts_each = 0.0
    places: dict[str, Place] = {}
    for name in CARRIERS:
        places[name] = replace(await stage.database(f"bench_{name}"), sms=name)
    with ExitStack() as open_:
        workers = {}
        for name, place in places.items():
            open_.enter_context(sealer(place))
            workers[name] = open_.enter_context(Worker(place, "sms", stage.core))
        for turn in range(rounds + 1):  # the first warms up
            for name, place in places.items():
                async with open_parts(place.settings(), place.database, pool_size=2) as parts:
                    async with parts.pool.acquire() as conn:
                        debts = await audience.open_debts(conn)
                    await submit(parts, debts[turn * size : (turn + 1) * size], Channel.SMS)
                    found = workers[name].run("loop", size)
                    await require_sent(parts, size * (turn + 1))
                    if name == "cmpp":
                        parts_each = await _parts(parts)
                if turn:
                    runs[name].append(found)
    for name in CARRIERS:
        await stage.drop(f"bench_{name}")
    say(*table(runs, size, parts_each), "")


async def _parts(parts: Parts) -> float:
    async with parts.pool.acquire() as conn:
        return float(
            await conn.fetchval("select count(*)::float / count(distinct notice_id) from carriage")
        )


def table(runs: dict[str, list[Run]], size: int, parts_each: float) -> Iterator[str]:
    cmpp, twilio = (runs[name] for name in CARRIERS)
    ratio = median(by_http.wall / own.wall for own, by_http in zip(cmpp, twilio, strict=True))
    yield f"the whole loop, {size:,} notices a run, {len(cmpp)} rounds in turns, medians"
    yield f"  over CMPP {ratio:.2f} times the rate over HTTP (goal 1)"
    yield f"  {parts_each:.1f} parts a notice, each a SUBMIT"
    yield f"  {'':<10}{'notices/s':>10} {'(min-max)':>15}{'own CPU':>10}"
    for name, each in runs.items():
        rates = [size / run.wall for run in each]
        own = median(micro(run.cpu, size) for run in each)
        yield f"  {name:<10}{median(rates):>10,.0f} {spread(rates):>15}{own:>7.0f} µs"
