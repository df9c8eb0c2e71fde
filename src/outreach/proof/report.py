"""What a verification found."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

LISTED = 100


class Kind(StrEnum):
    """What happened to a row, as far as the rows themselves can tell."""

    ALTERED = "altered"  # a digest or head does not fit, or a ciphertext does not open
    REMOVED = "removed"  # something the chain or an event speaks of is gone
    INSERTED = "inserted"  # something neither the chain nor the sealer's work list knows
    REORDERED = "reordered"  # an event stands in another's place
    UNSEALED = "unsealed"  # the log does not know of it


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not fit. ``sentence`` names ids and columns, never what was written."""

    kind: Kind
    event_id: UUID | None
    stream: str | None
    seq: int | None
    sentence: str


@dataclass(slots=True)
class Report:
    """Counts of what was read, and what does not fit: all counted, the first ``LISTED`` named."""

    streams: int = 0
    events: int = 0
    payloads: int = 0  # opened and compared with their digests
    unsealed: int = 0  # events not yet chained: a fault only if they never are
    erased: int = 0  # payloads lawfully gone: an ``erased`` event names them or their key
    leaves: int = 0  # of the log
    checkpoints: int = 0  # whose signatures and roots hold
    signed_at: datetime | None = None  # the newest of those
    counts: Counter[Kind] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.counts

    def add(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.counts[problem.kind] += 1
            if len(self.problems) < LISTED:
                self.problems.append(problem)
