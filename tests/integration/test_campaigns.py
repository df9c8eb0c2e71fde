"""Campaigns: forecast without a trace, drafted, and approved by four eyes."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from outreach.clock import Clock
from outreach.settings import load

Outreach = Callable[..., str]
WRITTEN = "select (select count(*) from notices) + (select count(*) from contact_events)"


def at(hour: int) -> str:
    """That hour in Shanghai on the working day nearest ahead."""
    day = Clock().now().astimezone(ZoneInfo("Asia/Shanghai"))
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0).isoformat()


def written(url: str) -> int:
    async def ask() -> int:
        conn = await asyncpg.connect(url)
        try:
            return int(await conn.fetchval(WRITTEN))
        finally:
            await conn.close()

    return asyncio.run(ask())


@pytest.mark.usefixtures("portfolio")
def test_by_day_they_may_be_written_to(outreach: Outreach, database_url: str) -> None:
    before = written(database_url)
    asked = ("campaign", "preview", "--filter", "dpd > 0", "--purpose", "overdue_notice")
    channels = ("--channel", "email", "--channel", "sms")
    found = json.loads(outreach(*asked, *channels, "--at", at(10), "--json"))
    assert found["notices"] == 3
    assert found["unreachable"] == 1
    assert {c: by["notices"] for c, by in found["channels"].items()} == {"email": 1, "sms": 1}
    assert found["channels"]["sms"]["parts"] >= 2
    prices = {route.name: route.price for route in load().routes}
    assert found["channels"]["sms"]["cost"] == found["channels"]["sms"]["parts"] * prices["sms"]
    assert found["sampled"] == 2
    assert found["goes"] == {"seen": 2, "about": 2, "low": 2, "high": 2}
    assert not found["held"] | found["blocked"] | found["failed"]
    assert {channel for channel, _ in found["texts"]} == {"email", "sms"}
    assert all("云小满" not in words for _, words in found["texts"])
    shown = outreach(*asked, *channels, "--at", at(10))
    assert "可以发送" in shown
    assert "无法触达" in shown
    assert written(database_url) == before


@pytest.mark.usefixtures("portfolio")
def test_at_night_all_wait_and_the_rule_says_until_when(outreach: Outreach) -> None:
    asked = ("campaign", "preview", "--filter", "dpd > 0", "--purpose", "overdue_notice")
    found = json.loads(outreach(*asked, "--channel", "sms", "--at", at(23), "--json"))
    assert found["goes"]["seen"] == 0
    assert found["held"]["T-01"]["seen"] == 2
    assert found["rules"]["T-01"]["says"]
    first, last = found["held_until"]
    assert at(23) < first <= last


@pytest.mark.usefixtures("portfolio")
def test_what_has_no_words_fails_and_says_so(outreach: Outreach) -> None:
    asked = ("campaign", "preview", "--filter", "dpd > 0", "--purpose", "dispute_reply")
    found = json.loads(outreach(*asked, "--channel", "sms", "--at", at(10), "--json"))
    assert found["goes"]["seen"] == 0
    [(why, of)] = found["failed"].items()
    assert "no template for dispute_reply by sms" in why
    assert of["seen"] == 2


@pytest.mark.usefixtures("portfolio")
def test_a_segment_is_previewed_by_its_name(outreach: Outreach) -> None:
    outreach("segment", "save", "late", "dpd > 30")
    whom = ("--segment", "late")
    asked = ("campaign", "preview", *whom, "--purpose", "overdue_notice", "--channel", "sms")
    found = json.loads(outreach(*asked, "--at", at(10), "--sample", "1", "--json"))
    assert (found["notices"], found["unreachable"], found["sampled"]) == (2, 1, 1)


# ------------------------------------------------------------------------------------- approval


Refused = Callable[..., str]


@pytest.fixture
def drafted(
    portfolio: None,  # noqa: ARG001 - there must be somebody
    monkeypatch: pytest.MonkeyPatch,
    outreach: Outreach,
) -> str:
    """A draft of Mei's that reaches two; its number."""
    monkeypatch.setenv("OUTREACH_APPROVE_FROM", "2")
    said = outreach("--as", "mei", *CREATE, "--filter", "dpd > 0", "--channel", "email")
    assert said.endswith(": draft: 十一月\n")
    return said.split()[1].rstrip(":")


CREATE = (
    *("campaign", "create", "十一月", "--creditor", "qinglan-bank"),
    *("--purpose", "overdue_notice", "--channel", "sms"),
)


def shown(outreach: Outreach, number: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(outreach("campaign", "show", number, "--json"))
    return found


def test_a_second_person_approves(outreach: Outreach, refused: Refused, drafted: str) -> None:
    said = outreach("--as", "mei", "campaign", "submit", drafted)
    assert said == f"campaign {drafted}: submitted, 2 notices: 十一月\n"
    assert "a second person" in refused("--as", "mei", "campaign", "approve", drafted)
    assert "approved" in outreach("--as", "lin", "campaign", "approve", drafted)
    found = shown(outreach, drafted)
    assert (found["state"], found["approved_by"]) == ("approved", "user:lin")
    assert [(move["kind"], move["actor"]) for move in found["events"]] == [
        ("drafted", "user:mei"),
        ("submitted", "user:mei"),
        ("approved", "user:lin"),
    ]
    assert found["events"][0]["data"]["audience"] == "dpd > 0"
    assert "十一月" in outreach("campaign", "list")
    assert "短信 → 邮件" in outreach("campaign", "show", drafted)


def test_who_submits_for_another_does_not_approve(
    outreach: Outreach, refused: Refused, drafted: str
) -> None:
    outreach("--as", "lin", "campaign", "submit", drafted)
    assert "a second person" in refused("--as", "lin", "campaign", "approve", drafted)
    assert "a second person" in refused("--as", "mei", "campaign", "approve", drafted)


def test_a_small_one_needs_no_second_person(
    outreach: Outreach, monkeypatch: pytest.MonkeyPatch, drafted: str
) -> None:
    monkeypatch.setenv("OUTREACH_APPROVE_FROM", "3")
    assert "approved, 2 notices" in outreach("--as", "mei", "campaign", "submit", drafted)
    [*_, move] = shown(outreach, drafted)["events"]
    assert move["data"] == {"notices": 2, "alone": True}


def test_sent_back_it_is_submitted_again(
    outreach: Outreach, refused: Refused, drafted: str
) -> None:
    outreach("--as", "mei", "campaign", "submit", drafted)
    said = refused("--as", "lin", "campaign", "send-back", drafted, "--reason", " ")
    assert "say why" in said
    outreach("--as", "lin", "campaign", "send-back", drafted, "--reason", "too early")
    assert shown(outreach, drafted)["submitted_by"] is None
    assert "not submitted" in refused("--as", "lin", "campaign", "approve", drafted)
    outreach("--as", "lin", "campaign", "submit", drafted)
    outreach("--as", "cai", "campaign", "approve", drafted)


def test_cancelled_it_is_over(outreach: Outreach, refused: Refused, drafted: str) -> None:
    outreach("campaign", "cancel", drafted, "--reason", "no longer wanted")
    for verb in (("submit",), ("approve",), ("cancel", "--reason", "again")):
        command, *more = verb
        said = refused("campaign", command, drafted, *more)
        assert "is cancelled: it cannot become" in said
        assert "it is over" in said


def test_another_creditors_debtors_are_not_reached(
    outreach: Outreach, refused: Refused, drafted: str
) -> None:
    other = ("campaign", "create", "x", "--creditor", "hk-harbour-bank")
    said = outreach(*other, *CREATE[5:], "--filter", "dpd > 0")
    assert "reaches nobody" in refused("campaign", "submit", said.split()[1].rstrip(":"))
    assert shown(outreach, drafted)["state"] == "draft"


@pytest.mark.usefixtures("portfolio")
def test_of_a_file_of_accounts_it_reaches_those_that_are_known(
    outreach: Outreach, refused: Refused, tmp_path: Path
) -> None:
    """A number twice and one that nobody has are said, row by row; the rest is not lost."""
    rows = ["账号", "9999000000000001", "9999000000000002", "9999000000000001", "9999000000000099"]
    file = tmp_path / "accounts-to-write-to.csv"
    file.write_text("\n".join(rows) + "\n", encoding="gb18030")
    asked = (*CREATE, "--accounts", str(file))
    said = outreach("--as", "mei", *asked)
    problems = Path(f"{file}.errors.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in problems[1:]] == ["4", "5"]
    number = said.split()[1].rstrip(":")
    assert "approved, 2 notices" in outreach("campaign", "submit", number)
    seen = ("campaign", "preview", number, "--at", at(10), "--json")
    assert json.loads(outreach(*seen))["notices"] == 2
    again = ("campaign", "preview", "--purpose", "overdue_notice", "--channel", "sms", "--json")
    listed = ("--accounts", str(file), "--creditor", "qinglan-bank", "--filter", "dpd > 30")
    assert json.loads(outreach(*again, *listed))["notices"] == 1
    assert "whose accounts" in refused(*again, "--accounts", str(file))
    file.write_text("账号\n9999000000000077\n", encoding="utf-8")
    assert "none of its 1 rows names an account" in refused(*asked)


@pytest.mark.usefixtures("portfolio")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*CREATE, "--filter", "dpd >"), "a whole number"),
        ((*CREATE, "--segment", "none"), "no segment 'none'"),
        ((*CREATE, "--filter", "dpd > 0", "--channel", "sms"), "each at most once"),
        (("campaign", "create", " ", *CREATE[3:], "--filter", "dpd > 0"), "1 to 60 characters"),
        (("campaign", "show", "999"), "no campaign 999"),
        (("campaign", "approve", "999"), "no campaign 999"),
        ((*CREATE[:4], "no-bank", *CREATE[5:], "--filter", "dpd > 0"), "no-bank"),
        ((*CREATE[:1], "preview", *CREATE[5:], "--filter", "dpd > 999"), "chooses nobody"),
        ((*CREATE[:1], "preview", *CREATE[5:], "--filter", "dpd > 0", "--at", "noon"), "--at"),
    ],
)
def test_what_cannot_be_is_refused(refused: Refused, arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(*arguments)
