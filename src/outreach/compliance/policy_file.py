"""Reads a TOML file of policy against its model; what is wrong is told by file, line and key."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from outreach.domain.errors import ConfigurationError

Place = tuple[str | int, ...]
"""The way to a value: table name, index in an array of tables, key."""


class Table(BaseModel):
    """A TOML table in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=Table)


def read(path: Path, model: type[M]) -> tuple[M, bytes]:
    """The checked table and the file's bytes; raises ``ConfigurationError``."""
    data = contents(path)
    table = parse(path, data, model)
    if isinstance(table, list):
        raise table[0]
    return table, data


def contents(path: Path) -> bytes:
    """The file's bytes; raises ``ConfigurationError``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror})", "restore the policy file"
        ) from None


def parse(path: Path, data: bytes, model: type[M]) -> M | list[ConfigurationError]:
    """The checked table, or all that is wrong with it; ``path`` is what the errors call it."""
    try:
        return model.model_validate(tomllib.loads(data.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return [ConfigurationError(f"{path}: not TOML: {error}", "mend the syntax there")]
    except ValidationError as error:
        return [wrong(path, data, each["loc"], each["msg"]) for each in error.errors()]


def wrong(path: Path, data: bytes, place: Place, expected: str) -> ConfigurationError:
    """The error for the value at ``place``, saying what was expected there."""
    key = ".".join(str(part) for part in place if isinstance(part, str))
    return ConfigurationError(
        f"{path}, line {line_of(data.decode(), place)}, key {key}: wrong or missing",
        f"expected: {expected}",
    )


def line_of(text: str, place: Place) -> int:
    """The line of the key, or else of the table it belongs to; 1 when neither is found."""
    lines = text.splitlines()
    keys = [part for part in place if isinstance(part, str)]
    start, end = 0, "[["
    if len(place) > 1 and isinstance(place[1], int):
        headers = [n for n, line in enumerate(lines) if line.strip() == f"[[{place[0]}]]"]
        start = headers[place[1]] if place[1] < len(headers) else 0
    elif (header := _header(lines, keys)) is not None:
        start, end = header, "["
    for key in reversed(keys):
        found = re.compile(
            rf"""[\s{{,]*["']?{re.escape(key)}["']?\s*=|\[[\w.]*{re.escape(key)}\]"""
        )
        for number, line in enumerate(lines[start:], start + 1):
            if number > start + 1 and line.startswith(end):
                break
            if found.match(line):
                return number
    return start + 1


def _header(lines: list[str], keys: list[str]) -> int | None:
    """Where the innermost table of these keys that has a header of its own begins."""
    tables = {
        tuple(part.strip("\"'") for part in _PARTS.findall(found[1])): number
        for number, line in enumerate(lines)
        if (found := _TABLE.match(line))
    }
    for depth in range(len(keys), 0, -1):
        if (number := tables.get(tuple(keys[:depth]))) is not None:
            return number
    return None


_TABLE = re.compile(r"\s*\[(?!\[)(.+)\]\s*(?:#.*)?$")
_PARTS = re.compile(r""""[^"]*"|'[^']*'|[\w-]+""")
