"""When recurring campaigns run: the texts, and the runs against a naive reckoning."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar.constants  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.campaigns.timetable import Rhythm, Timetable, parse, spell
from outreach.campaigns.workdays import UnknownDay, is_workday
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import InvalidInput

CN, HK, TW = Jurisdiction.MAINLAND, Jurisdiction.HONG_KONG, Jurisdiction.TAIWAN
SHANGHAI, TAIPEI = ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Taipei")
# the last has summer time, which none of the jurisdictions has
ZONES = [SHANGHAI, ZoneInfo("Asia/Hong_Kong"), TAIPEI, ZoneInfo("America/New_York")]
KNOWN = {
    CN: (datetime(2005, 1, 1), datetime(2026, 11, 1)),  # noqa: DTZ001 - the zone is drawn
    HK: (datetime(2026, 2, 1), datetime(2027, 11, 1)),  # noqa: DTZ001
    TW: (datetime(2026, 2, 1), datetime(2027, 11, 1)),  # noqa: DTZ001
}


def _days(last: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.sets(st.integers(1, last), min_size=1).map(lambda days: tuple(sorted(days)))


MINUTES = st.integers(0, 24 * 60 - 1)
TIMETABLES = st.one_of(
    st.builds(Timetable, st.just(Rhythm.WORKDAYS), st.just(()), MINUTES),
    st.builds(Timetable, st.just(Rhythm.WEEKLY), _days(7), MINUTES),
    st.builds(Timetable, st.just(Rhythm.MONTHLY), _days(31), MINUTES),
)


@st.composite
def asked(draw: st.DrawFn) -> tuple[datetime, ZoneInfo, Jurisdiction]:
    jurisdiction = draw(st.sampled_from(sorted(KNOWN)))
    zone = st.sampled_from(ZONES)
    moment = draw(st.datetimes(*KNOWN[jurisdiction], timezones=zone))
    return moment, draw(zone), jurisdiction


def planned(timetable: Timetable, day: date) -> bool:
    if timetable.rhythm is Rhythm.WORKDAYS:
        return True
    if timetable.rhythm is Rhythm.WEEKLY:
        return day.isoweekday() in timetable.days
    last = monthrange(day.year, day.month)[1]
    return day.day in {min(wanted, last) for wanted in timetable.days}


def naive(
    timetable: Timetable, moment: datetime, zone: ZoneInfo, jurisdiction: Jurisdiction
) -> datetime:
    """Every plan of three weeks before and six after, each moved on by itself; the first later."""
    middle = moment.astimezone(zone).date()
    runs = set()
    for offset in range(-21, 43):
        day = middle + timedelta(days=offset)
        if planned(timetable, day):
            while not is_workday(day, jurisdiction):
                day += timedelta(days=1)
            wall = time(timetable.minute // 60, timetable.minute % 60)
            runs.add(datetime.combine(day, wall, zone).astimezone(UTC))
    return min(run for run in runs if run > moment)


@given(TIMETABLES)
def test_what_is_spelt_is_read_again(timetable: Timetable) -> None:
    assert parse(spell(timetable)) == timetable


@given(TIMETABLES, asked())
def test_no_run_is_skipped_or_invented(
    timetable: Timetable, question: tuple[datetime, ZoneInfo, Jurisdiction]
) -> None:
    start, zone, jurisdiction = question
    for later in range(10):  # so that some ask from within days off
        moment = start + timedelta(days=later)
        run = timetable.next_after(moment, zone, jurisdiction)
        assert run == naive(timetable, moment, zone, jurisdiction)
        assert run > moment
        assert is_workday(run.astimezone(zone).date(), jurisdiction)
        assert timetable.next_after(run - timedelta(microseconds=1), zone, jurisdiction) == run
        assert timetable.next_after(run, zone, jurisdiction) > run


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("workdays 9:30", "workdays 09:30"),
        ("  Workday\t00:00 ", "workdays 00:00"),
        ("每个工作日 09:30", "workdays 09:30"),
        ("每工作日09：30", "workdays 09:30"),
        ("weekly thu, Monday,mon 23:59", "weekly mon,thu 23:59"),
        ("每周一、周四 09:30", "weekly mon,thu 09:30"),
        ("每周四、一、日9:30", "weekly mon,thu,sun 09:30"),
        ("每個星期二和星期天 09:30", "weekly tue,sun 09:30"),
        ("每週三 09:30", "weekly wed 09:30"),
        ("monthly 20,05 09:30", "monthly 5,20 09:30"),
        ("每月5日、20日 09:30", "monthly 5,20 09:30"),
        ("每个月３１号，1号０9：30", "monthly 1,31 09:30"),
        ("monthly 31 17:05", "monthly 31 17:05"),
    ],
)
def test_one_spelling_is_kept(written: str, kept: str) -> None:
    assert spell(parse(written)) == kept


@pytest.mark.parametrize(
    ("written", "place", "expected", "found"),
    [
        ("", 1, "workdays, weekly or monthly", "the end"),
        ("daily 09:30", 1, "workdays, weekly or monthly", "'daily'"),
        ("workdayss 09:30", 1, "workdays, weekly or monthly", "'workdayss'"),
        ("weekly 09:30", 8, "a day of the week", "'09:30'"),
        ("weekly mon, 09:30", 13, "a day of the week", "'09:30'"),
        ("weekly mon,ſun 09:30", 12, "a day of the week", "'ſun'"),
        ("每周 09:30", 2, "a day of the week", "'周'"),
        ("每周八 09:30", 2, "a day of the week", "'周八'"),
        ("monthly 10:30", 9, "a day of the month", "'10:30'"),
        ("monthly 32 09:30", 9, "a day of the month", "'32'"),
        ("monthly 5,0 09:30", 11, "a day of the month", "'0'"),
        ("每月5日、三日 09:30", 6, "a day of the month", "'三日'"),
        ("workdays", 9, "a time of day", "the end"),
        ("workdays 24:00", 10, "a time of day", "'24:00'"),
        ("workdays 09:60", 10, "a time of day", "'09:60'"),
        ("weekly mon thu 09:30", 12, "a time of day", "'thu'"),
        ("workdays 09:30 daily", 16, "the end", "'daily'"),
        ("workdays 09:30:00", 10, "a time of day", "'09:30:00'"),
        (f"workdays {'9' * 99}", 10, "a time of day", f"'{'9' * 20}'"),
    ],
)
def test_an_error_names_its_place_and_what_was_expected(
    written: str, place: int, expected: str, found: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(written)
    message = caught.value.message
    assert message.startswith(f"timetable, character {place}: expected {expected}")
    assert message.endswith(f", not {found}")
    assert "09:30" in caught.value.remedy


WORDS = ["workdays", "weekly", "monthly", "每个工作日", "每周", "每月", "mon", "周一", "五", "31日"]
PIECES = st.sampled_from([*WORDS, "5", ",", "、", "和", " ", "09:30", "9：30", ":"])


@given(st.lists(PIECES | st.text(max_size=2)).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        timetable = parse(text)
    except InvalidInput:
        return
    assert parse(spell(timetable)) == timetable


def _runs(text: str, start: datetime, jurisdiction: Jurisdiction, count: int) -> list[str]:
    zone, found = start.tzinfo, []
    assert zone is not None
    for _ in range(count):
        start = parse(text).next_after(start, zone, jurisdiction).astimezone(zone)
        found.append(f"{start:%m-%d %H:%M}")
    return found


def test_workdays_around_the_spring_festival() -> None:
    """The Saturday before is made up, the week off, and the Saturday after made up again."""
    start = datetime(2026, 2, 13, 9, 30, tzinfo=SHANGHAI)
    assert _runs("workdays 09:30", start, CN, 7) == [
        "02-14 09:30",
        "02-24 09:30",
        "02-25 09:30",
        "02-26 09:30",
        "02-27 09:30",
        "02-28 09:30",
        "03-02 09:30",
    ]


def test_two_that_fall_together_are_one() -> None:
    """Monday the 16th and Thursday the 19th are both off, and so move to Tuesday the 24th."""
    start = datetime(2026, 2, 12, 9, 30, tzinfo=SHANGHAI)
    assert _runs("weekly mon,thu 09:30", start, CN, 2) == ["02-24 09:30", "02-26 09:30"]


def test_one_that_moved_is_found_from_within_the_days_off() -> None:
    start = datetime(2026, 2, 22, 12, 0, tzinfo=SHANGHAI)
    assert _runs("weekly mon 09:30", start, CN, 2) == ["02-24 09:30", "03-02 09:30"]


def test_a_day_the_month_lacks_is_its_last() -> None:
    """Of 2027: Sunday 31 January, Sunday 28 February and then Peace Memorial Day, Wednesday."""
    start = datetime(2027, 1, 20, tzinfo=TAIPEI)
    found = ["02-01 10:00", "03-02 10:00", "03-31 10:00"]
    assert _runs("monthly 31 10:00", start, TW, 3) == found


def test_a_day_that_is_unknown_is_not_passed_over() -> None:
    last = max(chinese_calendar.constants.holidays).year
    timetable = parse("monthly 5 09:30")
    with pytest.raises(UnknownDay) as caught:
        timetable.next_after(datetime(last, 12, 20, tzinfo=SHANGHAI), SHANGHAI, CN)
    assert caught.value.day == date(last + 1, 1, 5)


def test_a_run_that_would_move_to_an_unknown_day_is_not_placed() -> None:
    """31 December 2027 is off in Taiwan."""
    timetable = parse("monthly 31 09:30")
    with pytest.raises(UnknownDay) as caught:
        timetable.next_after(datetime(2027, 12, 20, tzinfo=TAIPEI), TAIPEI, TW)
    assert caught.value.day == date(2028, 1, 1)
