"""A whole worker process, as ``outreach worker`` is, until its standard input ends."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from bench.stage import Place

from outreach.bootstrap import open_parts
from outreach.life.watermark import MARKS
from outreach.worker import run_worker


@contextmanager
def whole_worker(place: Place, core: int) -> Iterator[None]:
    """Run one on ``core``; told to stop, it finishes what is on the wire."""
    command = [sys.executable, "-m", "bench.whole_worker", place.spell(), str(core)]
    with subprocess.Popen(command, stdin=subprocess.PIPE):
        yield


async def run(place: Place) -> None:
    stopping = asyncio.Event()
    # what was sent from this folder's other databases is not in this one, and need not be
    shutil.rmtree(Path(place.data_dir) / MARKS, ignore_errors=True)
    async with open_parts(
        place.settings(), place.database, pool_size=24, generic_plans=True, sends=True
    ) as parts:
        working = asyncio.create_task(run_worker(parts, place.redis, stopping))
        await asyncio.to_thread(sys.stdin.read)
        stopping.set()
        await working


if __name__ == "__main__":
    spelt, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    uvloop.run(run(Place.read(spelt)))
