"""Results and status words: what is known is told apart, what is not says nothing of a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.base import PermanentFailure, TemporaryFailure
from outreach.channels.cmpp_codes import code, is_listed, meaning, outcome_of
from outreach.domain.states import Delivery, FailureClass


def test_taken_and_slower() -> None:
    assert outcome_of(0) is None
    assert outcome_of(8) == TemporaryFailure("result:8", throttled=True)


@given(st.integers(1, 0xFFFFFFFF).filter(lambda result: result != 8))
def test_nothing_else_is_tried_again_or_kills_a_number(result: int) -> None:
    outcome = outcome_of(result)
    assert isinstance(outcome, PermanentFailure)
    assert outcome.kind is not FailureClass.HARD
    assert outcome.code == f"result:{result}"


@pytest.mark.parametrize(
    ("stat", "delivery", "failure"),
    [
        ("DELIVRD", Delivery.DELIVERED, None),
        ("EXPIRED", Delivery.UNDELIVERED, FailureClass.SOFT),
        ("MK:0001", Delivery.UNDELIVERED, FailureClass.HARD),
        ("MK:0024", Delivery.UNDELIVERED, FailureClass.SOFT),
        ("MC:0055", Delivery.NONE, None),
        ("IC:0001", Delivery.NONE, None),
        ("MBBLACK", Delivery.UNDELIVERED, FailureClass.OPTED_OUT),
        ("ID:0076", Delivery.UNDELIVERED, FailureClass.REJECTED),
    ],
)
def test_words(stat: str, delivery: Delivery, failure: FailureClass | None) -> None:
    assert meaning(stat) == (delivery, failure)


@given(st.text(max_size=7))
def test_a_word_nobody_knows_says_nothing(stat: str) -> None:
    if not is_listed(stat):
        assert meaning(stat) == (Delivery.NONE, None)
    assert code(stat) == stat or code(stat) == "unreadable"
