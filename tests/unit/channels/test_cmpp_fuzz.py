"""The fuzzer of CMPP runs, and finds nothing in a second; ``make fuzz`` gives it ten minutes."""

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[2] / "fuzz" / "fuzz_cmpp.py"


def test_a_second_of_broken_messages() -> None:
    command = [sys.executable, str(FUZZ), "--seconds", "1", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for what in ("read: DeliveryFact", "read: Inbound", "link lives", "link hangs up"):
        assert what in done.stdout
