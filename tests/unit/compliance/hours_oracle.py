"""When each place lets a message go, written down a second time: by dates and wall clocks alone."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from holidays import OPTIONAL, PUBLIC, country_holidays
from rule_cases import ANSWERS, EMAIL, LETTER, RECEIPT, SMS, STATUTORY

from outreach.compliance.facts import Facts
from outreach.domain.debtor import Jurisdiction

KNOWN_TO = {
    Jurisdiction.MAINLAND: date(2028, 12, 31),
    Jurisdiction.HONG_KONG: date(2027, 12, 31),
    Jurisdiction.TAIWAN: date(2027, 12, 31),
}
_YEARS = range(2026, 2028)
_HOLIDAYS = {
    Jurisdiction.HONG_KONG: set(country_holidays("HK", years=_YEARS, categories=OPTIONAL)),
    Jurisdiction.TAIWAN: set(country_holidays("TW", years=_YEARS, categories=PUBLIC)),
}
_SPRING = (
    (date(2026, 2, 16), date(2026, 2, 19)),
    (date(2027, 2, 5), date(2027, 2, 8)),
    (date(2028, 1, 25), date(2028, 1, 28)),
)
_STANDSTILL = ((date(2026, 2, 14), date(2026, 2, 22)), (date(2027, 2, 4), date(2027, 2, 10)))
_HAND_OVER = ((date(2026, 2, 9), date(2026, 2, 13)), (date(2027, 1, 30), date(2027, 2, 3)))
_CLOCKS = {
    (Jurisdiction.MAINLAND, SMS): ("08:30", "20:30"),
    (Jurisdiction.MAINLAND, EMAIL): ("08:00", "22:00"),
    (Jurisdiction.HONG_KONG, SMS): ("09:00", "21:00"),
    (Jurisdiction.HONG_KONG, EMAIL): ("08:00", "22:00"),
    (Jurisdiction.TAIWAN, SMS): ("08:30", "20:30"),
    (Jurisdiction.TAIWAN, EMAIL): ("08:30", "20:30"),
}
_ANSWER_CLOCKS = _CLOCKS | {
    (Jurisdiction.MAINLAND, SMS): ("08:00", "21:30"),
    (Jurisdiction.TAIWAN, SMS): ("07:00", "21:30"),
    (Jurisdiction.TAIWAN, EMAIL): ("07:00", "21:30"),
}


def is_open(case: Facts, moment: datetime, place: Jurisdiction | None = None) -> bool:
    """Whether nothing about the time speaks against a message of these facts at that moment.

    ``place`` is where the phone belongs to, if not where the debtor is.
    """
    place = place or case.jurisdiction
    local = moment.astimezone(ZoneInfo(case.zone))
    return _clock_open(case, place, f"{local:%H:%M}") and _day_open(case, place, local.date())


def has_calendar(case: Facts, place: Jurisdiction | None = None) -> bool:
    """Whether days are closed to these facts at all."""
    place = place or case.jurisdiction
    if case.purpose in ANSWERS:
        return False
    if place is Jurisdiction.MAINLAND:
        return case.channel is not LETTER and case.purpose not in STATUTORY | RECEIPT
    if place is Jurisdiction.HONG_KONG:
        return case.channel is SMS
    return case.channel is SMS or case.purpose not in RECEIPT


def _clock_open(case: Facts, place: Jurisdiction, clock: str) -> bool:
    if case.channel is LETTER:
        return True
    if case.agreed is not None and case.agreed.opens < case.agreed.closes:
        opens, closes = (f"{each:%H:%M}" for each in (case.agreed.opens, case.agreed.closes))
    else:
        clocks = _ANSWER_CLOCKS if case.answers_debtor else _CLOCKS
        opens, closes = clocks[place, case.channel]
    return opens <= clock < closes


def _day_open(case: Facts, place: Jurisdiction, day: date) -> bool:
    if not has_calendar(case, place):
        return True
    if day > KNOWN_TO[place]:
        return False
    if place is Jurisdiction.MAINLAND:
        return not _within(day, _SPRING)
    if place is Jurisdiction.HONG_KONG:
        return day.isoweekday() <= 6 and day not in _HOLIDAYS[place]
    if case.channel is SMS and day in _HOLIDAYS[place]:
        return False
    still = _STANDSTILL + _HAND_OVER if case.channel is LETTER else _STANDSTILL
    return case.purpose in RECEIPT or not _within(day, still)


def _within(day: date, spans: tuple[tuple[date, date], ...]) -> bool:
    return any(first <= day <= last for first, last in spans)
