"""The two clocks and the ids; the only place that may read the time of day or draw randomness.

The *business* clock rules due times, quiet hours and words, and can be shifted for a rehearsal.
The *operational* clock (monotonic) rules leases and time-outs and cannot.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO


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


def id_bytes() -> bytes:
    """A UUIDv7 (RFC 9562 section 5.7) that sorts by creation time to a quarter of a microsecond.

    The twelve bits after the version hold the fraction of the millisecond (section 6.2, method 3),
    so that the events of one transaction keep their order; 62 bits are random.
    """
    ms, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    high = ms << 16 | 0x7 << 12 | fraction
    low = int.from_bytes(random_bytes(8)) & _VARIANT_MASK | _VARIANT
    return high.to_bytes(8) + low.to_bytes(8)


_VARIANT, _VARIANT_MASK = 1 << 63, (1 << 62) - 1


def random_bytes(count: int) -> bytes:
    """Cryptographic randomness, for salts, nonces and keys."""
    given = _chance.read(count)  # one step, whichever thread takes it: no octet is given twice
    return given if len(given) == count else _refill().read(count)


def random_fraction() -> float:
    """A number in [0, 1), for jitter."""
    return int.from_bytes(random_bytes(4)) / 2**32


def _refill() -> BytesIO:
    """The system's randomness by the block: asking for each few octets costs more than all else."""
    global _chance
    _chance = fresh = BytesIO(os.urandom(_BLOCK))
    return fresh


_BLOCK = 4096
_chance = BytesIO()
os.register_at_fork(after_in_child=_refill)  # a child must not give what its parent gives
