"""The grammar of audiences: what it takes, what it means, and what it says of a mistake."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn import FILTERS
from meaning import holds
from outreach.domain.account import Bucket
from outreach.domain.audience import (
    FIELDS,
    Condition,
    Either,
    Every,
    Field,
    Filter,
    Op,
)
from outreach.domain.filter_text import FilterError, parse, spell

TODAY = date(2026, 11, 24)
NAMED = {field.name: field for field in FIELDS}


def field(name: str) -> Field:
    return NAMED[name]


def test_and_binds_closer_than_or() -> None:
    found = parse("dpd > 0 or dpd > 1 and dpd > 2")
    one, two, three = (Condition(field("dpd"), Op.ABOVE, (n,)) for n in range(3))
    assert found == Either((one, Every((two, three))))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("bucket in (m1, M2)", "bucket in (M1, M2)"),
        ("overdue >= 1,234.50", "overdue >= 1234.50"),
        ("NOT tag = vip", "not tag = vip"),
        ("not (dpd > 1 and dpd < 9)", "not (dpd > 1 and dpd < 9)"),
        ("(dpd > 1 or dpd < 9) and role = primary", "(dpd > 1 or dpd < 9) and role = primary"),
        ("dpd between 1 and 30 and overdue > 5", "dpd between 1 and 30 and overdue > 5"),
        ("last_contact < today - 2w", "last_contact < today - 14d"),
        ("due_date = 2026-11-01", "due_date = 2026-11-01"),
        ("last_contact is not known", "last_contact is unknown"),
        ("product = '信用卡 金卡'", 'product = "信用卡 金卡"'),
        ('product = "a ""b"""', 'product = "a ""b"""'),
        ("product not in (信用卡, 123)", 'product not in (信用卡, "123")'),
        ("product = 且慢".replace("且慢", '"且慢"'), 'product = "且慢"'),
        ("bucket > M2 and bucket <= M6+", "bucket > M2 and bucket <= M6+"),
        # as it is typed in Chinese, with full-width signs and without blanks
        ("阶段属于（M1，M2）且逾期金额≥５００", "bucket in (M1, M2) and overdue >= 500"),
        (
            "最近触达早于今天-7天或最近触达未知",
            "last_contact < today - 7d or last_contact is unknown",
        ),
        ("非标签=慎重 且 角色是primary", "not tag = 慎重 and role = primary"),
        (
            "逾期天数介于1至30且到期还款日晚于2026-10-01",
            "dpd between 1 and 30 and due_date > 2026-10-01",
        ),
        ("产品 不属于（“信用卡”、消费贷）", "product not in (信用卡, 消费贷)"),
        ("逾期天数≠0", "dpd != 0"),
        ("账单日>今天-5000周", "statement_date > today - 35000d"),
        ('债权人="Ａ"', 'creditor = "Ａ"'),
    ],
)
def test_one_spelling_is_kept(written: str, kept: str) -> None:
    found = parse(written)
    assert spell(found) == kept
    assert parse(kept) == found


@pytest.mark.parametrize(
    ("written", "at", "says"),
    [
        ("", 0, "empty"),
        ("   ", 3, "empty"),
        ("ovredue > 1", 0, r"no field 'ovredue'[\s\S]*did you mean overdue"),
        ("dpd > 1 and", 11, "a test is missing"),
        ("dpd >", 5, r"a whole number[\s\S]*such as 30"),
        ("dpd > 1.5", 6, "a whole number"),
        ("overdue > many", 10, "an amount"),
        ("due_date > 2026-02-30", 11, "no such day"),
        ("due_date > soon", 11, "a day"),
        ("bucket = M9", 9, r"a stage[\s\S]*M6\+"),
        ("role = owner", 7, "one of primary"),
        ("product > 信用卡", 8, "no order"),
        ("dpd > 1 dpd < 3", 8, "follows a complete test"),
        ("(dpd > 1", 0, "not closed"),
        ("dpd in 1", 7, "list in brackets"),
        ("dpd in (1, 2", 12, "list is not closed"),
        ("dpd between 1 or 2", 14, "two values"),
        ('product = "信用卡', 10, "quotation mark is not closed"),
        ("dpd is 3", 7, "known or unknown"),
        ("dpd ; drop table", 4, "';' means nothing"),
        ("dpd like 3", 4, "what is asked of dpd"),
        ("(" * 30 + "dpd > 1", 20, "brackets within brackets"),
        ("dpd in (" + ", ".join(["1"] * 201) + ")", 608, "more than 200 values"),
        ("x" * 4001, 0, "longer than 4000"),
        # read, but too long, too far or too large to be kept and read again
        (" 且 ".join(["余额>1"] * 199 + ["产品=" + "贷" * 2600]), 0, "when spelt out"),
        ("due_date > today + 9999w", 11, "36500 days from today"),
        ("dpd > 10000000000", 6, "a whole number"),
        ('product = "a\x00"', 10, "a control character"),
    ],
)
def test_a_mistake_is_shown_where_it_is(written: str, at: int, says: str) -> None:
    with pytest.raises(FilterError, match=says) as caught:
        parse(written)
    assert caught.value.at == at


def test_the_mark_stands_under_the_mistake_among_wide_characters() -> None:
    with pytest.raises(FilterError) as caught:
        parse("产品 = 信用卡 and\n阶段 = M9")
    _, line, mark = caught.value.message.split("\n")
    assert line == "    阶段 = M9"
    assert mark == "    \u3000\u3000   ^"


FACTS = {
    "creditor": "yunshan",
    "product": "信用卡",
    "bucket": Bucket.M2,
    "dpd": 45,
    "overdue": Decimal("1234.56"),
    "last_contact": TODAY - timedelta(days=7),
    "tag": frozenset({"慎重"}),
    "reachable": frozenset(),
}


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        ("dpd = 45", True),
        ("dpd between 45 and 60", True),
        ("dpd between 46 and 60", False),
        ("bucket >= M2 and bucket < M6+", True),
        ("bucket != M2", False),
        ("overdue > 1234.5 and overdue <= 1234.56", True),
        ("last_contact < today - 6d", True),
        ("last_contact < today - 7d", False),
        ("last_contact >= 2026-11-17", True),
        ("tag = 慎重", True),
        ("tag != 慎重", False),
        ("tag in (a, 慎重)", True),
        ("tag not in (a, b)", True),
        ("reachable is unknown", True),
        ("reachable = sms", False),
        # what is not known meets no test, nor the opposite one
        ("last_response > today - 30d", False),
        ("last_response <= today - 30d", False),
        ("response != promised", False),
        ("not response = promised", True),
        ("last_response is unknown", True),
        ("product in (信用卡, 消费贷) and not creditor = other", True),
    ],
)
def test_what_a_filter_means(asked: str, met: bool) -> None:
    assert holds(parse(asked), FACTS, TODAY) is met


# ------------------------------------------------------------------------------------- laws


@given(FILTERS)
def test_the_kept_spelling_is_read_back(asked: Filter) -> None:
    kept = spell(asked)
    assert spell(parse(kept)) == kept


@given(FILTERS)
def test_the_kept_spelling_means_the_same(asked: Filter) -> None:
    for today in (TODAY, date(2000, 2, 29)):
        assert holds(parse(spell(asked)), FACTS, today) is holds(asked, FACTS, today)


@given(
    st.text(st.sampled_from("dp >=<()(,\"'且或M1信用卡-.today7天\n;%$"), max_size=40) | st.text()
)
def test_any_text_is_read_or_refused_at_a_place_in_it(written: str) -> None:
    refused_at = 0
    try:
        parse(written)
    except FilterError as error:
        refused_at = error.at
    assert 0 <= refused_at <= len(written)
