"""Everything that is wrong with a folder of policies is said at once, with its place."""

import shutil
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from gate_cases import MONDAY, at

from outreach.compliance.calendars import require_calendars
from outreach.compliance.checking import Creditor, Report, check
from outreach.compliance.pack import load_packs
from outreach.compliance.policies import load_policies
from outreach.compliance.policy_file import line_of
from outreach.compliance.rules import CHECKS, FAMILIES
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError

MAINLAND = Jurisdiction.MAINLAND


@pytest.fixture
def folder(policies: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "policies"
    shutil.copytree(policies, copied)
    return copied


def change(folder: Path, *pairs: tuple[str, str], name: str = "cn-mainland.toml") -> None:
    text = (folder / name).read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / name).write_text(text, "utf-8")


def line(folder: Path, part: str, name: str = "cn-mainland.toml") -> int:
    lines = (folder / name).read_text("utf-8").splitlines()
    return next(n for n, each in enumerate(lines, 1) if part in each)


def looked_at(folder: Path, *creditors: Creditor, days: int = 0) -> Report:
    return check(folder, creditors, at(MONDAY) + timedelta(days=days))


def creditor(folder: Path, policy: str) -> Creditor:
    """One whose file holds this."""
    file = folder.parent / "some-bank.toml"
    file.write_text(f"name = '某银行'\n{policy}", "utf-8")
    asked = tomllib.loads(file.read_text("utf-8")).get("policy", {})
    return Creditor("some-bank", MAINLAND, asked, file)


def said(report: Report) -> list[str]:
    return [error.message for error in report.errors]


def test_what_is_shipped_holds(policies: Path) -> None:
    report = looked_at(policies)
    assert not report.errors
    assert set(report.packs) == set(Jurisdiction)


def test_every_check_belongs_to_one_family() -> None:
    listed = [name for checks in FAMILIES.values() for name in checks]
    assert sorted(listed) == sorted(CHECKS)


def test_all_that_is_wrong_is_said_each_with_its_line(folder: Path) -> None:
    change(
        folder,
        ('check = "zone"', 'check = "zones"'),
        ('confidence = "C"', 'confidence = "E"'),
    )
    first = said(looked_at(folder))
    where = folder / "cn-mainland.toml"
    place = f"{where}, line {line(folder, 'confidence = ' + chr(34) + 'E')}"
    assert [each.startswith(place) for each in first] == [True], "the table's shape comes first"
    change(
        folder,
        ('confidence = "E"', 'confidence = "C"'),
        ("days = { value = 3", "dais = { value = 3"),
    )
    second = said(looked_at(folder))
    assert second == [
        f"{where}, line {line(folder, 'zones')}, key rule.check: wrong or missing",
        f"{where}, line {line(folder, 'dais')}, key rule.dais: wrong or missing",
    ]


def test_two_broken_packs_do_not_hide_each_other(folder: Path) -> None:
    change(folder, ('title = "中国内地"', "titel = 1"))
    (folder / "hk.toml").unlink()
    found = said(looked_at(folder))
    assert any("cn-mainland.toml, line" in each and "titel" in each for each in found)
    assert any("hk.toml: cannot be read" in each for each in found)


def test_hours_that_never_meet_are_named(folder: Path) -> None:
    change(folder, ('opens = { value = "08:00"', 'opens = { value = "21:45"'))
    [error] = said(looked_at(folder))
    assert "the hours never open (T-01, T-02" in error


def test_a_second_pack_for_a_place_is_refused_at_the_start_too(folder: Path) -> None:
    shutil.copy(folder / "cn-mainland.toml", folder / "cn-mainland-2.toml")
    [error] = said(looked_at(folder))
    assert "overlap" in error
    with pytest.raises(ConfigurationError, match=r"cn-mainland-2\.toml.*overlap"):
        load_policies(folder, {})


def test_a_calendar_is_spoken_of_before_it_ends_and_refused_after(folder: Path) -> None:
    now = at(MONDAY)
    change(folder, ("known_to = 2028-12-31", f"known_to = {now.date() + timedelta(days=59)}"))
    near = looked_at(folder)
    assert not near.errors
    where = f"cn-mainland.toml, line {line(folder, 'known_to')}, key calendars.spring-festival"
    assert any(each.startswith(where) for each in near.warnings)
    later = looked_at(folder, days=60)
    assert [each.startswith(where) for each in said(later)] == [True]
    packs = load_packs(folder).values()
    require_calendars(packs, now + timedelta(days=59))
    with pytest.raises(ConfigurationError, match="the calendar ended on"):
        require_calendars(packs, now + timedelta(days=60))
    far = looked_at(folder, days=-1)
    assert not any(each.startswith(where) for each in far.warnings)


def test_a_creditors_values_are_told_one_by_one(folder: Path) -> None:
    bank = creditor(
        folder,
        '[policy."F-03.sms-week"]\nlimit = 9\n[policy."T-02"]\nopens = "late"\n'
        '[policy."T-99"]\ndays = 1\n[policy."T-07"]\ndays = 5\n',
    )
    report = looked_at(folder, bank)
    assert said(report) == [
        f"{bank.file}, line 5: policy.T-02.opens is wrong",
        f"{bank.file}, line 7: policy.T-99 names no rule of cn-mainland",
    ]
    lax = f"{bank.file}, line 3: F-03.sms-week.limit = 9 is laxer than the pack's"
    assert any(each.startswith(lax) for each in report.warnings)
    assert report.judging["some-bank"] is not report.packs[MAINLAND]


def test_a_creditor_without_a_pack_is_named(folder: Path) -> None:
    (folder / "cn-mainland.toml").unlink()
    report = looked_at(folder, creditor(folder, ""))
    assert any("creditor some-bank has no policy" in each for each in said(report))


def test_standings_and_families_without_a_rule_are_looked_at(folder: Path) -> None:
    text = (folder / "cn-mainland.toml").read_text("utf-8")
    parts = text.split("\n[[rule]]\n")
    kept = [each for each in parts if 'check = "cap"' not in each and "deceased" not in each]
    (folder / "cn-mainland.toml").write_text("\n[[rule]]\n".join(kept), "utf-8")
    report = looked_at(folder)
    assert not report.errors
    own = [each for each in report.warnings if each.startswith("cn-mainland.toml")]
    assert any("no rule stops:" in each and "deceased" in each for each in own)
    assert "cn-mainland.toml: frequency: no rule for any purpose by sms, email, letter" in own


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("a", "b", "key"), 4),
        (("a", "c d", "key"), 6),
        (("a", "c d"), 5),
        (("rule", 1, "key"), 10),
        (("nowhere",), 1),
    ],
)
def test_a_key_is_looked_for_in_its_own_table(place, expected) -> None:
    text = (
        'key = 1\n\n[a.b]\nkey = 2\n[a."c d"] # why\nkey = 3\n[[rule]]\nkey = 4\n[[rule]]\nkey = 5'
    )
    assert line_of(text, place) == expected
