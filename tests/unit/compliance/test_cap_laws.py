"""The caps against an oracle that only knows dates and differences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from gate_cases import facts
from hypothesis import example, given
from hypothesis import strategies as st

from outreach.compliance.facts import Contact
from outreach.compliance.finding import Confidence, Effect
from outreach.compliance.rule import Rule
from outreach.compliance.rules.frequency import CAP, LONGEST, Cap, Counted, Scope
from outreach.domain.contact import Channel
from outreach.domain.notice import Purpose

STATUTORY = frozenset({Purpose.ASSIGNMENT_NOTICE})
DEMANDS = frozenset({Purpose.DEMAND_LETTER, Purpose.LAWYER_LETTER})
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
        days=draw(st.none() | st.integers(1, LONGEST.days)),
        counted=draw(st.sampled_from([frozenset(), DEMANDS])),
        reserved=reserved,
        reserved_for=STATUTORY if reserved else frozenset(),
    )


@st.composite
def cases(draw):
    now = draw(moments)
    # down to the microsecond on which a window ends, and past its end
    ago = st.one_of(
        st.integers(0, 8 * 86400).map(lambda seconds: timedelta(seconds=seconds)),
        st.integers(0, 32 * 86400).map(lambda seconds: timedelta(seconds=seconds)),
        st.tuples(st.integers(0, LONGEST.days), st.integers(-1, 1)).map(
            lambda edge: max(timedelta(0), timedelta(days=edge[0], microseconds=edge[1]))
        ),
    )
    why = st.sampled_from([None, Purpose.DEMAND_LETTER, Purpose.OVERDUE_NOTICE])
    contacts = st.lists(
        st.builds(Contact, ago.map(lambda gap: now - gap), st.sampled_from(Channel), why)
    )
    return facts(
        now=now,
        zone=draw(zones),
        purpose=draw(st.sampled_from([Purpose.ASSIGNMENT_NOTICE, Purpose.OVERDUE_NOTICE])),
        channel=draw(st.sampled_from(Channel)),
        contacts=tuple(draw(contacts)),
        value_contacts=tuple(draw(contacts)),
    )


def reached(cap, case, effect=Effect.HOLD):
    """The cap's finding."""
    rule = Rule(
        id="CAP",
        key="CAP",
        check="cap",
        title="",
        title_en="",
        says="",
        says_en="",
        release="",
        source="",
        confidence=Confidence.D,
        effect=effect,
        releasable=False,
        purposes=frozenset(Purpose),
        channels=frozenset(Channel),
        params=cap,
        stricter={},
    )
    return CAP.run(case, rule)


def oracle(cap, case, moment):
    """May the notice go at ``moment``, if nothing else goes before?"""
    zone = ZoneInfo(case.zone)
    counted = 0
    for at, channel, purpose in case.contacts if cap.scope == "debtor" else case.value_contacts:
        if cap.counts == "own" and channel != case.channel:
            continue
        if cap.counted and purpose is not None and purpose not in cap.counted:
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
    found = reached(cap, case)
    assert (found is None) == oracle(cap, case, case.now)
    flagged = reached(cap, case, Effect.FLAG)
    assert (flagged is None) == (found is None)
    inputs = CAP.inputs(case, cap)
    assert set(inputs) <= CAP.names
    if found is None:
        return
    values, free = found.values, found.wait_until
    assert values == inputs == flagged.values
    assert flagged.wait_until is None
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
    before = reached(cap, case)
    fuller = _with(case, added * more)
    if before is not None:
        after = reached(cap, fuller)
        assert after is not None
        assert after.wait_until >= before.wait_until
    assert reached(cap, _with(case, added * cap.limit)) is not None


@pytest.mark.parametrize("ahead", [timedelta(seconds=3), timedelta(minutes=2)])
def test_a_contact_told_by_a_clock_ahead_of_ours_counts(ahead):
    case = facts()
    told = (Contact(case.now + ahead, Channel.SMS),)
    assert reached(Cap(Scope.DEBTOR, 1), _with(case, told)) is not None
    assert reached(Cap(Scope.DEBTOR, 1, days=7), _with(case, told)) is not None


def _with(case, added):
    return replace(case, contacts=case.contacts + added, value_contacts=case.value_contacts + added)
