"""One process that does what a worker does for its campaigns, until none has more to do.

    python -m bench.one_tender PLACE CORE

Prints one line of JSON: seconds of wall and own CPU, and the greatest resident set in MB.
"""

import json
import os
import resource
import sys

import uvloop
from bench.stage import Place

from outreach.bootstrap import open_parts
from outreach.campaigns.tend import tend
from outreach.clock import monotonic


async def run(place: Place) -> None:
    async with open_parts(
        place.settings(), place.database, pool_size=2, generic_plans=True
    ) as parts:
        print("ready", flush=True)  # noqa: T201
        began, before = monotonic(), os.times()
        while await tend(parts):
            pass
        after = os.times()
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "wall": monotonic() - began,
        "own": after.user + after.system - before.user - before.system,
        "peak": used.ru_maxrss / 1024,
    }
    print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    spelt, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    uvloop.run(run(Place.read(spelt)))
