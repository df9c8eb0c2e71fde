"""The high-water mark: a database that forgot what was sent from here is not sent from again.

A restored backup, a point-in-time recovery and a failover that lost commits all rewind intents:
what went out looks pending. So each process that sends keeps its last intents outside PostgreSQL
(see ``marks``) and holds every new connection against them. Where they do not agree no connection
is to be had, and without one nothing is sent, until a person has run ``outreach recover``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from outreach.db import eras
from outreach.db.eras import Era, Server
from outreach.db.pool import Connection, Pool
from outreach.domain.errors import ConfigurationError, Rewound
from outreach.life.marks import Mark, MarkFile, read_all, take_over
from outreach.logs import Log

MARKS = "marks"
"""The folder, in the data folder."""
WATCH_SECONDS = 5.0

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """What the database says of itself: its server, the era in force, and what it knows."""

    server: Server
    era: Era | None
    eras: Collection[UUID]
    gone: Collection[UUID]  # marked events it does not hold


def answered(mark: Mark, era: Era | None) -> bool:
    """Whether a person has recovered the database since: then the mark asks for nothing more."""
    return era is not None and era.recovered and era.at > mark.noted_at


def objection(marks: Sequence[Mark], memory: Memory) -> str | None:
    """Why nothing may be sent from this database, or None."""
    if memory.era is None:
        return "this database was restored and nobody has recovered it since"
    found = _elsewhere(memory.era.server, memory.server)
    for mark in marks:
        if found:
            break
        if not answered(mark, memory.era):
            found = _denied(mark, memory)
    return found


def _elsewhere(then: Server, now: Server) -> str | None:
    if then.system_identifier != now.system_identifier:
        return "the database lives on another PostgreSQL cluster than what was sent was sent from"
    if then.timeline != now.timeline:
        return f"PostgreSQL was promoted or recovered: timeline {now.timeline}, not {then.timeline}"
    return None


def _denied(mark: Mark, memory: Memory) -> str | None:
    if mark.era not in memory.eras:
        return "the database was rewound to before it was last recovered, or is another one"
    if mark.event and mark.event[0] in memory.gone:
        return f"the database was rewound: what was sent at {mark.event[1]:%F %T%z} is not in it"
    return _elsewhere(mark.server, memory.server)


class Watermark:
    """One process' marks in ``folder``. Nothing is noted before a ``check`` has passed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: MarkFile | None = None
        self._objection = ""
        self._unwritable = False

    def note(self, event_id: UUID, at: datetime) -> None:
        """Remember a committed ``sending`` event, the last of its chunk; a few microseconds."""
        if self._file is None:
            return  # not a process that sends
        try:
            self._file.note(event_id, at)
        except OSError as error:
            if not self._unwritable:
                log.error("mark_not_written", path=str(self._file.path), error=error)
            self._unwritable = True

    async def check(self, conn: Connection) -> None:
        """Raise ``Rewound`` unless the database still holds what was sent from this data folder.

        Said once in the log, however often it is asked; said again when it holds again.
        """
        if not await eras.exist(conn):
            return  # an empty database: it has nothing to send either
        try:
            memory = await compare(conn, self._folder)
        except ConfigurationError as error:
            if error.message != self._objection:
                log.critical("database_rewound")
            self._objection = error.message
            raise
        if self._objection:
            log.warning("database_recovered")
            self._objection = ""
        assert memory.era is not None
        self._adopt(memory.server, memory.era)

    def _adopt(self, server: Server, era: Era) -> None:
        if self._file is not None:
            if self._file.era != era.id:
                self._file.begin(server, era)
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            marks, files = take_over(self._folder)
            kept = [mark for mark in marks if not answered(mark, era)]
            self._file = MarkFile(self._folder, server, era, kept)
        except OSError as error:
            raise ConfigurationError(
                f"what is sent cannot be remembered in {self._folder}: {error.strerror}",
                "set OUTREACH_DATA_DIR to a folder you may write",
            ) from None
        for file in files:
            file.unlink(missing_ok=True)

    async def watch(self, pool: Pool) -> None:
        """Check once more: a database may be rewound beneath connections that live on.

        Then they are all given up, and each new one meets the check.
        """
        async with pool.acquire() as conn:
            try:
                await self.check(conn)
            except ConfigurationError:
                await pool.expire_connections()
                raise

    def close(self) -> None:
        """Let go of the file; it stays, for the next process to check and take over."""
        if self._file is not None:
            self._file.close()
            self._file = None


async def compare(conn: Connection, folder: Path) -> Memory:
    """Hold the database against itself and the marks in ``folder``; raises ``Rewound``."""
    server = await eras.server(conn)
    if server is None:
        raise ConfigurationError(
            "this PostgreSQL server is a standby: nothing can be sent from it",
            "point OUTREACH_DATABASE_URL at the primary, or promote this one",
        )
    era, marks = await eras.current(conn), read_all(folder)
    events = {mark.event for mark in marks if mark.event and not answered(mark, era)}
    gone = await eras.missing(conn, list(events)) if events else set()
    memory = Memory(server, era, await eras.known(conn), gone)
    if found := objection(marks, memory):
        newest = await eras.newest_event(conn)
        since = f"{newest[1]:%Y-%m-%dT%H:%M:%SZ}" if newest else "T"
        raise Rewound(found, f"outreach recover --since {since} --dry-run; see docs/recovery.md")
    return memory
