"""Real servers without installing any: PostgreSQL 18 and a Redis-compatible one, from wheels.

Used when no URL is configured. Any number of processes may enter with the same data folder: the
first starts the servers, the others join, and the last to leave, even by SIGKILL, ends them (see
``keeper``). Both listen on Unix sockets in a private folder only.
"""

import asyncio
import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from outreach.domain.errors import ConfigurationError
from outreach.embedded.places import ROLE, Places, places

__all__ = ["Embedded", "Lease", "Urls", "places", "start"]

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Urls:
    """``database`` for ``asyncpg`` (SQLAlchemy: with ``postgresql+asyncpg``), ``redis`` for arq."""

    database: str
    redis: str


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to use the servers; give it back with ``close``."""

    urls: Urls
    _connection: socket.socket

    def close(self) -> None:
        """Leave; returns once the servers have stopped if nobody else uses them."""
        with self._connection as connection:
            try:
                connection.sendall(b"bye\n")
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
            except OSError:
                return  # the keeper was killed; the kernel stops the servers


class Embedded:
    """``async with Embedded(data_dir) as urls``. ``fast`` gives up durability: for tests only."""

    def __init__(self, data_dir: Path, *, fast: bool = False) -> None:
        self._data_dir = data_dir
        self._fast = fast
        self._lease: Lease | None = None

    async def __aenter__(self) -> Urls:
        self._lease = await asyncio.to_thread(start, self._data_dir, fast=self._fast)
        return self._lease.urls

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lease:
            await asyncio.to_thread(self._lease.close)


def start(data_dir: Path, *, fast: bool = False) -> Lease:
    """Join the servers of ``data_dir``, starting them first where nobody has.

    Blocks, about a second, some five where the data folder is new. Raises ``ConfigurationError``.
    """
    where = places(data_dir)
    for _ in range(_ATTEMPTS):  # more than one only when another user leaves at this very moment
        if connection := _joined(where):
            return Lease(_urls(where), connection)
        _spawn_keeper(data_dir, fast=fast)
    raise ConfigurationError(
        f"the embedded servers of {where.home} end as soon as they start",
        f"see {where.log}",
    )


def _urls(where: Places) -> Urls:
    return Urls(
        f"postgresql://{ROLE}@/{ROLE}?host={quote(str(where.postgres))}",
        f"unix://{quote(str(where.redis))}?db=0",
    )


def _joined(where: Places) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(where.keeper))
        if connection.recv(8):
            return connection
    except (FileNotFoundError, ConnectionError):
        pass  # no keeper, or one that is just leaving
    connection.close()
    return None


def _spawn_keeper(data_dir: Path, *, fast: bool) -> None:
    """Start a keeper in a session of its own and wait until it serves or has failed.

    In its own session Ctrl-C reaches us alone, and we stop using the servers before they stop.
    """
    command = [sys.executable, "-P", "-m", "outreach.embedded.keeper", str(data_dir.absolute())]
    keeper = subprocess.run(
        command + ["--fast"] * fast,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        check=False,
    )
    if said := keeper.stdout.decode(errors="replace").strip():
        raise _failure(said)


def _failure(said: str) -> ConfigurationError:
    try:
        message, remedy = json.loads(said.splitlines()[-1])
    except ValueError:
        return ConfigurationError(f"the embedded servers did not start:\n{said}")
    return ConfigurationError(message, remedy)
