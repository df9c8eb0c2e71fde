"""The packs as shipped, and what is said about one that is wrong."""

import hashlib
import re

import pytest

from outreach.compliance.finding import Confidence, Effect
from outreach.compliance.pack import load_pack, load_packs
from outreach.compliance.rules import CHECKS, Stricter
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError

OWN_IDS = {
    Jurisdiction.MAINLAND: r"[TFPCS]-\d\d|LIST|PROMISE|PAID-CLAIM",
    Jurisdiction.HONG_KONG: r"HK-\d\d|[TPCS]-\d\d|LIST|PROMISE|PAID-CLAIM",
    Jurisdiction.TAIWAN: r"TW-\d\d|[TPCS]-\d\d|LIST|PROMISE|PAID-CLAIM",
}


def test_every_rule_is_enforced_or_listed_with_the_reason_why_not(packs):
    for place, pack in packs.items():
        assert {rule.check for rule in pack.rules} == set(CHECKS)
        ids = {rule.id for rule in pack.rules}
        assert not ids & set(pack.not_enforced)
        assert all(pack.not_enforced.values())
        assert all(re.fullmatch(OWN_IDS[place], each) for each in ids | set(pack.not_enforced))


def test_a_general_rule_in_another_place_is_never_shown_as_its_law(packs):
    for place, prefix in ((Jurisdiction.HONG_KONG, "HK-"), (Jurisdiction.TAIWAN, "TW-")):
        for rule in packs[place].rules:
            assert rule.id.startswith(prefix) or rule.confidence is Confidence.D


def test_every_rule_is_titled_sourced_and_says_what_would_release_it(packs):
    for pack in packs.values():
        for rule in pack.rules:
            assert rule.title
            assert rule.source
            assert rule.purposes
            assert rule.channels
            assert rule.release or rule.effect is Effect.HOLD or rule.check == "role"


def test_parameters_say_which_way_is_stricter(packs):
    directions = {
        "opens": Stricter.LATER,
        "closes": Stricter.EARLIER,
        "last": Stricter.EARLIER,
        "limit": Stricter.LOWER,
        "reserved": Stricter.HIGHER,
        "pause_days": Stricter.HIGHER,
    }
    for pack in packs.values():
        for rule in pack.rules:
            for name, direction in directions.items():
                if getattr(rule.params, name, None):
                    assert rule.stricter[name] is direction


def test_the_version_is_the_digest_of_the_file(policies, packs):
    for place, pack in packs.items():
        data = (policies / f"{place}.toml").read_bytes()
        assert pack.version == hashlib.sha256(data).hexdigest()


def test_house_defaults_never_look_like_law():
    assert "法律" in Confidence.A.label
    assert "secondary source" in Confidence.B.label
    for doubtful in (Confidence.C, Confidence.D):
        assert "unverified" in doubtful.label
        assert "law" not in doubtful.label


WRONG = [
    ('check = "zone"', 'check = "moon"', 'key rule.check', "one of balance_age"),
    ('confidence = "B"', 'confidence = "Z"', "key rule.confidence", "'A', 'B', 'C'"),
    ("limit = { value = 3,", 'limit = { value = "two",', "key rule.limit", "integer"),
    ("limit = {", "per_week = {", "key rule.per_week", "no such parameter of check cap"),
    ('stricter = "lower"', 'stricter = "softer"', "key rule.limit", "stricter = ..."),
    ("上限 {limit} 次", "上限 {most} 次", "key rule.says", "{counted}, {days}, {limit}"),
    ("上限 {limit} 次", "上限 {limit 次", "key rule.says", "{counted}, {days}, {limit}"),
    ('scope = "value"', 'scope = "street"', "key rule.scope", "'debtor' or 'value'"),
    ('counts = "own"', 'counts = "fax"', "key rule.counts", "'all' or 'own'"),
    ("days = 7", "days = 8", "rule.params", "days from 1 to 7"),
    ("reserved = { value = 1", "reserved = { value = 3", "rule.params", "less than it reserved"),
    ('reserved_for = ["statutory"]', "reserved_for = []", "rule.params", "go together"),
    ('reserved_for = ["statutory"]', 'reserved_for = ["some"]', "rule.reserved_for", "not some"),
    ('reserved_for = ["statutory"]', "reserved_for = [7]", "rule.reserved_for", "not 7"),
    ('reserved_for = ["statutory"]', "reserved_for = 7", "key rule.reserved_for", "frozenset"),
    ('opens = { value = "08:00"', 'opens = { value = "23:00"', "rule.params", "before closes"),
    ('spares = ["answers"]', 'spares = ["birthday_card"]', "rule.spares", "not birthday_card"),
    ('channels = ["sms"]', 'channels = ["fax"]', "key rule.channels", "'sms', 'email' or 'letter'"),
    ("[groups]", "[groups", "not TOML", "line 1"),
    ('jurisdiction = "cn-mainland"', 'jurisdiction = "hk"', "key jurisdiction", "cn-mainland"),
    ("spread_minutes = 180", "spread_hours = 3", "key spread_minutes", "required"),
    ('effect = "hold"', 'effect = "block"', "key rule.effect", "one of hold"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "expected"), WRONG)
def test_a_wrong_pack_says_where_and_what_was_expected(
    tmp_path, policies, old, new, where, expected
):
    text = (policies / "cn-mainland.toml").read_text()
    assert old in text
    path = tmp_path / "cn-mainland.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        load_pack(path)
    assert str(path) in caught.value.message
    assert where in caught.value.message
    line = int(re.search(r"line (\d+)", caught.value.message)[1])
    near = 4 if where == "rule.params" else 1  # what does not fit together names its table
    assert abs(line - text[: text.index(old)].count("\n") - 1) <= near or "spread" in old
    assert expected in str(caught.value)


def test_hours_that_never_meet_are_refused(tmp_path, policies):
    text = (policies / "cn-mainland.toml").read_text()
    path = tmp_path / "cn-mainland.toml"
    path.write_text(text.replace('opens = { value = "08:00"', 'opens = { value = "21:00"', 1))
    with pytest.raises(ConfigurationError, match="by sms: the hours never open"):
        load_pack(path)


def test_a_pack_without_the_zone_check_is_refused(tmp_path, policies):
    text = (policies / "cn-mainland.toml").read_text()
    start = text.index('[[rule]]\nid = "T-04"')
    path = tmp_path / "cn-mainland.toml"
    path.write_text(text[:start] + text[text.index("[[rule]]", start + 1) :])
    with pytest.raises(ConfigurationError, match="unknown time zone"):
        load_pack(path)


def test_a_missing_pack_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cn-mainland\.toml: cannot be read"):
        load_packs(tmp_path)
