"""Closed days, calendars that end, hours agreed with the debtor, a phone of another place."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from gate_cases import MONDAY, ZONES, at, contacts, facts

from outreach.compliance.facts import AgreedHours
from outreach.compliance.gate import Decision, judge
from outreach.compliance.stricter import tighten
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.notice import Purpose

MAINLAND, HONG_KONG, TAIWAN = Jurisdiction
SMS, EMAIL, LETTER = Channel


def decide(packs, place, wall, channel=SMS, abroad=None, **changes):
    """At a wall-clock time of the place, with the first second of the window for who is held."""
    now = at(wall, changes.pop("on_clock", ZONES[place]))
    case = facts(
        place, now=now, channel=channel, spread=0, balance_max_age=timedelta(9999), **changes
    )
    return judge(case, packs[place], abroad and packs[abroad])


def rules(verdict):
    return {finding.rule for finding in verdict.findings}


def agreed(opens, closes):
    return AgreedHours(time.fromisoformat(opens), time.fromisoformat(closes))


# ---------------------------------------------------------------- closed days


@pytest.mark.parametrize(
    ("place", "channel", "when", "rule", "opens"),
    [
        (MAINLAND, SMS, "2026-02-16 12:00", "T-05", "2026-02-20 08:30"),
        (MAINLAND, EMAIL, "2028-01-26 12:00", "T-05", "2028-01-29 08:00"),
        (HONG_KONG, SMS, "2026-04-03 12:00", "HK-01", "2026-04-08 09:00"),  # Easter, Ching Ming
        (HONG_KONG, SMS, "2026-12-24 21:00", "HK-01", "2026-12-28 09:00"),  # two days and a Sunday
        (TAIWAN, SMS, "2026-12-24 20:30", "TW-01", "2026-12-26 08:30"),
        (TAIWAN, SMS, "2026-02-14 12:00", "TW-03", "2026-02-23 08:30"),
        (TAIWAN, EMAIL, "2027-02-04 12:00", "TW-03", "2027-02-11 08:30"),
        (TAIWAN, LETTER, "2026-02-09 12:00", "TW-03", "2026-02-23 00:00"),
        (TAIWAN, LETTER, "2027-01-30 00:00", "TW-03", "2027-02-11 00:00"),
    ],
)
def test_closed_days_are_waited_out(packs, place, channel, when, rule, opens):
    verdict = decide(packs, place, when, channel)
    assert verdict.decision is Decision.HOLD
    assert rules(verdict) == {rule}
    assert verdict.until == at(opens, ZONES[place])


@pytest.mark.parametrize(
    ("place", "channel", "last"),
    [
        (MAINLAND, SMS, "2028-12-31"),
        (MAINLAND, EMAIL, "2028-12-31"),
        (HONG_KONG, SMS, "2027-12-31"),
        (TAIWAN, EMAIL, "2027-12-31"),
        (TAIWAN, LETTER, "2027-12-31"),
    ],
)
def test_beyond_its_calendar_everything_waits_day_after_day(packs, place, channel, last):
    """Nobody has said which days are closed then: it fails closed, and asks again."""
    assert decide(packs, place, f"{last} 12:00", channel).decision is Decision.ALLOW
    now = at(f"{last} 12:00", ZONES[place]) + timedelta(days=1)
    for _ in range(30):
        case = facts(place, now=now, channel=channel, balance_max_age=timedelta(9999))
        verdict = judge(case, packs[place])
        assert verdict.decision is Decision.HOLD
        assert timedelta(0) < verdict.until - now <= timedelta(days=4)
        now = verdict.until


@pytest.mark.parametrize("place", [HONG_KONG, TAIWAN])
def test_what_is_held_over_the_calendars_end_does_not_go_there_either(packs, place):
    verdict = decide(packs, place, "2027-12-31 23:00")
    assert verdict.decision is Decision.HOLD
    later = facts(place, now=verdict.until, balance_max_age=timedelta(9999))
    assert judge(later, packs[place]).decision is Decision.HOLD


def test_an_answer_needs_no_calendar(packs):
    """Replies go on holidays, and in years that nobody has a calendar of."""
    for place in Jurisdiction:
        for when in ("2026-12-25 12:00", "2035-06-06 12:00"):
            verdict = decide(packs, place, when, purpose=Purpose.COMPLAINT_REPLY)
            assert verdict.decision is Decision.ALLOW


# ---------------------------------------------------------------- agreed hours


@pytest.mark.parametrize("place", Jurisdiction)
@pytest.mark.parametrize("channel", [SMS, EMAIL])
def test_agreed_hours_stand_instead(packs, place, channel):
    """Later than any pack has it, and nothing at noon: that is what was agreed."""
    evening = agreed("22:30", "23:15")
    late = decide(packs, place, "2026-11-23 22:45", channel, agreed=evening)
    assert late.decision is Decision.ALLOW
    assert late.until == at("2026-11-23 23:15", ZONES[place])
    noon = decide(packs, place, "2026-11-23 12:00", channel, agreed=evening)
    assert noon.decision is Decision.HOLD
    assert noon.until == at("2026-11-23 22:30", ZONES[place])
    over = decide(packs, place, "2026-11-23 23:15", channel, agreed=evening)
    assert over.until == at("2026-11-24 22:30", ZONES[place])


@pytest.mark.parametrize(
    ("place", "channel", "when", "opens"),
    [
        (MAINLAND, SMS, "2026-02-17 12:00", "2026-02-20 11:00"),
        (HONG_KONG, SMS, "2026-11-29 12:00", "2026-11-30 11:00"),  # a Sunday
        (HONG_KONG, SMS, "2026-12-25 12:00", "2026-12-28 11:00"),
        (TAIWAN, SMS, "2026-12-25 12:00", "2026-12-26 11:00"),
        (TAIWAN, EMAIL, "2026-02-17 12:00", "2026-02-23 11:00"),
    ],
)
def test_agreed_hours_never_open_a_closed_day(packs, place, channel, when, opens):
    verdict = decide(packs, place, when, channel, agreed=agreed("11:00", "13:00"))
    assert verdict.decision is Decision.HOLD
    assert verdict.until == at(opens, ZONES[place])


@pytest.mark.parametrize(("opens", "closes"), [("22:00", "02:00"), ("12:00", "12:00")])
@pytest.mark.parametrize("place", Jurisdiction)
def test_agreed_hours_that_never_open_are_none(packs, place, opens, closes):
    never = agreed(opens, closes)
    for wall in ("03:00", "08:45", "12:00", "23:00"):
        when = f"2026-11-23 {wall}"
        with_, without = (decide(packs, place, when, agreed=each) for each in (never, None))
        assert with_ == without


def test_agreed_hours_that_never_meet_firm_ones_are_none(packs):
    """A pack may have hours that yield to nothing."""
    pack = packs[MAINLAND]
    firm = tuple(
        replace(rule, params=replace(rule.params, yields=False)) if rule.key == "T-01" else rule
        for rule in pack.rules
    )
    strict = tighten(replace(pack, rules=firm), {"T-02": {"opens": "09:00"}}, "creditor x")

    def goes(wall, opens, closes):
        now = at(f"2026-11-23 {wall}")
        verdict = judge(facts(now=now, agreed=agreed(opens, closes), spread=0), strict)
        return verdict.decision is Decision.ALLOW, verdict.until

    assert goes("08:30", "08:00", "09:00") == (True, at("2026-11-23 09:00"))
    assert goes("12:00", "08:00", "09:00") == (False, at("2026-11-24 08:00"))
    assert goes("12:00", "05:00", "06:00") == (True, at("2026-11-23 21:30"))  # as if none were
    assert goes("05:30", "05:00", "06:00") == (False, at("2026-11-23 09:00"))


@pytest.mark.parametrize("place", Jurisdiction)
def test_hours_agreed_for_a_letter_mean_nothing(packs, place):
    case = facts(place, channel=LETTER, agreed=agreed("05:00", "06:00"))
    verdict = judge(case, packs[place])
    assert verdict.decision is Decision.ALLOW
    assert verdict.until == at("2026-11-24 00:00", ZONES[place])


# ---------------------------------------------------------------- a phone of another place


def test_a_mainland_phone_of_a_debtor_in_hong_kong_has_both_places_hours(packs):
    def verdict(wall):
        return decide(packs, HONG_KONG, f"2026-11-{wall}", abroad=MAINLAND)

    assert verdict("23 09:00").decision is Decision.ALLOW
    assert verdict("23 09:00").until == at("2026-11-23 21:00")  # the earlier of the last
    evening = verdict("23 20:45")  # open in Hong Kong alone
    assert rules(evening) == {"T-02"}
    assert evening.until == at("2026-11-24 09:00")
    morning = verdict("23 08:45")  # and in the mainland alone
    assert rules(morning) == {"HK-01"}
    assert morning.until == at("2026-11-23 09:00")
    assert rules(verdict("29 12:00")) == {"HK-01"}  # a Sunday


def test_both_places_closed_days_bind(packs):
    holiday = decide(packs, TAIWAN, "2026-02-14 12:00", abroad=MAINLAND)
    assert rules(holiday) == {"TW-03"}
    eve = decide(packs, HONG_KONG, "2026-02-16 12:00", abroad=MAINLAND)  # 除夕, no holiday there
    assert rules(eve) == {"T-05"}
    assert eve.until == at("2026-02-20 09:00")


def test_only_the_hours_of_the_other_place_bind(packs):
    """Its caps, registers and roles are not this debtor's."""
    case = facts(HONG_KONG, filed=frozenset(), contacts=contacts(2, EMAIL, timedelta(days=1)))
    verdict = judge(case, packs[HONG_KONG], packs[MAINLAND])
    assert verdict.decision is Decision.ALLOW
    assert verdict.findings == ()
    versions = packs[HONG_KONG].version, packs[MAINLAND].version
    assert verdict.policy_version == "+".join(versions)


def test_two_places_hours_that_never_meet_are_held_day_after_day(packs):
    """A creditor whose own hours begin when the other place's have ended."""
    strict = tighten(packs[HONG_KONG], {"HK-01.sms": {"opens": "20:40"}}, "creditor x")
    for hour in range(24):
        now = at(MONDAY, ZONES[HONG_KONG]) + timedelta(hours=hour, minutes=50)
        case = facts(HONG_KONG, now=now, balance_max_age=timedelta(9999), spread=7)
        verdict = judge(case, strict, packs[MAINLAND])
        assert verdict.decision is Decision.HOLD
        assert timedelta(0) < verdict.until - now < timedelta(days=3)
