"""The caps against an oracle that only knows dates and differences."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from gate_cases import facts
from hypothesis import example, given
from hypothesis import strategies as st
from outreach.compliance.caps import Cap, Counted, Scope

from outreach.compliance.facts import Contact
from outreach.domain.contact import Channel
from outreach.domain.notice import Purpose

STATUTORY = frozenset({Purpose.ASSIGNMENT_NOTICE})
zones = st.sampled_from(
    [
        "Asia/Shanghai",
        "America/New_York",
        "America/Nuuk",  # its clocks change in the last hour of a day
        "America/Santiago",  # and here at midnight, so that a day begins at one
        "America/Havana",  # or midnight comes twice
        "Australia/Lord_Howe",
    ]
)
# seconds around some changes of clocks, and anywhere else
moments = st.one_of(
    st.integers(int(datetime(*day, tzinfo=UTC).timestamp()), int(end.timestamp())).map(
        lambda seconds: datetime.fromtimestamp(seconds, UTC)
    )
    for day, end in (
        ((2026, 3, 6), datetime(2026, 3, 11, tzinfo=UTC)),
        ((2026, 9, 4), datetime(2026, 9, 8, tzinfo=UTC)),
        ((2026, 10, 30), datetime(2026, 11, 3, tzinfo=UTC)),
        ((2026, 1, 1), datetime(2027, 1, 1, tzinfo=UTC)),
    )
)


@st.composite
def caps(draw):
    limit = draw(st.integers(1, 4))
    reserved = draw(st.integers(0, limit - 1))
    return Cap(
        scope=draw(st.sampled_from(Scope)),
        limit=limit,
        counts=draw(st.sampled_from(Counted)),
        days=draw(st.none() | st.integers(1, 7)),
        reserved=reserved,
        reserved_for=STATUTORY if reserved else frozenset(),
    )


@st.composite
def cases(draw):
    now = draw(moments)
    # down to the microsecond on which a window ends, and past its end
    ago = st.one_of(
        st.integers(0, 8 * 86400).map(lambda seconds: timedelta(seconds=seconds)),
        st.tuples(st.integers(0, 7), st.integers(-1, 1)).map(
            lambda edge: max(timedelta(0), timedelta(days=edge[0], microseconds=edge[1]))
        ),
    )
    contacts = st.lists(
        st.builds(Contact, ago.map(lambda gap: now - gap), st.sampled_from(Channel))
    )
    return facts(
        now=now,
        zone=draw(zones),
        purpose=draw(st.sampled_from([Purpose.ASSIGNMENT_NOTICE, Purpose.OVERDUE_NOTICE])),
        channel=draw(st.sampled_from(Channel)),
        contacts=tuple(draw(contacts)),
        value_contacts=tuple(draw(contacts)),
    )


def oracle(cap, case, moment):
    """May the notice go at ``moment``, if nothing else goes before?"""
    zone = ZoneInfo(case.zone)
    counted = 0
    for at, channel in case.contacts if cap.scope == "debtor" else case.value_contacts:
        if cap.counts == "own" and channel != case.channel:
            continue
        if cap.days is None:
            counted += at.astimezone(zone).date() == moment.astimezone(zone).date()
        else:
            counted += moment - at < timedelta(days=cap.days)
    kept = 0 if case.purpose in STATUTORY else cap.reserved
    return counted < cap.limit - kept


@given(cap=caps(), case=cases())
@example(  # the day on which Santiago has no midnight
    cap=Cap(Scope.DEBTOR, 1),
    case=facts(
        now=datetime(2026, 9, 6, 2, 0, tzinfo=UTC),
        zone="America/Santiago",
        contacts=(Contact(datetime(2026, 9, 6, 1, 0, tzinfo=UTC), Channel.SMS),),
    ),
)
def test_a_cap_agrees_with_the_oracle_and_waits_exactly_as_long_as_it_must(cap, case):
    reached = cap.reached(case)
    assert (reached is None) == oracle(cap, case, case.now)
    if reached is None:
        return
    values, free = reached
    assert free > case.now
    assert oracle(cap, case, free)
    assert not oracle(cap, case, free - timedelta.resolution)
    assert values["limit"] == cap.limit - values["reserved"]
    assert values.get("counted", cap.limit) >= values["limit"]
    assert ("counted" in values) is (cap.scope is Scope.DEBTOR)
    assert (values["scope"], values["days"]) == (cap.scope, cap.days or 1)


@given(cap=caps(), case=cases(), more=st.integers(1, 3))
def test_what_the_chunk_lets_go_at_this_moment_counts_at_once(cap, case, more):
    """With enough added the notice waits, and it never gets less strict."""
    added = (Contact(case.now, case.channel),)
    before = cap.reached(case)
    fuller = _with(case, added * more)
    if before is not None:
        after = cap.reached(fuller)
        assert after is not None
        assert after[1] >= before[1]
    assert cap.reached(_with(case, added * cap.limit)) is not None


@pytest.mark.parametrize("ahead", [timedelta(seconds=3), timedelta(minutes=2)])
def test_a_contact_told_by_a_clock_ahead_of_ours_counts(ahead):
    case = facts()
    told = (Contact(case.now + ahead, Channel.SMS),)
    assert Cap(Scope.DEBTOR, 1).reached(_with(case, told)) is not None
    assert Cap(Scope.DEBTOR, 1, days=7).reached(_with(case, told)) is not None


def _with(case, added):
    fields = {name: getattr(case, name) for name in case.__slots__}
    fields["contacts"] += added
    fields["value_contacts"] += added
    return type(case)(**fields)
