"""What the tests share: real servers, a fresh database for each test, no way out to the network."""

import asyncio
import ipaddress
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis import Redis

from outreach.clock import Clock
from outreach.db import migrate, schema
from outreach.embedded import Urls, places, start

os.environ.pop("COLUMNS", None)  # a second process for tests would have tables of 80 characters

_TEMPLATE = "template_outreach"
_numbers = count(1)


@pytest.fixture(scope="session")
def servers() -> Iterator[Urls]:
    """PostgreSQL and Redis from the wheels, without durability, for the whole session."""
    # Not pytest's own temporary folder: as root PostgreSQL runs as nobody, who cannot enter that.
    data_dir = Path(tempfile.mkdtemp(prefix="outreach-tests-"))
    data_dir.chmod(0o711)
    lease = start(data_dir, fast=True)
    yield lease.urls
    lease.close()
    where = places(data_dir)
    for folder in (where.sockets, where.home, data_dir):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(servers: Urls) -> str:
    """The URL of a database with the current schema: the one the tests' databases are cut from."""
    url = _named(servers.database, _TEMPLATE)
    _run(_admin(servers, f"CREATE DATABASE {_TEMPLATE}"))
    _run(_migrate(url))
    return url


@pytest.fixture
def database_url(servers: Urls, migrated: str) -> Iterator[str]:
    """A fresh database with the current schema, the test's own."""
    name = f"test_{next(_numbers)}"
    _run(_admin(servers, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
    yield _named(migrated, name)
    _run(_admin(servers, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def empty_database_url(servers: Urls) -> Iterator[str]:
    """A fresh database without any schema."""
    name = f"empty_{next(_numbers)}"
    _run(_admin(servers, f"CREATE DATABASE {name}"))
    yield _named(servers.database, name)
    _run(_admin(servers, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def redis_url(servers: Urls) -> str:
    """An empty Redis database."""
    with Redis.from_url(servers.redis) as redis:
        redis.flushall()
    return servers.redis


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """A command run inside a test sets up logging for its own process: undo it afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Refuse every connection and look-up that would leave this machine."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            _refuse_outside(address[0])
        connect(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_outside(host)
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


def _refuse_outside(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost", socket.gethostname()}:
        return
    try:
        local = ipaddress.ip_address(str(name)).is_loopback or name == "0.0.0.0"
    except ValueError:
        local = False
    if not local:
        raise AssertionError(f"a test tried to reach {name}: tests stay on this machine")


async def _migrate(url: str) -> None:
    await migrate.upgrade(url)
    connection = await asyncpg.connect(url)
    try:
        await schema.ensure_partitions(connection, Clock().now())
    finally:
        await connection.close()


async def _admin(servers: Urls, statement: str) -> None:
    connection = await asyncpg.connect(servers.database)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine from a fixture, whatever loop the test itself may have."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def _named(url: str, database: str) -> str:
    server, _, options = url.partition("?")
    return f"{server.rpartition('/')[0]}/{database}?{options}"
