"""PostgreSQL's own programs, found and run: what they say while they work is their progress."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.errors import ConfigurationError, Conflict
from outreach.embedded.places import postgres_bin, server_user


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """One connection of our own; raises ``ConfigurationError`` if the server is away."""
    try:
        conn: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            dsn, server_settings={"timezone": "UTC", "search_path": "public"}
        )
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConfigurationError(
            f"PostgreSQL does not answer: {type(error).__name__}", "check OUTREACH_DATABASE_URL"
        ) from None
    try:
        yield conn
    finally:
        await conn.close()


async def programs(conn: Connection) -> Path:
    """The folder of a pg_dump at least as new as the server: on PATH, else the wheel's."""
    needed = conn.get_server_version().major
    for folder in _folders():
        if (folder / "pg_restore").exists() and await _major(folder / "pg_dump") >= needed:
            return folder
    raise ConfigurationError(
        f"no pg_dump of PostgreSQL {needed} or later is on PATH",
        f"install PostgreSQL {needed}'s client programs",
    )


def _folders() -> list[Path]:
    on_path = shutil.which("pg_dump")
    found = [Path(on_path).parent] if on_path else []
    try:
        return [*found, postgres_bin(server_user())]
    except ConfigurationError:
        return found  # not installed: the machine's own must do


async def _major(program: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        program, "--version", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    found = re.search(r"\) (\d+)", said.decode(errors="replace"))
    return int(found[1]) if found else 0


async def run(
    program: Path,
    dsn: str | None,
    arguments: Sequence[str],
    step: str = "",
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Run to the end; ``told`` how many lines with ``step`` there were. Raises ``Conflict``."""
    url, password = _without_password(dsn) if dsn else ("", None)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("OUTREACH_")}
    process = await asyncio.create_subprocess_exec(
        program,
        *([f"--dbname={url}", "--no-password", "--verbose"] if dsn else []),
        *arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environ | ({"PGPASSWORD": password} if password else {}) | {"LC_ALL": "C"},
    )
    assert process.stderr is not None
    steps, wrong = 0, ""
    try:
        async for raw in process.stderr:
            line = raw.decode(errors="replace").strip()
            if step and step in line:
                told(steps := steps + 1)
            elif "error: " in line:
                wrong = wrong or line.partition("error: ")[2]
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        raise Conflict(f"{program.name} failed: {wrong or f'exit code {code}'}", "mend that")


def _without_password(dsn: str) -> tuple[str, str | None]:
    """The URL as others on this machine may see it in a list of processes."""
    parts = urlsplit(dsn)
    if not parts.password:
        return dsn, None
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}@{host}"
    return urlunsplit(parts._replace(netloc=netloc)), unquote(parts.password)
