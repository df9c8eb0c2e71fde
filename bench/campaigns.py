"""Campaigns at a million: counting, freezing, progress; how soon a pause or a payment tells.

python -m bench.campaigns [--accounts 116000 1160000] [--people 6000] [--quick]
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

import asyncpg
import uvloop
from bench.crowd import grow
from bench.orm_peer import insert_each
from bench.peers import peers
from bench.people import ACTOR
from bench.stage import Place, Stage, open_stage, say
from bench.whole_worker import whole_worker

from outreach.bootstrap import open_parts
from outreach.campaigns import approval, running
from outreach.campaigns.forecast import Plan, forecast
from outreach.campaigns.progress import progress
from outreach.clock import monotonic
from outreach.db import audience, campaigns, migrate
from outreach.db.pool import Pool
from outreach.demo.stage import ZONE, cut_files
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.contact import Channel
from outreach.domain.filter_text import parse
from outreach.domain.notice import Purpose
from outreach.domain.states import State
from outreach.ids import new_id
from outreach.life.parts import Parts
from outreach.portfolio.load import import_accounts

CREDITOR = "qinglan-bank"
EXAMPLES = Path("examples/portfolio")
EVERYBODY = "balance > 0"
LATE = "bucket in (M1, M2, M3) and overdue > 100 and reachable = sms"
KILLS = 6
ROWS = 5_000
"""Rows the ORM inserts, one statement each."""


@dataclass(slots=True)
class Size:
    """What was measured with so many accounts."""

    accounts: int
    counted: list[float] = field(default_factory=list)
    forecast: float = 0
    notices: int = 0
    wall: float = 0
    own: float = 0
    peak: float = 0
    progress: list[float] = field(default_factory=list)
    each: float = 0  # seconds a row through the ORM


async def crowd(stage: Stage, name: str, accounts: int) -> tuple[Place, int]:
    """A database of so many accounts, as the example portfolio has them."""
    place = await stage.database(name, "template1")
    await migrate.upgrade(place.database)
    async with open_parts(place.settings(), place.database, pool_size=2) as parts:
        today = parts.clock.now().astimezone(ZONE).date()
        files = cut_files(EXAMPLES, Path(place.data_dir), 10_000, today)
        await import_accounts(parts, files.accounts, ACTOR, shift_days=files.shift_days)
        conn = await asyncpg.connect(place.database)
        there = await grow(conn, accounts)
        await conn.close()
    return place, there


def asked(parts: Parts, name: str, **fields: object) -> Campaign:
    return Campaign(
        id=new_id(),
        number=0,
        name=name,
        creditor_id=CREDITOR,
        purpose=Purpose.OVERDUE_NOTICE,
        channels=(Channel.SMS, Channel.EMAIL),
        audience=EVERYBODY,
        state=CampaignState.DRAFT,
        created_by=ACTOR,
        created_at=parts.clock.now(),
        lifetime=timedelta(days=30),
        **fields,  # type: ignore[arg-type]
    )


async def begin(parts: Parts, name: str) -> int:
    """The number of a campaign that has started, its audience not frozen yet."""
    async with parts.pool.acquire() as conn, conn.transaction():
        campaign = await approval.draft(parts, conn, asked(parts, name))
        await approval.submit(parts, conn, campaign.number, ACTOR)
        await approval.approve(parts, conn, campaign.number, "user:second")
        await running.start(parts, conn, campaign.number, ACTOR)
    return campaign.number


def tender(place: Place, core: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.one_tender", place.spell(), str(core)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


async def measure(stage: Stage, name: str, accounts: int) -> Size:
    place, there = await crowd(stage, name, accounts)
    size = Size(there)
    async with open_parts(place.settings(), place.database, pool_size=4) as parts:
        now = parts.clock.now()
        plan = Plan(parse(LATE), Purpose.OVERDUE_NOTICE, (Channel.SMS,))
        for _ in range(3):
            began = monotonic()
            async with parts.pool.acquire() as conn:
                await audience.count(conn, approval.audience_of(asked(parts, "x"), now))
            size.counted.append(monotonic() - began)
        began = monotonic()
        await forecast(parts, plan, now, sample=1)
        size.forecast = monotonic() - began
        number = await begin(parts, "all of them")
        process = tender(place, stage.core)
        assert process.stdout is not None
        told = json.loads(await asyncio.to_thread(process.stdout.readline))
        process.wait()
        size.wall, size.own, size.peak = told["wall"], told["own"], told["peak"]
        size.notices = await whole(parts.pool)
        for _ in range(20):
            async with parts.pool.acquire() as conn:
                campaign = await campaigns.find(conn, number)
                assert campaign is not None
                began = monotonic()
                shown = await progress(conn, campaign, now)
                size.progress.append(monotonic() - began)
            assert shown.total == size.notices
        size.each = await insert_each(place.database, ROWS)
    return size


async def whole(pool: Pool) -> int:
    """How many notices there are; each person has one, and nobody is forgotten."""
    async with pool.acquire() as conn:
        row = await conn.fetchrow(
            """select (select count(*) from notices) as notices,
                   (select count(distinct (debtor_id, currency, idempotency_key like '%:g:%'))
                       from notices) as members,
                   (select count(*) from campaign_exclusions) as excluded,
                   (select count(*) from (select distinct y.debtor_id, a.currency from parties y
                       join accounts a on a.id = y.account_id where a.balance > 0
                       and y.role in ('primary', 'joint') and a.creditor_id = $1) m) as meant,
                   (select count(*) from campaigns where frozen_at is null) as unfrozen""",
            CREDITOR,
        )
    assert row is not None
    if row["unfrozen"] or row["notices"] != row["members"]:
        raise RuntimeError("somebody has two notices, or freezing is not done")
    if row["notices"] + row["excluded"] != row["meant"]:
        raise RuntimeError("somebody was forgotten")
    return int(row["notices"])


async def killed(stage: Stage, accounts: int) -> tuple[int, int]:
    """Freeze with a process that is killed again and again; notices, kills."""
    place, _ = await crowd(stage, "bench_killed", accounts)
    chance, kills = random.Random(4), 0
    async with open_parts(place.settings(), place.database, pool_size=2) as parts:
        await begin(parts, "killed")
        for _ in range(KILLS):
            process = tender(place, stage.core)
            await asyncio.sleep(chance.uniform(0.05, accounts / 100_000))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.wait()
        process = tender(place, stage.core)
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)
        process.wait()
        notices = await whole(parts.pool)
    await stage.drop("bench_killed")
    return notices, kills


# --------------------------------------------------------------------- how soon a pause tells


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds from a commit to the last send it should have stopped, and how many those were."""

    seconds: float
    after: int
    rate: float


async def lags(stage: Stage) -> tuple[Lag, Lag]:
    """A payment's and a pause's, in the middle of a campaign that one whole worker sends."""
    with peers(remember=True) as carriers:
        place = (await stage.database("bench_lags")).at(carriers)
        async with open_parts(place.settings(), place.database, pool_size=4) as parts:
            number = await begin(parts, "paused")
            with whole_worker(place, stage.core):
                await _sent(parts.pool, 500)
                paying = await _pay(parts)
                await _sent(parts.pool, 1_500)
                began, before = monotonic(), await _sent(parts.pool, 0)
                await asyncio.sleep(1)
                rate = (await _sent(parts.pool, 0) - before) / (monotonic() - began)
                async with parts.pool.acquire() as conn, conn.transaction():
                    await running.pause(parts, conn, number, ACTOR, "bench")
                paused = monotonic()
                await asyncio.sleep(6)
            waiting = await _count(parts.pool, State.PENDING) - len(paying[1])
            arrived = carriers.arrivals()
            payments = _after(arrived, *paying, rate)
            pause = [at - paused for at in arrived.values() if at > paused]
    await stage.drop("bench_lags")
    if waiting <= 0:
        raise RuntimeError("the campaign was over before it was paused: give more --people")
    return payments, Lag(max(pause, default=0), len(pause), rate)


async def _count(pool: Pool, state: State) -> int:
    async with pool.acquire() as conn:
        count: int = await conn.fetchval("select count(*) from notices where state = $1", state)
    return count


async def _sent(pool: Pool, at_least: int) -> int:
    """Wait until so many have been sent; how many have."""
    patience = monotonic() + 120
    while (sent := await _count(pool, State.SENT)) < at_least:
        if monotonic() > patience:
            raise RuntimeError(f"only {sent} of {at_least} were sent within two minutes")
        await asyncio.sleep(0.05)
    return sent


async def _pay(parts: Parts) -> tuple[float, list[str]]:
    """A quarter of those who wait pay: when that was committed, and their notices' tokens."""
    async with parts.pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
            """select n.id, n.account_ids[1] as account, n.creditor_id, n.currency from notices n
               where n.state = 'pending' and mod(n.number, 4) = 0"""
        )
        await conn.executemany(
            """insert into payments (id, creditor_id, account_id, reference, kind, amount, currency,
                   posted_at) values ($1, $2, $3, $4, 'payment', 1, $5, $6)""",
            [
                (new_id(), r["creditor_id"], r["account"], str(r["id"]), r["currency"], now)
                for now in [parts.clock.now()]
                for r in rows
            ],
        )
    return monotonic(), [parts.tokens.mint(row["id"], 1) for row in rows]


def _after(arrived: dict[str, float], at: float, tokens: Sequence[str], rate: float) -> Lag:
    late = [arrived[token] - at for token in tokens if arrived.get(token, 0) > at]
    return Lag(max(late, default=0), len(late), rate)


def table(sizes: Sequence[Size]) -> Iterator[str]:
    """Ratios first."""
    small, large = sizes[0], sizes[-1]
    a_row = large.wall / large.notices
    if small is not large:
        grown = a_row / (small.wall / small.notices)
        yield f"{grown:.2f} times linear from {small.notices:,} to {large.notices:,} notices"
    yield f"{large.each / a_row:.1f} times one INSERT a row through the ORM ({ROWS:,} rows of it)"
    yield (
        f"  {'accounts':>12}{'notices':>12}{'counted':>10}{'preview':>10}{'frozen':>10}"
        f"{'a notice':>11}{'own CPU':>10}{'peak':>9}{'progress':>11}{'ORM a row':>12}"
    )
    for each in sizes:
        yield (
            f"  {each.accounts:>12,}{each.notices:>12,}{median(each.counted):>8.2f} s"
            f"{each.forecast:>8.2f} s{each.wall:>8.1f} s{each.wall / each.notices * 1e6:>8.0f} us"
            f"{each.own:>8.1f} s{each.peak:>6.0f} MB{median(each.progress) * 1e3:>8.1f} ms"
            f"{each.each * 1e6:>9.0f} us"
        )


async def run(stage: Stage, accounts: Sequence[int], people: int) -> None:
    sizes = []
    for number, each in enumerate(accounts):
        sizes.append(await measure(stage, f"bench_crowd_{number}", each))
        await stage.drop(f"bench_crowd_{number}")
    say(*table(sizes), "")
    notices, kills = await killed(stage, min(accounts))
    say(
        f"frozen by a process killed {kills} times: {notices:,} notices, none twice, none missing",
        "",
    )
    await stage.import_people(people)
    payment, pause = await lags(stage)
    for what, lag in (("payment row", payment), ("pause", pause)):
        say(
            f"from a {what} to the last send it stops: {lag.seconds * 1e3:,.0f} ms "
            f"({lag.after} sends after it, at {lag.rate:,.0f} a second)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accounts", nargs="+", type=int, default=[116_000, 1_160_000])
    parser.add_argument("--people", type=int, default=12_000, help="of the campaign that is paused")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    accounts, people = ([5_000], 4_000) if options.quick else (options.accounts, options.people)
    with open_stage() as stage:
        uvloop.run(run(stage, accounts, people))


if __name__ == "__main__":
    main()
