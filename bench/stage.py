"""Where a bench happens: servers, carriers, databases, and what other processes cost."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import asyncpg
from bench.peers import CMPP_SECRET, Peers, peers
from bench.people import ACTOR, write_portfolio

from outreach.bootstrap import open_parts
from outreach.clock import Clock
from outreach.db import migrate
from outreach.demo.stage import daytime
from outreach.domain.states import State
from outreach.embedded import places, start
from outreach.life.parts import Parts
from outreach.portfolio.load import import_accounts
from outreach.settings import (
    CarrierSettings,
    CmppSettings,
    RouteSettings,
    Settings,
    SmtpSettings,
    TwilioSettings,
    load,
)

PORTFOLIO = "portfolio"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bench happens; ``ports`` of the carriers, by kind.

    ``chunk`` and ``concurrency`` replace what is configured, where given; ``sms`` carries SMS.
    """

    data_dir: str
    database: str
    redis: str
    offset_seconds: float
    ports: dict[str, int]
    chunk: int | None = None
    concurrency: int | None = None
    sms: str = "twilio"

    def spell(self) -> str:
        """As one argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, spelt: str) -> Self:
        return cls(**json.loads(spelt))

    def settings(self) -> Settings:
        """The configuration as delivered, but with our carriers."""
        settings = load(
            {
                "OUTREACH_DATA_DIR": self.data_dir,
                "OUTREACH_CLOCK_OFFSET_SECONDS": str(self.offset_seconds),
                "OUTREACH_CMPP_SECRET": CMPP_SECRET,
            }
        )
        more: dict[str, object] = {
            "carriers": tuple(map(self._ours, settings.carriers)),
            "routes": tuple(map(self._route, settings.routes)),
        }
        if self.chunk:
            more["chunk"] = self.chunk
        return settings.model_copy(update=more)

    def _route(self, route: RouteSettings) -> RouteSettings:
        """SMS by whom it is measured with."""
        if route.name != "sms":
            return route
        return route.model_copy(update={"carriers": {self.sms: 1}})

    def _ours(self, carrier: CarrierSettings) -> CarrierSettings:
        changed: dict[str, object] = {}
        if isinstance(carrier, TwilioSettings):
            changed = {"base_url": f"http://127.0.0.1:{self.ports['twilio']}"}
        elif isinstance(carrier, CmppSettings):
            changed = {"port": self.ports["cmpp"]}
        elif isinstance(carrier, SmtpSettings):
            changed = {"port": self.ports["smtp"]}
        if changed and self.concurrency:
            changed["concurrency"] = self.concurrency
        return carrier.model_copy(update=changed)

    def at(self, carriers: Peers) -> Self:
        """The same place with other carriers."""
        return replace(self, ports=carriers.ports)


@dataclass(frozen=True, slots=True)
class Stage:
    """Servers and carriers running; the measured process has ``core`` to itself."""

    place: Place
    carriers: Peers
    core: int

    async def database(self, name: str, template: str = PORTFOLIO) -> Place:
        """A new database, empty (of ``template1``) or cut from another; the place with it."""
        connection = await asyncpg.connect(self.place.database)
        await connection.execute(f"create database {name} template {template}")
        await connection.close()
        return self.named(name)

    def named(self, name: str) -> Place:
        """The place with a database that is there."""
        return replace(self.place, database=self.place.database.replace("/outreach?", f"/{name}?"))

    async def drop(self, name: str) -> None:
        connection = await asyncpg.connect(self.place.database)
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()

    async def import_people(self, debtors: int) -> None:
        """The database that all others are cut from."""
        place = await self.database(PORTFOLIO, "template1")
        await migrate.upgrade(place.database)
        async with open_parts(place.settings(), place.database) as parts:
            file = Path(place.data_dir) / "accounts.csv"
            write_portfolio(file, debtors, parts.clock.now())
            await import_accounts(parts, file, ACTOR)
            async with parts.pool.acquire() as conn:
                await conn.execute("analyze")


@contextmanager
def open_stage() -> Iterator[Stage]:
    """PostgreSQL (fsync on), Redis and the carriers, at ten on a working day.

    The first core is left to what is measured; this process and all it starts have the others.
    """
    core, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others or [core])
    folder = Path(tempfile.mkdtemp(prefix="outreach-bench-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as another user and must pass through
    lease = start(folder)
    now = Clock().now()
    offset = (daytime(now) - now).total_seconds()
    try:
        with peers() as carriers:
            urls = lease.urls
            place = Place(str(folder), urls.database, urls.redis, offset, carriers.ports)
            yield Stage(place, carriers, core)
    finally:
        lease.close()
        where = places(folder)
        for each in (where.sockets, where.home, folder):
            shutil.rmtree(each, ignore_errors=True)


async def postgres_cpu(parts: Parts) -> float:
    """CPU seconds so far of all the server's processes that are alive."""
    async with parts.pool.acquire() as conn:
        return cpu(row["pid"] for row in await conn.fetch("select pid from pg_stat_activity"))


def cpu(pids: Iterable[int]) -> float:
    """CPU seconds so far of these processes; one that has ended counts nothing."""
    return sum(map(_cpu, pids))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def require_sent(parts: Parts, expected: int) -> None:
    """Whatever was measured means nothing unless all were sent."""
    async with parts.pool.acquire() as conn:
        sent = await conn.fetchval(f"select count(*) from notices where state = '{State.SENT}'")
    if sent != expected:
        raise RuntimeError(f"{sent} of {expected} notices were sent: these figures mean nothing")


def say(*lines: str) -> None:
    print("\n".join(lines), flush=True)  # noqa: T201


def micro(seconds: float, size: int) -> float:
    return seconds / size * 1e6


def spread(values: Sequence[float]) -> str:
    return f"({min(values):,.0f}-{max(values):,.0f})"
