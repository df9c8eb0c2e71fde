"""Sending: notices a second per worker process through the whole loop, beside the bare floor.

    python -m bench.notice_loop [--size 2000] [--rounds 5]

The loop is claim, gate, render, intent, send, record on PostgreSQL with fsync on. The floor is the
same adapter object sending the same messages at the same concurrency, and nothing else. Both run
in turns in one process on one core; PostgreSQL and the peers have the others.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg
import orjson
import uvloop
from bench.one_worker import Place, Run, Worker

from outreach.bootstrap import open_parts
from outreach.clock import Clock
from outreach.db import audience, migrate
from outreach.demo.stage import ZONE, daytime
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.money import Currency
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.domain.states import State
from outreach.embedded import places, start
from outreach.life import intake
from outreach.life.parts import Parts
from outreach.portfolio.load import import_accounts

ACTOR = "user:bench"
SUBMIT = 500
FLOORS = {
    Channel.SMS: "twilio's request_async on one aiohttp session, form with every octet as %xx",
    Channel.EMAIL: "hand-written MIME (text and html, base64), aiosmtplib on kept sessions, "
    "MAIL RCPT DATA not pipelined",
}


# ---------------------------------------------------------------------------------------- data


def write_portfolio(target: Path, debtors: int, now: datetime) -> None:
    """Invented debtors with one overdue account each, all of whom may be written to."""
    today = now.astimezone(ZONE).date()
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _row(0, today.isoformat(), ""))
        writer.writeheader()
        for number in range(debtors):
            oldest = today - timedelta(days=5 + number % 50)
            writer.writerow(_row(number, today.isoformat(), oldest.isoformat()))


def _row(number: int, today: str, oldest: str) -> dict[str, str]:
    principal, interest, penalty = 1000 + number % 9000, 12 + number % 90, 5 + number % 40
    verified = {"来源": "合同预留", "已核实": "是"}
    person = {
        "姓名": "杨陈林何"[number % 4] + "欣静文志"[number // 4 % 4] + "梅涵明远"[number // 16 % 4],
        "性别": "女男"[number % 2],
        "证件号": f"000000{number:012}",
        "语言": "zh-CN",
    }
    debt = {
        "债权人": "qinglan-bank",
        "账号": f"9999{number:012}",
        "产品": "青岚信用卡",
        "币种": "CNY",
        "到期还款日": oldest,
        "最早逾期到期日": oldest,
        "最低还款额": f"{principal // 10}.50",
        "逾期金额": f"{principal // 5}.25",
        "余额": f"{principal + interest + penalty}.00",
        "本金": f"{principal}.00",
        "利息": f"{interest}.00",
        "违约金": f"{penalty}.00",
        "费用": "0.00",
        "余额时点": f"{today} 02:00:00",
    }
    points = {"手机": f"154{number:08}", "邮箱": f"u{number:06}@songfeng.test"}
    for name, value in points.items():
        person |= {name: value} | {f"{name}{about}": word for about, word in verified.items()}
    return debt | person


def _request(row: asyncpg.Record, channel: Channel, now: datetime) -> NoticeRequest:
    return NoticeRequest(
        creditor_id=row["creditor_id"],
        debtor_id=row["debtor_id"],
        account_ids=tuple(row["account_ids"]),
        purpose=Purpose.OVERDUE_NOTICE,
        channel=channel,
        currency=Currency(row["currency"]),
        contact_point_id=UUID(orjson.loads(row["points"])[KIND_FOR[channel]]),
        idempotency_key=f"bench:{channel}:{row['debtor_id']}",
        lane=Lane.BULK,
        due_at=now,
        expires_at=now + intake.LIFETIME,
    )


async def submit(parts: Parts, debts: Sequence[asyncpg.Record], channel: Channel) -> None:
    now = parts.clock.now()
    requests = [_request(row, channel, now) for row in debts]
    for begin in range(0, len(requests), SUBMIT):
        async with parts.pool.acquire() as conn, conn.transaction():
            await intake.submit(conn, parts, requests[begin : begin + SUBMIT], ACTOR)


# --------------------------------------------------------------------------------------- stage


@contextmanager
def peers() -> Iterator[dict[str, int]]:
    """The carriers, in a process of their own; their ports."""
    command = [sys.executable, "-m", "bench.peers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())  # leaving closes its input, which ends it


@contextmanager
def stage(cores: Sequence[int]) -> Iterator[tuple[Place, str]]:
    """PostgreSQL and the peers, on ``cores``, at ten on a working day; the server's URL beside."""
    folder = Path(tempfile.mkdtemp(prefix="outreach-bench-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as another user and must pass through
    os.sched_setaffinity(0, cores)
    lease = start(folder)
    now = Clock().now()
    offset = (daytime(now) - now).total_seconds()
    try:
        with peers() as ports:
            yield Place(str(folder), lease.urls.database, offset, ports), lease.urls.database
    finally:
        lease.close()
        where = places(folder)
        for each in (where.sockets, where.home, folder):
            shutil.rmtree(each, ignore_errors=True)


async def database(server: str, name: str, template: str = "template1") -> str:
    """A new database, empty or cut from another; its URL."""
    connection = await asyncpg.connect(server)
    await connection.execute(f"create database {name} template {template}")
    await connection.close()
    return server.replace("/outreach?", f"/{name}?")


# ------------------------------------------------------------------------------------- measure


@dataclass(slots=True)
class Found:
    """Per round, what the loop and the floor cost and PostgreSQL's CPU seconds during the loop.

    ``peak``: the process's memory, in MB, before it held the floor's messages.
    """

    channel: Channel
    size: int
    loops: list[Run]
    floors: list[Run]
    postgres: list[float]
    peak: float


async def measure(place: Place, channel: Channel, core: int, size: int, rounds: int) -> Found:
    """One channel: a first run to warm up and take the peak memory, then the rounds."""
    async with open_parts(place.settings(), place.database, pool_size=1) as parts:
        async with parts.pool.acquire() as conn:
            debts = await audience.open_debts(conn)
        route = parts.route_for(channel, "CN").name
        with Worker(place, route, core) as worker:
            await submit(parts, debts[:size], channel)
            first = worker.run("loop", size)
            await _all_sent(parts, size)
            found = Found(channel, size, [], [], [], first.peak)
            async with parts.pool.acquire() as conn:
                await conn.execute("analyze")  # as a house that has sent before
            for turn in range(1, rounds + 1):
                await submit(parts, debts[turn * size : (turn + 1) * size], channel)
                found.floors.append(worker.run("floor", size))
                before = await postgres_cpu(parts)
                found.loops.append(worker.run("loop", size))
                found.postgres.append(await postgres_cpu(parts) - before)
                await _all_sent(parts, size * (turn + 1))
    return found


async def postgres_cpu(parts: Parts) -> float:
    """CPU seconds so far of all the server's processes that are alive."""
    async with parts.pool.acquire() as conn:
        return sum(_cpu(row["pid"]) for row in await conn.fetch("select pid from pg_stat_activity"))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0  # ended meanwhile
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _all_sent(parts: Parts, expected: int) -> None:
    async with parts.pool.acquire() as conn:
        sent = await conn.fetchval(f"select count(*) from notices where state = '{State.SENT}'")
    if sent != expected:
        raise RuntimeError(f"{sent} of {expected} notices were sent: these figures mean nothing")


# ---------------------------------------------------------------------------------------- show


def table(found: Found) -> Iterator[str]:
    """The lines that tell what was found."""
    size = found.size
    yield f"{found.channel}: {size:,} notices a run, {len(found.loops)} rounds in turns, medians"
    yield f"  {'':<6}{'notices/s':>11} {'(min-max)':>17}{'wall':>9}{'own CPU':>9}{'PostgreSQL':>12}"
    for name, runs, server in (
        ("loop", found.loops, f"{_micro(found.postgres, size):>8.0f} µs"),
        ("floor", found.floors, ""),
    ):
        walls = [run.wall for run in runs]
        between = f"({size / max(walls):,.0f}-{size / min(walls):,.0f})"
        wall, cpu = _micro(walls, size), _micro([run.cpu for run in runs], size)
        yield (
            f"  {name:<6}{size / median(walls):>11,.0f} {between:>17}"
            f"{wall:>6.0f} µs{cpu:>6.0f} µs{server:>12}"
        )
    pairs = list(zip(found.loops, found.floors, strict=True))
    ratio = median(loop.wall / floor.wall for loop, floor in pairs)
    above = _micro([loop.cpu - floor.cpu for loop, floor in pairs], size)
    yield f"  loop : floor {ratio:.2f} in wall time; own CPU above the floor {above:.0f} µs each"
    yield f"  the floor: {FLOORS[found.channel]}"
    yield f"  peak memory {found.peak:.0f} MB after the first {size:,} notices"


def _micro(seconds: Sequence[float], size: int) -> float:
    return median(seconds) / size * 1e6


async def compare(place: Place, server: str, core: int, size: int, rounds: int) -> None:
    """Import once; then each channel from the same start, in a database and process of its own."""
    portfolio = replace(place, database=await database(server, "portfolio"))
    await migrate.upgrade(portfolio.database)
    async with open_parts(portfolio.settings(), portfolio.database) as parts:
        file = Path(place.data_dir) / "accounts.csv"
        write_portfolio(file, size * (rounds + 1), parts.clock.now())
        await import_accounts(parts, file, ACTOR)
    for channel in (Channel.SMS, Channel.EMAIL):
        own = replace(place, database=await database(server, f"bench_{channel}", "portfolio"))
        found = await measure(own, channel, core, size, rounds)
        print("\n".join(table(found)), end="\n\n", flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=2000, help="notices in a run")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    first, *others = sorted(os.sched_getaffinity(0))
    with stage(others or [first]) as (place, server):
        uvloop.run(compare(place, server, first, options.size, options.rounds))


if __name__ == "__main__":
    main()
