"""Files that hold personal data in clear: their owner's alone, and never half there."""

import os
from pathlib import Path

from outreach.domain.errors import InvalidInput


def write_private(path: Path, content: bytes) -> None:
    """Readable by its owner only; a reader never sees half a file. Raises ``InvalidInput``."""
    part = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InvalidInput(
            f"--out: {path} cannot be written: {error.strerror}", "choose another folder"
        ) from None
