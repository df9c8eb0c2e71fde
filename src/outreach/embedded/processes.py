"""Child processes: how they end with us, and waiting for what they do."""

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

from outreach import clock

Process = subprocess.Popen[bytes]

ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""All a server is told of ours: no secret of the environment reaches it."""

START_SECONDS = 60
STOP_SECONDS = 30
_PR_SET_PDEATHSIG = 1


def die_with_me(parting: signal.Signals) -> Callable[[], None]:
    """What a child runs before exec: its parent's death sends it ``parting``."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def before_exec() -> None:
        prctl(_PR_SET_PDEATHSIG, int(parting))
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether ``condition`` came true in time."""
    end = clock.monotonic() + seconds
    while not await condition():
        if clock.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


def ended(process: Process) -> Callable[[], Awaitable[bool]]:
    async def ended() -> bool:
        return process.poll() is not None

    return ended


def is_postgres(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False
