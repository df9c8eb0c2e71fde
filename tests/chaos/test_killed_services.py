"""The demo while its processes are killed again and again: nothing lost, nothing sent twice."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from outreach.clock import monotonic

pytestmark = pytest.mark.timeout(400)

ACCOUNTS = 400


def children(pid: int) -> dict[int, str]:
    """Child processes of ``pid`` and the last word of their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while we looked
        if int(parent) == pid and len(words) > 1:
            found[int(folder.name)] = words[-2].decode()
    return found


@pytest.mark.parametrize(("victims", "times"), [(("worker",), 6), (("worker", "serve"), 8)])
async def test_killed_again_and_again(tmp_path: Path, victims: tuple[str, ...], times: int) -> None:
    tmp_path.chmod(0o711)
    env = {k: v for k, v in os.environ.items() if not k.startswith("OUTREACH_")}
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "outreach", "demo", "--json", "--accounts", str(ACCOUNTS)),
        env=env | {"TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    talking = asyncio.create_task(demo.communicate())
    killed = 0
    deadline = monotonic() + 120
    taken = 0
    while killed < times and not talking.done() and monotonic() < deadline:
        books = tmp_path.glob("outreach-demo-*/sandbox/*.jsonl")
        now = sum(len(book.read_text().splitlines()) for book in books)
        targets = [pid for pid, name in children(demo.pid).items() if name in victims]
        if now >= taken + 10 and targets:  # something has moved since the last blow
            taken = now
            os.kill(targets[killed % len(targets)], signal.SIGKILL)
            killed += 1
        await asyncio.sleep(0.05)
    said, complained = await talking
    assert killed >= 3, "the demo was over too soon to be hurt"
    assert demo.returncode == 0, complained.decode()[-3000:]
    outcome = json.loads(said.splitlines()[-1])
    assert (outcome["lost"], outcome["duplicated"]) == (0, 0)
    assert outcome["history_verified"] is True
    assert outcome["uncertain"] <= killed * 32 * 2 * 2
