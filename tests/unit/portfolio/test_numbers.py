"""Account, ID and reference numbers: one number, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.account import clean_number
from outreach.portfolio import values


@pytest.mark.parametrize(
    "text",
    [
        "QL202400000001",
        "  ql2024 0000 0001\n",
        "QL2024-0000-0001",
        "ＱＬ２０２４００００－０００１",
        "QL2024\u2212\u00a000000001\u3000",
        "（QL2024）00000001",
        "(QL2024) 00000001",
    ],
)
def test_one_number_in_many_writings(text: str) -> None:
    assert clean_number(text) == values.identifier(text) == "QL202400000001"


@given(st.text(max_size=30))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_number(text)
    assert clean_number(once) == once
