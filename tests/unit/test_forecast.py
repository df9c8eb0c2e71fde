"""What a sample says of the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.campaigns.forecast import ByChannel, Estimate, first_of
from outreach.domain.contact import Channel


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    of = draw(st.integers(1, 10**7))
    asked = draw(st.integers(1, min(of, 10_000)))
    return Estimate(draw(st.integers(0, asked)), asked, of)


@given(estimates())
def test_the_whole_lies_where_it_can(estimate: Estimate) -> None:
    assert 0 <= estimate.low <= estimate.about <= estimate.high <= estimate.of


@pytest.mark.parametrize("seen", [0, 3, 10])
def test_all_asked_leave_nothing_to_guess(seen: int) -> None:
    estimate = Estimate(seen, 10, 10)
    assert (estimate.low, estimate.about, estimate.high) == (seen, seen, seen)


def test_wilsons_interval() -> None:
    """Of 400 with 80 seen, by the formula: 16.36% to 24.21%."""
    estimate = Estimate(80, 400, 10**9)
    assert estimate.low == pytest.approx(0.16362 * 10**9, rel=1e-3)
    assert estimate.high == pytest.approx(0.24209 * 10**9, rel=1e-3)


def test_a_share_never_seen_is_not_taken_for_none() -> None:
    assert Estimate(0, 400, 1_000_000).high > 5_000


@pytest.mark.parametrize(
    ("notices", "a_day", "days"), [(100, 50, 2), (101, 50, 3), (5, None, None)]
)
def test_days(notices: int, a_day: int | None, days: int | None) -> None:
    assert ByChannel(notices, None, None, a_day).days == days


def test_the_first_channel_there_is_a_way_to() -> None:
    order = (Channel.EMAIL, Channel.SMS)
    assert first_of(order, {"phone": True, "email": True}) is Channel.EMAIL
    assert first_of(order, {"phone": "x", "email": None}) is Channel.SMS
    assert first_of(order, {"address": True}) is None
