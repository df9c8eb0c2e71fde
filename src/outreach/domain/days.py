"""Days as people name them in Chinese: 明天, 下周五, 15号, 12月5日, 月底, 三天内.

The text is folded beforehand: simplified characters, half width, no blanks. Weeks begin on Monday.
Of a span of time the last day is meant: 下周 is next week's Sunday.
"""

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

Named = tuple[int, int, date | None]
"""Start and end in the text, and the day; ``None`` where the calendar has no such day."""

_NUMERALS = {numeral: number for number, numeral in enumerate("零一二三四五六七八九")}
_NUMBER = "[0-9]{1,2}|[一二两三四五六七八九十廿]{1,3}"
_WEEK = "(?:周|星期|礼拜)"
_WITHIN = "(?:后|内|之后|之内|以内|以后)"


def days_named(text: str, today: date) -> list[Named]:
    """Every day named in the text, in its order, as seen from ``today``."""
    found: list[Named] = []
    read = bytearray(len(text))
    for pattern, day_of in _READERS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if not any(read[start:end]):
                read[start:end] = b"\1" * (end - start)
                found.append((start, end, day_of(match, today)))
    return sorted(found, key=lambda named: named[:2])


def _number(text: str) -> int:
    """A number under 100, in digits or Chinese numerals."""
    if text.isdigit():
        return int(text)
    text = text.replace("廿", "二十").replace("两", "二")
    tens, ten, ones = text.rpartition("十")
    return (_NUMERALS.get(tens, 1) * 10 if ten else 0) + _NUMERALS.get(ones, 0)


def _day(year: int, month: int, day: int) -> date | None:
    """The day, at most the month's last: 31号 in a short month means its end."""
    if not (1 <= month <= 12 and 1 <= day <= 31 and date.min.year <= year <= date.max.year):
        return None
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _in_month(today: date, months: int, day: int) -> date | None:
    years, month = divmod(today.month - 1 + months, 12)
    return _day(today.year + years, month + 1, day)


def _after(days: int) -> Callable[[re.Match[str], date], date | None]:
    return lambda _, today: today + timedelta(days=days)


def _full_date(match: re.Match[str], today: date) -> date | None:
    """12月5日 is this year's, or next year's once passed; 115年 is a year of the Republic.

    18/8 can only be the 18th of August, as Hong Kong writes it.
    """
    month, day = _number(match["month"]), _number(match["day"])
    if month > 12 >= day and "/" in match[0]:
        month, day = day, month
    if year := match.groupdict().get("year"):
        return _day(int(year) + {2: 2000, 3: 1911}.get(len(year), 0), month, day)
    this = _day(today.year, month, day)
    return _day(today.year + 1, month, day) if this and this < today else this


def _in_english(match: re.Match[str], today: date) -> date | None:
    month = 1 + _MONTHS.index(match["month"])
    this = _day(today.year, month, int(match["day"]))
    return _day(today.year + 1, month, int(match["day"])) if this and this < today else this


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def _day_of_month(match: re.Match[str], today: date) -> date | None:
    """15号 is this month's, or the next one's once it has passed."""
    day = _number(match["day"])
    if match["next"]:
        return _in_month(today, 1, day)
    this = _in_month(today, 0, day)
    passed = this is not None and this < today and not match["this"]
    return _in_month(today, 1, day) if passed else this


def _weekday(match: re.Match[str], today: date) -> date | None:
    """周五 is the next Friday from today on, 下周五 next week's."""
    weeks = len(match["next"] or "")
    index = "一二三四五六日".find(match["day"].translate(_SUNDAYS))
    day = today + timedelta(days=7 * weeks + index - today.weekday())
    return day if weeks or day >= today else day + timedelta(days=7)


def _weekday_in_letters(match: re.Match[str], today: date) -> date | None:
    index = ("yi", "er", "san", "si", "wu", "liu", "ri").index(match["day"])
    return today + timedelta(days=(index - today.weekday()) % 7)


def _week_end(match: re.Match[str], today: date) -> date | None:
    return today + timedelta(days=6 - today.weekday() + 7 * len(match["next"] or ""))


def _part_of_month(match: re.Match[str], today: date) -> date | None:
    """月初 means up to the 5th, 月中 the 15th, 月底 and a bare 12月 the last day."""
    last = {"初": 5, "中": 15}.get(match["part"], 31)
    if match["month"] and not 1 <= _number(match["month"]) <= 12:
        return None
    months = (_number(match["month"]) - today.month) % 12 if match["month"] else 0
    months += 1 if match["next"] else 0
    this = _in_month(today, months, last)
    passed = this is not None and this < today
    return _in_month(today, months + (12 if match["month"] else 1), last) if passed else this


def _days_from_now(match: re.Match[str], today: date) -> date | None:
    return today + timedelta(days=_number(match["count"]) * (7 if match["weeks"] else 1))


def _hours_from_now(match: re.Match[str], today: date) -> date | None:
    return today + timedelta(days=-(-_number(match["count"]) // 24))


_SUNDAYS = str.maketrans("天末1234567", "日日一二三四五六日")

_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], date | None]], ...] = tuple(
    (re.compile(pattern), day_of)
    for pattern, day_of in (
        (
            rf"(?:(?P<year>[0-9]{{2,4}})年)?(?P<month>{_NUMBER})月份?(?P<day>{_NUMBER})[日号]?",
            _full_date,
        ),
        (
            r"(?<![0-9/])(?:(?P<year>20[0-9]{2})[/-])?(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})(?![0-9/])",
            _full_date,
        ),
        (
            r"(?<![0-9.])(?P<month>[0-9]{1,2})\.(?P<day>[0-9]{1,2})(?=[日号前之还付缴交再])",
            _full_date,
        ),
        (rf"(?P<count>{_NUMBER})(?:天|日|个?(?P<weeks>周|星期|礼拜)){_WITHIN}", _days_from_now),
        (rf"过(?P<count>{_NUMBER})(?:天|日|个?(?P<weeks>周|星期|礼拜))", _days_from_now),
        (rf"(?P<count>{_NUMBER})个?小时{_WITHIN}", _hours_from_now),
        (rf"半个?月{_WITHIN}", _after(15)),
        (rf"[1一]个月{_WITHIN}", _after(30)),
        (
            rf"(?:这|本)?(?P<next>下{{1,2}})?个?{_WEEK}(?P<day>[一二三四五六日天末]|[1-7](?![0-9]))",
            _weekday,
        ),
        (rf"(?:[这本]|(?P<next>下{{1,2}}))个?{_WEEK}", _week_end),
        (
            rf"(?:(?P<next>下个?)|[这本当]个?|(?P<month>{_NUMBER}))?月(?P<part>[初中底末尾])",
            _part_of_month,
        ),
        (
            rf"(?:(?P<next>下个?月)|(?P<this>[这本当]个?月))?的?(?P<day>{_NUMBER})[号日](?![码线楼])",
            _day_of_month,
        ),
        (
            rf"(?:(?P<next>下个?)|[这本当]个?|(?P<month>{_NUMBER}))月(?P<part>份?)",
            _part_of_month,
        ),
        (
            rf"(?<![0-9])(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?P<month>{'|'.join(_MONTHS)})[a-z]*",
            _in_english,
        ),
        (
            r"(?<![a-z])zhou(?P<day>yi|er|san|si|wu|liu|ri)(?=$|[^a-z]|huan|qian)",
            _weekday_in_letters,
        ),
        (r"年[底末前]", lambda _, today: _day(today.year, 12, 31)),
        (r"大后[天日]", _after(3)),
        (r"后[天日儿]|houtian", _after(2)),
        (r"明[天日早晚儿]|名天|听日|mingtian", _after(1)),
        (r"今[天日晚儿]|jintian", _after(0)),
    )
)
