"""Marks: what a process that sends remembers outside PostgreSQL, in a small file of its own.

``<data_dir>/marks/<id>.mark`` holds ``PLACES`` lines of fixed size, written in turn: each the
cluster, timeline and era it was written in and, but for the first, one committed ``sending`` event.
Nothing personal is in it. The file is locked for as long as its process lives.
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zlib import crc32

import orjson

from outreach.clock import Clock
from outreach.db.eras import Era, Server
from outreach.domain.errors import ConfigurationError
from outreach.ids import new_id

PLACES = 16
"""As many as a worker has connections: two commits may be noted in another order than PostgreSQL
wrote them, and what a lost failover cuts off is the end of PostgreSQL's order.
"""
_SIZE = 256
_REAL = Clock()  # not the business clock: an era's beginning is held against it
_ATTEMPTS = 3  # a read may meet the one writer in the middle of a line


@dataclass(frozen=True, slots=True)
class Mark:
    """``event``: id and time of a committed ``sending`` event; None tells of server and era only.

    ``noted_at`` is real time, whatever clock the event's own time came from.
    """

    server: Server
    era: UUID
    noted_at: datetime
    event: tuple[UUID, datetime] | None = None


class MarkFile:
    """The one file this process writes; made whole before it can be seen."""

    def __init__(self, folder: Path, server: Server, era: Era, kept: Sequence[Mark]) -> None:
        """``kept`` are marks of processes that are gone, to be remembered on."""
        self.path = folder / f"{new_id().hex}.mark"
        draft = self.path.with_suffix(".draft")
        self._handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self.begin(server, era, kept)
        draft.rename(self.path)

    def begin(self, server: Server, era: Era, kept: Sequence[Mark] = ()) -> None:
        """Begin anew in this era, with what is ``kept``; lasts even if the machine fails."""
        self._server, self.era = server, era.id
        newest = sorted((m for m in kept if m.event), key=_by_event)[-(PLACES - 1) :]
        lines = [_line(Mark(server, era.id, _REAL.now())), *map(_line, newest)]
        self._next = len(lines)
        os.pwrite(self._handle, b"".join(lines).ljust(PLACES * _SIZE), 0)
        os.fsync(self._handle)

    def note(self, event_id: UUID, at: datetime) -> None:
        """Write one line, without fsync: a killed process loses nothing of it, a failed machine
        at most the last lines.
        """
        mark = Mark(self._server, self.era, _REAL.now(), (event_id, at))
        os.pwrite(self._handle, _line(mark), self._next % PLACES * _SIZE)
        self._next += 1

    def close(self) -> None:
        os.close(self._handle)


def _by_event(mark: Mark) -> bytes:
    assert mark.event is not None
    return mark.event[0].bytes


def _line(mark: Mark) -> bytes:
    event_id, at = mark.event or (None, None)
    body = orjson.dumps(
        [
            mark.server.system_identifier,
            mark.server.timeline,
            str(mark.era),
            mark.noted_at,
            str(event_id) if event_id else None,
            at,
        ]
    )
    return b"%s %08x" % (body, crc32(body)) + b" " * (_SIZE - len(body) - 10) + b"\n"


def read_all(folder: Path) -> list[Mark]:
    """Every process' marks; raises ``ConfigurationError`` for a file that cannot be read."""
    return [mark for path in sorted(folder.glob("*.mark")) for mark in _read(path)]


def _read(path: Path) -> list[Mark]:
    for _ in range(_ATTEMPTS):
        with suppress(ValueError):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                return []  # its process' successor has taken it over meanwhile
            return [_parsed(line) for line in content.split(b"\n") if line.strip()]
    raise ConfigurationError(
        f"{path} is damaged: what was sent from here last cannot be known",
        "check that the database was not rewound, or run outreach recover; then remove the file",
    )


def _parsed(line: bytes) -> Mark:
    body, _, check = line.rstrip().rpartition(b" ")
    if crc32(body) != int(check, 16):
        raise ValueError("a torn line")
    system, timeline, era, noted_at, event_id, at = orjson.loads(body)
    event = (UUID(event_id), datetime.fromisoformat(at)) if event_id else None
    return Mark(Server(system, timeline), UUID(era), datetime.fromisoformat(noted_at), event)


def take_over(folder: Path) -> tuple[list[Mark], list[Path]]:
    """The marks of processes that are gone, and their files, to be removed once the marks are
    written elsewhere.
    """
    marks: list[Mark] = []
    files: list[Path] = []
    for path in sorted(folder.glob("*.mark")):
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            marks += _read(path)
            files.append(path)
        except BlockingIOError:
            continue  # its process lives
        finally:
            os.close(handle)
    return marks, files
