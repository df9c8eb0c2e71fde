"""When a recurring campaign runs: short text in English or Chinese, and one spelling to keep.

::

    workdays 09:30            每个工作日 09:30
    weekly mon,thu 09:30      每周一、周四 09:30
    monthly 5,20 09:30        每月5日、20日 09:30

A day of the month that a month lacks is its last day. A day of the week or month that is not a
working day moves to the next one that is; two that so fall together are one run.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from outreach.campaigns.workdays import is_workday
from outreach.compliance.window import instant
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import InvalidInput

_DAY = timedelta(days=1)


class Rhythm(StrEnum):
    WORKDAYS = "workdays"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Timetable:
    """``days`` rise, without doubles: ISO weekdays, days of the month, or none for ``WORKDAYS``.

    ``minute`` is of the day, on the wall clock of whatever zone it is asked for.
    """

    rhythm: Rhythm
    days: tuple[int, ...]
    minute: int

    def next_after(self, moment: datetime, zone: tzinfo, jurisdiction: Jurisdiction) -> datetime:
        """The first run, in UTC, strictly after ``moment`` (aware).

        Raises ``UnknownDay`` where that depends on a day whose calendar is not known.
        """
        day = moment.astimezone(zone).date()
        while not is_workday(day - _DAY, jurisdiction):
            day -= _DAY  # what was planned on the days off before may have moved to this one
        due = False
        while True:
            due = due or self._plans(day)
            if due and is_workday(day, jurisdiction):
                run = instant(day, self.minute, zone)
                if run > moment:
                    return run
                due = False
            day += _DAY

    def _plans(self, day: date) -> bool:
        match self.rhythm:
            case Rhythm.WORKDAYS:
                return True
            case Rhythm.WEEKLY:
                return day.isoweekday() in self.days
            case Rhythm.MONTHLY:
                last = monthrange(day.year, day.month)[1]
                return day.day in self.days or (day.day == last and self.days[-1] > last)


def parse(text: str) -> Timetable:
    """Read a timetable; raises ``InvalidInput`` with the place and what was expected there."""
    return _Reader(text).read()


def spell(timetable: Timetable) -> str:
    """The one spelling in which a timetable is kept, shown and approved."""
    weekly = timetable.rhythm is Rhythm.WEEKLY
    days = ",".join(_NAMES[day - 1] if weekly else str(day) for day in timetable.days)
    hour, minute = divmod(timetable.minute, 60)
    return " ".join(filter(None, (timetable.rhythm, days, f"{hour:02}:{minute:02}")))


_WIDE_SIGNS = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {ord("、"): ","}
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CHINESE = "一二三四五六日"


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


_RHYTHM = _pattern(
    r"(?P<workdays>workdays?(?![a-z])|每[个個]?工作日)"
    r"|(?P<weekly>weekly(?![a-z])|每[个個]?(?=[周週]|星期))"
    r"|(?P<monthly>monthly(?![a-z])|每[个個]?月)"
)
_WEEKDAY = _pattern(
    r"(?P<name>mon|tue|wed|thu|fri|sat|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)day)(?![a-z])"
    r"|(?:[周週]|星期)?(?P<chinese>[一二三四五六日天])"
)
_MONTHDAY = _pattern(r"(?P<day>3[01]|[12][0-9]|0?[1-9])(?![0-9:])(?:\s*[日号號])?")
_ALSO = _pattern(r"[,和及]")
_TIME = _pattern(r"(?P<hour>2[0-3]|[01]?[0-9]):(?P<minute>[0-5][0-9])(?![0-9:])")
_END = _pattern(r"$")

_EXAMPLES = {
    Rhythm.WORKDAYS: "workdays 09:30 (每个工作日 09:30)",
    Rhythm.WEEKLY: "weekly mon,thu 09:30 (每周一、周四 09:30)",
    Rhythm.MONTHLY: "monthly 5,20 09:30 (每月5日、20日 09:30)",
}


def _weekday(match: re.Match[str]) -> int:
    if name := match["name"]:
        return _NAMES.index(name[:3].lower()) + 1
    return _CHINESE.index(match["chinese"].replace("天", "日")) + 1


def _monthday(match: re.Match[str]) -> int:
    return int(match["day"])


_DAYS: dict[Rhythm, tuple[re.Pattern[str], str, Callable[[re.Match[str]], int]]] = {
    Rhythm.WEEKLY: (_WEEKDAY, "a day of the week, such as mon or 周一", _weekday),
    Rhythm.MONTHLY: (_MONTHDAY, "a day of the month, 1 to 31", _monthday),
}


class _Reader:
    """From left to right; ``_at`` is where the next word is expected."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._plain = text.translate(_WIDE_SIGNS)
        self._at = 0
        self._remedy = "such as " + "; ".join(_EXAMPLES.values())

    def read(self) -> Timetable:
        word = self._expect(_RHYTHM, "workdays, weekly or monthly")
        rhythm = Rhythm(str(word.lastgroup))
        self._remedy = f"such as {_EXAMPLES[rhythm]}"
        days: set[int] = set()
        if rhythm in _DAYS:
            pattern, expected, day_of = _DAYS[rhythm]
            days.add(day_of(self._expect(pattern, expected)))
            while self._take(_ALSO):
                days.add(day_of(self._expect(pattern, expected)))
        time = self._expect(_TIME, "a time of day, 00:00 to 23:59")
        self._expect(_END, "the end")
        minute = int(time["hour"]) * 60 + int(time["minute"])
        return Timetable(rhythm, tuple(sorted(days)), minute)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        rest = self._plain[self._at :]
        self._at += len(rest) - len(rest.lstrip())
        found = pattern.match(self._plain, self._at)
        self._at = found.end() if found else self._at
        return found

    def _expect(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        if found := self._take(pattern):
            return found
        rest = self._text[self._at :].split()
        stands = repr(rest[0][:20]) if rest else "the end"
        raise InvalidInput(
            f"timetable, character {self._at + 1}: expected {expected}, not {stands}", self._remedy
        )
