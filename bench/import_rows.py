"""Import, sealed: rows a second and peak memory, beside reading alone and writing alone.

    python -m bench.import_rows [--copies 6] [--rounds 3]

The file is the example portfolio with every person and account repeated under new numbers. Reading
alone is the parser over the same file; writing alone is the same statements with the same sealed
rows, prepared beforehand. The import runs on one core, PostgreSQL on the others.
"""

import argparse
import csv
import os
import resource
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from statistics import median

import asyncpg
import uvloop

from outreach.bootstrap import open_parts
from outreach.clock import monotonic
from outreach.db import migrate
from outreach.embedded import places, start
from outreach.ids import new_id
from outreach.life.parts import Parts
from outreach.portfolio.accounts import Teller
from outreach.portfolio.changes import Changes, write
from outreach.portfolio.files import open_table
from outreach.portfolio.identity import recognise
from outreach.portfolio.known import Known
from outreach.portfolio.load import BATCH, import_accounts
from outreach.portfolio.mapping import ACCOUNTS
from outreach.portfolio.people import People
from outreach.portfolio.reading import Reading, Rejected, read_accounts
from outreach.portfolio.rows import AccountRow, Terms
from outreach.settings import Settings, load

EXAMPLE = Path("examples/portfolio/accounts.csv")
ACTOR = "user:bench"


def write_copies(target: Path, copies: int) -> int:
    """The example ``copies`` times over; nobody and nothing comes twice."""
    with EXAMPLE.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    place = {name: header.index(name) for name in ("账号", "证件号", "手机", "邮箱", "地址")}
    rows = [row for row in rows if len(row) == len(header)]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for copy in range(copies):
            writer.writerows(_again(row, place, copy) for row in rows)
    return copies * len(rows)


def _again(row: Sequence[str], place: dict[str, int], copy: int) -> list[str]:
    again = list(row)
    for name in ("账号", "证件号"):
        again[place[name]] += f"{copy:03}"
    for name, text in (("手机", row[place["手机"]][:-3]), ("地址", row[place["地址"]])):
        if row[place[name]]:
            again[place[name]] = f"{text}{copy:03}"
    if row[place["邮箱"]]:
        again[place["邮箱"]] = f"{copy}.{row[place['邮箱']]}"
    return again


class Bench:
    def __init__(self, settings: Settings, server: str) -> None:
        self._settings = settings
        self._server = server
        self._databases = 0

    @asynccontextmanager
    async def parts(self) -> AsyncIterator[Parts]:
        """An empty database of the current schema."""
        self._databases += 1
        name = f"bench_{self._databases}"
        connection = await asyncpg.connect(self._server)
        await connection.execute(f"create database {name}")
        await connection.close()
        url = self._server.replace("/outreach?", f"/{name}?")
        await migrate.upgrade(url)
        async with open_parts(self._settings, url, pool_size=2) as parts:
            yield parts

    async def whole(self, file: Path) -> float:
        async with self.parts() as parts:
            began = monotonic()
            await import_accounts(parts, file, ACTOR)
            return monotonic() - began

    async def reading(self, file: Path) -> float:
        async with self.parts() as parts:
            began = monotonic()
            for _ in _reading(parts, file).rows():
                pass
            return monotonic() - began

    async def writing(self, file: Path) -> float:
        spent = 0.0
        async with self.parts() as parts, parts.pool.acquire() as conn:
            known = Known()
            rows = (row for row in _reading(parts, file).rows() if not isinstance(row, Rejected))
            while batch := list(islice(rows, BATCH)):
                changes = _changes(parts, known, batch)
                began = monotonic()
                async with conn.transaction():
                    await write(conn, changes, parts.masters)
                spent += monotonic() - began
        return spent


def _reading(parts: Parts, file: Path) -> Reading[AccountRow]:
    terms = Terms({creditor.id: creditor.jurisdiction for creditor in parts.creditors.values()})
    return read_accounts(open_table(file), ACCOUNTS, terms)


def _changes(parts: Parts, known: Known, rows: Sequence[AccountRow]) -> Changes:
    changes = Changes(parts.clock.now(), ACTOR, new_id())
    people = People(known, changes, parts.masters, parts.lookup)
    teller = Teller(known, changes, people, str)
    for row in sorted(rows, key=lambda row: row.debt is None):
        teller.take(recognise(row, parts.lookup))
    return changes


def peak() -> int:
    """This process's greatest resident memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def measure(bench: Bench, folder: Path, copies: int, rounds: int) -> AsyncIterator[str]:
    small, large = folder / "small.csv", folder / "large.csv"
    few, many = write_copies(small, 1), write_copies(large, copies)
    await bench.whole(small)
    yield f"peak memory after {few:>7,} rows  {peak():>6} MB"
    times: dict[str, list[float]] = {"import": [], "reading alone": [], "writing alone": []}
    for _ in range(rounds):
        times["import"].append(await bench.whole(large))
        if not times["reading alone"]:
            yield f"peak memory after {many:>7,} rows  {peak():>6} MB"
        times["reading alone"].append(await bench.reading(large))
        times["writing alone"].append(await bench.writing(large))
    whole = median(times["import"])
    for name, found in times.items():
        middle = median(found)
        yield f"{name:<14} {many / middle:>8,.0f} rows/s   {whole / middle:>5.2f} x as quick"


async def _print(lines: AsyncIterator[str]) -> None:
    async for line in lines:
        print(line, flush=True)  # noqa: T201 - what the bench is for


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--copies", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="outreach-bench-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as another user and must pass through
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[1:] or cores)
    lease = start(folder)
    os.sched_setaffinity(0, cores[:1])
    try:
        settings = load({"OUTREACH_DATA_DIR": str(folder)})
        bench = Bench(settings, lease.urls.database)
        uvloop.run(_print(measure(bench, folder, options.copies, options.rounds)))
    finally:
        lease.close()
        where = places(folder)
        for each in (where.sockets, where.home, folder):
            shutil.rmtree(each, ignore_errors=True)


if __name__ == "__main__":
    main()
