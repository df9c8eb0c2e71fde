"""Daily sending windows on a debtor's wall clock, over midnight, weekends and summer time."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 24 * 60
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The IANA zone, or ``None`` if there is no such zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@lru_cache(maxsize=1024)
def instant(day: date, minute: int, zone: tzinfo, fold: int = 0) -> datetime:
    """The UTC instant of a wall-clock minute; ``minute`` 1440 is the next midnight.

    ``fold`` 1 means the second of two equal wall times, when summer time ends.
    """
    day += timedelta(days=minute // DAY)
    wall = time(minute % DAY // 60, minute % 60, fold=fold)
    return datetime.combine(day, wall, zone).astimezone(UTC)


@lru_cache(maxsize=1024)
def local_time(moment: datetime, zone: str) -> datetime:
    """``moment`` in the zone of that name, in UTC if there is none.

    Kept: a chunk of notices asks for one moment in a zone or two.
    """
    return moment.astimezone(zone_named(zone) or UTC)


def midnight(local: datetime) -> datetime:
    """The UTC instant at which ``local``'s day began."""
    return instant(local.date(), 0, _zone_of(local))


def next_midnight(moment: datetime, zone: str) -> datetime:
    """The UTC instant at which the next day begins in the zone of that name."""
    local = local_time(moment, zone)
    return instant(local.date(), DAY, _zone_of(local))


@dataclass(frozen=True, slots=True)
class Window:
    """Open from minute ``opens`` to before ``closes`` on ISO weekdays ``days``, less ``closed``.

    What was let in while it was open may still go until ``last``, which is never before ``closes``.
    After ``known_to`` nobody has said which days are closed: then it is never open.
    """

    opens: int = 0
    closes: int = DAY
    last: int = DAY
    days: tuple[int, ...] = EVERY_DAY
    closed: frozenset[date] = frozenset()
    known_to: date = date.max

    @property
    def ever_opens(self) -> bool:
        return self.opens < self.closes and bool(self.days)

    def meet(self, other: "Window") -> "Window":
        """The window in which both are open."""
        return Window(
            max(self.opens, other.opens),
            min(self.closes, other.closes),
            min(self.last, other.last),
            tuple(day for day in self.days if day in other.days),
            self.closed | other.closed,
            min(self.known_to, other.known_to),
        )

    def is_open(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        if not self.opens <= minute < self.closes or local.isoweekday() not in self.days:
            return False
        if not self.closed and self.known_to is date.max:
            return True
        day = local.date()
        return day <= self.known_to and day not in self.closed

    def last_instant(self, local: datetime) -> datetime:
        """Until when a message let in at ``local`` (aware, open) may go."""
        return instant(local.date(), self.last, _zone_of(local), local.fold)

    def next_open(self, moment: datetime, zone: tzinfo) -> datetime:
        """The first instant from ``moment`` on at which the window is open.

        Beyond ``known_to`` a day of the week is all there is to go by; what comes back then is held
        again, by a gate that may have been given the year's calendar meanwhile. A window that never
        opens (of two places' hours, and a creditor's own) is to be looked at a day later.
        """
        if not self.ever_opens:
            return moment + timedelta(days=1)
        local = moment.astimezone(zone)
        if self.is_open(local):
            return moment
        day = local.date()
        while True:
            opening = instant(day, self.opens, zone)
            # a change of clocks may swallow the opening, or the whole day: then try the next
            if opening >= moment and self._opens_at(opening.astimezone(zone)):
                return opening
            day += timedelta(days=1)

    def _opens_at(self, local: datetime) -> bool:
        if local.date() <= self.known_to:
            return self.is_open(local)
        return replace(self, closed=frozenset(), known_to=date.max).is_open(local)

    def place(self, moment: datetime, zone: tzinfo, spread: int, span: timedelta) -> datetime:
        """A whole second of the window, from ``moment`` on, picked by ``spread`` within ``span``.

        Notices held for one reason so come back one by one, not all at the opening second.
        """
        start = self.next_open(_whole_second(moment), zone)
        local = start.astimezone(zone)
        closing = instant(local.date(), self.closes, zone, local.fold)
        seconds = int(min(span, closing - start).total_seconds())
        return start + timedelta(seconds=spread % max(1, seconds))


def _whole_second(moment: datetime) -> datetime:
    """``moment`` or the first whole second after it."""
    over = moment.microsecond
    return moment + timedelta(microseconds=1_000_000 - over) if over else moment


def _zone_of(local: datetime) -> tzinfo:
    if local.tzinfo is None:
        raise ValueError("an aware instant is needed")
    return local.tzinfo
