"""Secrets a sandbox makes for itself, once, in ``<data_dir>/keys.env``; production has its own."""

import base64
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from outreach.clock import random_bytes
from outreach.domain.errors import ConfigurationError

FILE = "keys.env"
_NEEDED = ("OUTREACH_MASTER_KEYS", "OUTREACH_LOOKUP_KEY", "OUTREACH_LOG_KEYS")
_BY_VERSION = ("OUTREACH_MASTER_KEYS", "OUTREACH_LOG_KEYS")


def sandbox_secrets(data_dir: Path, more: Iterable[str]) -> dict[str, str]:
    """The keys and the secrets named in ``more``; what the file lacks is made and added.

    Losing the file loses every sealed name and number under it: that is what sealing means.
    """
    path = data_dir / FILE
    wanted = (*_NEEDED, *more)
    try:
        found = _read(path)
        if not set(wanted) <= found.keys():
            data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
            _write(path, {name: _made(name) for name in wanted} | found, first=not found)
            found = _read(path)
    except OSError as error:
        raise ConfigurationError(
            f"the sandbox's keys cannot be kept in {path}: {error.strerror}",
            f"set OUTREACH_DATA_DIR to a folder you may write, or set {', '.join(_NEEDED)}",
        ) from None
    return found


def _made(name: str) -> str:
    key = base64.b64encode(random_bytes(32)).decode()
    return f"1:{key}" if name in _BY_VERSION else key


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _write(path: Path, secrets: dict[str, str], *, first: bool) -> None:
    """Whole or not at all; of two processes at once the first one's file stands."""
    draft = path.with_name(f".{FILE}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("# Made by outreach for its sandbox. Without it nothing sealed can be read.\n")
        file.writelines(f"{name}={value}\n" for name, value in secrets.items())
        file.flush()
        os.fsync(file.fileno())
    if not first:
        draft.replace(path)
        return
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
