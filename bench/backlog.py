"""A long queue: memory, and time a claimed batch, at 10,000 and at 1,000,000 pending.

The queue's front is one notice each to debtors nobody has written to yet; behind it, already due
too, wait further notices to the same debtors. What is measured works the front.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median

import asyncpg
from asyncpg.connection import LoggedQuery
from bench.one_worker import Run, Worker, look
from bench.people import PURPOSE, point_of
from bench.stage import Place, Stage, say

from outreach.bootstrap import open_parts
from outreach.clock import monotonic
from outreach.db import audience
from outreach.db.pool import open_pool
from outreach.domain.contact import Channel
from outreach.domain.notice import Lane
from outreach.life.parts import Parts

ROUTE = "sms"
CHUNKS = (32, 100)
LOOKS = 40
FEW_ROWS = 100
SHORT, LONG = "bench_short", "bench_long"
KEPT = 300
"""Debtors to whom nothing waits."""

# Past the foreign keys' triggers, which would take as long as all the rest.
_WAITING = """
with debt as (
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality
        as d(debtor_id, account_id, point_id, place)
), new as (
    insert into notices (id, creditor_id, debtor_id, account_ids, purpose, channel, currency,
        contact_point_id, idempotency_key, lane, route, due_at, expires_at, created_at, actor)
    select uuidv7(), 'qinglan-bank', d.debtor_id, array[d.account_id], $4, 'sms', 'CNY',
        d.point_id, 'backlog:' || i, $5, $6, $7::timestamptz + i * interval '1 millisecond',
        $7::timestamptz + interval '5 days', $7, 'user:bench'
    from generate_series($8::int, $9::int - 1) i join debt d on d.place = i % cardinality($1) + 1
    returning id, lane, route, creditor_id, due_at
)
insert into due (notice_id, lane, route, creditor_id, due_at) select * from new
"""


async def fill(parts: Parts, debts: Sequence[asyncpg.Record], size: int) -> None:
    """``size`` notices that are due, the first to each of ``debts`` in front of all others."""
    first = parts.clock.now() - timedelta(hours=2)
    accounts = [debt["account_ids"][0] for debt in debts]
    points = [point_of(debt, Channel.SMS) for debt in debts]
    people = [debt["debtor_id"] for debt in debts]
    async with parts.pool.acquire() as conn:
        await conn.execute("set session_replication_role = replica")
        for begin in range(0, size, 100_000):
            end = min(begin + 100_000, size)
            given = people, accounts, points, PURPOSE, Lane.BULK, ROUTE, first, begin, end
            await conn.execute(_WAITING, *given)
        await conn.execute("reset session_replication_role")
        await conn.execute("vacuum analyze")


@dataclass(frozen=True, slots=True)
class Queue:
    """A database with so many pending."""

    place: Place
    parts: Parts
    pending: int


@dataclass(slots=True)
class Batches:
    """What batches of ``chunk`` cost on one queue: the whole loop; claiming alone, in seconds."""

    queue: Queue
    chunk: int
    runs: list[Run]
    claims: list[float]

    @property
    def whole(self) -> float:
        """Seconds a batch of the whole loop, its slots side by side."""
        return median(run.wall / run.sent for run in self.runs) * self.chunk


async def compare(
    queues: Sequence[Queue], core: int, chunk: int, size: int, rounds: int
) -> list[Batches]:
    """The same work in the front of each queue, in turns."""
    found = [Batches(queue, chunk, [], []) for queue in queues]
    with ExitStack() as open_:
        places = [replace(queue.place, chunk=chunk) for queue in queues]
        workers = [open_.enter_context(Worker(place, ROUTE, core)) for place in places]
        for worker in workers:
            worker.run("some", size // 4)
        for _ in range(rounds):
            for each, worker in zip(found, workers, strict=True):
                each.runs.append(worker.run("some", size))
    for each in found:
        each.claims += await claims(each.queue, chunk)
    return found


async def claims(queue: Queue, chunk: int) -> list[float]:
    """Seconds of claiming and reading, undone each time."""
    pool = await open_pool(queue.place.database, 1, generic_plans=True)
    found = []
    async with pool, pool.acquire() as conn:
        for _ in range(LOOKS):
            began = monotonic()
            await look(conn, queue.parts, ROUTE, chunk)
            found.append(monotonic() - began)
    return found[LOOKS // 4 :]


async def plans(queue: Queue, chunk: int) -> list[str]:
    """The plans of a claim's statements as the server runs them for a worker: generic ones."""
    asked: list[LoggedQuery] = []
    pool = await open_pool(queue.place.database, 1, generic_plans=True)
    async with pool, pool.acquire() as conn:
        conn.add_query_logger(asked.append)
        await look(conn, queue.parts, ROUTE, chunk)
        conn.remove_query_logger(asked.append)
        found = []
        ours = [query for query in asked if query.args and "pg_type" not in query.query]
        for number, query in enumerate(ours):
            given = ", ".join(map(_literal, query.args))
            await conn.execute(f"prepare p{number} as {query.query}")
            rows = await conn.fetch(
                "explain (analyze, timing off, summary off, buffers off) "
                f"execute p{number}({given})"
            )
            found += ["", *(re.sub(r"\(cost=\S+ ", "(", row[0]) for row in rows)]
    return [line for line in found if not line or ("(" in line and "rows=" in line)]


def read_whole(plan: Sequence[str]) -> str:
    """The tables a plan walks from end to end, where there was more than a handful to see."""
    found = {}
    for line in plan:
        if scan := re.search(r"Seq Scan on (\w+) .*actual rows=(\d+)", line):
            found[scan[1]] = int(scan[2])
    told = [f"{table} ({rows:,} rows)" for table, rows in found.items() if rows > FEW_ROWS]
    return ", ".join(told) or "no table"


def _literal(value: object) -> str:
    """As SQL text; lists as arrays."""
    if isinstance(value, list):
        return f"'{{{','.join(map(str, value))}}}'"
    return f"'{value}'"


def table(small: Batches, large: Batches) -> Iterator[str]:
    """Ratios first."""
    whole, claim = large.whole / small.whole, median(large.claims) / median(small.claims)
    few, many = small.queue.pending, large.queue.pending
    yield f"batches of {small.chunk}: {many:,} pending against {few:,}"
    yield f"  {whole:.2f} times the time a batch, whole loop; {claim:.2f} times claiming alone"
    yield f"  {'pending':>12}{'a batch':>12}{'claiming alone':>18}{'peak memory':>14}"
    for each in (small, large):
        yield (
            f"  {each.queue.pending:>12,}{each.whole * 1e3:>9.1f} ms"
            f"{median(each.claims) * 1e3:>15.2f} ms{each.runs[-1].peak:>11.0f} MB"
        )


async def run(stage: Stage, few: int, many: int, size: int, rounds: int) -> None:
    """Leaves the long queue behind, in the database ``LONG``, for whoever needs one."""
    async with AsyncExitStack() as open_:
        queues = []
        for name, pending in ((SHORT, few), (LONG, many)):
            place = await stage.database(name)
            opened = open_parts(place.settings(), place.database, pool_size=1)
            parts = await open_.enter_async_context(opened)
            async with parts.pool.acquire() as conn:
                debts = await audience.open_debts(conn)
            await fill(parts, debts[:-KEPT], pending)
            queues.append(Queue(place, parts, pending))
        for chunk in CHUNKS:
            small, large = await compare(queues, stage.core, chunk, size, rounds)
            say(*table(small, large), "")
        lines = await plans(queues[-1], CHUNKS[0])
        say(f"claiming {CHUNKS[0]} with {many:,} pending reads whole: {read_whole(lines)}")
        say(*(f"  {line}" for line in lines), "")
    await stage.drop(SHORT)
