"""Carriers, measured: SUBMITs a second beside a bare socket, the loop over CMPP, callbacks taken.

python -m bench.carriers [--only submits ...] [--quick]
"""

import argparse

import uvloop
from bench import callbacks, over_cmpp, submits
from bench.stage import Stage, open_stage, say

from outreach.clock import monotonic

PARTS = ("submits", "loop", "callbacks")


async def measure(stage: Stage, parts: list[str], *, quick: bool) -> None:
    if "submits" in parts:
        submits.run(stage, *((2_000, 2) if quick else (50_000, 5)))
    if "loop" in parts:
        began = monotonic()
        await stage.import_people(1_200 if quick else 24_000)
        say(f"people imported in {monotonic() - began:.0f} s", "")
        await over_cmpp.run(stage, *((200, 2) if quick else (4000, 5)))
    if "callbacks" in parts:
        await callbacks.run(stage, *((500, 2) if quick else (10_000, 5)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="part")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with open_stage() as stage:
        uvloop.run(measure(stage, options.only, quick=options.quick))


if __name__ == "__main__":
    main()
