"""The packs as shipped, and what is said about one that is wrong."""

import hashlib
import re
import tomllib
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from string import Formatter

import pytest
from gate_cases import facts
from holidays import OPTIONAL, PUBLIC, country_holidays

from outreach.compliance.finding import Confidence, Effect
from outreach.compliance.gate import explain
from outreach.compliance.pack import load_pack, load_packs
from outreach.compliance.rules import CHECKS
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.errors import ConfigurationError

ROOT = Path(__file__).parents[3]
MAINLAND, HONG_KONG, TAIWAN = Jurisdiction
OWN_IDS = {
    MAINLAND: r"[TFPCSMR]-\d\d|LIST|PROMISE|PAID-CLAIM|UNREAD",
    HONG_KONG: r"HK-\d\d|[TPCS]-\d\d|LIST|PROMISE|PAID-CLAIM|UNREAD",
    TAIWAN: r"TW-\d\d|[TPCS]-\d\d|LIST|PROMISE|PAID-CLAIM|UNREAD",
}
KNOWN = {
    MAINLAND: {"T": 7, "F": 7, "P": 9, "C": 15, "S": 13, "M": 8, "R": 11},
    HONG_KONG: {"HK": 38},
    TAIWAN: {"TW": 54},
}
"""How many rules of each kind were found for a place: each is decided here, elsewhere or not."""


def test_every_rule_is_enforced_or_listed_with_the_reason_why_not(packs, wording):
    assert {rule.check for pack in packs.values() for rule in pack.rules} == set(CHECKS)
    for place, pack in packs.items():
        ids = {rule.id for rule in pack.rules}
        assert not ids & set(pack.not_enforced)
        assert all(pack.not_enforced.values())
        assert all(re.fullmatch(OWN_IDS[place], each) for each in ids | set(pack.not_enforced))
        known = {
            f"{kind}-{n:02}" for kind, last in KNOWN[place].items() for n in range(1, last + 1)
        }
        words = set(wording.rules) if place is MAINLAND else set()
        assert known <= ids | set(pack.not_enforced) | words


@pytest.mark.parametrize("place", Jurisdiction)
def test_every_standing_is_stopped_by_some_rule_on_every_channel(packs, place):
    stopped = {
        (standing, channel)
        for rule in packs[place].rules
        if rule.check == "standing"
        for standing in rule.params.standings
        for channel in rule.channels
    }
    stops = set(Standing) - {Standing.AGREED_HOURS}  # it says when, not whether
    assert stopped == {
        (standing, channel) for standing in stops for channel in rule_channels(packs)
    }


def rule_channels(packs):
    return {channel for rule in packs[MAINLAND].rules for channel in rule.channels}


def days(first, last):
    one, end = date.fromisoformat(first), date.fromisoformat(last)
    return {one + timedelta(days=n) for n in range((end - one).days + 1)}


@pytest.mark.parametrize(
    ("place", "calendar", "country", "category"),
    [(HONG_KONG, "general-holidays", "HK", OPTIONAL), (TAIWAN, "public-holidays", "TW", PUBLIC)],
)
def test_the_holidays_are_those_of_the_package(packs, place, calendar, country, category):
    """``campaigns.workdays`` says which categories these are, and ``test_workdays`` holds them."""
    known = packs[place].calendars[calendar]
    published = country_holidays(country, years=(2026, 2027), expand=False, categories=category)
    assert known.closed == set(published)
    assert known.known_to == date(2027, 12, 31)


def test_taiwans_standstill_stops_letters_five_days_before(packs):
    calendars = packs[TAIWAN].calendars
    announced, expected = days("2026-02-14", "2026-02-22"), days("2027-02-04", "2027-02-10")
    before = days("2026-02-09", "2026-02-13") | days("2027-01-30", "2027-02-03")
    assert calendars["standstill-announced"].closed == announced
    assert calendars["standstill-expected"].closed == expected
    assert calendars["standstill-letters"].closed == before


def test_the_mainlands_spring_festival_is_new_years_eve_and_three_days(packs):
    """By the lunar dates of the package, whatever days off each year's notice makes of them."""
    spring = packs[MAINLAND].calendars["spring-festival"]
    new_years = {date(2026, 2, 17), date(2027, 2, 6), date(2028, 1, 26)}
    assert spring.closed == {day + timedelta(days=n) for day in new_years for n in (-1, 0, 1, 2)}


@pytest.mark.parametrize("place", Jurisdiction)
def test_every_sentence_speaks_of_what_its_check_looks_at(packs, place):
    """For every rule, whether it objects or not: names are the check's, and both sentences fit."""
    for answer in explain(facts(place), packs[place]):
        rule, check = answer.rule, CHECKS[answer.rule.check]
        assert set(answer.inputs) <= check.names
        for sentence in (rule.says, rule.says_en):
            used = {name for _, name, _, _ in Formatter().parse(sentence)} - {None}
            assert used <= check.names


@pytest.mark.parametrize("place", Jurisdiction)
def test_each_place_is_written_in_its_own_characters(policies, place):
    """Sentences are shown to people of the place; of the mainland's, Taiwan's laws are cited."""
    text = (ROOT / "src/outreach/templating/characters.txt").read_text(encoding="utf-8")
    _, simplified, traditional = re.split(r"^\[\w+\]$", text, flags=re.MULTILINE)
    wrong = set(traditional if place is MAINLAND else simplified) - set("\n")
    pack = tomllib.loads((policies / f"{place}.toml").read_text(encoding="utf-8"))
    for rule in pack["rule"]:
        said = "".join(rule.get(key, "") for key in ("title", "says", "release"))
        assert not wrong & set(said), rule["id"]
    assert not wrong & set("".join(pack["not_enforced"].values()))


def test_a_general_rule_in_another_place_is_never_shown_as_its_law(packs):
    for place, prefix in ((HONG_KONG, "HK-"), (TAIWAN, "TW-")):
        for rule in packs[place].rules:
            assert rule.id.startswith(prefix) or rule.confidence is Confidence.D


def test_what_is_ours_says_so(packs):
    """A number that no text gives is a house default, in its source and by its confidence."""
    for place in (HONG_KONG, TAIWAN):
        for rule in packs[place].rules:
            ours = any(word in rule.source for word in ("機構預設", "機構自設"))
            assert ours is (rule.confidence is Confidence.D), rule.key


def test_every_rule_is_titled_sourced_and_says_what_would_release_it(packs):
    for pack in packs.values():
        for rule in pack.rules:
            assert rule.title
            assert rule.title_en
            assert rule.source
            assert rule.purposes
            assert rule.channels
            assert rule.release or rule.effect is Effect.HOLD or rule.check == "role"


STRICTER = {
    "hours": {"opens": "later", "closes": "earlier", "last": "earlier"},
    "cap": {"limit": "lower", "reserved": "higher"},
    "standing": {"pause_days": "higher", "after_days": "lower"},
    "grace": {"days": "higher", "tolerance": "higher"},
    "told_before": {"days": "higher"},
    "limitation": {"months": "lower"},
    "role": {"allowed": "fewer"},
    "origin": {"allowed": "fewer", "documented": "higher"},
    "licensed": {"allowed": "fewer"},
}


def test_parameters_say_which_way_is_stricter(packs):
    """All that a pack gives of these, and no others."""
    for pack in packs.values():
        for rule in pack.rules:
            ordered = STRICTER.get(rule.check, {})
            defaults = {field.name: field.default for field in fields(rule.params)}
            given = {name for name in ordered if getattr(rule.params, name) != defaults[name]}
            assert given <= set(rule.stricter), rule.key
            assert {
                name: str(way) for name, way in rule.stricter.items()
            }.items() <= ordered.items()


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
    ("days = 7", "days = 31", "rule.params", "days from 1 to 30"),
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
    ('says_en = "It is', 'says_en = "It is {hour}', "key rule.says_en", "{opens}, {weekday}"),
    ('title_en = "No', 'title_english = "No', "key rule.title_en", "required"),
    ('name = "sms-week"', 'name = "sms-day"', "key rule.name", "a name of its own (F-03.sms-day)"),
    ('calendar = "spring-festival"', 'calendar = "easter"', "rule.calendar", "spring-festival"),
    ('calendar = "spring-festival"', "calendar = 7", "rule.calendar", "a calendar of the file"),
    ("    2026-02-16,", '    "soon",', "spring-festival.closed", "date"),
    ("known_to = 2028-12-31", "until = 2028-12-31", "spring-festival.known_to", "required"),
    ("yields = true", 'yields = "perhaps"', "key rule.yields", "boolean"),
    ('register = "mandate"', 'register = "diary"', "key rule.register", "'signature', 'template'"),
    ('standings = ["plan"]', 'standings = ["planet"]', "key rule.standings", "'dispute'"),
    ("months = { value", "months = { is", "key rule.months", "{ value = ..., stricter = ... }"),
    ('counts = ["demand"', 'counts = ["thought"', "key rule.counts", "'demand', 'acknowledge"),
    ('allowed = { value = ["primary"', 'allowed = { value = ["uncle"', "rule.allowed", "'primary'"),
    ('purposes = ["all"]', "purposes = []", "key rule.purposes", "at least 1 item"),
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
    # what does not fit together, or is not there, names its table
    near = 6 if where == "rule.params" or expected == "required" else 1
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
