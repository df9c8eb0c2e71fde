"""Cells as people write them: spellings that mean the same, faults told by their shape."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.money import Currency, Money
from outreach.portfolio import values

WIDE = {code - 0xFEE0: code for code in range(0xFF01, 0xFF5F)}
MARKS = {
    Currency.CNY: ("{}元", "￥{}", "人民币{}", "{} RMB", "{}元整"),
    Currency.HKD: ("HK${}", "港幣{}元", "{}HKD"),
    Currency.TWD: ("NT${}", "新臺幣{}元整", "TWD {}"),
}
money = st.builds(Money, st.integers(0, 10**13), st.sampled_from(Currency))
days = st.dates(date(1990, 1, 1), date(2100, 12, 31))


@given(money, st.data())
def test_an_amount_reads_back_however_it_is_written(amount: Money, data: st.DataObject) -> None:
    decimals = amount.currency.decimals
    text = data.draw(
        st.sampled_from([f"{amount.decimal:.{decimals}f}", f"{amount.decimal:,.{decimals}f}"])
    )
    text = data.draw(st.sampled_from(["{}", *MARKS[amount.currency]])).format(text)
    if data.draw(st.booleans()):
        text = text.translate(WIDE)
    assert values.amount(text, amount.currency) == amount


@given(money)
def test_the_plain_writing_reads_as_any_other(amount: Money) -> None:
    """``1234.56`` goes a shorter way through the code than any other writing."""
    text = f"{amount.decimal:.2f}"
    wide = text.translate(WIDE)
    assert values.amount(text, amount.currency) == values.amount(wide, amount.currency) == amount
    assert values.figure(text) == values.figure(wide) == (amount.decimal, None)


@given(st.decimals(-(10**12), 10**12, places=2))
def test_figures_keep_their_sign(value: Decimal) -> None:
    assert values.figure(f"{value:,f}") == (value, None)
    assert values.figure(f"({abs(value)})") == (-abs(value), None)


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_a_value_error(text: str) -> None:
    try:
        value, _ = values.figure(text)
    except ValueError:
        return
    assert value.is_finite()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-0.01", "negative"),
        ("(12.00)", "negative"),
        ("1,23.00", "separator"),
        ("1.234", "more than 2 decimals"),
        ("1.2万元", "not in 万"),
        ("HK$12", "marked HKD, the row says CNY"),
        ("1e5", "not an amount"),
        ("NaN", "not an amount"),
        ("十元", "not an amount"),
        ("9" * 19, "more digits than any debt has"),
    ],
)
def test_wrong_amounts(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        values.amount(text, Currency.CNY)
    assert text not in str(error.value)


def test_taiwan_dollars_are_whole() -> None:
    assert values.amount("NT$1,234.00", Currency.TWD) == Money(1234, Currency.TWD)
    with pytest.raises(ValueError, match="more than 0 decimals"):
        values.amount("1234.50", Currency.TWD)


@given(days, st.data())
def test_a_day_reads_back_however_it_is_written(day: date, data: st.DataObject) -> None:
    serial = (day - date(1899, 12, 30)).days
    spellings = [
        f"{day:%Y-%m-%d}",
        f"{day:%Y/%m/%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}.{day.month}.{day.day}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"民國{day.year - 1911}年{day.month}月{day.day}日",
        f"{day} 00:00:00",
        f"{day.year}年{day.month}月{day.day}日 23:59",
        f"{serial}",
    ]
    text = data.draw(st.sampled_from(spellings))
    assert values.day(text) == day
    assert values.day(text.translate(WIDE)) == day


@given(
    st.text(max_size=30)
    | st.from_regex(r"\d{2,8}[-/.年]?\d{0,2}[-/.月]?\d{0,2}日?", fullmatch=True)
)
def test_any_text_is_a_day_or_a_value_error(text: str) -> None:
    for reader in (values.day, values.moment):
        try:
            found = reader(text)
        except ValueError:
            continue
        assert 1990 <= found.year <= 2100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-02-30", "no such day"),
        ("2026-13-01", "no such day"),
        ("1026-01-01", "year"),
        ("23/11/2026", "not a date"),
        ("2026-11/23", "not a date"),
        ("昨天", "not a date"),
        ("99999", "year"),
    ],
)
def test_wrong_days(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        values.day(text)


@given(st.datetimes(datetime(1990, 1, 2), datetime(2100, 12, 30)))  # noqa: DTZ001
def test_a_moment_without_a_zone_is_local(at: datetime) -> None:
    at = at.replace(microsecond=0)
    local = at.replace(tzinfo=values.LOCAL_TIME)
    assert values.moment(f"{at:%Y-%m-%d %H:%M:%S}") == local
    assert values.moment(f"{at:%Y年%m月%d日 %H:%M:%S}") == local
    assert values.moment(local.isoformat()) == local
    assert values.moment(f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}") == local
    serial = Decimal((at - datetime(1899, 12, 30)) // timedelta(seconds=1)) / 86_400  # noqa: DTZ001
    assert values.moment(f"{serial:.10f}") == local


def test_a_moment_needs_no_seconds_and_no_time() -> None:
    assert values.moment("2026-11-23 02:00").isoformat() == "2026-11-23T02:00:00+08:00"
    assert values.moment("20261123").isoformat() == "2026-11-23T00:00:00+08:00"
    for text in ("2026-11-23 25:00", "2026-11-23 02:60", "2026-11-23 二时"):
        with pytest.raises(ValueError, match="time of day"):
            values.moment(text)


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("14212345678", "CN", "+8614212345678"),
        ("１４２-1234 5678", "CN", "+8614212345678"),
        ("+86 142 1234 5678", "CN", "+8614212345678"),
        ("8614212345678", "CN", "+8614212345678"),
        ("0086 14212345678", "HK", "+8614212345678"),
        ("4312 3456", "HK", "+85243123456"),
        ("+852 4312 3456", "CN", "+85243123456"),
        ("010-123-4567", "TW", "+886101234567"),
        ("+886 10 123 4567", "CN", "+886101234567"),
    ],
)
def test_phones(text: str, region: str, number: str) -> None:
    assert values.phone(text, region) == number


@pytest.mark.parametrize(
    ("text", "region", "reason"),
    [
        ("1421234567", "CN", "11 digits expected, found 10"),
        ("+86 142123456789", "HK", "11 digits expected, found 12"),
        ("010-12345678", "CN", "begins with 1"),
        ("431234567", "HK", "8 digits expected, found 9"),
        ("123", "TW", "found 3 digits"),
        ("+999123456789", "CN", "found 12 digits"),
        ("14212345678/14212345679", "CN", "one phone number"),
        ("1.4212E+10", "CN", "powers of ten"),
        ("无", "CN", "one phone number"),
    ],
)
def test_wrong_phones(text: str, region: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as error:
        values.phone(text, region)
    assert text not in str(error.value)


@given(st.text(max_size=30), st.sampled_from(["CN", "HK", "TW"]))
def test_any_text_is_a_phone_or_a_value_error(text: str, region: str) -> None:
    try:
        number = values.phone(text, region)
    except ValueError:
        return
    assert re.fullmatch(r"\+\d{5,15}", number)


def test_identifiers() -> None:
    assert values.identifier("Ｚ012345（6）") == "Z0123456"
    assert values.identifier("9999 0000-0000 001x") == "999900000000001X"
    with pytest.raises(ValueError, match="15 digits"):
        values.identifier("6.20000198001E+17")
    with pytest.raises(ValueError, match="masked"):
        values.identifier("000000********001X")
    for text in ("123", "王样例样例", "1" * 41, "a/b/c/d"):
        with pytest.raises(ValueError, match="letters and digits expected"):
            values.identifier(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("王\n样", "line break at character 2"),
        ("王样\u2028", "line break at character 3"),
        ("\u202e王", "control character at character 1"),
        ("王\ue863", "character 2 exists only in the sender's own fonts"),
        ("王" * 51, "at most 50"),
    ],
)
def test_lines_refuse_what_could_forge_or_vanish(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        values.line(text, 50)


@pytest.mark.parametrize("name", ["欧阳䶮", "阿依努尔·麦提", "𠮷野", "CHAN Tai Man"])
def test_lines_keep_rare_names(name: str) -> None:
    assert values.line(name, 50) == name


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (values.yes, "也许"),
        (values.whole, "-1"),
        (values.whole, "1.5"),
        *((values.hour, text) for text in ("24:00", "19:60", "19", "7 pm", "19:00:30")),
    ],
)
def test_switches_and_counts_are_strict(reader: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        reader(text)


def test_switches_and_counts() -> None:
    assert [values.yes(t) for t in ("是", "Ｙ", "TRUE", "否", "n", "0")] == [True] * 3 + [False] * 3
    assert values.whole("４０") == 40


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("19:00", time(19)),
        ("9:30", time(9, 30)),
        ("２１：３０", time(21, 30)),
        ("08:05:00", time(8, 5)),
    ],
)
def test_hours(text: str, hour: time) -> None:
    assert values.hour(text) == hour
