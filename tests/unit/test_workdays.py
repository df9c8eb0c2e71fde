"""Working days against what the governments published, every day of each year."""

from datetime import date, timedelta

import chinese_calendar.constants  # type: ignore[import-untyped]
import pytest

from outreach.campaigns.workdays import PUBLISHED, UnknownDay, is_workday
from outreach.domain.debtor import Jurisdiction

CN, HK, TW = Jurisdiction.MAINLAND, Jurisdiction.HONG_KONG, Jurisdiction.TAIWAN

# The weekdays off and the weekend days worked, as MMDD.
CALENDARS = {
    # 国务院办公厅关于2026年部分节假日安排的通知
    (CN, 2026): (
        "0101 0102 0216 0217 0218 0219 0220 0223 0406 0501 0504 0505 0619 0925"
        " 1001 1002 1005 1006 1007",
        "0104 0214 0228 0509 0920 1010",
    ),
    # 政府公布二○二六年公眾假期 (16 May 2025), less 4 April, 26 September and 26 December: Saturdays
    (HK, 2026): ("0101 0217 0218 0219 0403 0406 0407 0501 0525 0619 0701 1001 1019 1225", ""),
    # the gazetted list of 2027, less 6 February, 27 March, 1 May and 25 December
    (HK, 2027): ("0101 0208 0209 0326 0329 0405 0513 0609 0701 0916 1001 1008 1227", ""),
    # 中華民國115年政府行政機關辦公日曆表
    (TW, 2026): (
        "0101 0216 0217 0218 0219 0220 0227 0403 0406 0501 0619 0925 0928 1009 1026 1225",
        "",
    ),
    # 中華民國116年政府行政機關辦公日曆表
    (TW, 2027): (
        "0101 0204 0205 0208 0209 0210 0301 0405 0406 0430 0609 0915 0928 1011 1025 1224 1231",
        "",
    ),
}


@pytest.mark.parametrize(("jurisdiction", "year"), CALENDARS)
def test_every_day_is_as_published(jurisdiction: Jurisdiction, year: int) -> None:
    off, worked = (set(days.split()) for days in CALENDARS[jurisdiction, year])
    day, unlike_its_weekday = date(year, 1, 1), set()
    while day.year == year:
        if is_workday(day, jurisdiction) != (day.isoweekday() <= 5):
            unlike_its_weekday.add(f"{day:%m%d}")
        day += timedelta(days=1)
    assert unlike_its_weekday == off | worked


@pytest.mark.parametrize("jurisdiction", [HK, TW])
def test_no_year_is_answered_that_was_not_compared(jurisdiction: Jurisdiction) -> None:
    assert {year for place, year in CALENDARS if place is jurisdiction} == set(PUBLISHED)


@pytest.mark.parametrize(
    ("day", "jurisdiction", "works"),
    [
        (date(2026, 2, 14), CN, True),  # a Saturday, made up for the Spring Festival
        (date(2026, 2, 15), CN, False),
        (date(2026, 2, 23), CN, False),
        (date(2026, 2, 28), CN, True),
        (date(2026, 2, 16), HK, True),  # New Year's Eve is no holiday in Hong Kong
        (date(2026, 2, 17), HK, False),
        (date(2026, 4, 3), HK, False),  # Good Friday: general, not statutory
        (date(2026, 2, 14), HK, False),  # a Saturday
        (date(2026, 2, 16), TW, False),
        (date(2026, 2, 23), TW, True),
    ],
)
def test_new_year_2026(day: date, jurisdiction: Jurisdiction, works: bool) -> None:
    assert is_workday(day, jurisdiction) is works


@pytest.mark.parametrize(
    ("day", "jurisdiction", "package"),
    [
        (date(max(chinese_calendar.constants.holidays).year + 1, 1, 4), CN, "chinesecalendar"),
        (date(2003, 12, 31), CN, "chinesecalendar"),
        (date(PUBLISHED.stop, 1, 1), HK, "outreach"),
        (date(PUBLISHED.start - 1, 12, 31), HK, "outreach"),
        (date(PUBLISHED.stop, 1, 1), TW, "outreach"),
        # even a Sunday: Taiwan and the mainland have worked on some
        (date(2028, 1, 2), TW, "outreach"),
    ],
)
def test_a_day_nobody_announced_is_not_guessed(
    day: date, jurisdiction: Jurisdiction, package: str
) -> None:
    with pytest.raises(UnknownDay, match=f"{day} is a working day in {jurisdiction}") as caught:
        is_workday(day, jurisdiction)
    assert caught.value.day == day
    assert f"package {package} " in caught.value.remedy
    assert "--at" in caught.value.remedy
