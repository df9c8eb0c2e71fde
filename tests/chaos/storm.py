"""One storm: a fresh database, three workers, misbehaving carriers, and blows dealt by a seed.

    async with stage(debtors) as place:
        await storm(place, seed, notices, folder, "cmpp")

Blows fall by progress, not by the clock, so that a slow machine gets the same storm. What was done
is written to ``faults.jsonl`` in the folder; the auditor reads the rest there.
"""

import asyncio
import base64
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp
import asyncpg
from machine import Machine
from redis.asyncio import Redis

from outreach.bootstrap import open_parts
from outreach.clock import Clock, monotonic
from outreach.db import migrate, notices
from outreach.domain.contact import Channel
from outreach.domain.money import Currency
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.life import intake
from outreach.life.parts import Parts
from outreach.portfolio.load import import_accounts
from outreach.settings import load

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ZONE = ZoneInfo("Asia/Shanghai")
CREDITOR = "qinglan-bank"
LEASE = 3.0
LOOKED_UP = 2.5  # seconds after which all that can be looked up has been
WORKERS = 3
POINTS = 7
AFTER = 1000  # the seed of what is asked for after a restore
SETTLE = 60.0
"""Seconds without any end that are too many; there are some more for each notice."""
SECRET = base64.b64encode(b"chaos" + bytes(27)).decode()

CHANNELS: tuple[tuple[int, tuple[Channel, ...]], ...] = (
    (52, (Channel.SMS,)),
    (28, (Channel.EMAIL,)),
    (10, (Channel.SMS, Channel.EMAIL)),
    (7, (Channel.SMS, Channel.SMS)),  # the same words twice to the same phone
    (3, (Channel.SMS, Channel.EMAIL, Channel.SMS)),  # more than a day's cap allows
)
"""What the debtors get, and how often in a hundred."""

BLOWS = {
    "killed": 4,
    "stopped": 2,
    "redis flushed": 2,
    "redis killed": 1,
    "postgres stopped": 1,
    "postgres crashed": 1,
    "door killed": 1,
}
"""How many of each fall in a storm of thousands."""


@dataclass(frozen=True)
class Place:
    """What several storms share: servers, and a database with debtors to copy."""

    machine: Machine
    debtors: int
    env: dict[str, str]


@asynccontextmanager
async def stage(debtors: int) -> AsyncIterator[Place]:
    """Servers of our own and ``debtors`` invented people, at ten on a working day."""
    async with Machine() as machine:
        now = Clock().now()
        env = {
            "OUTREACH_DATABASE_URL": named(machine.urls.database, "portfolio"),
            "OUTREACH_REDIS_URL": machine.urls.redis,
            "OUTREACH_DATA_DIR": str(machine.folder / "data"),
            "OUTREACH_TEMPLATES_DIR": str(ROOT / "templates"),
            "OUTREACH_CONFIG_DIR": str(ROOT / "config"),
            "OUTREACH_CLOCK_OFFSET_SECONDS": str((ten_o_clock(now) - now).total_seconds()),
            "OUTREACH_LEASE_SECONDS": str(LEASE),
            "OUTREACH_FEED_SECONDS": "0.2",
            "OUTREACH_MASTER_KEYS": f"1:{SECRET}",
            "OUTREACH_LOOKUP_KEY": SECRET,
            "OUTREACH_LOG_KEYS": f"1:{SECRET}",
            "OUTREACH_TWILIO_TOKEN": "chaos",
            "OUTREACH_CMPP_SECRET": "chaos",
            "OUTREACH_MAILHOUSE_SALT": "chaos",
        }
        place = Place(machine, debtors, env)
        await admin(machine, "create database portfolio")
        await migrate.upgrade(env["OUTREACH_DATABASE_URL"])
        async with open_parts(load(env), env["OUTREACH_DATABASE_URL"]) as parts:
            file = machine.folder / "accounts.csv"
            write_accounts(file, debtors, parts.clock.now().astimezone(ZONE).date())
            report = await import_accounts(parts, file, "user:chaos")
            assert report.refused == 0
        yield place


async def admin(machine: Machine, statement: str) -> None:
    connection = await asyncpg.connect(machine.urls.database)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def named(url: str, database: str) -> str:
    return url.replace("/outreach?", f"/{database}?")


def ten_o_clock(now: datetime) -> datetime:
    day = now.astimezone(ZONE).date()
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime.combine(day, time(10), ZONE)


# ---------------------------------------------------------------------------------------- people


def phone(number: int) -> str:
    """Every twentieth shares the phone of the one before."""
    return f"154{number - (number % 20 == 1):08}"


def mailbox(number: int) -> str:
    return f"u{number:06}@debtor.test"


def account(number: int) -> str:
    return f"9999{number:012}"


COLUMNS = (
    *("债权人", "账号", "产品", "币种", "到期还款日", "最早逾期到期日", "最低还款额", "逾期金额"),
    *("余额", "本金", "利息", "违约金", "费用", "余额时点", "姓名", "性别", "证件号", "语言"),
    *("手机", "手机来源", "手机已核实", "邮箱", "邮箱来源", "邮箱已核实"),
)


def write_accounts(target: Path, debtors: int, today: date) -> None:
    late, day = (today - timedelta(days=20)).isoformat(), today.isoformat()
    with target.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        debt = (CREDITOR, "青岚信用卡", "CNY", late, late)
        sums = ("300.00", "310.00", "1234.56", "1200.00", "24.56", "10.00", "0.00")
        for n in range(debtors):
            about = ("云小满", "女", f"000000{n:012}", "zh-CN", phone(n), "合同预留", "是")
            row = (debt[0], account(n), *debt[1:], *sums, f"{day} 02:00:00", *about)
            rows.writerow((*row, mailbox(n), "合同预留", "是"))


async def ask(parts: Parts, seed: int, count: int, folder: Path, debtor: int = 0) -> None:
    """Ask for ``count`` notices to people from ``debtor`` on; ids and tokens are the seed's."""
    lots = random.Random(f"{seed}:who")
    async with parts.pool.acquire() as conn:
        known = {row["number_hash"]: row for row in await conn.fetch(_DEBTORS, CREDITOR)}
    rows: list[tuple[UUID, NoticeRequest, str]] = []
    asked: list[dict[str, str]] = []
    now = parts.clock.now()
    while len(rows) < count:
        row = known[parts.lookup.hash("account", account(debtor))]
        (channels,) = lots.choices([c for _, c in CHANNELS], [w for w, _ in CHANNELS])
        for channel in channels[: count - len(rows)]:
            digest = hashlib.sha256(f"{seed}:{len(rows)}".encode()).digest()
            notice_id = UUID(bytes=digest[:16], version=4)
            urgent = lots.random() < 0.03
            to = f"+86{phone(debtor)}" if channel is Channel.SMS else mailbox(debtor)
            rows.append(
                (notice_id, _request(row, channel, urgent, f"{seed}:{len(rows)}", now), channel)
            )
            asked.append({"id": str(notice_id), "to": hashlib.sha256(to.encode()).hexdigest()})
        debtor += 1
    with (folder / "asked.jsonl").open("a") as file:
        file.writelines(json.dumps(each) + "\n" for each in asked)
    async with parts.pool.acquire() as conn, conn.transaction():
        await notices.insert(conn, rows, "user:chaos", now)
    async with parts.pool.acquire() as conn:
        await conn.execute("analyze")


_DEBTORS = """
select a.number_hash, a.id as account_id, a.debtor_id, p.id as phone, m.id as email from accounts a
join contact_points p on p.debtor_id = a.debtor_id and p.kind = 'phone'
join contact_points m on m.debtor_id = a.debtor_id and m.kind = 'email'
where a.creditor_id = $1"""


def _request(
    row: asyncpg.Record, channel: Channel, urgent: bool, number: str, now: datetime
) -> NoticeRequest:
    return NoticeRequest(
        creditor_id=CREDITOR,
        debtor_id=row["debtor_id"],
        account_ids=(row["account_id"],),
        purpose=Purpose.OVERDUE_NOTICE,
        channel=channel,
        currency=Currency("CNY"),
        contact_point_id=row["phone" if channel is Channel.SMS else "email"],
        idempotency_key=f"chaos:{number}",
        lane=Lane.URGENT if urgent else Lane.BULK,
        due_at=now,
        expires_at=now + intake.LIFETIME,
    )


# ------------------------------------------------------------------------------------- processes


class Nursery:
    """Forks workers and doors on demand; see ``worker.py``."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self._env = env
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._born = 0
        self._bearing = asyncio.Lock()

    async def open(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / "worker.py"),
            env=self._env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    async def close(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()  # it ends, and whoever it bore with it
        await self._process.wait()

    async def worker(self, point: int | None = None, count: int = 1) -> "Child":
        return await self._bear(point=point, count=count)

    async def command(self, *argv: str) -> "Child":
        return await self._bear(argv=argv)

    async def _bear(self, point: int | None = None, **spec: object) -> "Child":
        async with self._bearing:
            assert self._process is not None
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            log = self._folder / f"worker-{self._born}.jsonl"
            self._born += 1
            spec = {"argv": (), "log": str(log), "point": point} | spec
            self._process.stdin.write(json.dumps(spec).encode() + b"\n")
            return Child(int(await self._process.stdout.readline()), log, point)


class Child:
    """A process that is not ours to wait for."""

    def __init__(self, pid: int, log: Path, point: int | None) -> None:
        self.pid = pid
        self.point = point
        self._log = log
        self._ended = asyncio.Event()
        try:
            self._fd = os.pidfd_open(pid)
        except ProcessLookupError:  # it did not live long
            self._ended.set()
        else:
            asyncio.get_running_loop().add_reader(self._fd, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self._ended.set()

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    @property
    def said(self) -> str:
        """What a command wrote on standard output."""
        return self._log.with_suffix(".out").read_text()

    @property
    def died_as_planned(self) -> bool:
        return '"died"' in self._log.read_text() if self._log.exists() else False

    def send(self, number: signal.Signals) -> None:
        if self.alive:
            signal.pidfd_send_signal(self._fd, number)

    async def ended(self, patience: float = 60) -> None:
        await asyncio.wait_for(self._ended.wait(), patience)


# --------------------------------------------------------------------------------------- a storm


@dataclass
class Storm:
    """A storm under way."""

    machine: Machine
    nursery: Nursery
    folder: Path
    lots: random.Random
    offset: timedelta
    env: dict[str, str]
    http: int
    later: int = 0  # notices asked for after a restored database was recovered
    planted: list[tuple[int, int]] = field(default_factory=list)
    workers: dict[int, Child] = field(default_factory=dict)
    door: Child | None = None
    ending: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def note(self, fault: str, **more: object) -> None:
        at = Clock(self.offset).now().timestamp()
        with (self.folder / "faults.jsonl").open("a") as file:
            file.write(json.dumps({"at": at, "fault": fault} | more) + "\n")

    async def keep(self, slot: int) -> None:
        """A worker in this slot, and after it the next, with the deaths that are still to die."""
        while not self.ending:
            point, count = self.planted.pop(0) if self.planted else (None, 1)
            child = self.workers[slot] = await self.nursery.worker(point, count)
            await child.ended(3600)
            if point and not child.died_as_planned:
                self.planted.append((point, 1))  # something else was quicker
            await asyncio.sleep(0.1)

    async def keep_door(self) -> None:
        while not self.ending:
            self.door = await self.nursery.command("serve")
            await self.door.ended(3600)

    async def victim(self) -> Child:
        """Some worker that lives."""
        while not (living := [c for c in self.workers.values() if c.alive]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return self.lots.choice(living)

    async def blow(self, kind: str) -> None:
        """One blow; PostgreSQL and Redis are up again when this returns."""
        match kind:
            case "killed":
                victim = await self.victim()
                self.note(kind, pid=victim.pid)
                victim.send(signal.SIGKILL)
            case "stopped":
                self.tasks.append(asyncio.create_task(self._stopped()))
            case "door killed":
                assert self.door is not None
                self.note(kind, pid=self.door.pid)
                self.door.send(signal.SIGKILL)
            case "redis flushed":
                self.note(kind)
                async with Redis.from_url(self.machine.urls.redis) as redis:
                    await redis.flushall()
            case "redis killed":
                self.note(kind)
                await self.machine.fell_redis()
                await asyncio.sleep(self.lots.uniform(0.1, 1.0))
                await self.machine.raise_redis()
            case "backed up":
                await self._back_up()
            case "restored":
                await self._restore()
            case _:
                await self._postgres(kind)

    async def _stopped(self) -> None:
        victim = await self.victim()
        at = Clock(self.offset).now().timestamp()
        victim.send(signal.SIGSTOP)
        await asyncio.sleep(LEASE * 1.5)
        victim.send(signal.SIGCONT)
        until = Clock(self.offset).now().timestamp()
        self.note("stopped", pid=victim.pid, at=at, until=until)

    async def _postgres(self, kind: str) -> None:
        at = Clock(self.offset).now().timestamp()
        crash = kind == "postgres crashed"
        await self.machine.fell_postgres(signal.SIGQUIT if crash else signal.SIGINT)
        await asyncio.sleep(self.lots.uniform(0.0, 0.5))
        await self.machine.raise_postgres()
        self.note(kind, at=at, until=Clock(self.offset).now().timestamp())

    async def _back_up(self) -> None:
        at = Clock(self.offset).now().timestamp()
        await self.machine.fell_postgres()
        await self.machine.copy_postgres()
        await self.machine.raise_postgres()
        self.note("postgres stopped", at=at, until=Clock(self.offset).now().timestamp())

    async def _restore(self) -> None:
        """Put the copy in place, and recover; what was on the wire has left it before."""
        await asyncio.gather(*self.tasks)
        at = Clock(self.offset).now().timestamp()
        await self.machine.fell_postgres()
        await asyncio.sleep(LEASE * 1.5)
        self.machine.swap_postgres()
        await self.machine.raise_postgres()
        self.note("restored", at=at, until=Clock(self.offset).now().timestamp())
        await asyncio.sleep(LEASE)  # they would send now, if they did not refuse
        plan = json.loads(await self._say("recover", "--dry-run", "--json"))
        assert plan["refused_because"], "nobody knows that it was restored"
        self.note("recovered")
        why = ("--since", plan["since"], "--reason", "restored from a copy")
        await self._say("--as", "chaos", "recover", *why)
        env = self.env
        async with open_parts(load(env), env["OUTREACH_DATABASE_URL"], pool_size=2) as parts:
            await ask(parts, AFTER, self.later, self.folder, self.later)

    async def _say(self, *argv: str) -> str:
        child = await self.nursery.command(*argv)
        await child.ended()
        return child.said

    async def export_lost(self) -> None:
        """What the past that the restored database forgot said of itself."""
        for past in ("past.jsonl", None):
            await self.machine.fell_postgres()
            self.machine.swap_postgres()
            await self.machine.raise_postgres()
            if past:
                await self._say("notice", "export", "--out", str(self.folder / past))


@asynccontextmanager
async def site(
    place: Place,
    seed: int,
    count: int,
    folder: Path,
    *,
    sms: str = os.environ.get("CHAOS_SMS", "twilio"),
    calm: float | None = None,
) -> AsyncIterator[Storm]:
    """A database of its own with ``count`` notices due, carriers, and a nursery; still at rest.

    ``sms`` is the carrier of SMS, by its name in the configuration. ``calm`` carriers take
    everything, each after so many seconds, and tell nothing.
    """
    machine, database = place.machine, f"storm_{seed}_{count}"
    (folder / "faults.jsonl").touch()
    await admin(machine, f"create database {database} template portfolio")
    async with Redis.from_url(machine.urls.redis) as redis:
        await redis.flushall()
    http, mail = free_ports(2)
    env = place.env | {
        "OUTREACH_DATABASE_URL": named(machine.urls.database, database),
        "OUTREACH_HTTP_PORT": str(http),
        "OUTREACH_PUBLIC_URL": f"http://127.0.0.1:{http}",
        "OUTREACH_MAIL_PORT": str(mail),
        "OUTREACH_DATA_DIR": str(folder / "data"),  # where a worker marks how far it came
        "OUTREACH_CONFIG_DIR": str(folder / "config"),
        "OUTREACH_CHUNK": str(min(32, max(4, count // 50))),
    }
    async with carriers(env, seed, folder, calm) as ports:
        write_config(folder / "config", ports, sms)
        async with open_parts(load(env), env["OUTREACH_DATABASE_URL"], pool_size=2) as parts:
            await ask(parts, seed, count, folder)
            offset = parts.settings.clock_offset
        nursery = Nursery(processes_env(env), folder)
        await nursery.open()
        lots = random.Random(f"{seed}:blows")
        try:
            yield Storm(machine, nursery, folder, lots, offset, env, ports["http"])
            await write_down(nursery, folder)
        finally:
            await nursery.close()
    await admin(machine, f"drop database {database} with (force)")


async def storm(place: Place, seed: int, count: int, folder: Path, sms: str) -> float:
    """Run one; how many seconds it took. Raises ``TimeoutError`` if it does not come to rest."""
    begun = monotonic()
    async with site(place, seed, count, folder, sms=sms) as state:
        await rage(state, count)
    return monotonic() - begun


async def rage(state: Storm, count: int, also: Sequence[tuple[float, str]] = ()) -> None:
    """Blow after blow as the carriers' log grows, then quiet, then a clean stop."""
    scale = count / 5000
    blows = [kind for kind, times in BLOWS.items() for _ in range(scaled(times, scale))]
    state.lots.shuffle(blows)
    falls = sorted(state.lots.uniform(0.02, 0.95) for _ in blows)
    plan = sorted([*zip(falls, blows, strict=True), *also])
    points = list(range(1, POINTS + 1))
    state.lots.shuffle(points)
    for point in points:
        most = 12 * (20 if point in (3, 4) else 1) * scale
        state.planted.append((point, 1 + int(state.lots.random() * most)))
    keepers = [asyncio.create_task(state.keep(slot)) for slot in range(WORKERS)]
    keepers.append(asyncio.create_task(state.keep_door()))
    log = Tail(state.folder / "carriers.jsonl")
    try:
        for fall, kind in plan:
            await log.reach(fall * count)
            await state.blow(kind)
        await asyncio.gather(*state.tasks)
        await at_rest(state, SETTLE + count / 50)
        state.ending = True
        for child in [*state.workers.values(), *([state.door] if state.door else [])]:
            child.send(signal.SIGTERM)
            await child.ended()
        await asyncio.gather(*keepers)
    finally:
        state.ending = True
        for keeper in keepers:
            keeper.cancel()


def scaled(times: int, scale: float) -> int:
    return max(1, round(times * min(scale, 3)))


class Tail:
    """How many requests the carriers have had."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._count = 0

    def arrivals(self) -> int:
        with self._path.open("rb") as file:
            file.seek(self._at)
            read = file.read()
        self._at += len(read)
        self._count += read.count(b'"did"')
        return self._count

    async def reach(self, goal: float, patience: float = LEASE) -> None:
        """Wait for so many; or until none come any more, because the rest is uncertain."""
        last, since = -1, monotonic()
        while (now := self.arrivals()) < goal and monotonic() - since < patience:
            if now > last:
                last, since = now, monotonic()
            await asyncio.sleep(0.01)


_MOVING = """
select (select count(*) from due where due_at <= $1) as due,
    (select count(*) from claims) as claims,
    (select count(*) from callbacks_due) as callbacks,
    (select count(*) from unsealed) as unsealed,
    (select count(*) from uncertain) as uncertain"""


async def at_rest(state: Storm, seconds: float) -> None:
    """Nothing is due within the hour, on the wire, to be told, applied or sealed; and looking up
    settles nothing any more.
    """
    seen: Sequence[int] = ()
    uncertain, since = -1, monotonic()
    try:
        async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
            while any(seen) or monotonic() - since < LOOKED_UP:
                await asyncio.sleep(0.1)
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    *seen, left = await moving(state, session)
                    if any(seen) or left != uncertain:
                        uncertain, since = left, monotonic()
    except TimeoutError:
        raise TimeoutError(f"no rest after {seconds:.0f} s; still moving: {seen}") from None


async def moving(state: Storm, session: aiohttp.ClientSession) -> tuple[int, ...]:
    async with session.get(f"http://127.0.0.1:{state.http}/waiting") as answer:
        waiting = (await answer.json())["waiting"]
    connection = await asyncpg.connect(state.env["OUTREACH_DATABASE_URL"])
    try:
        row = await connection.fetchrow(_MOVING, Clock(state.offset).now() + timedelta(hours=1))
    finally:
        await connection.close()
    assert row is not None
    return (waiting, *row.values())


# ------------------------------------------------------------------------------------------ rest


@asynccontextmanager
async def carriers(
    env: dict[str, str], seed: int, folder: Path, calm: float | None
) -> AsyncIterator[dict[str, int]]:
    setup = {
        "seed": seed,
        "calm": calm,
        "log": str(folder / "carriers.jsonl"),
        "public_url": env["OUTREACH_PUBLIC_URL"],
        "mail_port": int(env["OUTREACH_MAIL_PORT"]),
        "auth_token": env["OUTREACH_TWILIO_TOKEN"],
        "cmpp_secret": env["OUTREACH_CMPP_SECRET"],
        "offset": float(env["OUTREACH_CLOCK_OFFSET_SECONDS"]),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "carriers.py"),
        json.dumps(setup),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


def write_config(folder: Path, ports: dict[str, int], sms: str) -> None:
    shutil.copytree(ROOT / "config", folder)
    file = folder / "carriers.toml"
    text = file.read_text(encoding="utf-8")
    for old, new in (
        (":8310", f":{ports['http']}"),
        ("port = 8312", f"port = {ports['cmpp']}"),
        ("carriers = { cmpp = 1 }", f"carriers = {{ {sms} = 1 }}"),
        ("timeout_seconds = 60", "timeout_seconds = 1.5"),
        ("port = 8311", f"port = {ports['smtp']}"),
        ("timeout_seconds = 20", "timeout_seconds = 1.5"),
        ("timeout_seconds = 30", "timeout_seconds = 1.5"),
        ("# daily_quota = 500000", "daily_quota = 500000"),
    ):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    two_sms_a_day(folder / "policies" / "cn-mainland.toml")


def two_sms_a_day(pack: Path) -> None:
    """Let twins of the same words go to one phone on one day."""
    text = pack.read_text(encoding="utf-8")
    begins = text.index('name = "sms-day"')
    rule = text[begins : text.index("[[rule]]", begins)]
    assert "limit = { value = 1," in rule
    pack.write_text(text.replace(rule, rule.replace("value = 1,", "value = 2,"), 1), "utf-8")


def processes_env(env: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OUTREACH_")}
    return kept | env


async def write_down(nursery: Nursery, folder: Path) -> None:
    """The export, and what the history says of itself, by the product's own commands."""
    export = await nursery.command("notice", "export", "--out", str(folder / "export.jsonl"))
    verify = await nursery.command("history", "verify", "--json")
    await export.ended()
    await verify.ended()
    (folder / "verify.json").write_text(verify.said.splitlines()[-1])


def free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()
    return ports
