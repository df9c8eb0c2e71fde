"""PostgreSQL and Redis that can be hurt: the embedded ones, as children of the test itself."""

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path

from outreach.embedded import Urls, cluster, places
from outreach.embedded.places import make_own
from outreach.embedded.processes import STOP_SECONDS, Process, ended, until
from outreach.embedded.servers import Servers, _postgres_command, _redis_command


class Machine(Servers):
    """``async with Machine() as machine``: its ``urls``, and blows to either server.

    What PostgreSQL commits is written, but not forced to the disk: no blow here harms the kernel.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="outreach-chaos-"))
        self.folder.chmod(0o711)  # as root PostgreSQL runs as nobody, who must pass through
        super().__init__(places(self.folder), fast=False)

    @property
    def urls(self) -> Urls:
        where = self._where
        return Urls(
            f"postgresql://outreach@/outreach?host={where.postgres}", f"unix://{where.redis}?db=0"
        )

    async def __aenter__(self) -> "Machine":
        where = self._where
        where.home.mkdir(mode=0o711, parents=True, exist_ok=True)
        make_own(where.log, self._ours, self._ours_group)
        make_own(where.sockets, self._ours, self._ours_group, mode=0o711)
        make_own(where.postgres, self._user.uid, self._user.gid)
        cluster.create(where, self._bin, self._user, fast=True)
        await self.raise_postgres()
        await self.raise_redis()
        return self

    @property
    def _ours(self) -> int:
        return self.folder.stat().st_uid

    @property
    def _ours_group(self) -> int:
        return self.folder.stat().st_gid

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for each in (self._where.sockets, self._where.home, self.folder):
            shutil.rmtree(each, ignore_errors=True)

    async def raise_postgres(self) -> None:
        await cluster.wait_for_previous(self._where.cluster)
        command = [*_postgres_command(self._where, self._bin, fast=False), "-c", "fsync=off"]
        self._postgres = self._spawn("postgres", command, signal.SIGINT)
        await self._ready("postgres", self._postgres, self._postgres_answers)

    async def raise_redis(self) -> None:
        self._where.redis.unlink(missing_ok=True)
        self._redis = self._spawn("redis", _redis_command(self._where), signal.SIGTERM)
        await self._ready("redis", self._redis, self._redis_answers)

    async def fell_postgres(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast; SIGQUIT: immediate, as a crash."""
        await _fell(self._postgres, how)

    async def copy_postgres(self) -> None:
        """A copy of the data folder, beside it; PostgreSQL must be down."""
        here = self._where.cluster
        copy = await asyncio.create_subprocess_exec("cp", "-a", str(here), f"{here}.other")
        assert await copy.wait() == 0

    def swap_postgres(self) -> None:
        """The copy takes the place of the data folder, and this the copy's; PostgreSQL is down."""
        here = self._where.cluster
        other, aside = here.with_name(f"{here.name}.other"), here.with_name(f"{here.name}.aside")
        here.rename(aside)
        other.rename(here)
        aside.rename(other)

    async def fell_redis(self) -> None:
        await _fell(self._redis, signal.SIGKILL)


async def _fell(process: Process | None, how: signal.Signals) -> None:
    assert process is not None
    process.send_signal(how)
    assert await until(ended(process), STOP_SECONDS)
