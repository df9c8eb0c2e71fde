"""PostgreSQL's data folder: made whole or not at all, refused when it is not ours to use."""

import os
import shutil
import subprocess
from pathlib import Path

from outreach.domain.errors import ConfigurationError
from outreach.embedded.places import PG_MAJOR, ROLE, Places, ServerUser
from outreach.embedded.processes import ENVIRONMENT, STOP_SECONDS, is_postgres, until


def create(where: Places, programs: Path, user: ServerUser, *, fast: bool) -> None:
    """initdb beside the final place, then rename: a cluster exists whole or not at all."""
    draft = where.home / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    os.chown(draft, user.uid, user.gid)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    locale.append("--builtin-locale=C.UTF-8")
    initdb = [str(programs / "initdb"), "-D", str(draft), "-U", ROLE, "--auth=peer", *locale]
    _run(user, initdb + ["--no-sync"] * fast)
    # Only our own OS user may log in, whoever else may reach the socket.
    _write(draft / "pg_hba.conf", "local all all peer map=outreach\n", user)
    _write(draft / "pg_ident.conf", f"outreach {user.login} {ROLE}\n", user)
    single = [str(programs / "postgres"), "--single", "-D", str(draft), "template1"]
    _run(user, single, f"CREATE DATABASE {ROLE};\n")
    draft.rename(where.cluster)


def _run(user: ServerUser, command: list[str], stdin: str = "") -> None:
    result = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        check=False,
        user=user.uid if user.switch else None,
        group=user.gid if user.switch else None,
        extra_groups=[] if user.switch else None,
    )
    if result.returncode:
        raise ConfigurationError(
            f"embedded PostgreSQL: {Path(command[0]).name} failed:\n{result.stderr.strip()}",
            "mend what it names, or set OUTREACH_DATABASE_URL to a server of your own",
        )


def _write(path: Path, text: str, user: ServerUser) -> None:
    path.write_text(text)
    os.chown(path, user.uid, user.gid)


def check_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != PG_MAJOR:
        raise ConfigurationError(
            f"{cluster} was written by PostgreSQL {found}; this release brings {PG_MAJOR}",
            "move the data with pg_dump from the release that wrote it, or set OUTREACH_DATA_DIR "
            "to a new folder",
        )


async def wait_for_previous(cluster: Path) -> None:
    """Let a server of a killed keeper finish; refuse one that stays; clear away a stale pid file.

    We hold the data folder's lock, so no keeper of ours can be starting one meanwhile.
    """
    if not (lines := pid_file(cluster)):
        return
    pid = int(lines[0])

    async def over() -> bool:
        return not is_postgres(pid)

    if not await until(over, STOP_SECONDS):
        raise ConfigurationError(
            f"PostgreSQL already runs on {cluster} as process {pid}, started by somebody else",
            f"stop it (kill -INT {pid}) or set OUTREACH_DATA_DIR to another folder",
        )
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def pid_file(cluster: Path) -> list[str]:
    """The lines of the running server's pid file; none without one."""
    try:
        return [line.strip() for line in (cluster / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []
