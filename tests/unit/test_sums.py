"""Sums as people name them: what is one, what is none, and how much it is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.sums import sums_named


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        ("先还500", ["500"]),
        ("1万2", ["12000"]),
        ("万二", ["12000"]),
        ("两万五千", ["25000"]),
        ("三千五", ["3500"]),
        ("一百零五元", ["105"]),
        ("一千二百三十四", ["1234"]),
        ("五零零元", ["500"]),
        ("今早还了五佰", ["500"]),
        ("5k", ["5000"]),
        ("1.5万", ["15000.0"]),
        ("一万半", ["15000"]),
        ("$1,200", ["1200"]),
        ("hk$800.50", ["800.50"]),
        ("还了2000多块", ["2000"]),
        ("先还500,剩下的800月底还", ["500"]),
        ("6000已转账", ["6000"]),
        ("3456.78,一分不少", ["3456.78"]),
        ("先付三百,再还二百", ["300", "200"]),
    ],
)
def test_what_is_a_sum(text: str, sums: list[str]) -> None:
    assert [str(value) for _, _, value in sums_named(text)] == sums


@pytest.mark.parametrize(
    "text",
    [
        "尾号1234",
        "15号还",
        "分12期还",
        "打了12次电话",
        "还3天",
        "三个月",
        "第5条",
        "几百块",
        "0元",
        "还30%",
    ],
)
def test_what_is_none(text: str) -> None:
    assert sums_named(text) == []


pieces = st.sampled_from([*"还付先千百万十一二三半元块$,.0123456789号月", "1,234", "hk$", "零"])


@given(st.lists(pieces, max_size=30).map("".join))
def test_it_reads_anything(text: str) -> None:
    before = 0
    for start, end, value in sums_named(text):
        assert before <= start < end <= len(text)
        assert 0 < value < Decimal(10**9)
        before = end
