"""Money, contact points and accounts: what the domain's words accept and refuse."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from outreach.domain.account import (
    DEFAULT_STAGES,
    Bucket,
    StageTable,
    days_past_due,
)
from outreach.domain.contact import KIND_FOR, Channel, normalize_email, normalize_phone
from outreach.domain.money import Currency, Money

# -------------------------------------------------------------------------------------- money

currencies = st.sampled_from(list(Currency))
minors = st.integers(-(10**15), 10**15)


@given(minors, currencies)
def test_what_is_written_reads_the_same(minor: int, currency: Currency) -> None:
    money = Money(minor, currency)
    text = str(money).removesuffix(f" {currency}")
    assert Money.parse(text, currency) == money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1,234.56", Currency.CNY, 123456),
        ("1234.5", Currency.HKD, 123450),
        (" 0.01 ", Currency.CNY, 1),
        ("-3", Currency.CNY, -300),
        ("1,234", Currency.TWD, 1234),
        ("1234.00", Currency.TWD, 1234),
        ("1.230", Currency.CNY, 123),
    ],
)
def test_amounts(text: str, currency: Currency, minor: int) -> None:
    assert Money.parse(text, currency).minor == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", Currency.CNY),
        ("abc", Currency.CNY),
        ("1.2.3", Currency.CNY),
        ("NaN", Currency.CNY),
        ("Infinity", Currency.CNY),
        ("1.234", Currency.CNY),
        ("0.001", Currency.HKD),
        ("1234.5", Currency.TWD),
        ("¥5", Currency.CNY),
    ],
)
def test_no_amounts(text: str, currency: Currency) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        Money.parse(text, currency)


@given(minors, minors, currencies)
def test_sums(one: int, other: int, currency: Currency) -> None:
    total = Money(one, currency) + Money(other, currency)
    assert total == Money(one + other, currency)
    assert total.decimal == Money(one, currency).decimal + Money(other, currency).decimal
    assert isinstance(total.decimal, Decimal)


def test_two_currencies_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="two currencies"):
        Money(1, Currency.CNY) + Money(1, Currency.HKD)


def test_as_people_write_it() -> None:
    assert str(Money(123456789, Currency.CNY)) == "1,234,567.89 CNY"
    assert str(Money(1234, Currency.TWD)) == "1,234 TWD"


# ------------------------------------------------------------------------------------- contact


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("15400000001", "CN", "+8615400000001"),
        ("154 0000 0001", "CN", "+8615400000001"),
        ("+86-154-0000-0001", "HK", "+8615400000001"),
        ("0086 15400000001", "CN", "+8615400000001"),
        ("4300 0101", "HK", "+85243000101"),
        ("0900-000-001", "TW", "+886900000001"),
    ],
)
def test_phones(text: str, region: str, e164: str) -> None:
    assert normalize_phone(text, region) == e164
    assert normalize_phone(e164, region) == e164


@pytest.mark.parametrize("text", ["", "12", "call me", "154000000010000000", "+", "++86"])
def test_no_phones(text: str) -> None:
    with pytest.raises(ValueError, match="phone number"):
        normalize_phone(text, "CN")


@given(st.text(max_size=30))
def test_a_phone_is_refused_or_plain(text: str) -> None:
    try:
        found = normalize_phone(text, "CN")
    except ValueError:
        return
    assert found[0] == "+"
    assert found[1:].isdigit()
    assert found[1:].isascii()


def test_mailboxes() -> None:
    assert normalize_email(" Li.Na@Debtor.TEST ") == "Li.Na@debtor.test"
    assert normalize_email("李@例子.test") == "李@例子.test"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@debtor.test",
        "a@localhost",
        "a b@debtor.test",
        "a@b@debtor.test",
        "a@debtor.test\r\nBcc: x@y.test",
        "a\n@debtor.test",
        "<a@debtor.test>",
        "a,b@debtor.test",
        f"{'a' * 250}@b.test",
        "a\u202e@debtor.test",
        "a\x00@debtor.test",
    ],
)
def test_no_mailboxes(text: str) -> None:
    with pytest.raises(ValueError, match="not an email address"):
        normalize_email(text)


@given(st.text(max_size=40))
def test_a_mailbox_is_refused_or_safe_in_a_header(text: str) -> None:
    try:
        found = normalize_email(text)
    except ValueError:
        return
    assert found.isprintable()
    assert not set(found) & set(' \t\r\n<>",;:\\()[]')
    assert found.count("@") == 1
    assert normalize_email(found) == found


def test_every_channel_has_a_kind_of_point() -> None:
    assert set(KIND_FOR) == set(Channel)
    assert len(set(KIND_FOR.values())) == len(Channel)


# ------------------------------------------------------------------------------------- account

days = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(days, days)
def test_days_past_due(oldest: date, today: date) -> None:
    found = days_past_due(oldest, today)
    assert found == max(0, (today - oldest).days)
    assert days_past_due(None, today) == 0


@pytest.mark.parametrize(
    ("dpd", "bucket"),
    [
        (0, "M0"),
        (1, "M1"),
        (30, "M1"),
        (31, "M2"),
        (60, "M2"),
        (61, "M3"),
        (90, "M3"),
        (91, "M4"),
        (121, "M5"),
        (151, "M6"),
        (180, "M6"),
        (181, "M6+"),
        (4000, "M6+"),
    ],
)
def test_stages(dpd: int, bucket: str) -> None:
    assert DEFAULT_STAGES.bucket(dpd) is Bucket(bucket)


@given(st.integers(0, 400), st.integers(0, 400))
def test_later_is_never_an_earlier_stage(one: int, other: int) -> None:
    assume(one <= other)
    order = list(Bucket)
    assert order.index(DEFAULT_STAGES.bucket(one)) <= order.index(DEFAULT_STAGES.bucket(other))


def test_an_institutions_own_stages() -> None:
    own = StageTable(((Bucket.M0, 3), (Bucket.M1, 29)))
    assert [own.bucket(n) for n in (3, 4, 29, 30)] == [
        Bucket.M0,
        Bucket.M1,
        Bucket.M1,
        Bucket.M6_PLUS,
    ]
