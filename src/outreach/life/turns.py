"""Turns: which of a route's carriers takes the next chunk, and how much of it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date

from redis.exceptions import RedisError

from outreach.channels.base import Carrier
from outreach.clock import random_fraction
from outreach.db import quotas
from outreach.db.pool import LOST
from outreach.life.parts import Parts
from outreach.life.results import SentChunk
from outreach.life.routing import preference
from outreach.logs import Log
from outreach.pace import Breaker, Pace, Told, limits_of
from outreach.settings import PacedSettings, RouteSettings

SHORT_WAIT = 1.0
"""A wait up to this many seconds is waited for; a longer one is left to the next bell."""

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """``count`` messages may go by ``carrier``, ``places`` of them at a time.

    ``day``: whose quota they are taken from, if the carrier has one.
    """

    carrier: Carrier
    count: int
    places: int
    day: date | None = None


class Turns:
    """One slot's turns at the carriers of its route. Whoever takes them must ``leave`` in the end.

    While Redis or PostgreSQL is away nothing is granted: a pace that nobody keeps is no pace.
    Neither raises here: answers may be in hand that are still to be recorded.
    """

    def __init__(
        self,
        parts: Parts,
        pace: Pace,
        route: RouteSettings,
        holder: str,
        *,
        urgent: bool,
        said: dict[str, str],
    ) -> None:
        """``said``: what the process has last said of each carrier, so as not to repeat it."""
        self._parts = parts
        self._pace = pace
        self._route = route
        self._holder = holder
        self._urgent = urgent
        self._said = said
        self._owed: dict[str, Told] = {}  # by carrier asked: what it has not been told yet
        self._wait: float | None = None

    async def take(self, want: int) -> Grant | None:
        """The next grant of up to ``want``: from the carrier preferred, or who can stand in."""
        self._wait = None
        try:
            for name in preference(self._route, random_fraction()):
                grant = await self._ask(name, want)
                if grant is not None:
                    await self._leave(self._owed.keys() - {name})
                    return grant
        except (RedisError, *LOST) as error:
            log.warning("pace_not_kept", error=error)
            self._wait = None
        return None

    async def _ask(self, name: str, want: int) -> Grant | None:
        settings = self._settings(name)
        told = self._owed.get(name)
        turn = await self._pace.turn(
            name, self._holder, want, self._urgent, limits_of(settings), told
        )
        if self._said.get(name, Breaker.CLOSED) != turn.state:
            self._said[name] = turn.state
            log.warning("breaker", carrier=name, state=turn.state)
        self._owed[name] = Told(unused=turn.granted)  # should what follows fail
        if not turn.granted:
            self._wait = min(turn.wait, self._wait or turn.wait)
            return None
        carrier = self._parts.carriers[name]
        if settings.daily_quota is None:
            self._owed[name] = Told()
            return Grant(carrier, turn.granted, turn.places)
        day = settings.quota_day(self._parts.clock.now())
        async with self._parts.pool.acquire() as conn:
            count = await quotas.take(conn, name, day, turn.granted, settings.daily_quota)
        self._owed[name] = Told(unused=turn.granted - count)
        if not count and self._said.get(f"{name} quota") != str(day):
            self._said[f"{name} quota"] = str(day)
            log.warning("quota_spent", carrier=name, day=str(day))
        return Grant(carrier, count, turn.places, day) if count else None

    async def tell(self, grant: Grant, sent: SentChunk | None) -> None:
        """What became of a grant: for the pace at the next turn, for the quota now."""
        name = grant.carrier.name
        told = sent.told if sent else Told()
        going = len(sent.results) if sent else 0
        unused = grant.count - going + told.unused
        self._owed[name] = replace(told, unused=unused + self._owed[name].unused)
        if grant.day is not None and unused + told.throttled:
            try:
                async with self._parts.pool.acquire() as conn:
                    await quotas.give_back(conn, name, grant.day, unused + told.throttled)
            except LOST as error:  # the day has a few less
                log.warning("pace_not_kept", error=error)

    async def soon(self, draining: asyncio.Event) -> bool:
        """Wait for the next turn if it is not far; False if there is none to wait for."""
        if self._wait is None or self._wait > SHORT_WAIT:
            return False
        try:
            await asyncio.wait_for(draining.wait(), self._wait)
        except TimeoutError:
            return True
        return False

    async def leave(self) -> None:
        """Tell what is still owed, and free the places."""
        try:
            await self._leave(set(self._owed))
        except RedisError as error:
            log.warning("pace_not_kept", error=error)

    async def _leave(self, names: set[str]) -> None:
        for name in names:
            told = self._owed.pop(name)
            await self._pace.leave(name, self._holder, limits_of(self._settings(name)), told)

    def _settings(self, name: str) -> PacedSettings:
        settings = next(s for s in self._parts.settings.carriers if s.name == name)
        assert isinstance(settings, PacedSettings)
        return settings
