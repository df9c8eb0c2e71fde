"""Each rule of the first gate, one fact changed at a time."""

from dataclasses import replace
from datetime import UTC, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest
from gate_cases import MONDAY, ZONES, account, agency, at, contacts, day, facts, point, standing

from outreach.compliance.finding import Effect
from outreach.compliance.gate import Decision, judge
from outreach.domain.contact import Channel, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose

MAINLAND, HONG_KONG, TAIWAN = Jurisdiction
STATUTORY = {
    Purpose.ASSIGNMENT_NOTICE,
    Purpose.OUTSOURCING_NOTICE,
    Purpose.CREDIT_REPORT_NOTICE,
    Purpose.ACCELERATION_NOTICE,
}
COLLECTS = {
    Purpose.PAYMENT_REMINDER,
    Purpose.OVERDUE_NOTICE,
    Purpose.DEMAND_LETTER,
    Purpose.LAWYER_LETTER,
    Purpose.ACCELERATION_NOTICE,
    Purpose.SETTLEMENT_OFFER,
}
IN_WRITING = {"HK-08", "TW-11", "TW-21", "TW-50"}
REPLIES = {Purpose.DISPUTE_REPLY, Purpose.COMPLAINT_REPLY, Purpose.CORRECTION_NOTICE}


def rules(verdict):
    return {finding.rule for finding in verdict.findings}


def wall(moment, zone="Asia/Shanghai"):
    return moment.astimezone(ZoneInfo(zone))


@pytest.mark.parametrize("place", Jurisdiction)
@pytest.mark.parametrize("channel", Channel)
def test_nothing_against_it_is_allowed(packs, place, channel):
    verdict = judge(facts(place, channel=channel), packs[place])
    assert verdict.decision is Decision.ALLOW
    assert verdict.findings == ()
    assert verdict.policy_version == packs[place].version


@pytest.mark.parametrize(
    ("place", "channel", "time", "until"),
    [
        (MAINLAND, Channel.SMS, "08:30", "21:30"),
        (MAINLAND, Channel.SMS, "20:29", "21:30"),
        (MAINLAND, Channel.EMAIL, "08:00", "22:00"),
        (MAINLAND, Channel.EMAIL, "21:59", "22:00"),
        (MAINLAND, Channel.LETTER, "03:00", "00:00"),
        (HONG_KONG, Channel.SMS, "09:00", "21:00"),
        (HONG_KONG, Channel.EMAIL, "08:00", "22:00"),
        (TAIWAN, Channel.SMS, "20:29", "21:30"),
        (TAIWAN, Channel.EMAIL, "08:30", "21:30"),
    ],
)
def test_allowed_until_the_end_of_the_hard_window(packs, place, channel, time, until):
    now = at(f"2026-11-23 {time}", ZONES[place])
    verdict = judge(facts(place, channel=channel, now=now), packs[place])
    assert verdict.decision is Decision.ALLOW
    assert f"{wall(verdict.until, ZONES[place]):%H:%M}" == until


@pytest.mark.parametrize(
    ("place", "channel", "when", "rule", "opens"),
    [
        (MAINLAND, Channel.SMS, "2026-11-23 08:29", {"T-02"}, "2026-11-23 08:30"),
        (MAINLAND, Channel.SMS, "2026-11-23 20:30", {"T-02"}, "2026-11-24 08:30"),
        (MAINLAND, Channel.SMS, "2026-11-23 22:00", {"T-01", "T-02"}, "2026-11-24 08:30"),
        (MAINLAND, Channel.EMAIL, "2026-11-23 22:00", {"T-01"}, "2026-11-24 08:00"),
        (MAINLAND, Channel.EMAIL, "2026-11-23 07:59", {"T-01"}, "2026-11-23 08:00"),
        (HONG_KONG, Channel.SMS, "2026-11-23 08:59", {"HK-01"}, "2026-11-23 09:00"),
        (HONG_KONG, Channel.SMS, "2026-11-28 21:00", {"HK-01"}, "2026-11-30 09:00"),
        (HONG_KONG, Channel.SMS, "2026-11-29 12:00", {"HK-01"}, "2026-11-30 09:00"),
        (HONG_KONG, Channel.EMAIL, "2026-11-29 23:00", {"HK-01"}, "2026-11-30 08:00"),
        (TAIWAN, Channel.SMS, "2026-11-23 20:30", {"TW-01"}, "2026-11-24 08:30"),
        (TAIWAN, Channel.EMAIL, "2026-11-23 07:30", {"TW-01"}, "2026-11-23 08:30"),
    ],
)
def test_held_out_of_hours_into_the_next_window(packs, place, channel, when, rule, opens):
    now = at(when, ZONES[place])
    case = facts(place, channel=channel, now=now, spread=0, balance_max_age=timedelta(days=9))
    verdict = judge(case, packs[place])
    assert verdict.decision is Decision.HOLD
    assert rules(verdict) == rule
    assert verdict.until == at(opens, ZONES[place])


def test_hong_kong_mail_goes_on_a_sunday(packs):
    now = at("2026-11-29 12:00", ZONES[HONG_KONG])
    case = facts(HONG_KONG, channel=Channel.EMAIL, now=now, balance_max_age=timedelta(days=9))
    assert judge(case, packs[HONG_KONG]).decision is Decision.ALLOW


@pytest.mark.parametrize(("place", "morning"), [(MAINLAND, "08:00"), (TAIWAN, "07:00")])
def test_an_answer_may_go_outside_the_planned_hours_but_not_at_night(packs, place, morning):
    def decide(time):
        now = at(f"2026-11-23 {time}", ZONES[place])
        case = facts(place, now=now, answers_debtor=True, purpose=Purpose.DISPUTE_REPLY)
        return judge(case, packs[place])

    assert decide("06:59").decision is Decision.HOLD
    assert decide(morning).decision is Decision.ALLOW
    assert decide("21:00").decision is Decision.ALLOW
    assert decide("21:30").decision is Decision.HOLD
    assert decide("23:00").decision is Decision.HOLD


def test_the_hours_are_those_of_the_debtors_zone(packs):
    """11:00 in Shanghai is 22:00 of the evening before in New York."""
    verdict = judge(facts(zone="America/New_York", spread=0), packs[MAINLAND])
    assert rules(verdict) == {"T-01", "T-02"}
    assert verdict.until == at("2026-11-23 08:30", "America/New_York")


def test_one_moment_ends_otherwise_in_another_zone(packs):
    """Two debtors of one chunk, judged at the same instant."""
    now = at("2026-11-23 12:00")
    ends = [
        judge(facts(now=now, zone=zone), packs[MAINLAND]).until
        for zone in ("Asia/Shanghai", "Asia/Urumqi", "Asia/Tokyo", "Asia/Shanghai")
    ]
    assert [end - ends[0] for end in ends] == [timedelta(hours=h) for h in (0, 2, -1, 0)]


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Asia"])
def test_an_unknown_zone_is_blocked(packs, zone):
    verdict = judge(facts(zone=zone, contacts=contacts(9)), packs[MAINLAND])
    assert verdict.decision is Decision.BLOCK
    assert {"T-04", "F-04"} <= rules(verdict)


@pytest.mark.parametrize("field", ["contacts", "value_contacts"])
@pytest.mark.parametrize(
    ("place", "rule"), [(MAINLAND, "F-04"), (HONG_KONG, "HK-02"), (TAIWAN, "TW-02")]
)
def test_the_daily_cap_holds_until_the_next_day(packs, place, rule, field):
    full, less = ({field: contacts(count, Channel.LETTER)} for count in (2, 1))
    assert judge(facts(place, **less), packs[place]).decision is Decision.ALLOW
    verdict = judge(facts(place, **full), packs[place])
    assert rules(verdict) == {rule}
    assert verdict.decision is Decision.HOLD
    assert f"{wall(verdict.until, ZONES[place]):%F}" == "2026-11-24"
    scope = "debtor" if field == "contacts" else "value"
    values = {"scope": scope, "limit": 2, "reserved": 1, "days": 1}
    if scope == "debtor":  # how many went to a phone that others share is their affair, too
        values["counted"] = 2
    assert verdict.findings[0].values == values
    reply = facts(place, **full, purpose=Purpose.COMPLAINT_REPLY)
    assert judge(reply, packs[place]).decision is Decision.ALLOW


@pytest.mark.parametrize("purpose", sorted(STATUTORY))
@pytest.mark.parametrize("place", Jurisdiction)
def test_a_statutory_notice_has_a_place_that_nothing_else_takes(packs, place, purpose):
    def decide(why, count):
        known = contacts(count, Channel.LETTER)
        by = Channel.LETTER if why in STATUTORY else Channel.SMS
        case = facts(place, contacts=known, value_contacts=known, purpose=why, channel=by)
        return judge(case, packs[place]).decision

    others = set(Purpose) - STATUTORY - REPLIES - {Purpose.SETTLEMENT_RECEIPT}
    assert decide(purpose, 2) is Decision.ALLOW
    assert {decide(other, 2) for other in others} == {Decision.HOLD}
    assert {decide(other, 1) for other in others} == {Decision.ALLOW}
    assert decide(purpose, 3) is Decision.HOLD


@pytest.mark.parametrize(
    ("place", "rule"), [(MAINLAND, "F-04"), (HONG_KONG, "HK-02"), (TAIWAN, "TW-02")]
)
def test_a_second_contact_of_a_day_goes_and_is_looked_at_later(packs, place, rule):
    verdict = judge(facts(place, contacts=contacts(1, Channel.LETTER)), packs[place])
    assert verdict.decision is Decision.ALLOW
    (finding,) = verdict.findings
    assert (finding.rule, finding.effect, finding.wait_until) == (rule, Effect.FLAG, None)


@pytest.mark.parametrize(("channel", "cap"), [(Channel.SMS, 3), (Channel.EMAIL, 2)])
def test_a_week_has_its_cap_by_channel(packs, channel, cap):
    day, week = timedelta(days=1), timedelta(days=7)
    others = [each for each in Channel if each is not channel]
    one = contacts(1, channel, week - timedelta(hours=1))
    elsewhere = contacts(5, others[0], day) + contacts(5, others[1], day)
    known = elsewhere + contacts(cap - 1, channel, day)
    assert judge(facts(channel=channel, contacts=known), packs[MAINLAND]).decision is Decision.ALLOW
    verdict = judge(facts(channel=channel, contacts=known + one, spread=0), packs[MAINLAND])
    assert rules(verdict) == {"F-03"}
    assert verdict.until == at(MONDAY) + timedelta(hours=1)
    told = facts(channel=channel, contacts=known + one, purpose=Purpose.ASSIGNMENT_NOTICE)
    assert judge(told, packs[MAINLAND]).decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("place", "rule"), [(MAINLAND, "P-01"), (HONG_KONG, "HK-06"), (TAIWAN, "TW-08")]
)
def test_only_debtors_and_guarantors(packs, place, rule):
    for role in (Role.PRIMARY, Role.JOINT, Role.GUARANTOR):
        case = facts(place, accounts=(account(role),))
        assert judge(case, packs[place]).decision is Decision.ALLOW
    for accounts in ((account(Role.SUPPLEMENTARY),), (account(), account(Role.SUPPLEMENTARY)), ()):
        verdict = judge(facts(place, accounts=accounts), packs[place])
        assert verdict.decision is Decision.BLOCK
        assert rule in rules(verdict)


@pytest.mark.parametrize("place", Jurisdiction)
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"wrong_person": True}, "P-07"),
        ({"dead": True}, "P-07"),
        ({"origin": Origin.UNKNOWN}, "P-08"),
        ({"verified": False}, "S-09"),
    ],
)
@pytest.mark.parametrize("channel", Channel)
def test_a_doubtful_point_is_blocked(packs, place, change, rule, channel):
    verdict = judge(facts(place, point=point(**change), channel=channel), packs[place])
    assert verdict.decision is Decision.BLOCK
    assert rules(verdict) == {rule}


@pytest.mark.parametrize("place", Jurisdiction)
def test_an_opt_out_stops_courtesies_to_the_point_but_no_letter(packs, place):
    out = point(opted_out=True)
    for purpose in Purpose:
        spared = purpose in STATUTORY | REPLIES | {Purpose.LAWYER_LETTER}
        settled = (account(settled=purpose is Purpose.SETTLEMENT_RECEIPT),)
        for channel in Channel:
            case = facts(place, point=out, purpose=purpose, channel=channel, accounts=settled)
            free = spared or channel is Channel.LETTER
            found = rules(judge(case, packs[place])) - IN_WRITING
            assert found == (set() if free else {"C-12"})


@pytest.mark.parametrize(
    ("place", "rule"), [(MAINLAND, "S-02"), (HONG_KONG, "HK-11"), (TAIWAN, "S-02")]
)
def test_a_settled_account_is_not_dunned(packs, place, rule):
    accounts = (account(), account(settled=True))
    for purpose in COLLECTS:
        verdict = judge(facts(place, accounts=accounts, purpose=purpose), packs[place])
        assert verdict.decision is Decision.BLOCK
        assert rules(verdict) == {rule}


@pytest.mark.parametrize(
    ("place", "rule"), [(MAINLAND, "C-04"), (HONG_KONG, "HK-04"), (TAIWAN, "TW-04")]
)
def test_the_receipt_goes_only_when_all_is_settled(packs, place, rule):
    def verdict(*settled):
        accounts = tuple(account(settled=each) for each in settled)
        receipt = Purpose.SETTLEMENT_RECEIPT
        return judge(facts(place, accounts=accounts, purpose=receipt), packs[place])

    assert verdict(True, True).decision is Decision.ALLOW
    assert verdict(True, False).decision is Decision.BLOCK
    assert rules(verdict(True, False)) == {rule}


@pytest.mark.parametrize(
    ("place", "rule"), [(MAINLAND, "C-04"), (HONG_KONG, "HK-11"), (TAIWAN, "C-04")]
)
def test_a_payment_after_the_balance_waits_for_the_next_balance(packs, place, rule):
    paid = replace(account(), paid_since=True)
    asked = facts(place, accounts=(account(), paid))
    found = judge(asked, packs[place])
    assert found.decision is Decision.HOLD
    assert rules(found) == {rule}
    assert found.findings[0].values == {"paid": 1, "accounts": 2}
    receipt = facts(place, accounts=(paid,), purpose=Purpose.DISPUTE_REPLY)
    assert judge(receipt, packs[place]).decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("place", "rule"), [(MAINLAND, "C-04"), (HONG_KONG, "HK-11"), (TAIWAN, "C-04")]
)
def test_a_stale_balance_waits_for_a_fresh_one(packs, place, rule):
    def verdict(age):
        accounts = (account(), account(age=age))
        return judge(facts(place, accounts=accounts, now=at(MONDAY)), packs[place])

    assert verdict(timedelta(hours=26)).decision is Decision.ALLOW
    stale = verdict(timedelta(hours=26, seconds=1))
    assert stale.decision is Decision.HOLD
    assert rules(stale) == {rule}
    assert stale.findings[0].wait_until == at(MONDAY) + timedelta(hours=2)


BLOCKS, HOLDS = Decision.BLOCK, Decision.HOLD
MUST_STOP = [
    (Standing.PLAN, BLOCKS, "S-01", "S-01", "S-01"),
    (Standing.DISPUTE, HOLDS, "S-03", "S-03", "TW-39"),
    (Standing.COMPLAINT, HOLDS, "S-04", "HK-19", "TW-52"),
    (Standing.DECEASED, BLOCKS, "S-05", "S-05", "S-05"),
    (Standing.MISSING, BLOCKS, "S-05", "S-05", "S-05"),
    (Standing.INCAPACITY, BLOCKS, "S-05", "S-05", "S-05"),
    (Standing.MINOR, BLOCKS, "S-13", "S-13", "S-13"),
    (Standing.BANKRUPTCY, BLOCKS, "S-06", "HK-12", "S-06"),
    (Standing.ARRANGEMENT, BLOCKS, "S-06", "HK-14", "S-06"),
    (Standing.REHABILITATION, BLOCKS, "S-06", "S-06", "TW-33"),
    (Standing.LIQUIDATION, BLOCKS, "S-06", "S-06", "TW-34"),
    (Standing.PRESERVATION, BLOCKS, "S-06", "S-06", "TW-35"),
    (Standing.LAWSUIT, HOLDS, "S-07", "S-07", "S-07"),
    (Standing.REPRESENTED, HOLDS, "S-07", "S-07", "S-07"),
    (Standing.ASSIGNED, BLOCKS, "S-08", "HK-37", "TW-24"),
    (Standing.ACQUIRED, BLOCKS, "S-08", "HK-37", "TW-24"),
    (Standing.HARDSHIP, HOLDS, "S-10", "S-10", "S-10"),
    (Standing.UNREAD, HOLDS, "UNREAD", "UNREAD", "UNREAD"),
    (Standing.PROMISE, HOLDS, "PROMISE", "PROMISE", "PROMISE"),
    (Standing.PAYMENT_PENDING, HOLDS, "PAID-CLAIM", "PAID-CLAIM", "PAID-CLAIM"),
    (Standing.DO_NOT_CONTACT, BLOCKS, "LIST", "LIST", "LIST"),
    (Standing.VIP, BLOCKS, "LIST", "LIST", "LIST"),
    (Standing.STAFF, BLOCKS, "LIST", "LIST", "LIST"),
    (Standing.HUMAN_ONLY, BLOCKS, "LIST", "LIST", "LIST"),
]
ELSEWHERE = {Standing.NEGOTIATION, Standing.AGENCY_REFUSED, Standing.AGREED_HOURS}
"""Tested on their own: what stops then differs by place, by agency, or is a matter of hours."""


def test_every_standing_has_a_rule():
    assert {case[0] for case in MUST_STOP} == set(Standing) - ELSEWHERE


@pytest.mark.parametrize(("kind", "decision", "mainland", "hong_kong", "taiwan"), MUST_STOP)
def test_standings_and_lists_stop_collection(packs, kind, decision, mainland, hong_kong, taiwan):
    for place, rule in zip(Jurisdiction, (mainland, hong_kong, taiwan), strict=True):
        for purpose in (Purpose.OVERDUE_NOTICE, Purpose.DEMAND_LETTER):
            for channel in Channel:
                case = facts(place, standings=(standing(kind),), purpose=purpose, channel=channel)
                verdict = judge(case, packs[place])
                assert (verdict.decision, rules(verdict)) == (decision, {rule})


def test_a_negotiation_in_taiwan_is_held_at_once_and_blocked_from_the_third_day(packs):
    def verdict(place, days_ago):
        case = facts(place, standings=(standing(Standing.NEGOTIATION, days_ago),), spread=0)
        return judge(case, packs[place])

    held = verdict(TAIWAN, 0)
    assert (held.decision, rules(held)) == (HOLDS, {"TW-37"})
    assert held.until == at(MONDAY) + timedelta(days=3)
    for days_ago in (3, 90):
        blocked = verdict(TAIWAN, days_ago)
        assert (blocked.decision, rules(blocked)) == (BLOCKS, {"TW-36"})
    for place in (MAINLAND, HONG_KONG):
        assert (verdict(place, 0).decision, rules(verdict(place, 0))) == (BLOCKS, {"S-06"})


@pytest.mark.parametrize(
    ("place", "rule"), [(MAINLAND, "S-12"), (HONG_KONG, "S-12"), (TAIWAN, "TW-19")]
)
def test_who_refuses_the_agency_still_hears_from_the_creditor(packs, place, rule):
    refuses = (standing(Standing.AGENCY_REFUSED),)
    assert judge(facts(place, standings=refuses), packs[place]).decision is Decision.ALLOW
    placed = facts(place, standings=refuses, accounts=(account(agency=agency()),))
    assert rules(judge(placed, packs[place])) == {rule}


@pytest.mark.parametrize("kind", Standing)
def test_a_standing_that_has_expired_stops_nothing(packs, kind):
    over = standing(kind, days_ago=10, expires_in=0)
    for place in Jurisdiction:
        assert judge(facts(place, standings=(over,)), packs[place]).decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("kind", "purposes"),
    [
        (Standing.DISPUTE, REPLIES | {Purpose.SETTLEMENT_RECEIPT, Purpose.CREDIT_REPORT_NOTICE}),
        (Standing.COMPLAINT, REPLIES | {Purpose.SETTLEMENT_RECEIPT}),
        (Standing.PLAN, REPLIES | {Purpose.PLAN_REMINDER, Purpose.PLAN_BREACH_NOTICE}),
        (Standing.HARDSHIP, {Purpose.SETTLEMENT_OFFER, Purpose.PLAN_AGREEMENT}),
        (Standing.BANKRUPTCY, REPLIES | {Purpose.SETTLEMENT_RECEIPT}),
        (Standing.DO_NOT_CONTACT, REPLIES | {Purpose.SETTLEMENT_RECEIPT}),
    ],
)
def test_what_a_standing_does_not_stop(packs, kind, purposes):
    for place in Jurisdiction:
        for purpose in purposes:
            paid = (account(settled=purpose is Purpose.SETTLEMENT_RECEIPT),)
            by = Channel.LETTER if purpose in STATUTORY else Channel.SMS
            case = facts(
                place, standings=(standing(kind),), purpose=purpose, accounts=paid, channel=by
            )
            assert judge(case, packs[place]).decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("kind", "days"),
    [(Standing.HARDSHIP, 30), (Standing.PROMISE, 14), (Standing.PAYMENT_PENDING, 3)],
)
def test_a_pause_without_an_end_is_limited(packs, kind, days):
    paused = judge(facts(standings=(standing(kind, days_ago=1),)), packs[MAINLAND])
    assert paused.findings[0].wait_until == at(MONDAY) + timedelta(days=days - 1)
    over = judge(facts(standings=(standing(kind, days_ago=days),)), packs[MAINLAND])
    assert over.decision is Decision.ALLOW


def test_a_dated_promise_is_kept_to_its_date(packs):
    verdict = judge(facts(standings=(standing(Standing.PROMISE, expires_in=20),)), packs[MAINLAND])
    assert verdict.findings[0].wait_until == at(MONDAY) + timedelta(days=20)


def test_a_dispute_is_looked_at_again_after_a_day(packs):
    verdict = judge(facts(standings=(standing(Standing.DISPUTE, days_ago=40),)), packs[MAINLAND])
    assert verdict.findings[0].wait_until == at(MONDAY) + timedelta(days=1)


def test_of_two_standings_the_longer_one_speaks(packs):
    both = (standing(Standing.HUMAN_ONLY, expires_in=2), standing(Standing.VIP, days_ago=3))
    verdict = judge(facts(standings=both), packs[MAINLAND])
    assert verdict.findings[0].values == {"standing": "vip", "since": "2026-11-20"}


def test_none_hides_another_and_a_block_beats_a_hold(packs):
    case = facts(
        now=at("2026-11-23 23:00"),
        contacts=contacts(5),
        standings=(standing(Standing.DISPUTE), standing(Standing.PLAN)),
        point=point(verified=False, dead=True, usage=Usage.WORKPLACE),
        accounts=(
            account(Role.SUPPLEMENTARY, settled=True, age=timedelta(days=3)),
            account(agency=agency(until=day(1), told_on=None, listed_on=None)),
        ),
        filed=frozenset(),
    )
    verdict = judge(case, packs[MAINLAND])
    assert verdict.decision is Decision.BLOCK
    assert verdict.until is None
    assert rules(verdict) == {
        "T-01", "T-02", "F-03", "F-04", "P-01", "P-07", "P-09", "S-09", "C-01", "C-03", "C-04",
        "M-02", "M-04", "S-01", "S-02", "S-03", "S-12",
    }  # fmt: skip


def test_the_longest_wait_counts(packs):
    case = facts(contacts=contacts(2), standings=(standing(Standing.HARDSHIP),), spread=0)
    assert judge(case, packs[MAINLAND]).until == at(MONDAY) + timedelta(days=30)


def test_held_notices_come_back_spread_over_hours(packs):
    night = at("2026-11-23 23:00")
    numbers = [int.from_bytes(sha256(bytes([number])).digest()[:8]) for number in range(200)]
    ends = [judge(facts(now=night, spread=number), packs[MAINLAND]).until for number in numbers]
    assert len({end.replace(second=0) for end in ends}) > 90
    first = at("2026-11-24 08:30")
    assert all(first <= end < first + timedelta(hours=3) for end in ends)
    assert judge(facts(now=night, spread=numbers[7]), packs[MAINLAND]).until == ends[7]


def test_a_finding_says_why_in_words_with_its_values(packs):
    verdict = judge(facts(contacts=contacts(2, Channel.LETTER)), packs[MAINLAND])
    finding, _ = verdict.findings
    assert finding.effect is Effect.HOLD
    assert finding.says == "债务人今日已触达 2 次,本事由每日上限 2 次"
    assert "未经核实" in finding.confidence.label


def test_a_pack_of_another_place_is_refused(packs):
    with pytest.raises(ValueError, match="judged by the pack of hk"):
        judge(facts(MAINLAND), packs[HONG_KONG])


def test_verdicts_are_in_utc(packs):
    assert judge(facts(), packs[MAINLAND]).until.tzinfo is UTC
