"""The embedded servers: joined, shared, stopped, and never left behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from arq.connections import RedisSettings, create_pool
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from outreach import clock
from outreach.domain.errors import ConfigurationError
from outreach.embedded import Embedded, Places, places, start

_WAIT_SECONDS = 30


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="outreach-embedded-"))
    folder.chmod(0o711)
    yield folder
    where = places(folder)
    for path in (where.sockets, where.home, folder):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_it_is_postgresql_18_in_utf8_without_tcp(connection: asyncpg.Connection) -> None:
    assert (await connection.fetchval("show server_version")).startswith("18.")
    assert await connection.fetchval("show server_encoding") == "UTF8"
    assert await connection.fetchval("show listen_addresses") == ""
    assert await connection.fetchval("select upper('é')") == "É"


async def test_sqlalchemy_takes_the_same_url(database_url: str) -> None:
    engine = create_async_engine(database_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        assert (await connection.execute(text("select 1"))).scalar() == 1
    await engine.dispose()


async def test_arq_takes_the_redis_url(redis_url: str) -> None:
    redis = await create_pool(RedisSettings.from_dsn(redis_url))
    assert await redis.enqueue_job("any")
    assert await redis.dbsize() > 0
    await redis.aclose()


async def test_errors_are_logged_without_the_rows_they_are_about(data_dir: Path) -> None:
    async with Embedded(data_dir, fast=True) as urls:
        connection = await asyncpg.connect(urls.database)
        await connection.execute("create table people (name text primary key)")
        await connection.execute("insert into people values ('王小明')")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("insert into people values ('王小明')")
        await connection.close()
    log = (places(data_dir).log / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "王小明" not in log


async def test_data_outlives_the_servers(data_dir: Path) -> None:
    async with Embedded(data_dir, fast=True) as urls:
        connection = await asyncpg.connect(urls.database)
        await connection.execute("create table kept as select 42 as answer")
        await connection.close()
    assert _nothing_runs(places(data_dir))
    async with Embedded(data_dir, fast=True) as urls:
        connection = await asyncpg.connect(urls.database)
        assert await connection.fetchval("select answer from kept") == 42
        await connection.close()


async def test_a_second_user_joins_and_the_last_one_stops_the_servers(data_dir: Path) -> None:
    first, second = start(data_dir, fast=True), start(data_dir, fast=True)
    assert first.urls == second.urls
    first.close()
    connection = await asyncpg.connect(second.urls.database)
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    second.close()
    assert _nothing_runs(places(data_dir))


def test_a_killed_user_leaves_no_server_behind(data_dir: Path) -> None:
    user = _user(data_dir)
    assert not _nothing_runs(places(data_dir))
    user.kill()
    user.communicate()
    _until(lambda: _nothing_runs(places(data_dir)))


async def test_a_killed_keeper_takes_its_servers_along(data_dir: Path) -> None:
    lease = start(data_dir, fast=True)
    where = places(data_dir)
    keeper = _keeper_of(where)
    os.kill(keeper, signal.SIGKILL)
    again = start(data_dir, fast=True)  # waits for the old server, then starts anew
    connection = await asyncpg.connect(again.urls.database)
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    again.close()
    lease.close()
    assert _nothing_runs(where)


def test_a_stale_pid_file_is_no_obstacle(data_dir: Path) -> None:
    start(data_dir, fast=True).close()
    pid_file = places(data_dir).cluster / "postmaster.pid"
    # A process that lives but is no PostgreSQL: after a reboot numbers are dealt anew.
    pid_file.write_text(f"{os.getppid()}\n{places(data_dir).cluster}\n1\n5432\n\n\n1 1\nready\n")
    start(data_dir, fast=True).close()
    assert not pid_file.exists()


def test_a_cluster_of_another_version_is_refused(data_dir: Path) -> None:
    start(data_dir, fast=True).close()
    (places(data_dir).cluster / "PG_VERSION").write_text("16\n")
    with pytest.raises(ConfigurationError, match="written by PostgreSQL 16"):
        start(data_dir, fast=True)
    assert _nothing_runs(places(data_dir))


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    start(data_dir, fast=True).close()
    (places(data_dir).cluster / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ConfigurationError, match="no_such_setting"):
        start(data_dir, fast=True)
    assert _nothing_runs(places(data_dir))


def test_two_at_once_after_a_kill_share_one_pair_of_servers(data_dir: Path) -> None:
    lost = start(data_dir, fast=True)
    os.kill(_keeper_of(places(data_dir)), signal.SIGKILL)
    with ThreadPoolExecutor(2) as threads:
        leases = list(threads.map(lambda _: start(data_dir, fast=True), range(2)))
    assert len(_processes(places(data_dir))) == 2
    for lease in (*leases, lost):
        lease.close()
    assert _nothing_runs(places(data_dir))


def test_an_interrupted_creation_is_begun_again(data_dir: Path) -> None:
    draft = data_dir / "postgres.new"
    (draft / "base").mkdir(parents=True)
    start(data_dir, fast=True).close()
    assert not draft.exists()


@pytest.mark.parametrize("name", ["long" * 25, "with blank, comma and 触达"])
async def test_an_awkward_data_folder_gets_its_sockets_elsewhere(data_dir: Path, name: str) -> None:
    awkward = data_dir / name
    async with Embedded(awkward, fast=True) as urls:
        connection = await asyncpg.connect(urls.database)
        assert await connection.fetchval("select 1") == 1
        await connection.close()
    assert data_dir not in places(awkward).sockets.parents
    shutil.rmtree(places(awkward).sockets)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
async def test_root_s_private_data_folder_gets_a_home_nobody_can_reach(data_dir: Path) -> None:
    data_dir.chmod(0o700)
    where = places(data_dir)
    assert where.home != data_dir
    async with Embedded(data_dir, fast=True) as urls:
        connection = await asyncpg.connect(urls.database)
        assert await connection.fetchval("select 1") == 1
        await connection.close()


def _user(data_dir: Path) -> "subprocess.Popen[str]":
    """Another process that uses the servers; returns once it does."""
    code = (
        "import sys; from pathlib import Path; from outreach.embedded import start\n"
        "lease = start(Path(sys.argv[1]), fast=True); print('in', flush=True); sys.stdin.read()"
    )
    user = subprocess.Popen(
        [sys.executable, "-c", code, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout
    assert user.stdout.readline() == "in\n"
    return user


def _processes(where: Places) -> list[int]:
    """Live processes that name this home in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(where.cluster) in words or os.fsencode(where.redis) in words:
            found.append(int(folder.name))
    return found


def _nothing_runs(where: Places) -> bool:
    return not _processes(where) and not where.keeper.exists()


def _keeper_of(where: Places) -> int:
    status = Path(f"/proc/{_processes(where)[0]}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


def _until(condition: Callable[[], bool]) -> None:
    end = clock.monotonic() + _WAIT_SECONDS
    while not condition():
        assert clock.monotonic() < end, "the servers were left running"
        os.sched_yield()
