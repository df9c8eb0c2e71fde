"""A creditor's own values: the stricter of two holds, and what cannot be said is refused."""

import hashlib
from datetime import time, timedelta
from functools import partial

import pytest
from gate_cases import TODAY, account, agency, at, contacts, day, facts, point, standing

from outreach.compliance.gate import Decision, judge
from outreach.compliance.pack import digest
from outreach.compliance.policies import Policies, load_policies
from outreach.compliance.rule import Stricter
from outreach.compliance.stricter import laxer, tighten
from outreach.domain.contact import Channel, Origin
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind

MAINLAND, HONG_KONG, TAIWAN = Jurisdiction
SMS, EMAIL, LETTER = Channel
WHERE = "creditor x"


def value(pack, key, name):
    (rule,) = (rule for rule in pack.rules if rule.key == key)
    return getattr(rule.params, name)


@pytest.mark.parametrize(
    ("way", "one", "other", "stricter"),
    [
        (Stricter.LOWER, 3, 2, 2),
        (Stricter.HIGHER, 3, 4, 4),
        (Stricter.HIGHER, False, True, True),
        (Stricter.EARLIER, time(20, 30), time(19), time(19)),
        (Stricter.LATER, time(8, 30), time(9), time(9)),
        (Stricter.FEWER, ("a", "b", "c"), ("c", "a", "d"), ("a", "c")),
        (Stricter.FEWER, ("a",), (), ()),
    ],
)
def test_the_stricter_of_two_values(way, one, other, stricter):
    assert way.of(one, other) == stricter
    reverse = way.of(other, one)
    assert set(reverse) == set(stricter) if way is Stricter.FEWER else reverse == stricter
    assert way.of(one, one) == one
    assert way.of(one, stricter) == stricter


morning = partial(facts, now=at(f"{TODAY} 08:45"))
TIGHTENED = [  # what passes the pack, and not the creditor's
    (MAINLAND, "T-02", {"opens": "09:00"}, morning()),
    (MAINLAND, "T-02", {"closes": "18:00", "last": "18:00"}, facts(now=at(f"{TODAY} 18:00"))),
    (MAINLAND, "F-04.day", {"limit": 2}, facts(contacts=contacts(1, LETTER))),
    (MAINLAND, "F-04.day", {"reserved": 2}, facts(contacts=contacts(1, LETTER))),
    (MAINLAND, "F-03.sms-week", {"limit": 2}, facts(contacts=contacts(2, SMS, timedelta(days=3)))),
    (MAINLAND, "T-07", {"days": 40}, facts()),
    (MAINLAND, "T-07", {"tolerance": 100_000}, facts()),
    (MAINLAND, "P-01", {"allowed": ["primary"]}, facts(accounts=(account(Role.GUARANTOR),))),
    (MAINLAND, "P-08", {"allowed": ["contract"]}, facts(point=point(origin=Origin.DEBTOR))),
    (MAINLAND, "P-08", {"documented": True}, facts(point=point(documented=False))),
    (
        MAINLAND,
        "PROMISE",
        {"pause_days": 20},
        facts(standings=(standing(Standing.PROMISE, days_ago=15),)),
    ),
    (
        HONG_KONG,
        "HK-08.days",
        {"days": 14},
        facts(HONG_KONG, accounts=(account(agency=agency(told_on=day(10))),)),
    ),
    (HONG_KONG, "HK-29.over", {"months": 60}, None),
    (
        TAIWAN,
        "TW-16",
        {"allowed": ["law_firm"]},
        facts(TAIWAN, accounts=(account(agency=agency(kind=AgencyKind.ASSET_MANAGER)),)),
    ),
]


@pytest.mark.parametrize(("place", "key", "params", "case"), TIGHTENED)
def test_a_stricter_value_holds(packs, place, key, params, case):
    pack = packs[place]
    strict = tighten(pack, {key: params}, WHERE)
    assert strict.version != pack.version
    assert strict.version == digest(strict.source)
    assert strict.source.startswith(pack.source)
    assert laxer(pack, {key: params}, WHERE) == []
    others = [rule for rule in pack.rules if rule.key != key]
    assert [rule for rule in strict.rules if rule.key != key] == others
    if case is not None:
        assert judge(case, pack).decision is Decision.ALLOW
        verdict = judge(case, strict)
        assert verdict.decision is not Decision.ALLOW
        assert verdict.policy_version == strict.version


def test_a_limitation_blocks_a_lawyers_letter_sooner(packs):
    """What the pack lets go with a flag."""
    dpd = 61 * 31
    case = facts(HONG_KONG, purpose=Purpose.LAWYER_LETTER, accounts=(account(dpd=dpd),))
    strict = tighten(packs[HONG_KONG], {"HK-29.over": {"months": 60}}, WHERE)
    assert judge(case, packs[HONG_KONG]).decision is Decision.ALLOW
    assert judge(case, strict).decision is Decision.BLOCK


LAXER = [
    (MAINLAND, "T-01", {"opens": "07:00"}),
    (MAINLAND, "T-01", {"closes": "23:00"}),
    (MAINLAND, "T-02", {"last": "21:59"}),
    (MAINLAND, "F-03.sms-day", {"limit": 2}),
    (MAINLAND, "F-04.day", {"reserved": 0}),
    (MAINLAND, "P-08", {"documented": False}),
    (MAINLAND, "S-10", {"pause_days": 29}),
    (MAINLAND, "S-11", {"months": 37}),
    (TAIWAN, "TW-11.days", {"days": 3}),
    (TAIWAN, "TW-36", {"after_days": 4}),
]


@pytest.mark.parametrize(("place", "key", "params"), LAXER)
def test_a_laxer_value_changes_nothing_and_is_told(packs, place, key, params):
    pack = packs[place]
    assert tighten(pack, {key: params}, WHERE) is pack
    own = {name: f"{key}.{name}" for name in params}
    told = [] if params == {"documented": False} else list(own.values())  # the pack's own value
    assert laxer(pack, {key: params}, WHERE) == told


def test_of_a_list_only_what_both_allow_is_left(packs):
    asked = {"P-01": {"allowed": ["guarantor", "supplementary", "primary"]}}
    strict = tighten(packs[MAINLAND], asked, WHERE)
    assert value(strict, "P-01", "allowed") == (Role.PRIMARY, Role.GUARANTOR)
    assert laxer(packs[MAINLAND], asked, WHERE) == ["P-01.allowed"]


def test_the_packs_own_values_make_no_new_policy(packs):
    """Only what changes something is another version."""
    for pack in packs.values():
        same = {
            rule.key: {name: getattr(rule.params, name) for name in rule.stricter}
            for rule in pack.rules
            if rule.stricter
        }
        assert tighten(pack, same, WHERE) is pack
        assert tighten(pack, {}, WHERE) is pack
        assert laxer(pack, same, WHERE) == []


def test_two_creditors_who_ask_the_same_have_one_version(packs):
    one = tighten(packs[MAINLAND], {"F-04.day": {"limit": 2}, "T-02": {"opens": "09:00"}}, "one")
    two = tighten(packs[MAINLAND], {"T-02": {"opens": "09:00"}, "F-04.day": {"limit": 2}}, "two")
    # a laxer wish beside it is none
    more = {"T-02": {"opens": "09:00"}, "F-04.day": {"limit": 2}, "T-01": {"opens": "05:00"}}
    assert one.version == two.version == tighten(packs[MAINLAND], more, "three").version
    assert one.version == hashlib.sha256(one.source.encode()).hexdigest()
    other = tighten(packs[MAINLAND], {"F-04.day": {"limit": 2}}, "one")
    assert other.version not in {one.version, packs[MAINLAND].version}


WRONG = [
    ({"F-99": {"limit": 1}}, "policy.F-99 names no rule of cn-mainland", "F-03.sms-week"),
    ({"HK-01.sms": {"opens": "10:00"}}, "policy.HK-01.sms names no rule", "T-01"),
    ({"F-03": {"limit": 1}}, "policy.F-03 names no rule", "F-03.sms-day"),
    ({"F-03.sms-week": {"days": 9}}, "policy.F-03.sms-week.days cannot be set", "limit"),
    ({"T-04": {"zone": "UTC"}}, "policy.T-04.zone cannot be set", "none"),
    ({"T-01": {"yields": False}}, "policy.T-01.yields cannot be set", "closes, opens"),
    ({"T-05": {"known_to": "2026-01-01"}}, "policy.T-05.known_to cannot be set", "none"),
    ({"F-03.sms-week": {"limit": "many"}}, "policy.F-03.sms-week.limit is wrong", "integer"),
    ({"T-01": {"opens": "noon"}}, "policy.T-01.opens is wrong", "time"),
    ({"P-01": {"allowed": ["uncle"]}}, "policy.P-01.allowed is wrong", "'primary', 'joint'"),
    ({"P-08": {"documented": "maybe"}}, "policy.P-08.documented is wrong", "boolean"),
    (
        {"F-03.sms-week": {"limit": 0}},
        "policy.F-03.sms-week: a limit of at least 1",
        "see the pack",
    ),
    ({"F-04.day": {"reserved": 3}}, "policy.F-04.day: a limit of at least 1", "see the pack"),
    ({"T-02": {"opens": "20:30"}}, "policy.T-02: opens before closes", "see the pack"),
    ({"T-02": {"last": "20:00"}}, "policy.T-02: opens before closes", "see the pack"),
    ({"T-01": {"closes": "08:15"}}, "by sms: the hours never open", "share some time"),
]


@pytest.mark.parametrize(("asked", "message", "remedy"), WRONG)
def test_what_cannot_be_asked_is_refused_by_name(packs, asked, message, remedy):
    with pytest.raises(ConfigurationError) as caught:
        tighten(packs[MAINLAND], asked, WHERE)
    assert caught.value.message.startswith(WHERE)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_each_creditor_has_its_own_policy_and_others_the_packs(policies):
    asked = {
        "strict-bank": (HONG_KONG, {"HK-02.day": {"limit": 2}}),
        "lax-bank": (MAINLAND, {"T-01": {"opens": "05:00"}}),
        "plain-bank": (TAIWAN, {}),
    }
    found = load_policies(policies, asked)
    strict = found.of("strict-bank", HONG_KONG)
    assert value(strict, "HK-02.day", "limit") == 2
    assert found.of("strict-bank", MAINLAND) is found.packs[MAINLAND]
    assert found.of("other-bank", HONG_KONG) is found.packs[HONG_KONG]
    assert found.of("lax-bank", MAINLAND) is found.packs[MAINLAND]
    assert found.of("plain-bank", TAIWAN) is found.packs[TAIWAN]
    versions = [pack.version for pack in found.all()]
    assert len(versions) == len(set(versions)) == 4
    assert Policies(found.packs, {}).all() == tuple(found.packs.values())


def test_a_creditor_who_asks_for_nonsense_is_named(policies):
    with pytest.raises(ConfigurationError, match=r"^creditor odd-bank: policy\.X-1 names no rule"):
        load_policies(policies, {"odd-bank": (MAINLAND, {"X-1": {"limit": 1}})})
