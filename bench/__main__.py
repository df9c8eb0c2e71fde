"""Runs the benches, each in a process of its own: ``python -m bench [name ...] [--quick]``."""

import argparse
import subprocess
import sys

from outreach.clock import monotonic

QUICK = {
    "import_rows": ("--copies", "1", "--rounds", "1"),
    "dispatch": ("--quick",),
    "campaigns": ("--quick",),
    "gate": ("--quick",),
    "proof": ("--events", "400", "--asked", "3"),
    "carriers": ("--quick",),
    "mail": ("--quick",),
}
"""Every bench there is, and what makes it small."""


def main() -> int:
    """Return 1 if a bench could not be run to its end; figures are never judged."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="What Outreach can do.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(QUICK)}; else all")
    parser.add_argument("--quick", action="store_true", help="small sizes: whether it runs at all")
    options = parser.parse_args()
    if unknown := set(options.names) - QUICK.keys():
        parser.error(f"there is no bench {', '.join(sorted(unknown))}: try {', '.join(QUICK)}")
    began, failed = monotonic(), False
    for name in options.names or QUICK:
        print(f"--- {name}", flush=True)  # noqa: T201
        command = [sys.executable, "-m", f"bench.{name}", *(QUICK[name] if options.quick else ())]
        failed |= subprocess.run(command, check=False).returncode != 0
    print(f"--- {monotonic() - began:.0f} s in all")  # noqa: T201
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
