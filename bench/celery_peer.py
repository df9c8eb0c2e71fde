"""Celery beside us: its worker on our worker's core, its queue filled before the clock starts."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path

from bench import celery_app
from bench.people import person
from bench.stage import Place, cpu
from celery import Celery

from outreach.clock import monotonic
from outreach.domain.contact import Channel
from outreach.life.parts import Parts

POOLS = (
    ("threads", 16),
    ("threads", 32),
    ("threads", 4),
    ("prefork", 2),
    ("prefork", 4),
    ("solo", 1),
)
"""gevent and eventlet are left out: neither carries asyncpg or aiohttp."""

_FIELDS = {
    "name": "姓名",
    "sex": "性别",
    "email": "邮箱",
    "product": "产品",
}
_SUMS = dict(
    zip(
        celery_app.SUMS,
        ("最低还款额", "逾期金额", "余额", "本金", "利息", "违约金", "费用"),
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class PeerRun:
    """Seconds, of ``size`` tasks."""

    size: int
    wall: float
    cpu: float


def peer_row(number: int, parts: Parts) -> dict[str, object]:
    """The same invented debtor as a row of the peer's table, in clear."""
    now = parts.clock.now()
    told = person(number, now)
    as_of = date.fromisoformat(told["余额时点"][:10])
    row: dict[str, object] = {name: told[column] for name, column in _FIELDS.items()}
    row |= {name: round(float(told[column]) * 100) for name, column in _SUMS.items()}
    days = (as_of - date.fromisoformat(told["最早逾期到期日"])).days
    return row | {
        "phone": f"+86{told['手机']}",
        "tail": told["账号"][-4:],
        "overdue_days": days,
        "as_of": as_of,
    }


class CeleryWorker:
    """A ``celery worker``, from outside. Between its runs it is suspended: its idle wakings would
    cost others on its core.
    """

    def __init__(
        self, app: Celery, name: str, parts: Parts, process: subprocess.Popen[bytes]
    ) -> None:
        self._app, self._parts, self._process = app, parts, process
        self._asked = {"destination": [name], "reply": True, "limit": 1, "timeout": 10}

    async def run(self, numbers: Sequence[int]) -> PeerRun:
        """Send to these debtors; the clock runs from the first task's end to the last one's."""
        os.killpg(self._process.pid, signal.SIGCONT)
        turn = next(_turns)
        ids = await _insert(self._parts, numbers, turn)
        queue = f"round-{turn}"
        with self._app.producer_or_acquire() as producer:
            for notice_id in ids:
                self._app.send_task(celery_app.TASK, (notice_id,), queue=queue, producer=producer)
        before = self._cpu()
        self._app.control.add_consumer(queue, **self._asked)
        wall = await self._finished(turn, len(ids))
        spent = self._cpu() - before
        self._app.control.cancel_consumer(queue, **self._asked)
        os.killpg(self._process.pid, signal.SIGSTOP)
        return PeerRun(len(ids), wall, spent)

    async def _finished(self, turn: int, size: int) -> float:
        patience = monotonic() + 60 + size / 20
        while monotonic() < patience and self._process.poll() is None:
            async with self._parts.pool.acquire() as conn:
                done, seconds = await conn.fetchrow(
                    """select count(*), extract(epoch from max(finished_at) - min(finished_at))
                       from peer_notices where round = $1 and status = 'sent'""",
                    turn,
                )
            if done == size:
                return float(seconds)
            await asyncio.sleep(0.1)
        raise RuntimeError("Celery did not finish: its figures mean nothing")

    def _cpu(self) -> float:
        return cpu([self._process.pid, *_children(self._process.pid)])


_turns = count(1)


@contextmanager
def celery_worker(
    place: Place, parts: Parts, core: int, channel: Channel, whose: str, pool: tuple[str, int]
) -> Iterator[CeleryWorker]:
    """``whose`` client objects, ``ours`` or ``usual``; the worker is pinned to ``core``."""
    node, (kind, concurrency) = f"{whose}@bench", pool
    spec = json.dumps([place.spell(), channel, whose, core])
    command = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "-A", "bench.celery_app"]
    command += ["worker", f"--pool={kind}", f"--concurrency={concurrency}", f"--hostname={node}"]
    command += ["--queues=idle", "--loglevel=ERROR"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    app = celery_app.make_app(place)
    process = subprocess.Popen(
        command,
        env={**os.environ, celery_app.SPEC: spec},
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, its children with it
    )
    try:
        patience = monotonic() + 30
        while not app.control.ping([node], timeout=0.5, limit=1):
            if monotonic() > patience or process.poll() is not None:
                raise RuntimeError("the Celery worker did not start: see above")
        yield CeleryWorker(app, node, parts, process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)
        process.terminate()
        process.wait(30)
        app.close()


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


async def _insert(parts: Parts, numbers: Sequence[int], turn: int) -> list[str]:
    rows = [peer_row(number, parts) | {"round": turn} for number in numbers]
    columns = list(rows[0])
    async with parts.pool.acquire() as conn:
        await conn.copy_records_to_table(
            "peer_notices", records=[tuple(row.values()) for row in rows], columns=columns
        )
        found = await conn.fetch("select id::text from peer_notices where round = $1", turn)
    return [row["id"] for row in found]


async def best_pool(
    place: Place, parts: Parts, core: int, channel: Channel, whose: str, size: int
) -> tuple[str, int]:
    """The kind and size of pool that was quickest over ``size`` tasks; 0: the first, untried."""
    if not size:
        return POOLS[0]
    found: dict[tuple[str, int], float] = {}
    for pool in POOLS:
        with celery_worker(place, parts, core, channel, whose, pool) as worker:
            await worker.run(range(size // 2))
            found[pool] = (await worker.run(range(size))).wall
    return min(found, key=lambda pool: found[pool])
