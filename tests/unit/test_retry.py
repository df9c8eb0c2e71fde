"""The retry decision: when to try again, and when it is enough."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.base import TemporaryFailure
from outreach.life.retry import FIRST, LONGEST, RetryDecision, decide_retry

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
LATER = NOW + timedelta(days=5)

attempts = st.integers(1, 255)
jitters = st.floats(0, 1, exclude_max=True)
waits = st.none() | st.timedeltas(timedelta(0), timedelta(days=2))


def decide(
    failure: TemporaryFailure,
    attempt: int = 1,
    most: int = 5,
    expires_at: datetime = LATER,
    jitter: float = 0.0,
) -> RetryDecision:
    return decide_retry(failure, attempt, most, NOW, expires_at, jitter)


def test_backoff_grows_to_its_bound() -> None:
    found = [decide(TemporaryFailure("451"), attempt, 99).at for attempt in range(1, 9)]
    delays = [at - NOW for at in found if at]
    assert delays[:3] == [FIRST, 4 * FIRST, 16 * FIRST]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST


@given(attempts, jitters)
def test_the_last_attempt_is_the_last(attempt: int, jitter: float) -> None:
    decision = decide(TemporaryFailure("451"), attempt, 5, jitter=jitter)
    assert (decision.at is None) == (attempt >= 5)
    assert decision.why == ("attempts" if attempt >= 5 else "temporary")


@given(attempts, waits, jitters)
def test_throttling_uses_no_attempt(attempt: int, wait: timedelta | None, jitter: float) -> None:
    decision = decide(TemporaryFailure("429", wait, throttled=True), attempt, 5, jitter=jitter)
    assert decision.at is not None
    assert decision.why == "throttled"


@given(attempts, waits, jitters, st.booleans(), st.timedeltas(timedelta(0), timedelta(days=6)))
def test_never_before_it_was_asked_and_never_past_the_end(
    attempt: int, wait: timedelta | None, jitter: float, throttled: bool, life: timedelta
) -> None:
    failure = TemporaryFailure("x", wait, throttled)
    decision = decide(failure, attempt, 999, NOW + life, jitter)
    if decision.at is None:
        assert decision.why == "expires"
        return
    assert NOW + (wait or timedelta(0)) <= decision.at < NOW + life
    least = wait if wait is not None else FIRST
    assert decision.at >= NOW + least
    assert decision.at - NOW <= max(least, LONGEST) * 1.25


@given(attempts, jitters, jitters)
def test_jitter_spreads_and_keeps_order(attempt: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    first = decide(TemporaryFailure("x"), attempt, 999, jitter=low).at
    second = decide(TemporaryFailure("x"), attempt, 999, jitter=high).at
    assert first is not None
    assert second is not None
    assert first <= second


@pytest.mark.parametrize("life", [timedelta(0), timedelta(seconds=30)])
def test_no_time_left(life: timedelta) -> None:
    decision = decide(TemporaryFailure("x"), expires_at=NOW + life)
    assert decision == RetryDecision(None, "expires")
