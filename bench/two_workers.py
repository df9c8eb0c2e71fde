"""Two worker processes against one, where a carrier takes its time to answer."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

from bench.one_worker import Worker
from bench.peers import peers
from bench.people import submit
from bench.stage import Stage, require_sent, say, spread

from outreach.bootstrap import open_parts
from outreach.clock import monotonic
from outreach.db import audience
from outreach.domain.contact import Channel

ROUTE = "sms"
CONCURRENCY = 512
"""What the carrier bears: so much that each of two workers' slots has a place for every message of
its chunk, with a tenth left for the urgent. With fewer a chunk goes in two waves of 100 ms.
"""


async def run(stage: Stage, size: int, rounds: int, latency: float) -> None:
    """One alone, then both, in turns; ``size`` notices a worker. All share the first core."""
    name = "bench_two"
    rates: dict[int, list[float]] = {1: [], 2: []}
    with peers(latency) as carriers:
        place = replace((await stage.database(name)).at(carriers), concurrency=CONCURRENCY)
        async with open_parts(place.settings(), place.database, pool_size=2) as parts:
            async with parts.pool.acquire() as conn:
                debts = await audience.open_debts(conn)
            with ExitStack() as open_:
                team = [open_.enter_context(Worker(place, ROUTE, stage.core)) for _ in rates]
                sent = 0
                for turn in range(rounds + 1):  # the first warms up
                    for hands in rates:
                        due = size * hands
                        await submit(parts, debts[sent : sent + due], Channel.SMS)
                        seconds = _together(team[:hands])
                        sent += due
                        await require_sent(parts, sent)
                        if turn:
                            rates[hands].append(due / seconds)
    await stage.drop(name)
    say(*table(rates, size, latency), "")


def _together(team: Sequence[Worker]) -> float:
    """Seconds until nothing is due."""
    began = monotonic()
    for worker in team:
        worker.begin("share", 0)
    for worker in team:
        worker.end()
    return monotonic() - began


def table(rates: dict[int, list[float]], size: int, latency: float) -> Iterator[str]:
    ratio = median(two / one for one, two in zip(rates[1], rates[2], strict=True))
    yield f"a carrier that answers after {latency * 1e3:.0f} ms, {size:,} SMS a worker"
    yield f"  two workers: {ratio:.2f} times one"
    for hands, found in rates.items():
        yield f"  {hands} worker{'s'[: hands - 1]:<2}{median(found):>10,.0f}/s {spread(found):>15}"
