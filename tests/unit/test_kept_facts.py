"""Facts kept in an event say the same again, but for what is never kept."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import orjson
from hypothesis import given
from hypothesis import strategies as st

from outreach.compliance.facts import (
    AccountFacts,
    AgencyFacts,
    AgreedHours,
    Contact,
    Facts,
    PointFacts,
    StandingFact,
)
from outreach.domain.contact import Channel, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Interruption, Register
from outreach.ledger.envelope import canonical
from outreach.life.kept import NOT_KEPT, facts_again, kept_facts

NOW = datetime(2026, 11, 23, 3, 0, 0, 123456, tzinfo=UTC)
DAYS = st.dates(date(2000, 1, 1), date(2040, 1, 1))
INSTANTS = st.integers(-(10**8), 10**8).map(lambda s: NOW + timedelta(seconds=s))
AGENCIES = st.builds(
    AgencyFacts,
    id=st.sampled_from(["a", "wan-qing"]),
    kind=st.sampled_from(AgencyKind),
    since=DAYS,
    until=st.none() | DAYS,
    listed_on=st.none() | DAYS,
    told_on=st.none() | DAYS,
)
ACCOUNTS = st.builds(
    AccountFacts,
    role=st.sampled_from(Role),
    settled=st.booleans(),
    balance_as_of=st.integers(-10, 10**7).map(lambda s: NOW - timedelta(seconds=s)),
    dpd=st.integers(-5, 5000),
    overdue=st.just(NOT_KEPT),
    paid_since=st.booleans(),
    agency=st.none() | AGENCIES,
    interrupted=st.dictionaries(st.sampled_from(Interruption), DAYS),
)
FACTS = st.builds(
    Facts,
    now=st.just(NOW),
    zone=st.sampled_from(["Asia/Shanghai", "Nowhere/At_all"]),
    jurisdiction=st.sampled_from(Jurisdiction),
    purpose=st.sampled_from(Purpose),
    channel=st.sampled_from(Channel),
    accounts=st.lists(ACCOUNTS, max_size=3).map(tuple),
    standings=st.lists(
        st.builds(StandingFact, st.sampled_from(Standing), INSTANTS, st.none() | INSTANTS),
        max_size=2,
    ).map(tuple),
    point=st.builds(
        PointFacts,
        verified=st.booleans(),
        origin=st.sampled_from(Origin),
        opted_out=st.booleans(),
        dead=st.booleans(),
        wrong_person=st.booleans(),
        usage=st.sampled_from(Usage),
        documented=st.booleans(),
    ),
    contacts=st.just((Contact(NOW, Channel.SMS),)),
    value_contacts=st.just(()),
    balance_max_age=st.integers(1, 100).map(lambda h: timedelta(hours=h)),
    spread=st.integers(0, 2**32 - 1),
    answers_debtor=st.booleans(),
    agreed=st.none() | st.just(AgreedHours(time(9), time(18, 30))),
    filed=st.frozensets(st.sampled_from(Register)),
    released=st.frozensets(st.sampled_from(["S-09", "T-05"])),
)


def again(facts: Facts) -> Facts:
    kept = orjson.loads(canonical(kept_facts(facts)))
    return facts_again(
        kept,
        facts.now,
        facts.purpose,
        facts.channel,
        UUID(int=facts.spread),
        facts.contacts,
        facts.value_contacts,
    )


@given(FACTS)
def test_what_is_kept_is_read_back(facts: Facts) -> None:
    assert again(facts) == facts


def test_no_amount_and_nobodys_contacts_are_kept() -> None:
    account = AccountFacts(Role.PRIMARY, False, NOW, 20, overdue=31_000)
    facts = replace(usual(), accounts=(account,), contacts=(Contact(NOW, Channel.SMS),) * 9)
    said = canonical(kept_facts(facts)).decode()
    assert "31000" not in said
    assert "contact" not in said
    assert again(facts).accounts[0].overdue == NOT_KEPT


def usual() -> Facts:
    point = PointFacts(
        verified=True, origin=Origin.CONTRACT, opted_out=False, dead=False, wrong_person=False
    )
    account = AccountFacts(Role.PRIMARY, False, NOW - timedelta(hours=9), 20, overdue=31_000)
    return Facts(
        now=NOW,
        zone="Asia/Shanghai",
        jurisdiction=Jurisdiction.MAINLAND,
        purpose=Purpose.OVERDUE_NOTICE,
        channel=Channel.SMS,
        accounts=(account,),
        standings=(),
        point=point,
        contacts=(),
        value_contacts=(),
        balance_max_age=timedelta(hours=26),
        spread=1,
        filed=frozenset({Register.SIGNATURE}),
    )


def test_the_usual_facts_take_little_room() -> None:
    assert len(canonical(kept_facts(usual()))) <= 200
