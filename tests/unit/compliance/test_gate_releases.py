"""What two people set aside, and every rule's answer when somebody asks why."""

from dataclasses import replace
from datetime import timedelta

import pytest
from gate_cases import account, agency, at, contacts, facts, point, standing
from rule_cases import cases, objecting

from outreach.compliance.finding import Effect
from outreach.compliance.gate import Decision, explain, judge
from outreach.compliance.rules import CHECKS
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.notice import Purpose

MAINLAND, HONG_KONG, TAIWAN = Jurisdiction
RELEASABLE = {
    MAINLAND: {"S-09", "LIST", "S-07", "S-10", "S-12.refused", "PAID-CLAIM", "UNREAD", "PROMISE"},
    HONG_KONG: {
        "S-09", "LIST", "S-07", "S-10", "S-12.refused", "PAID-CLAIM", "UNREAD", "PROMISE",
        "HK-29.over",
    },
    TAIWAN: {"S-09", "LIST", "S-07", "S-10", "PAID-CLAIM", "UNREAD", "PROMISE"},
}  # fmt: skip


@pytest.mark.parametrize("place", Jurisdiction)
def test_only_house_rules_and_a_lawyers_matter_can_be_released(packs, place):
    """What a law forbids, no two people allow."""
    rules = [rule for rule in packs[place].rules if rule.releasable]
    assert {rule.key for rule in rules} == RELEASABLE[place]
    assert {rule.key for rule in rules if rule.confidence in "AB"} <= {"HK-29.over"}
    assert all(rule.release for rule in rules)


@pytest.mark.parametrize("place", Jurisdiction)
def test_what_is_released_goes_and_is_told_with_it(packs, place):
    case = facts(place, standings=(standing(Standing.VIP),), point=point(verified=False))
    stopped = judge(case, packs[place])
    assert stopped.decision is Decision.BLOCK
    half = judge(replace(case, released=frozenset({"LIST"})), packs[place])
    assert half.decision is Decision.BLOCK  # each of the two must be
    both = judge(replace(case, released=frozenset({"LIST", "S-09"})), packs[place])
    assert both.decision is Decision.ALLOW
    assert both.until == judge(facts(place), packs[place]).until
    assert [each.rule for each in both.findings] == [each.rule for each in stopped.findings]
    assert {each.effect for each in both.findings} == {Effect.FLAG}
    assert [each.values for each in both.findings] == [each.values for each in stopped.findings]


def test_a_released_hold_no_longer_waits(packs):
    case = facts(standings=(standing(Standing.HARDSHIP),), released=frozenset({"S-10"}))
    verdict = judge(case, packs[MAINLAND])
    assert verdict.decision is Decision.ALLOW
    assert [finding.wait_until for finding in verdict.findings] == [None]
    night = judge(replace(case, now=at("2026-11-23 23:00"), spread=0), packs[MAINLAND])
    assert night.until == at("2026-11-24 08:30")  # it waits for the morning only


@pytest.mark.parametrize("place", Jurisdiction)
def test_nothing_else_is_released_however_it_is_asked(packs, place):
    everything = frozenset(rule.id for rule in packs[place].rules)
    case = facts(
        place,
        now=at("2026-11-23 23:30"),
        standings=(standing(Standing.PLAN), standing(Standing.DISPUTE)),
        contacts=contacts(5),
        accounts=(account(settled=True),),
        point=point(dead=True, verified=False),
    )
    verdict = judge(replace(case, released=everything), packs[place])
    assert verdict.decision is Decision.BLOCK
    before = {finding.rule: finding.effect for finding in judge(case, packs[place]).findings}
    after = {finding.rule: finding.effect for finding in verdict.findings}
    changed = {rule for rule in before if before[rule] is not after[rule]}
    assert changed == {"S-09"}


def test_a_release_of_an_id_leaves_its_rules_that_are_not_releasable(packs):
    """S-12 is the agency's contract, too."""
    refuses = (standing(Standing.AGENCY_REFUSED),)
    over = agency(until=at("2026-11-01 12:00").date())
    case = facts(standings=refuses, accounts=(account(agency=over),), released=frozenset({"S-12"}))
    verdict = judge(case, packs[MAINLAND])
    assert verdict.decision is Decision.BLOCK
    effects = [finding.effect for finding in verdict.findings if finding.rule == "S-12"]
    assert sorted(effects) == [Effect.BLOCK, Effect.FLAG]


# ---------------------------------------------------------------- every rule's answer


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.place}-{case.key}")
def test_every_rule_answers_and_says_what_it_looked_at(packs, case):
    """In both languages, for what it objects to and for what it lets go."""
    pack = packs[case.place]
    for each in (*case.stopped, *case.passes):
        answers = explain(each, pack)
        assert [answer.rule for answer in answers] == list(pack.rules)
        found = {answer.rule.key for answer in answers if answer.finding is not None}
        assert found == set(objecting(each, pack))
        for answer in answers:
            _fits(each, answer)


def _fits(case, answer):
    rule, names = answer.rule, CHECKS[answer.rule.check].names
    assert answer.concerned is (case.purpose in rule.purposes and case.channel in rule.channels)
    if not answer.concerned:
        assert (answer.inputs, answer.finding) == ({}, None)
        return
    assert set(answer.inputs) <= names
    assert all(isinstance(value, str | int) for value in answer.inputs.values())
    assert rule.says.format_map(answer.inputs)
    assert rule.says_en.format_map(answer.inputs)
    if answer.finding is not None:
        assert answer.finding.says == rule.says.format_map(answer.finding.values)
        assert rule.says_en.format_map(answer.finding.values)
        assert set(answer.finding.values) <= names


@pytest.mark.parametrize("place", Jurisdiction)
def test_an_explanation_tells_what_the_gate_decided_on(packs, place):
    """All objections of the verdict are among the answers, and no others."""
    case = facts(
        place,
        now=at("2026-12-25 23:30"),
        standings=(standing(Standing.DISPUTE),),
        contacts=contacts(3, Channel.SMS, timedelta(hours=1)),
        accounts=(account(agency=agency(told_on=None)),),
    )
    told = [answer.finding for answer in explain(case, packs[place]) if answer.finding]
    verdict = judge(case, packs[place])
    assert sorted(told, key=str) == sorted(verdict.findings, key=str)


def test_an_explanation_of_no_accounts_fails_nowhere(packs):
    for place in Jurisdiction:
        for purpose in Purpose:
            answers = explain(facts(place, accounts=(), purpose=purpose), packs[place])
            assert len(answers) == len(packs[place].rules)
