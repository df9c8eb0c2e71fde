"""Pace and protection: what a carrier bears, shared by all workers through one script in Redis.

For each carrier: a bucket of tokens (``rate``, ``burst``), places in flight, a pause after the
carrier said "slower", and a circuit breaker. A worker's *holder* (its name, lane and slot) takes a
turn for each chunk: it tells what became of the last grant and is granted the next, in one round
trip, by Redis' own clock.

The rules:
* Places are divided evenly among the holders alive; a share already held is given back turn by
  turn. Who was refused comes first the next time, the longest waiting before the others. A holder
  that takes no more turns loses its places a lease later.
* Bulk leaves the last tenth of tokens and places, and everything while an urgent holder waits.
* A pause lasts as long as the carrier asks, at most an hour; else 1 s, doubled up to 30 s until
  something succeeds.
* The breaker opens after so many failures with no success between, or at once when the account is
  refused. After a cool-down one message at a time is granted as a probe: success closes it, failure
  opens it for twice as long, up to ten minutes. An answer about a message is a success, whatever it
  says: the carrier lives.

What Redis loses is not missed: the bucket begins empty, the breaker closed. Places in use at that
moment are forgotten, so for one chunk's time more may be in flight, within each adapter's own
limit. While Redis is away every call raises ``redis.exceptions.RedisError``: nothing is granted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path

from redis.asyncio import Redis

from outreach.settings import PacedSettings


class Breaker(StrEnum):
    CLOSED = "closed"  # the carrier is used
    OPEN = "open"  # it is left alone
    HALF_OPEN = "half_open"  # it is tried with one message at a time


class Why(StrEnum):
    """Why nothing was granted."""

    NONE = ""
    BREAKER = "breaker"
    PAUSE = "pause"
    RATE = "rate"
    PLACES = "places"


_BREAKERS, _WHYS = tuple(Breaker), tuple(Why)  # by the script's numbers
_MESSAGE = 1_000_000  # tokens are kept in millionths


@dataclass(frozen=True, slots=True)
class Limits:
    """What a carrier bears. ``rate`` in messages a second, None for no limit."""

    rate: float | None
    burst: int
    places: int
    breaker_failures: int
    breaker_seconds: float

    def _packed(self) -> str:
        return (
            f"{round((self.rate or 0) * 1000)} {self.burst} {self.places} "
            f"{self.breaker_failures} {round(self.breaker_seconds * 1000)}"
        )


def limits_of(carrier: PacedSettings) -> Limits:
    """A carrier's limits as configured; without ``burst`` it is a second's worth."""
    return Limits(
        rate=carrier.rate,
        burst=carrier.burst or ceil(carrier.rate or 1),
        places=carrier.concurrency,
        breaker_failures=carrier.breaker_failures,
        breaker_seconds=carrier.breaker_seconds,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the last grant; ``unused`` of it never went to the wire."""

    ok: int = 0
    failed: int = 0
    throttled: int = 0
    unused: int = 0
    retry_after: float | None = None  # seconds
    refused_account: bool = False

    def _packed(self) -> str:
        asked = -1 if self.retry_after is None else max(0, ceil(self.retry_after * 1000))
        return (
            f"{self.ok} {self.failed} {self.throttled} {self.unused} {asked} "
            f"{int(self.refused_account)}"
        )


_NOTHING = Told()


@dataclass(frozen=True, slots=True)
class Turn:
    """``granted`` messages may go, ``places`` of them at a time; 0: ask again in ``wait`` s."""

    granted: int
    places: int
    wait: float
    state: Breaker
    why: Why


@dataclass(frozen=True, slots=True)
class Status:
    """How a carrier fares just now. Times are seconds from now."""

    state: Breaker
    until: float  # when an open breaker lets a probe through
    paused: float
    tokens: float | None  # None where there is no rate
    in_flight: int
    holders: int
    failures: int  # in a row


class Pace:
    """Turns at carriers. ``clock`` (seconds) stands in for Redis' own in tests."""

    def __init__(
        self, redis: Redis, lease: float, clock: Callable[[], float] | None = None
    ) -> None:
        """``lease`` in seconds: how long a grant holds its places without another turn."""
        self._redis = redis
        self._lease = round(lease * 1000)
        self._clock = clock
        self._script = redis.register_script(Path(__file__).with_name("pace.lua").read_text())

    async def turn(
        self,
        carrier: str,
        holder: str,
        want: int,
        urgent: bool,
        limits: Limits,
        told: Told | None = None,
    ) -> Turn:
        """Tell of the last grant and ask for up to ``want`` messages (1 or more).

        A holder has one grant at a time: the new one takes the place of the last.
        """
        told = told or _NOTHING
        numbers = (
            f"{self._now()} {self._lease} {int(urgent)} {want} {limits._packed()} {told._packed()}"
        )
        granted, places, wait, breaker, why = await self._script(
            keys=_keys(carrier), args=(holder, numbers)
        )
        return Turn(granted, places, wait / 1000, _BREAKERS[breaker], _WHYS[why])

    async def leave(
        self, carrier: str, holder: str, limits: Limits, told: Told | None = None
    ) -> None:
        """Tell of the last grant, want nothing more and free the places."""
        await self.turn(carrier, holder, 0, False, limits, told)

    async def status(self, carriers: Mapping[str, Limits]) -> dict[str, Status]:
        """How each carrier fares; changes nothing."""
        async with self._redis.pipeline(transaction=True) as asking:
            asking.time()
            for carrier in carriers:
                for key in _keys(carrier):
                    asking.hgetall(key)
            (seconds, micros), *known = await asking.execute()
        now = self._now()
        if now < 0:
            now = seconds * 1000 + micros // 1000
        pairs = zip(known[::2], known[1::2], strict=True)
        return {
            carrier: _status(now, limits, *pair)
            for (carrier, limits), pair in zip(carriers.items(), pairs, strict=True)
        }

    def _now(self) -> int:
        """Milliseconds; -1 leaves it to Redis."""
        return -1 if self._clock is None else round(self._clock() * 1000)


def _keys(carrier: str) -> tuple[str, str]:
    return f"outreach:pace:{{{carrier}}}", f"outreach:pace:{{{carrier}}}:holders"


def _status(
    now: int, limits: Limits, known: dict[bytes, bytes], holders: dict[bytes, bytes]
) -> Status:
    def number(field: bytes) -> int:
        return int(known.get(field, 0))

    breaker, until = _BREAKERS[number(b"breaker")], number(b"until")
    if breaker is Breaker.OPEN and now >= until:
        breaker = Breaker.HALF_OPEN
    tokens = None
    if limits.rate is not None:
        since = max(0, now - number(b"at")) if known else 0
        grown = number(b"tokens") / _MESSAGE + since / 1000 * limits.rate
        tokens = min(limits.burst, grown)
    held = [tuple(map(int, entry.split())) for entry in holders.values()]
    alive = [entry for entry in held if entry[2] > now]
    return Status(
        state=breaker,
        until=max(0, until - now) / 1000 if breaker is Breaker.OPEN else 0.0,
        paused=max(0, number(b"paused") - now) / 1000,
        tokens=tokens,
        in_flight=sum(entry[0] for entry in alive),
        holders=len(alive),
        failures=number(b"failures"),
    )
