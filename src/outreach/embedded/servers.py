"""PostgreSQL and Redis as child processes of the keeper."""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from outreach.domain.errors import ConfigurationError
from outreach.embedded import cluster
from outreach.embedded.places import Places, make_own, postgres_bin, redis_program, server_user
from outreach.embedded.processes import (
    ENVIRONMENT,
    START_SECONDS,
    STOP_SECONDS,
    Process,
    die_with_me,
    ended,
    until,
)

# Errors without their DETAIL and statement: those would put rows, and so people, into a log.
_POSTGRES = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_POSTGRES_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# No persistence: Redis is only the bell, and what it loses is rung again.
_REDIS = ["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"]
_REDIS += ["--unixsocketperm", "700", "--databases", "16", "--loglevel", "warning"]


class Servers:
    """PostgreSQL and Redis as child processes of this one."""

    def __init__(self, where: Places, *, fast: bool) -> None:
        self._where = where
        self._fast = fast
        self._user = server_user()
        self._bin = postgres_bin(self._user)
        self._postgres: Process | None = None
        self._redis: Process | None = None

    async def start(self) -> None:
        """Bring both up and wait until they answer; raises ``ConfigurationError``."""
        make_own(self._where.postgres, self._user.uid, self._user.gid)
        await cluster.wait_for_previous(self._where.cluster)
        if not self._where.cluster.exists():
            cluster.create(self._where, self._bin, self._user, fast=self._fast)
        cluster.check_version(self._where.cluster)
        # one whose keeper was killed is still leaving, and takes the socket's file along: ours, if
        # it were there already
        await until(self._redis_gone, STOP_SECONDS)
        self._where.redis.unlink(missing_ok=True)
        self._redis = self._spawn("redis", _redis_command(self._where), signal.SIGTERM)
        self._postgres = self._spawn(
            "postgres", _postgres_command(self._where, self._bin, fast=self._fast), signal.SIGINT
        )
        await self._ready("redis", self._redis, self._redis_answers)
        await self._ready("postgres", self._postgres, self._postgres_answers)

    async def stop(self) -> None:
        """Stop both cleanly (PostgreSQL: fast shutdown); harsher after half a minute."""
        for process, gentle, harsh in (
            (self._postgres, signal.SIGINT, signal.SIGQUIT),
            (self._redis, signal.SIGTERM, signal.SIGKILL),
        ):
            if process is None or process.poll() is not None:
                continue
            process.send_signal(gentle)
            if not await until(ended(process), STOP_SECONDS):
                process.send_signal(harsh)
                await until(ended(process), STOP_SECONDS)

    def failed(self) -> bool:
        """Whether either has ended by itself."""
        return any(p is not None and p.poll() is not None for p in (self._postgres, self._redis))

    def _spawn(self, name: str, command: list[str], parting: signal.Signals) -> Process:
        other = name == "postgres" and self._user.switch
        with self._log(name) as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                user=self._user.uid if other else None,
                group=self._user.gid if other else None,
                extra_groups=[] if other else None,
                # Runs after the change of user, which would clear the wish. Safe: one thread.
                preexec_fn=die_with_me(parting),
            )

    def _log(self, name: str) -> IO[bytes]:
        return (self._where.log / f"{name}.log").open("ab")

    async def _ready(
        self, name: str, process: Process, answers: Callable[[], Awaitable[bool]]
    ) -> None:
        async def settled() -> bool:
            return process.poll() is not None or await answers()

        if not await until(settled, START_SECONDS) or process.poll() is not None:
            log = self._where.log / f"{name}.log"
            raise ConfigurationError(
                f"embedded {name} did not start; the end of {log} says:\n{_tail(log)}",
                "mend what it names and start again",
            )

    async def _postgres_answers(self) -> bool:
        # The file's eighth line is the server's own word on its state; pg_ctl reads the same.
        return cluster.pid_file(self._where.cluster)[7:8] == ["ready"]

    async def _redis_gone(self) -> bool:
        """Nobody listens at the socket any more."""
        try:
            _, writer = await asyncio.open_unix_connection(self._where.redis)
        except OSError:
            return True
        writer.close()
        return False

    async def _redis_answers(self) -> bool:
        with suppress(OSError):
            reader, writer = await asyncio.open_unix_connection(self._where.redis)
            writer.write(b"PING\r\n")
            answer = await reader.readline()
            writer.close()
            return answer.startswith(b"+PONG")
        return False


def _postgres_command(where: Places, programs: Path, *, fast: bool) -> list[str]:
    options = _POSTGRES | {"unix_socket_directories": str(where.postgres)}
    if fast:
        options |= _POSTGRES_FAST
    command = [str(programs / "postgres"), "-D", str(where.cluster)]
    return command + [word for key, value in options.items() for word in ("-c", f"{key}={value}")]


def _redis_command(where: Places) -> list[str]:
    return [str(redis_program()), *_REDIS, "--unixsocket", str(where.redis)]


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:])
