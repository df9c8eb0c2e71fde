"""Each carrier's own account of what it received: append-only, a JSON line before every answer.

The demo and the crash tests compare it with our history: what is in a book and not in ours was
lost, what is in a book twice was sent twice. It holds digests, no number, address or text.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from outreach.clock import Clock


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as it came in. ``token`` is the attempt's token, or the letter id.

    ``accepted`` is False where the carrier refused it at once; ``outcome`` is its planned fate.
    """

    at: datetime
    token: str
    message_id: str
    to_sha256: str
    body_sha256: str
    outcome: str
    accepted: bool


class Book:
    """``<log_dir>/<carrier>.jsonl``, kept open."""

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._clock = clock

    def write(
        self, *, token: str, message_id: str, to: str, body: bytes, outcome: str, accepted: bool
    ) -> None:
        """Returns when the line has left the process, so that a kill cannot take it back."""
        entry = Entry(
            at=self._clock.now(),
            token=token,
            message_id=message_id,
            to_sha256=sha256(to.encode()).hexdigest(),
            body_sha256=sha256(body).hexdigest(),
            outcome=outcome,
            accepted=accepted,
        )
        line = asdict(entry) | {"at": entry.at.isoformat()}
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_book(path: Path) -> list[Entry]:
    """All whole lines of a book; empty if the carrier never received anything."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # a torn last line has no newline
    entries = [json.loads(line) for line in lines]
    return [Entry(**e | {"at": datetime.fromisoformat(e["at"])}) for e in entries]
