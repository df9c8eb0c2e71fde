"""The two clocks and the ids; the only place that may read the time of day or draw randomness.

The *business* clock rules due times, quiet hours and words, and can be shifted for a rehearsal.
The *operational* clock (monotonic) rules leases and time-outs and cannot.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Clock:
    """Business time: the system's, moved by ``offset`` (zero wherever a real carrier is used)."""

    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The business instant, aware, in UTC."""
        return datetime.now(UTC) + self.offset


def monotonic() -> float:
    """Operational seconds; only differences mean anything."""
    return time.monotonic()


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 section 5.7) that sorts by creation time to a quarter of a microsecond.

    The twelve bits after the version hold the fraction of the millisecond (section 6.2, method 3),
    so that the events of one transaction keep their order; 62 bits are random.
    """
    ms, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    chance = int.from_bytes(os.urandom(8)) & (1 << 62) - 1
    return UUID(int=ms << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | chance)


def random_bytes(count: int) -> bytes:
    """Cryptographic randomness, for salts, nonces and keys."""
    return os.urandom(count)


def random_fraction() -> float:
    """A number in [0, 1), for jitter."""
    return int.from_bytes(os.urandom(4)) / 2**32
