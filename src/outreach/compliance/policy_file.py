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
    try:
        data = path.read_bytes()
        return model.model_validate(tomllib.loads(data.decode())), data
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror})", "restore the policy file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}", "mend the syntax there") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise wrong(path, data, first["loc"], first["msg"]) from None


def wrong(path: Path, data: bytes, place: Place, expected: str) -> ConfigurationError:
    """The error for the value at ``place``, saying what was expected there."""
    key = ".".join(str(part) for part in place if isinstance(part, str))
    return ConfigurationError(
        f"{path}, line {_line(data.decode(), place)}, key {key}: wrong or missing",
        f"expected: {expected}",
    )


def _line(text: str, place: Place) -> int:
    """The line of the key, or else of the table it belongs to; 1 when neither is found."""
    lines = text.splitlines()
    start = 0
    if len(place) > 1 and isinstance(place[1], int):
        headers = [n for n, line in enumerate(lines) if line.strip() == f"[[{place[0]}]]"]
        start = headers[place[1]] if place[1] < len(headers) else 0
    keys = [part for part in place if isinstance(part, str)]
    for key in reversed(keys):
        found = re.compile(
            rf"""[\s{{,]*["']?{re.escape(key)}["']?\s*=|\[[\w.]*{re.escape(key)}\]"""
        )
        for number, line in enumerate(lines[start:], start + 1):
            if number > start + 1 and line.startswith("[["):
                break
            if found.match(line):
                return number
    return start + 1
