"""Laws of the gate's time: whatever the place, the zone, the hour and the reason."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gate_cases import POLICIES, account, facts
from hours_oracle import KNOWN_TO, has_calendar, is_open
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outreach.compliance.facts import AgreedHours, Contact, StandingFact
from outreach.compliance.gate import Decision, judge
from outreach.compliance.pack import load_packs
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.notice import Purpose

MAINLAND, HONG_KONG, TAIWAN = Jurisdiction
PACKS = load_packs(POLICIES)  # no fixture: hypothesis would print it whole
MANY = 500
TIME_RULES = {"T-01", "T-02", "T-05", "HK-01", "TW-01", "TW-03"}
zones = st.sampled_from(
    [
        "Asia/Shanghai",
        "Asia/Hong_Kong",
        "Asia/Taipei",
        "America/New_York",
        "America/Nuuk",  # changes its clocks at 22:00 and 23:00
        "America/Santiago",  # and here at midnight, so that a day begins at one
        "America/Havana",  # or midnight comes twice
        "Australia/Lord_Howe",  # by half an hour
        "Pacific/Apia",
        "Pacific/Kiritimati",  # fourteen hours ahead
    ]
)


def between(start: str, end: str) -> st.SearchStrategy[datetime]:
    first, last = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end))
    seconds = st.integers(int(first.timestamp()), int(last.timestamp()))
    return seconds.map(lambda each: datetime.fromtimestamp(each, UTC))


# to the second around changes of clocks, New Years and the calendars' ends, and anywhere else
instants = st.one_of(
    between("2026-03-07", "2026-03-10"),
    between("2026-10-24", "2026-11-03"),
    between("2026-02-07", "2026-02-25"),
    between("2027-01-28", "2027-02-12"),
    between("2027-12-24", "2028-01-03"),
    between("2026-01-01", "2030-01-01"),
)
spreads = st.integers(-(2**63), 2**63)
clocks = st.times(max_value=time(23, 59)).map(lambda each: each.replace(second=0, microsecond=0))
PAUSES = [Standing.DISPUTE, Standing.HARDSHIP, Standing.PROMISE, Standing.PAYMENT_PENDING]


@st.composite
def cases(draw, places=Jurisdiction, channels=Channel):
    now = draw(instants)
    standings = tuple(
        StandingFact(draw(st.sampled_from(PAUSES)), now - timedelta(hours=hours), None)
        for hours in draw(st.lists(st.integers(0, 800), max_size=2))
    )
    purpose = draw(st.sampled_from(Purpose))
    return facts(
        draw(st.sampled_from(places)),
        now=now,
        zone=draw(zones),
        purpose=purpose,
        channel=draw(st.sampled_from(channels)),
        accounts=(account(settled=purpose is Purpose.SETTLEMENT_RECEIPT),),
        standings=standings,
        contacts=tuple(
            Contact(now - timedelta(hours=hours), draw(st.sampled_from(Channel)))
            for hours in draw(st.lists(st.integers(0, 200), max_size=4))
        ),
        balance_max_age=draw(st.sampled_from([timedelta(hours=26), timedelta(days=9999)])),
        spread=draw(spreads),
        answers_debtor=draw(st.booleans()),
        # over midnight, too: such hours never open, and so are none
        agreed=draw(st.none() | st.builds(AgreedHours, clocks, clocks)),
    )


def known(case, moment, *places):
    """Whether anybody has said which days are closed then."""
    day = moment.astimezone(ZoneInfo(case.zone)).date()
    return all(day <= KNOWN_TO[each] or not has_calendar(case, each) for each in places)


@settings(max_examples=MANY)
@given(case=cases())
def test_nothing_goes_in_a_closed_window(case):
    """By an oracle that knows nothing of windows; and what is open is not held for its time."""
    verdict = judge(case, PACKS[case.jurisdiction])
    found = TIME_RULES & {finding.rule for finding in verdict.findings}
    assert bool(found) is not is_open(case, case.now)
    if found:
        assert verdict.decision is not Decision.ALLOW


@settings(max_examples=MANY)
@given(case=cases())
def test_a_hold_ends_later_in_an_open_window(case):
    pack = PACKS[case.jurisdiction]
    verdict = judge(case, pack)
    if verdict.decision is not Decision.HOLD:
        return
    assert verdict.until > case.now
    assert verdict.until.microsecond == 0
    assert verdict.until >= max(f.wait_until for f in verdict.findings if f.wait_until)
    again = judge(_at(case, verdict.until), pack)
    found = TIME_RULES & {finding.rule for finding in again.findings}
    if known(case, verdict.until, case.jurisdiction):
        assert is_open(case, verdict.until)
        assert not found
    else:  # nobody has said what is closed then: it waits on
        assert found
        assert again.decision is Decision.HOLD
        assert again.until - verdict.until <= timedelta(days=3)


@settings(max_examples=MANY)
@given(case=cases())
def test_an_allow_ends_later_on_the_same_day_and_within_what_may_go(case):
    pack = PACKS[case.jurisdiction]
    verdict = judge(case, pack)
    if verdict.decision is not Decision.ALLOW:
        return
    zone, last = ZoneInfo(case.zone), verdict.until - timedelta(seconds=1)
    assert verdict.until > case.now
    assert last.astimezone(zone).date() == case.now.astimezone(zone).date()
    # an answer may go until the planned hours' last minute, as may what was let in within them
    answer = replace(case, answers_debtor=True)
    assert is_open(answer, last)


@settings(max_examples=MANY)
@given(case=cases([HONG_KONG, TAIWAN], [Channel.SMS]), abroad=st.sampled_from(Jurisdiction))
def test_a_phone_of_another_place_is_bound_by_both_places_hours(case, abroad):
    pack = PACKS[case.jurisdiction]
    verdict = judge(case, pack, None if abroad is case.jurisdiction else PACKS[abroad])
    found = TIME_RULES & {finding.rule for finding in verdict.findings}
    both = is_open(case, case.now) and is_open(case, case.now, abroad)
    assert bool(found) is not both
    if verdict.decision is not Decision.HOLD:
        return
    assert verdict.until > case.now
    if known(case, verdict.until, case.jurisdiction, abroad):
        assert is_open(case, verdict.until)
        assert is_open(case, verdict.until, abroad)


@given(now=instants, spread=spreads)
@example(now=datetime(2026, 3, 8, 7, tzinfo=UTC), spread=0)  # 2:00 EST becomes 3:00 EDT
@example(now=datetime(2026, 11, 1, 5, 30, tzinfo=UTC), spread=1)  # 1:30, the first of two
def test_a_debtor_in_new_york_is_never_written_to_at_night(now, spread):
    case = facts(now=now, zone="America/New_York", spread=spread, balance_max_age=timedelta(9999))
    verdict = judge(case, PACKS[MAINLAND])
    goes = now if verdict.decision is Decision.ALLOW else verdict.until
    local = goes.astimezone(ZoneInfo("America/New_York"))
    assert (8, 30) <= (local.hour, local.minute) < (20, 30)


def _at(case, now):
    """The facts of that later moment: the debtor's message is old by then, or asked again."""
    return replace(case, now=now, contacts=(), standings=(), balance_max_age=timedelta(days=9999))
