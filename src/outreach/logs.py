"""Log lines: a stable action word and ids, as text or as one JSON object a line; never a person.

``log = Log(__name__)``, then ``log.warning("lease_expired", worker=name, notices=7)``. The standard
library underneath: handlers, levels and test fixtures work as ever, and nothing is built while the
level is off. Every action word stands in the table of ``docs/operations.md``.

An error is told by its class alone, and a text that does not look like an id is left out: what a
carrier or a library says may quote somebody's number. Other libraries' lines pass with their
logger's name, cut to their first line and without their errors' texts.
"""

import logging
import re
from datetime import UTC, datetime
from uuid import UUID

import orjson

Value = str | int | float | UUID | BaseException | None

_ID = re.compile(r"(?!\+?\d{7,}$)[\w.:/-]{1,200}", re.ASCII)  # no space, no @, no phone number
_NOISY = ("uvicorn.access", "aiohttp.access", "arq.worker", "asyncpg.pool", "mail.log", "aiosmtpd")
"""A line for each request, job or attempt to connect, or each address seen."""


class Line:
    """What one call said; its text is the record's message."""

    __slots__ = ("action", "ids")

    def __init__(self, action: str, ids: dict[str, Value]) -> None:
        self.action = action
        self.ids = {name: _safe(value) for name, value in ids.items()}

    def __str__(self) -> str:
        return " ".join((self.action, *(f"{name}={value}" for name, value in self.ids.items())))


def _safe(value: Value) -> str | int | float | None:
    if isinstance(value, BaseException):
        return type(value).__name__
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    return text if not text or _ID.fullmatch(text) else "withheld"


class Log:
    """The logger of one module."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._said: set[str] = set()

    def info(self, action: str, **ids: Value) -> None:
        """What an operator may want to follow."""
        self._tell(logging.INFO, action, ids)

    def warning(self, action: str, **ids: Value) -> None:
        """What we bear, and somebody may look at."""
        self._tell(logging.WARNING, action, ids)

    def error(self, action: str, **ids: Value) -> None:
        """What does not work now."""
        self._tell(logging.ERROR, action, ids)

    def error_once(self, action: str, **ids: Value) -> None:
        """The same for as long as this process runs: what many notices meet is one trouble."""
        said = str(Line(action, ids))
        if said not in self._said:
            self._said.add(said)
            self._tell(logging.ERROR, action, ids)

    def critical(self, action: str, **ids: Value) -> None:
        """A fault of ours."""
        self._tell(logging.CRITICAL, action, ids)

    def _tell(self, level: int, action: str, ids: dict[str, Value]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, Line(action, ids), stacklevel=3)


class Text(logging.Formatter):
    """``2026-11-24T10:00:00.123Z WARNING lease_expired worker=ab12 notices=7``"""

    def format(self, record: logging.LogRecord) -> str:
        said = str(record.msg) if isinstance(record.msg, Line) else _others(record)
        return f"{_instant(record)} {record.levelname} {said}"


class Json(logging.Formatter):
    """``{"at":...,"level":...,"action":...,<ids>}``; of others: logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {"at": _instant(record), "level": record.levelname}
        if isinstance(record.msg, Line):
            line |= {"action": record.msg.action, **record.msg.ids}
        else:
            line |= {"logger": record.name, "message": _message(record)}
        return orjson.dumps(line).decode()


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _others(record: logging.LogRecord) -> str:
    return f"{record.name}: {_message(record)}"


def _message(record: logging.LogRecord) -> str:
    """The first line: below it asyncio and uvicorn print errors with all they hold."""
    said = record.getMessage().partition("\n")[0]
    error = record.exc_info[0] if record.exc_info else None
    return f"{said} error={error.__name__}" if error else said


def start(form: str = "text") -> None:
    """Log to stderr from INFO up, as ``text`` or ``json``."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if form == "json" else Text())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
