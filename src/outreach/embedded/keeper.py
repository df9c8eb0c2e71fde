"""The keeper: the small process that owns the embedded servers for as long as anybody uses them.

``python -m outreach.embedded.keeper DATA_DIR [--fast]``. Every user of the servers holds one
connection to the keeper's socket; the kernel closes it even when the user is killed. After the last
one has gone the keeper stops the servers and ends; should the keeper itself be killed, the kernel
tells the servers to stop (PR_SET_PDEATHSIG). So nothing is ever left running, and a second command
joins the servers of the first. Only the standard library is imported: it starts in a moment.
"""

import asyncio
import fcntl
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from outreach.domain.errors import ConfigurationError
from outreach.embedded.places import Places, make_own, places
from outreach.embedded.processes import START_SECONDS, STOP_SECONDS, until
from outreach.embedded.servers import Servers

_LONELY_SECONDS = 20  # started, but nobody came


class Keeper:
    """Holds the servers while users are connected."""

    def __init__(self) -> None:
        self._users = 0
        self._alone = asyncio.Event()
        self._gone = asyncio.Event()

    async def run(self, where: Places, servers: Servers) -> None:
        """Serve users until the last has left, a server has died or a signal came."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._alone.set)
        door = await asyncio.start_unix_server(self._user, where.keeper)
        lonely = loop.call_later(_LONELY_SECONDS, self._leave_if_alone)
        _let_go(where)
        while not (self._alone.is_set() or servers.failed()):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._alone.wait(), 1)
        lonely.cancel()
        where.keeper.unlink(missing_ok=True)
        door.close()
        await servers.stop()
        self._gone.set()

    async def _user(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet; then wait for the end. Whoever says goodbye hears back once it took effect."""
        if self._alone.is_set():
            writer.close()
            return
        self._users += 1
        writer.write(b"welcome\n")
        try:
            polite = await reader.readline()
        except ConnectionError:
            polite = b""
        self._users -= 1
        self._leave_if_alone()
        if polite and self._alone.is_set():
            await self._gone.wait()
        writer.close()

    def _leave_if_alone(self) -> None:
        if not self._users:
            self._alone.set()


def _let_go(where: Places) -> None:
    """Close the pipe of whoever started us: for them, silence and its end mean success."""
    with (where.log / "keeper.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


async def _main(data_dir: Path, *, fast: bool) -> None:
    where = places(data_dir)
    where.home.mkdir(mode=0o711, parents=True, exist_ok=True)
    with where.lock.open("w") as lock:
        if not await _locked(lock, where):
            return
        where.keeper.unlink(missing_ok=True)  # a killed keeper's
        os.umask(0o077)
        make_own(where.log, os.geteuid(), os.getegid())
        make_own(where.sockets, os.geteuid(), os.getegid(), mode=0o711)
        servers = Servers(where, fast=fast)
        try:
            await servers.start()
            await Keeper().run(where, servers)
        finally:
            await servers.stop()


async def _locked(lock: IO[str], where: Places) -> bool:
    """Take the data folder; False when another keeper serves it, waiting while one is stopping."""

    async def settled() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return where.keeper.exists()
        return True

    if not await until(settled, START_SECONDS + STOP_SECONDS):
        raise ConfigurationError(
            f"the embedded servers of {where.home} neither start nor stop",
            f"see {where.log}",
        )
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


if __name__ == "__main__":
    if os.fork():  # nobody's child: whoever started us neither waits for us nor has to bury us
        os._exit(0)
    try:
        asyncio.run(_main(Path(sys.argv[1]), fast="--fast" in sys.argv[2:]))
    except ConfigurationError as error:
        sys.exit(json.dumps([error.message, error.remedy]))
