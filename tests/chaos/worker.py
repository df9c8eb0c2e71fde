"""Workers that die where they are told to: the product's own, its functions wrapped from outside.

    python worker.py

A nursery: everything is imported once, then each line of standard input, an object of ``argv``,
``log``, ``point`` and ``count``, forks a worker, whose process id is printed; or, with ``argv``, an
``outreach`` command. A worker kills itself at ``point``, in the ``count``-th chunk that gets there
(3 and 4: the ``count``-th message).

    1  claimed, the transaction open           5  all sent, nothing recorded
    2  intent committed, nothing sent yet      6  results written, not committed
    3  before a message goes                   7  results and the next intent committed
    4  after a message went

Waits are shortened, so that a storm ends in seconds; leases are the settings'.
"""

import functools
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop

from outreach import logs
from outreach.bootstrap import open_parts
from outreach.cli import main
from outreach.db import events, facts
from outreach.embedded.processes import die_with_me
from outreach.life import receipts, reconcile, retry
from outreach.life.dispatch import Dispatcher
from outreach.settings import load
from outreach.supervisor import until_told
from outreach.worker import run_worker

_recording: ContextVar[bool] = ContextVar("recording", default=False)


class Death:
    """Comes at the ``count``-th time somebody gets to ``point``."""

    def __init__(self, point: int | None, count: int, log: Path) -> None:
        self._point = point
        self._left = count
        self._log = log

    def at(self, point: int) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            _note(self._log, died=point)
            os.kill(os.getpid(), signal.SIGKILL)


def _note(log: Path, **line: object) -> None:
    with log.open("a") as file:
        file.write(json.dumps({"pid": os.getpid()} | line) + "\n")


def hurry() -> None:
    """What waits for minutes waits for a moment here."""
    retry.FIRST = timedelta(seconds=0.3)
    receipts.RETRY_SECONDS = 0.3
    reconcile.GRACE_SECONDS = 1.0
    reconcile.LOOK_UP_SECONDS = 1.0
    reconcile.BATCH = 400


def plant(death: Death) -> None:
    """Wrap the steps between claim and record."""

    def around(owner: Any, name: str, before: int | None = None, after: int | None = None) -> None:
        wrapped: Callable[..., Awaitable[Any]] = getattr(owner, name)

        @functools.wraps(wrapped)
        async def step(*args: Any, **kwargs: Any) -> Any:
            if before:
                death.at(before)
            result = await wrapped(*args, **kwargs)
            if after:
                death.at(after)
            return result

        setattr(owner, name, step)

    around(facts, "claim", after=1)
    around(Dispatcher, "_send", before=2, after=5)
    around(Dispatcher, "_send_one", before=3, after=4)
    _plant_in_record(death)


def _plant_in_record(death: Death) -> None:
    append, commit = events.append, Dispatcher._commit

    @functools.wraps(append)
    async def appended(*args: Any, **kwargs: Any) -> None:
        await append(*args, **kwargs)
        if _recording.get():
            death.at(6)

    @functools.wraps(commit)
    async def committed(self: Dispatcher, lane: str, *args: Any, **kwargs: Any) -> Any:
        token = _recording.set(args[2] is not None)
        try:
            result = await commit(self, lane, *args, **kwargs)
        finally:
            _recording.reset(token)
        death.at(7)
        return result

    events.append = appended
    Dispatcher._commit = committed  # type: ignore[method-assign]


def named(log: Path) -> None:
    """Write down by which name the history will know this process."""
    begin = Dispatcher.__init__

    @functools.wraps(begin)
    def begun(self: Dispatcher, *args: Any, **more: Any) -> None:
        begin(self, *args, **more)
        _note(log, worker=self._worker)

    Dispatcher.__init__ = begun  # type: ignore[method-assign]


async def work() -> None:
    settings = load()
    assert settings.database_url is not None
    assert settings.redis_url is not None
    async with (
        until_told() as stopping,
        open_parts(
            settings,
            settings.database_url.get_secret_value(),
            pool_size=24,
            generic_plans=True,
            sends=True,
        ) as parts,
    ):
        await run_worker(parts, settings.redis_url.get_secret_value(), stopping)


def live(spec: dict[str, Any]) -> None:
    """One worker's life, or one command's, in a process of its own."""
    log = Path(spec["log"])
    out = os.open(log.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    logs.start()
    if spec["argv"]:
        os.dup2(os.open(log.with_suffix(".out"), os.O_WRONLY | os.O_CREAT, 0o600), 1)
        sys.argv = ["outreach", *spec["argv"]]
        main()
        return
    hurry()
    named(log)
    plant(Death(spec["point"], spec["count"], log))
    uvloop.run(work())


def nursery() -> None:
    """Fork a worker for each line until the input ends; with us they end too."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: the kernel buries them
    tie = die_with_me(signal.SIGKILL)
    for line in sys.stdin:
        if child := os.fork():
            print(child, flush=True)  # noqa: T201
            continue
        tie()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            live(json.loads(line))
        except BaseException:
            logging.getLogger().exception("a worker ended by itself")
        finally:
            os._exit(0)


if __name__ == "__main__":
    nursery()
