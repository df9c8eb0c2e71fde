"""The sealer in a process of its own, until its standard input ends."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from bench.stage import Place

from outreach.bootstrap import open_parts
from outreach.life import seal
from outreach.loops import Loops
from outreach.worker import rarely_collect


@contextmanager
def sealer(place: Place) -> Iterator[int]:
    """Seal beside what is measured, on the cores of this process; its process id."""
    command = [sys.executable, "-m", "bench.one_sealer", place.spell()]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process.pid


async def run(place: Place) -> None:
    stopping = asyncio.Event()
    async with open_parts(place.settings(), place.database, pool_size=1) as parts:
        rarely_collect()
        seals = Loops().every("seal", 0.5, lambda: seal.seal_once(parts.pool), stopping, full=1)
        sealing = asyncio.create_task(seals)
        await asyncio.to_thread(sys.stdin.read)
        stopping.set()
        await sealing


if __name__ == "__main__":
    uvloop.run(run(Place.read(sys.argv[1])))
