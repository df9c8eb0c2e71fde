"""The benches run: figures are never asserted, only that there are some."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_small_bench_measures_something() -> None:
    command = [sys.executable, "-m", "bench.dispatch", "--quick", "--only", "two_workers"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "two workers: " in done.stdout, done.stderr
    assert done.stderr == ""
