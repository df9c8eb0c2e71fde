"""Choosing a carrier by weight, and reading what its outcomes tell of it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.base import (
    Accepted,
    Outcome,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.domain.contact import Channel
from outreach.domain.states import FailureClass
from outreach.life.pacing import NOT_WRITTEN, told_of
from outreach.life.routing import preference
from outreach.pace import Told
from outreach.settings import RouteSettings

weights = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.integers(0, 20), min_size=1, max_size=6
)


def route(carriers: dict[str, int]) -> RouteSettings:
    return RouteSettings(name="r", channel=Channel.SMS, carriers=carriers)


@given(weights)
def test_each_carrier_comes_first_as_often_as_it_weighs(carriers: dict[str, int]) -> None:
    total = sum(carriers.values())
    if not total:
        return
    firsts = [preference(route(carriers), (n + 0.5) / total)[0] for n in range(total)]
    assert {name: firsts.count(name) for name in carriers} == carriers


@given(weights, st.floats(0, 1, exclude_max=True))
def test_everybody_is_asked_once_the_weightless_last(
    carriers: dict[str, int], fraction: float
) -> None:
    first, *others = order = preference(route(carriers), fraction)
    assert sorted(order) == sorted(carriers)
    heavy = [carriers[name] for name in others]
    assert heavy == sorted(heavy, reverse=True)
    assert carriers[first] or not any(carriers.values())
    idle = [name for name in order if not carriers[name]]
    assert idle == [name for name in carriers if not carriers[name]], "as they are configured"


def test_outcomes_tell_of_the_carrier_and_not_of_the_message() -> None:
    seconds = timedelta(seconds=1)
    outcomes: list[Outcome] = [
        Accepted(("1",)),
        PermanentFailure(FailureClass.HARD, "21211"),
        PermanentFailure(FailureClass.OPTED_OUT, "21610"),
        TemporaryFailure("connect"),
        TemporaryFailure("4.2.2", retry_after=900 * seconds),
        OutcomeUnknown("timeout"),
        TemporaryFailure("20429", retry_after=3 * seconds, throttled=True),
        TemporaryFailure("20429", retry_after=8 * seconds, throttled=True),
        TemporaryFailure(NOT_WRITTEN, retry_after=0 * seconds, throttled=True),
    ]
    assert told_of(outcomes, 5) == Told(ok=3, failed=3, throttled=2, unused=6, retry_after=8)
    assert told_of([TemporaryFailure("20429", throttled=True)]) == Told(throttled=1)
    refused = told_of([PermanentFailure(FailureClass.ACCOUNT, "20003")])
    assert refused == Told(refused_account=True)
    assert told_of([]) == Told()
