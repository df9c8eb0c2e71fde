"""``outreach policy forecast`` and ``diff``: an audience asked before anything is sent."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from outreach import cli
from outreach.clock import Clock

Outreach = Callable[..., str]
ROOT = Path(__file__).parents[2]
MAINLAND = str(ROOT / "config/policies/cn-mainland.toml")
WHOM = ("--filter", "dpd > 0", "--purpose", "overdue_notice", "--channel", "sms")


def at(hour: int) -> str:
    """That hour of today in Shanghai: the balances are of this morning."""
    day = Clock().now().astimezone(ZoneInfo("Asia/Shanghai"))
    return day.replace(hour=hour, minute=0, second=0, microsecond=0).isoformat()


@pytest.fixture
def longer_grace(tmp_path: Path) -> str:
    """A pack in which who is late by ten days is in time, and texts begin at eleven."""
    text = Path(MAINLAND).read_text("utf-8")
    for old, new in (
        ("days = { value = 3, stricter", "days = { value = 10, stricter"),
        ('opens = { value = "08:30"', 'opens = { value = "11:00"'),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "other.toml").write_text(text, "utf-8")
    return str(tmp_path / "other.toml")


@pytest.mark.usefixtures("portfolio")
def test_how_many_go_are_held_and_why(outreach: Outreach) -> None:
    day = json.loads(outreach("policy", "forecast", *WHOM, "--at", at(10), "--json"))
    assert (day["notices"], day["unreachable"], day["sampled"]) == (3, 1, 2)
    assert day["goes"]["seen"] == 2
    assert not day["held"] | day["blocked"] | day["failed"]
    night = json.loads(outreach("policy", "forecast", *WHOM, "--at", at(23), "--json"))
    assert night["goes"]["seen"] == 0
    assert {rule: of["seen"] for rule, of in night["held"].items()} == {"T-01": 2, "T-02": 2}
    shown = outreach("policy", "forecast", *WHOM, "--at", at(23))
    assert "其中无法触达 1" in shown
    assert "T-01" in shown
    assert "费用" not in shown


@pytest.mark.usefixtures("portfolio")
def test_two_packs_and_whom_the_difference_concerns(outreach: Outreach, longer_grace: str) -> None:
    said = outreach("policy", "diff", MAINLAND, longer_grace)
    assert "days: 3 → 10 stricter" in said
    assert "opens: 08:30:00 → 11:00:00 stricter" in said
    assert "2 stricter, 0 laxer, 0 neither" in said
    assert "decisions change" not in said
    assert "no difference" in outreach("policy", "diff", MAINLAND, "cn-mainland")

    asked = ("policy", "diff", "cn-mainland", longer_grace, *WHOM)
    late = json.loads(outreach(*asked, "--at", at(12), "--json"))["audience"]
    assert (late["reachable"], late["sampled"], late["changed"]) == (2, 2, 1)
    assert late["decisions"] == {"allow -> allow": 1, "allow -> block": 1}
    assert late["newly_stopped_by"] == {"T-07": 1}
    early = json.loads(outreach(*asked, "--at", at(10), "--json"))["audience"]
    assert early["newly_stopped_by"] == {"T-02": 2, "T-07": 1}
    back = ("policy", "diff", longer_grace, "cn-mainland", *WHOM)
    again = json.loads(outreach(*back, "--at", at(12), "--json"))["audience"]
    assert again["no_longer_stopped_by"] == {"T-07": 1}
    assert "1 decisions change" in outreach(*asked, "--at", at(12))
    elsewhere = ("policy", "diff", "hk", str(ROOT / "config/policies/hk.toml"), *WHOM)
    hk = json.loads(outreach(*elsewhere, "--json"))["audience"]
    assert (hk["sampled"], hk["elsewhere"]) == (0, 2)


@pytest.mark.usefixtures("portfolio")
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("cn-mainland", "hk"), "compare two of one place"),
        (("cn-mainland", "somewhere"), "no policy somewhere"),
        (("cn-mainland", "cn-mainland", "--filter", "dpd > 0"), "--purpose and --channel"),
        (("cn-mainland", "cn-mainland", *WHOM[:1], "dpd > 999", *WHOM[2:]), "chooses nobody"),
    ],
)
def test_what_cannot_be_compared_says_why(
    refused: Outreach, asked: tuple[str, ...], says: str
) -> None:
    assert says in refused("policy", "diff", *asked)


@pytest.mark.usefixtures("portfolio")
def test_a_policy_is_found_by_the_beginning_of_its_digest(outreach: Outreach) -> None:
    packs = json.loads(outreach("policy", "check", "--json"))["packs"]
    digest = packs["cn-mainland"]["digest"]
    assert "no difference" in outreach("policy", "diff", digest[:10], "cn-mainland")


# ----------------------------------------------------------------------------------------- check


def test_what_is_shipped_is_checked_and_holds(outreach: Outreach) -> None:
    said = outreach("policy", "check")
    assert "cn-mainland 中国内地" in said
    assert "creditor qinglan-bank: cn-mainland" in said
    assert said.splitlines()[-1].startswith("holds; ")


def test_a_broken_folder_is_refused_with_all_its_faults(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(ROOT / "config/policies", folder)
    (folder / "hk.toml").unlink()
    tw = folder / "tw.toml"
    tw.write_text(tw.read_text("utf-8").replace('check = "zone"', 'check = "zones"', 1), "utf-8")
    for form in ((), ("--json",)):
        monkeypatch.setattr(sys, "argv", ["outreach", "policy", "check", str(folder), *form])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == cli.MISCONFIGURED
        said = capsys.readouterr().out
        for part in (
            "hk.toml: cannot be read",
            "tw.toml, line ",
            "key rule.check",
            "hk-harbour-bank",
        ):
            assert part in said
    found = json.loads(said)
    assert found["ok"] is False
    assert list(found["packs"]) == ["cn-mainland"]
