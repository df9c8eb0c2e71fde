"""Working days (工作日) of a jurisdiction, as its government has published them.

Mainland China: the State Council's notice of each year, make-up days (调休) and all, from
``chinesecalendar``, whose table ends with the last year it holds the notice of.

Hong Kong: Monday to Friday less the general holidays (公眾假期, Cap. 149). Taiwan: the calendar of
government offices (政府行政機關辦公日曆表), which banks follow, with make-up days in the years that
have any. Both from ``holidays``, which derives a year's days off from rules and a table of lunar
dates up to 2099 and does not say which of these years are announced: where Taiwan gives the days
back that its New Year loses to a weekend is decided year by year. So only the years of
``PUBLISHED`` are answered: their calendars are out, and the library was found to agree with them
day by day (``test_workdays`` holds them).
"""

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import chinese_calendar  # type: ignore[import-untyped]

from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import Conflict

if TYPE_CHECKING:
    from holidays import HolidayBase

PUBLISHED = range(2026, 2028)
"""The years of Hong Kong's and Taiwan's calendars. Before it grows, the test gets the new year."""

_SATURDAY = 6


class UnknownDay(Conflict):
    """No calendar at hand says whether ``day`` is a working day."""

    def __init__(self, day: date, jurisdiction: Jurisdiction) -> None:
        package = "chinesecalendar" if jurisdiction is Jurisdiction.MAINLAND else "outreach"
        super().__init__(
            f"no calendar at hand says whether {day} is a working day in {jurisdiction}",
            f"update the package {package} once that year is announced; until then --at says when",
        )
        self.day = day


def is_workday(day: date, jurisdiction: Jurisdiction) -> bool:
    """Whether offices and banks work on ``day``; raises ``UnknownDay`` rather than guess."""
    if jurisdiction is Jurisdiction.MAINLAND:
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            raise UnknownDay(day, jurisdiction) from None
    if day.year not in PUBLISHED:
        raise UnknownDay(day, jurisdiction)
    if jurisdiction is Jurisdiction.HONG_KONG and day.isoweekday() == _SATURDAY:
        return False  # no holiday by law, but banks close at noon and most offices do not open
    return _calendar(jurisdiction).is_working_day(day)


@cache
def _calendar(jurisdiction: Jurisdiction) -> "HolidayBase":
    # Here, for it loads the calendars of 250 countries: a fifth of a second no other command owes
    from holidays import OPTIONAL, PUBLIC, country_holidays  # noqa: PLC0415

    if jurisdiction is Jurisdiction.HONG_KONG:
        # "public" are only the statutory holidays (勞工假) there; "optional" are the general ones
        return country_holidays("HK", years=PUBLISHED, expand=False, categories=OPTIONAL)
    return country_holidays("TW", years=PUBLISHED, expand=False, categories=PUBLIC)
