"""What differs between two packs is told whole, and which way."""

import re
from pathlib import Path

import pytest

from outreach.compliance.differing import Way, differences
from outreach.compliance.pack import Pack, examine
from outreach.compliance.stricter import tighten
from outreach.domain.debtor import Jurisdiction

MAINLAND = Jurisdiction.MAINLAND


def changed(pack: Pack, *pairs: tuple[str, str]) -> Pack:
    text = pack.source
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    found = examine(Path("changed.toml"), text.encode())
    assert isinstance(found, Pack), found
    return found


def told(old: Pack, new: Pack) -> list[tuple[str, str, Way]]:
    return [(each.key, each.name, each.way) for each in differences(old, new)]


@pytest.mark.parametrize("place", Jurisdiction)
def test_a_pack_does_not_differ_from_itself(packs, place) -> None:
    assert told(packs[place], packs[place]) == []


REVERSED = {Way.STRICTER: Way.LAXER, Way.LAXER: Way.STRICTER, Way.OTHER: Way.OTHER}

CASES = [
    ("days = { value = 3, stricter", "days = { value = 5, stricter", ("T-07", "days", "stricter")),
    ('opens = { value = "08:00"', 'opens = { value = "07:00"', ("T-01", "opens", "laxer")),
    ('closes = { value = "22:00"', 'closes = { value = "21:45"', ("T-01", "closes", "stricter")),
    ("yields = true", "yields = false", ("T-01", "yields", "stricter")),
    (
        'source = "未找到规定"',
        'source = "某规定"',
        ("T-04", "source", "other"),
    ),
    ("2028-01-28,\n", "2028-01-28, 2028-01-29,\n", ("T-05", "closed", "stricter")),
    (
        'standings = ["complaint"]',
        'standings = ["complaint", "dispute"]',
        ("S-04", "standings", "stricter"),
    ),
    ("spread_minutes = 180", "spread_minutes = 60", ("", "spread", "other")),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES, ids=[c[2][1] for c in CASES])
def test_one_change_is_one_difference_and_its_way_turns_round(packs, old, new, expected) -> None:
    other = changed(packs[MAINLAND], (old, new))
    key, name, way = expected
    assert told(packs[MAINLAND], other) == [(key, name, Way(way))]
    assert told(other, packs[MAINLAND]) == [(key, name, REVERSED[Way(way)])]


def test_rules_come_and_go(packs) -> None:
    pack = packs[MAINLAND]
    head, *rules = pack.source.split("\n[[rule]]\n")
    fewer = examine(Path("fewer.toml"), "\n[[rule]]\n".join([head, *rules[1:]]).encode())
    assert isinstance(fewer, Pack)
    assert told(pack, fewer) == [("T-01", "rule", Way.LAXER)]
    assert told(fewer, pack) == [("T-01", "rule", Way.STRICTER)]


def test_whom_it_concerns_and_how_strongly(packs) -> None:
    pack = packs[MAINLAND]
    mark = 'id = "S-09"'
    head, rest = pack.source.split(mark)
    own, after, others = rest.partition("[[rule]]")
    own = own.replace("releasable = true", "releasable = false")
    own = re.sub("channels = .*", 'channels = ["sms"]', own)
    new = own + after + others
    other = examine(Path("o.toml"), (head + mark + new).encode())
    assert isinstance(other, Pack)
    found = told(pack, other)
    ways = {"channels": Way.LAXER, "releasable": Way.STRICTER}
    assert found == [("S-09", name, way) for name, way in ways.items()]
    assert told(other, pack) == [("S-09", name, REVERSED[way]) for name, way in ways.items()]


@pytest.mark.parametrize("place", Jurisdiction)
def test_what_a_creditor_made_stricter_is_told_as_stricter(packs, place) -> None:
    """For every cap of every pack: one less."""
    pack = packs[place]
    asked = {
        rule.key: {"limit": rule.params.limit - 1}
        for rule in pack.rules
        if rule.check == "cap"
        and "limit" in rule.stricter
        and rule.params.limit - 1 > rule.params.reserved
    }
    assert asked
    tightened = tighten(pack, asked, "here")
    assert told(pack, tightened) == [(key, "limit", Way.STRICTER) for key in asked]
