"""``outreach carriers status``: what an operator sees of pace, breaker and quota."""

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from outreach.clock import Clock
from outreach.db import quotas
from outreach.pace import Pace, Told, limits_of
from outreach.settings import PacedSettings, Settings, load

ROOT = Path(__file__).parents[2]
Outreach = Callable[..., str]


@pytest.fixture
def settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, redis_url: str
) -> Settings:
    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    file = config / "carriers.toml"
    text = file.read_text().replace("# rate = 100\n", "rate = 100\ndaily_quota = 5000\n")
    text = text.replace("# rate = 20\n", "breaker_failures = 3\nbreaker_seconds = 3600\n")
    file.write_text(text.replace("{ twilio = 1 }", "{ twilio = 3 }"))
    for name, value in (
        ("CONFIG_DIR", str(config)),
        ("DATA_DIR", str(tmp_path / "data")),
        ("DATABASE_URL", database_url),
        ("REDIS_URL", redis_url),
    ):
        monkeypatch.setenv(f"OUTREACH_{name}", value)
    return load()


@pytest.fixture
def trouble(settings: Settings, database_url: str, redis_url: str) -> None:
    asyncio.run(_trouble(settings, database_url, redis_url))


async def _trouble(settings: Settings, database_url: str, redis_url: str) -> None:
    """Two places in use and a quota begun at twilio; smtp failed three times and said "slower"."""
    twilio, smtp = (next(c for c in settings.carriers if c.name == n) for n in ("twilio", "smtp"))
    assert isinstance(twilio, PacedSettings)
    assert isinstance(smtp, PacedSettings)
    async with Redis.from_url(redis_url) as redis:
        pace = Pace(redis, 60)
        at_once = replace(limits_of(twilio), rate=None)  # a fresh bucket begins empty
        assert (await pace.turn("twilio", "a", 2, True, at_once)).granted == 2
        told = Told(failed=3, throttled=1, retry_after=900)
        await pace.turn("smtp", "a", 1, False, limits_of(smtp), told)
    conn = await asyncpg.connect(database_url)
    await quotas.take(conn, "twilio", twilio.quota_day(Clock().now()), 1234, 5000)
    await conn.close()


@pytest.mark.usefixtures("settings")
def test_all_is_well_before_anything_was_sent(outreach: Outreach) -> None:
    said = outreach("carriers", "status")
    assert said.count("正常 closed") == 3
    assert "0 of 16" in said
    assert "0 of 5000" in said
    assert "route sms: cmpp 1" in said
    assert "route sms-abroad: twilio 3" in said
    assert "route letters: mailhouse 1" in said


@pytest.mark.usefixtures("trouble")
def test_trouble_is_shown_in_words(outreach: Outreach) -> None:
    said = outreach("carriers", "status")
    twilio, smtp = (line for line in said.splitlines() if "│ twilio" in line or "│ smtp" in line)
    assert "正常 closed" in twilio
    assert "100/s" in twilio
    assert "2 of 16" in twilio
    assert "1234 of 5000" in twilio
    assert "熔断 open until" in smtp
    assert "暂停 paused" in smtp
    assert "no limit" in smtp
    assert "no quota" in smtp


@pytest.mark.usefixtures("trouble")
def test_a_script_reads_the_same(outreach: Outreach) -> None:
    told: dict[str, Any] = json.loads(outreach("carriers", "status", "--json"))
    twilio, smtp = told["carriers"]["twilio"], told["carriers"]["smtp"]
    assert (twilio["state"], twilio["until"], twilio["paused_seconds"]) == ("closed", None, 0)
    assert (twilio["in_flight"], twilio["concurrency"], twilio["holders"]) == (2, 16, 1)
    assert (twilio["quota_taken"], twilio["daily_quota"], twilio["rate"]) == (1234, 5000, 100)
    assert 0 <= twilio["tokens"] <= 100
    assert (smtp["state"], smtp["failures"], smtp["tokens"]) == ("open", 3, None)
    assert smtp["until"] is not None
    assert 0 < smtp["paused_seconds"] <= 900
    assert told["routes"]["sms-abroad"] == {"channel": "sms", "carriers": {"twilio": 3}}
