"""Money, dates and people in Chinese words."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.debtor import Locale, Sex
from outreach.domain.money import Currency, Money
from outreach.templating.words import (
    amount,
    capitals,
    day,
    figures,
    masked_name,
    salutation,
    short_day,
    tail,
)

CN, HK, TW = Locale.ZH_CN, Locale.ZH_HK, Locale.ZH_TW


def cny(text: str) -> Money:
    return Money.parse(text, Currency.CNY)


# The first four are the Ministry's own examples (支付结算办法, annex 1).
@pytest.mark.parametrize(
    ("figure", "written"),
    [
        ("1409.50", "人民币壹仟肆佰零玖元伍角整"),
        ("6007.14", "人民币陆仟零柒元壹角肆分"),
        ("1680.32", "人民币壹仟陆佰捌拾元零叁角贰分"),
        ("16409.02", "人民币壹万陆仟肆佰零玖元零贰分"),
        ("107000.53", "人民币壹拾万柒仟元零伍角叁分"),
        ("325.04", "人民币叁佰贰拾伍元零肆分"),
        ("1234.56", "人民币壹仟贰佰叁拾肆元伍角陆分"),
        ("0", "人民币零元整"),
        ("0.06", "人民币陆分"),
        ("0.50", "人民币伍角整"),
        ("10", "人民币壹拾元整"),
        ("100000001", "人民币壹亿零壹元整"),
        ("1200000000000", "人民币壹万贰仟亿元整"),
        ("-12.30", "人民币负壹拾贰元叁角整"),
    ],
)
def test_capitals_follow_the_rules_for_filling_in_bills(figure: str, written: str) -> None:
    assert capitals(cny(figure), CN) == written


def test_capitals_of_each_place() -> None:
    dollars = Money.parse("1234.56", Currency.HKD)
    assert capitals(dollars, HK) == "港幣壹仟貳佰叁拾肆元伍角陸分"
    assert capitals(Money(1234, Currency.TWD), TW) == "新臺幣壹仟貳佰參拾肆元整"
    assert capitals(Money(30000, Currency.TWD), TW) == "新臺幣參萬元整"


def test_capitals_end_somewhere() -> None:
    with pytest.raises(ValueError, match="too large"):
        capitals(Money(10**18, Currency.CNY), CN)


DIGITS = {char: value for value, char in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def _read(words: str) -> int:
    """What capitals say, read by their grammar and not by the code that wrote them."""
    for sign, scale in (("亿", 10**8), ("万", 10**4)):
        if sign in words:
            high, _, low = words.partition(sign)
            return _read(high) * scale + _read(low)
    total = digit = 0
    for char in words:
        if char in UNITS:
            total += digit * UNITS[char]
            digit = 0
        else:
            digit = DIGITS[char]
    return total + digit


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_capitals_say_the_amount(minor: int) -> None:
    written = capitals(Money(minor, Currency.CNY), CN).removeprefix("人民币")
    assert "零零" not in written
    assert written.endswith("整") == (minor % 10 == 0)
    whole, unit, small = written.removesuffix("整").rpartition("元")
    tenths, _, hundredths = small.rpartition("角") if "角" in small else ("", "", small)
    read = _read(whole) * 100 if unit else 0
    read += DIGITS[tenths[-1]] * 10 if tenths else 0
    read += DIGITS[hundredths.removesuffix("分")[-1]] if hundredths.endswith("分") else 0
    assert read == minor


@pytest.mark.parametrize(
    ("money", "locale", "written"),
    [
        (cny("1234.56"), CN, "1,234.56元"),
        (cny("1234.56"), HK, "人民幣1,234.56元"),
        (cny("1234.56"), TW, "人民幣1,234.56元"),
        (Money.parse("1234.56", Currency.HKD), HK, "HK$1,234.56"),
        (Money.parse("1234.56", Currency.HKD), CN, "港币1,234.56元"),
        (Money(1234, Currency.TWD), TW, "NT$1,234"),
        (Money(1234, Currency.TWD), CN, "新台币1,234元"),
        (Money(1234, Currency.TWD), HK, "新臺幣1,234元"),
        (cny("-0.05"), CN, "-0.05元"),
        (Money(-1234, Currency.TWD), TW, "-NT$1,234"),
    ],
)
def test_amounts_name_their_currency(money: Money, locale: Locale, written: str) -> None:
    assert amount(money, locale) == written


@given(st.integers(-(10**14), 10**14), st.sampled_from(list(Currency)))
def test_figures_read_back(minor: int, currency: Currency) -> None:
    assert Money.parse(figures(Money(minor, currency)), currency).minor == minor


def test_dates() -> None:
    value = date(2026, 11, 3)
    assert [day(value, place) for place in (CN, HK, TW)] == [
        "2026年11月3日",
        "2026年11月3日",
        "民國115年11月3日",
    ]
    assert short_day(value) == "11月3日"
    assert day(date(1911, 1, 1), TW) == "1911年1月1日"


def test_tails() -> None:
    assert [tail("0123", place) for place in (CN, HK, TW)] == [
        "尾号0123",
        "尾號0123",
        "末4碼0123",
    ]


@pytest.mark.parametrize(
    ("name", "locale", "shown"),
    [
        ("张明", CN, "张*"),
        ("张小明", CN, "张*明"),
        ("欧阳锋", CN, "欧阳*"),
        ("欧阳小锋", CN, "欧阳*锋"),
        ("陳大文", HK, "陳*文"),
        ("王小明", TW, "王○明"),
        ("张", CN, "*"),
        ("买买提·艾力", CN, "买**·*力"),
        ("CHAN Tai Man", HK, "C*** *** **n"),
        ("", CN, ""),
    ],
)
def test_masked_names(name: str, locale: Locale, shown: str) -> None:
    assert masked_name(name, locale) == shown


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12))
def test_a_mask_shows_at_most_the_surname_and_the_last_character(name: str) -> None:
    masked = masked_name(name, CN)
    assert len(masked) == len(name)
    shown = [at for at, char in enumerate(masked) if char != "*"]
    assert len(shown) < len(name)
    assert len(shown) <= 3
    assert all(at in (0, 1, len(name) - 1) for at in shown)


@pytest.mark.parametrize(
    ("name", "sex", "locale", "written"),
    [
        ("张明", Sex.MALE, CN, "张先生"),
        ("李思雨", Sex.FEMALE, CN, "李女士"),
        ("欧阳小锋", Sex.FEMALE, CN, "欧阳女士"),
        ("歐陽鋒", Sex.MALE, HK, "歐陽先生"),
        ("东方", Sex.MALE, CN, "东先生"),
        ("𠮷田", Sex.MALE, CN, "𠮷先生"),
        ("张明", Sex.UNKNOWN, CN, "尊敬的客户"),
        ("买买提·艾力", Sex.MALE, CN, "尊敬的客户"),
        ("陳方安生", Sex.FEMALE, HK, "尊敬的客戶"),
        ("CHAN Tai Man", Sex.MALE, HK, "尊敬的客戶"),
        ("王", Sex.MALE, TW, "親愛的客戶"),
    ],
)
def test_salutations(name: str, sex: Sex, locale: Locale, written: str) -> None:
    assert salutation(name, sex, locale) == written
