"""Sending, measured: the loop beside its floor and Celery, a long queue, two workers, urgency.

python -m bench.dispatch [--only throughput ...] [--quick]
"""

import argparse

import uvloop
from bench import backlog, throughput, two_workers, urgent
from bench.stage import Stage, open_stage, say

from outreach.clock import monotonic

PARTS = ("throughput", "two_workers", "backlog", "urgent")


async def measure(stage: Stage, parts: list[str], *, quick: bool) -> None:
    """Each part begins from databases of its own, cut from one import."""
    began = monotonic()
    await stage.import_people(1_200 if quick else 48_000)
    say(f"people imported in {monotonic() - began:.0f} s", "")
    if "throughput" in parts:
        size, rounds, tasks, trial = (200, 2, 60, 0) if quick else (4000, 5, 1000, 300)
        await throughput.run(stage, size, rounds, tasks, trial)
    if "two_workers" in parts:
        await two_workers.run(stage, *((150, 1) if quick else (2000, 3)), latency=0.1)
    if "backlog" in parts or "urgent" in parts:  # urgent needs its queue
        few, many, size, rounds = (900, 9_000, 64, 2) if quick else (10_000, 1_000_000, 1000, 3)
        await backlog.run(stage, few, many, size, rounds)
    if "urgent" in parts:
        await urgent.run(stage, 10 if quick else 150)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="part")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with open_stage() as stage:
        uvloop.run(measure(stage, options.only, quick=options.quick))


if __name__ == "__main__":
    main()
