"""What the evaluations share: shares with their intervals, the options, and the verdict."""

import argparse
from collections.abc import Sequence
from math import sqrt


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The Wilson score interval of a share, 95%; of nothing, everything is possible."""
    if not of:
        return 0.0, 1.0
    z = 1.959963984540054
    share, weight = hits / of, z * z / of
    middle = (share + weight / 2) / (1 + weight)
    half = z * sqrt(share * (1 - share) / of + weight / (4 * of)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"{hits / of if of else 0:.1%} ({low:.1%}-{high:.1%})"


def asked(name: str, about: str | None) -> argparse.ArgumentParser:
    """The options of ``python -m eval.<name>``."""
    parser = argparse.ArgumentParser(prog=f"python -m eval.{name}", description=about)
    parser.add_argument(
        "--set", default="held_out", help=f"held_out, fresh or tuning, of eval/{name}/"
    )
    parser.add_argument(
        "--show",
        action="store_true",
        help="also what was judged wrongly. Never of held_out, unless it is being retired: what "
        "has been seen measures nothing any more",
    )
    return parser


def verdict(faults: Sequence[str]) -> int:
    """Say why it is not good enough; the exit code."""
    say = print
    for fault in faults:
        say(f"not good enough: {fault}")
    return int(bool(faults))
