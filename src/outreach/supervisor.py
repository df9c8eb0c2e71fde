"""Runs the services of one machine as child processes: starts them, starts fallen ones again, and
stops them all, cleanly and in order.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from outreach.embedded.processes import die_with_me
from outreach.logs import Log

RESTART_SECONDS = 1.0
STOP_SECONDS = 60.0

log = Log(__name__)


@asynccontextmanager
async def until_told() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set, instead of ending the process."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@dataclass(slots=True)
class Service:
    """One ``outreach`` command kept running."""

    name: str
    arguments: tuple[str, ...]
    process: asyncio.subprocess.Process | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None


class Supervisor:
    """``async with Supervisor([...], env)``: running inside the block, stopped after it."""

    def __init__(
        self,
        services: Sequence[tuple[str, Sequence[str]]],
        env: Mapping[str, str] | None = None,
        output: int | None = None,
    ) -> None:
        self.services = [Service(name, tuple(arguments)) for name, arguments in services]
        self._env = dict(env if env is not None else os.environ)
        self._output = output
        self._stopping = False
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Supervisor":
        for service in self.services:
            await self._start(service)
            self._keepers.append(asyncio.create_task(self._keep(service)))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop in the order started: each finishes what it holds before the next is told."""
        self._stopping = True
        for service in self.services:
            await self._stop(service)
        await asyncio.gather(*self._keepers)

    def service(self, name: str) -> Service:
        return next(service for service in self.services if service.name == name)

    async def _start(self, service: Service) -> None:
        service.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "outreach",
            *service.arguments,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            # killed without warning, we take the services along: they drain and stop
            preexec_fn=die_with_me(signal.SIGTERM),
        )

    async def _keep(self, service: Service) -> None:
        while True:
            assert service.process is not None
            code = await service.process.wait()
            if self._stopping:
                return
            log.error("service_ended", service=service.name, code=code)
            await asyncio.sleep(RESTART_SECONDS)
            if self._stopping:
                return
            await self._start(service)

    async def _stop(self, service: Service) -> None:
        process = service.process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            log.error("service_killed", service=service.name)
            process.kill()
            await process.wait()
