"""Laws of the gate's time: whatever the zone, the hour and the reason."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gate_cases import account, facts
from hypothesis import example, given
from hypothesis import strategies as st

from outreach.compliance.facts import Contact, StandingFact
from outreach.compliance.gate import Decision, judge
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.notice import Purpose

TIME_RULES = {"T-01", "T-02", "HK-01", "TW-01"}
zones = st.sampled_from(
    [
        "Asia/Shanghai",
        "Asia/Hong_Kong",
        "Asia/Taipei",
        "America/New_York",
        "America/Nuuk",  # changes its clocks at 22:00 and 23:00
        "Australia/Lord_Howe",  # by half an hour
        "Pacific/Apia",
    ]
)
# to the second around the days on which New York changes its clocks, and anywhere else
instants = st.one_of(
    st.integers(int(start.timestamp()), int(end.timestamp())).map(
        lambda seconds: datetime.fromtimestamp(seconds, UTC)
    )
    for start, end in (
        (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC)),
        (datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)),
    )
)
spreads = st.integers(-(2**63), 2**63)


@st.composite
def cases(draw):
    now = draw(instants)
    pauses = [Standing.DISPUTE, Standing.HARDSHIP, Standing.PROMISE, Standing.PAYMENT_PENDING]
    standings = tuple(
        StandingFact(draw(st.sampled_from(pauses)), now - timedelta(hours=hours), None)
        for hours in draw(st.lists(st.integers(0, 800), max_size=2))
    )
    purpose = draw(st.sampled_from(Purpose))
    return facts(
        draw(st.sampled_from(Jurisdiction)),
        now=now,
        zone=draw(zones),
        purpose=purpose,
        channel=draw(st.sampled_from(Channel)),
        accounts=(account(settled=purpose is Purpose.SETTLEMENT_RECEIPT),),
        standings=standings,
        contacts=tuple(
            Contact(now - timedelta(hours=hours), draw(st.sampled_from(Channel)))
            for hours in draw(st.lists(st.integers(0, 200), max_size=6))
        ),
        balance_max_age=draw(st.sampled_from([timedelta(hours=26), timedelta(days=9999)])),
        spread=draw(spreads),
        answers_debtor=draw(st.booleans()),
    )


def window_of(case, pack):
    selection = pack.selections[case.purpose, case.channel]
    return selection.answer_window if case.answers_debtor else selection.window


@given(case=cases())
def test_a_hold_ends_later_in_an_open_window(packs, case):
    pack = packs[case.jurisdiction]
    verdict = judge(case, pack)
    if verdict.decision is not Decision.HOLD:
        return
    assert verdict.until > case.now
    assert verdict.until >= max(finding.wait_until for finding in verdict.findings)
    assert window_of(case, pack).is_open(verdict.until.astimezone(ZoneInfo(case.zone)))
    later = _at(case, verdict.until)
    assert not TIME_RULES & {finding.rule for finding in judge(later, pack).findings}


@given(case=cases())
def test_an_allow_ends_later_on_the_same_day_within_the_window(packs, case):
    pack = packs[case.jurisdiction]
    verdict = judge(case, pack)
    if verdict.decision is not Decision.ALLOW:
        return
    zone = ZoneInfo(case.zone)
    last = verdict.until.astimezone(zone)
    assert verdict.until > case.now
    midnight = last.hour == last.minute == 0
    day = (last - timedelta(minutes=1)).date() if midnight else last.date()
    assert day == case.now.astimezone(zone).date()
    assert midnight or last.hour * 60 + last.minute <= window_of(case, pack).last


@given(now=instants, spread=spreads)
@example(now=datetime(2026, 3, 8, 7, tzinfo=UTC), spread=0)  # 2:00 EST becomes 3:00 EDT
@example(now=datetime(2026, 11, 1, 5, 30, tzinfo=UTC), spread=1)  # 1:30, the first of two
def test_a_debtor_in_new_york_is_never_written_to_at_night(packs, now, spread):
    case = facts(now=now, zone="America/New_York", spread=spread, balance_max_age=timedelta(9999))
    verdict = judge(case, packs[Jurisdiction.MAINLAND])
    goes = now if verdict.decision is Decision.ALLOW else verdict.until
    local = goes.astimezone(ZoneInfo("America/New_York"))
    assert (8, 30) <= (local.hour, local.minute) < (20, 30)


def _at(case, now):
    fields = {name: getattr(case, name) for name in case.__slots__}
    return type(case)(**fields | {"now": now, "contacts": ()})
