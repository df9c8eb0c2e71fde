"""What one cell says: amounts, dates, phone numbers, switches as people and systems write them.

Every reader takes the text of a cell that is stripped and not empty, and raises ``ValueError`` with
a reason that tells the shape expected and the shape found, never the text itself: reasons go into
reports and logs.
"""

import re
import unicodedata
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

from outreach.domain.account import clean_number
from outreach.domain.contact import normalize_phone
from outreach.domain.money import Currency, Money

LOCAL_TIME = timezone(timedelta(hours=8))
"""The mainland, Hong Kong and Taiwan alike, and none of the three has summer time today."""

_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: 0x20,
    0x2212: 0x2D,  # minus sign
    0x00A0: 0x20,
}
_YES = frozenset({"是", "y", "yes", "true", "1", "已核实", "已核實"})
_NO = frozenset({"否", "n", "no", "false", "0", "未核实", "未核實"})


def narrow(text: str) -> str:
    """Full-width digits, letters and signs as their ASCII twins."""
    return text if text.isascii() else text.translate(_NARROW)


# --- amounts ---------------------------------------------------------------------------------

_MARKS: dict[str, Currency] = {
    "CNY": Currency.CNY,
    "RMB": Currency.CNY,
    "人民币": Currency.CNY,
    "人民幣": Currency.CNY,
    "¥": Currency.CNY,
    "HKD": Currency.HKD,
    "HK$": Currency.HKD,
    "港币": Currency.HKD,
    "港幣": Currency.HKD,
    "港元": Currency.HKD,
    "TWD": Currency.TWD,
    "NTD": Currency.TWD,
    "NT$": Currency.TWD,
    "新台币": Currency.TWD,
    "新台幣": Currency.TWD,
    "新臺幣": Currency.TWD,
}
_MARK = "|".join(map(re.escape, _MARKS))
_AMOUNT = re.compile(
    rf"(?P<mark>{_MARK})? ?(?P<sign>[-(]?)(?P<digits>[\d,]+)(?:\.(?P<decimals>\d+))?\)?"
    rf" ?(?:元整?|圆整?|圓整?)?(?P<after>{_MARK})?",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+|\d+")
_PLAIN = re.compile(r"(\d{1,18})\.(\d\d)", re.ASCII)  # nearly every cell: 5 times quicker


def currency(text: str) -> Currency:
    found = _MARKS.get(narrow(text).upper())
    if found is None:
        raise ValueError("unknown currency: CNY, HKD or TWD expected")
    return found


def figure(text: str) -> tuple[Decimal, Currency | None]:
    """An amount and its mark's currency: ``"1,234.50元"``, ``"HK$88"``, ``"(12.00)"``, below 0."""
    if _PLAIN.fullmatch(text):
        return Decimal(text), None
    match = _AMOUNT.fullmatch(narrow(text).replace("￥", "¥"))
    if match is None:
        if "万" in text or "萬" in text:
            raise ValueError("not an amount: write it out in single units, not in 万")
        raise ValueError("not an amount: digits like 1234.56 expected")
    digits = match["digits"]
    if not _GROUPED.fullmatch(digits):
        raise ValueError("not an amount: a thousands separator stands at the wrong place")
    if len(digits) > 18:
        raise ValueError("not an amount: more digits than any debt has")
    value = Decimal(f"{digits.replace(',', '')}.{match['decimals'] or '0'}")
    mark = match["mark"] or match["after"]
    return (-value if match["sign"] else value), _MARKS[mark.upper()] if mark else None


def amount(text: str, expected: Currency) -> Money:
    """An amount of ``expected`` that is not negative."""
    if (plain := _PLAIN.fullmatch(text)) and expected.decimals == 2:
        return Money(int(plain[1] + plain[2]), expected)
    value, mark = figure(text)
    if mark is not None and mark is not expected:
        raise ValueError(f"the amount is marked {mark}, the row says {expected}")
    if value < 0:
        raise ValueError("negative: what is owed is written as a positive figure")
    return Money.parse(str(value), expected)


# --- dates -----------------------------------------------------------------------------------

_DAY = re.compile(
    r"(?P<y>\d{4})(?:(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})"
    r"|年(?P<m2>\d{1,2})月(?P<d2>\d{1,2})日|(?P<m3>\d{2})(?P<d3>\d{2}))"
)
_REPUBLIC_DAY = re.compile(r"民[国國](\d{1,3})年(\d{1,2})月(\d{1,2})日")
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?P<zone>Z|[+-]\d{2}:?\d{2})?")
_SERIAL_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's calendar has no zone
_YEARS = range(1990, 2101)
_DATE_SHAPES = (
    "not a date: 2026-11-23, 2026/11/23, 2026年11月23日, 20261123 or an Excel date expected"
)


def _calendar_day(year: int, month: int, day: int) -> date:
    if year not in _YEARS:
        raise ValueError(f"impossible date: its year is not between {_YEARS[0]} and {_YEARS[-1]}")
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError("impossible date: the calendar has no such day") from None


@lru_cache(1024)  # a file says the same few hundred days over and over
def day(text: str) -> date:
    """A calendar day; an Excel serial counts from 1899-12-30, its time of day is dropped."""
    text = narrow(text)
    if match := _DAY.fullmatch(text):
        month, of_month = (match[n] or match[n + "2"] or match[n + "3"] for n in "md")
        return _calendar_day(int(match["y"]), int(month), int(of_month))
    if match := _REPUBLIC_DAY.fullmatch(text):
        return _calendar_day(int(match[1]) + 1911, int(match[2]), int(match[3]))
    if _SERIAL.fullmatch(text):
        found = _serial(text)
        return _calendar_day(found.year, found.month, found.day)
    if re.search("[T ]", text):
        return moment(text).astimezone(LOCAL_TIME).date()
    raise ValueError(_DATE_SHAPES)


def _serial(text: str) -> datetime:
    """Excel's days since 1899-12-30, to the second: its fractions carry no more."""
    seconds = round(Decimal(text) * 86_400)
    return _SERIAL_DAY_ZERO + timedelta(seconds=seconds)


@lru_cache(1024)
def moment(text: str) -> datetime:
    """An aware instant; a time without a zone is local (UTC+8), a day without a time its 00:00."""
    text = narrow(text)
    if _SERIAL.fullmatch(text):
        day(text)
        return _serial(text).replace(tzinfo=LOCAL_TIME)
    on, _, at = text.replace("T", " ").partition(" ")
    if not at:
        return datetime.combine(day(on), time(), LOCAL_TIME)
    match = _CLOCK.fullmatch(at.strip())
    if match is None:
        raise ValueError("not a time of day: 2026-11-23 02:00:00 expected")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("impossible time of day")
    zone = datetime.strptime(match["zone"], "%z").tzinfo if match["zone"] else LOCAL_TIME
    return datetime.combine(day(on), time(hour, minute, second), zone)


def hour(text: str) -> time:
    """A time of day to the minute: ``19:00``, ``9:30``, ``19：00``."""
    match = re.fullmatch(r"(\d{1,2}):(\d{2})(?::00)?", narrow(text))
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError("not a time of day: 19:00 expected")
    return time(int(match[1]), int(match[2]))


# --- people and switches ---------------------------------------------------------------------

_PHONE_NOISE = re.compile(r"[ \-.()·]")
_EXPONENT = re.compile(r"\d(?:\.\d+)?E\+?\d+", re.IGNORECASE)


def yes(text: str) -> bool:
    word = narrow(text).lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError("是 or 否 expected")


def whole(text: str) -> int:
    text = narrow(text)
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ValueError("a whole number of at most 6 digits expected")
    return int(text)


def identifier(text: str) -> str:
    """An account, ID or reference number: upper-case ASCII without blanks, hyphens, brackets."""
    bare = clean_number(text)
    if _EXPONENT.fullmatch(bare):
        raise ValueError(
            "a spreadsheet kept only 15 digits of this number: format the column as text"
        )
    if "*" in bare:
        raise ValueError("masked with *: the full number is needed")
    if not (bare.isascii() and bare.isalnum() and 4 <= len(bare) <= 40):
        raise ValueError("4 to 40 letters and digits expected")
    return bare


def line(text: str, longest: int) -> str:
    """One line of printable text; a character from the sender's private fonts is refused."""
    text = unicodedata.normalize("NFC", text)
    if len(text) > longest:
        raise ValueError(f"at most {longest} characters expected, found {len(text)}")
    if text.isprintable():
        return text
    for position, character in enumerate(text, 1):
        if character.isprintable():
            continue
        if character in "\r\n\v\f\u0085\u2028\u2029":
            raise ValueError(f"line break at character {position}")
        if unicodedata.category(character) == "Co":
            raise ValueError(
                f"character {position} exists only in the sender's own fonts: give its Unicode form"
            )
        raise ValueError(f"control character at character {position}")
    return text


def phone(text: str, region: str) -> str:
    """E.164; ``region`` (CN, HK or TW) is assumed for a number without a country code."""
    text = narrow(text)
    bare = _PHONE_NOISE.sub("", text)
    if region == "CN" and len(bare) == 11 and bare[0] == "1" and bare.isdigit():
        return "+86" + bare  # nearly every row: 30 times quicker than the general way
    if _EXPONENT.fullmatch(text):
        raise ValueError("a spreadsheet wrote this number in powers of ten: format it as text")
    if not re.fullmatch(r"\+?\d+", bare, re.ASCII):
        raise ValueError("one phone number of digits expected, other characters found")
    return _international(bare, region)


def _international(bare: str, region: str) -> str:
    if bare.startswith("00"):
        bare = "+" + bare[2:]
    elif region == "CN" and len(bare) == 13 and bare.startswith("86"):
        bare = "+" + bare
    national = bare.removeprefix("+86") if region == "CN" or bare.startswith("+86") else ""
    if national and not national.startswith("+"):
        if len(national) != 11:
            raise ValueError(f"11 digits expected, found {len(national)}")
        if national[0] != "1":
            raise ValueError("a mainland mobile number begins with 1")
        return "+86" + national
    if region == "HK" and not bare.startswith("+") and len(bare) != 8:
        raise ValueError(f"8 digits expected, found {len(bare)}")
    try:
        return normalize_phone(bare, region)
    except ValueError:
        digits = len(bare.lstrip("+"))
        raise ValueError(f"no {region} number has this length: found {digits} digits") from None
