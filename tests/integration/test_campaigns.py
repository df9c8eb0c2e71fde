"""A campaign's forecast: exact where it counts, honest where it samples, and it writes nothing."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from outreach.clock import Clock

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
    assert found["channels"]["sms"]["cost"] > found["channels"]["email"]["cost"]
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
    asked = ("campaign", "preview", "late", "--purpose", "overdue_notice", "--channel", "sms")
    found = json.loads(outreach(*asked, "--at", at(10), "--sample", "1", "--json"))
    assert (found["notices"], found["unreachable"], found["sampled"]) == (2, 1, 1)
