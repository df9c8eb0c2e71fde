"""The gate fails closed: a place nobody knows, a calendar that is over."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from life_rig import ROOT, House, Person

from outreach.bootstrap import open_parts
from outreach.compliance.policies import load_policies
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError
from outreach.domain.events import EventKind
from outreach.life.calendars import Calendars
from outreach.settings import load


def lines(caplog: pytest.LogCaptureFixture, action: str) -> list[str]:
    return [str(each.msg) for each in caplog.records if str(each.msg).startswith(f"{action} ")]


async def test_a_debtor_of_no_known_place_is_blocked_alone_and_it_is_said_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    lost, found = (Person(), Person()), Person()
    await house.people(*lost, found)
    for person in lost:
        debtor = (await house.row(person))["debtor_id"]
        await house.execute("update debtors set jurisdiction = 'atlantis' where id = $1", debtor)
    stopped = [await house.notice(person) for person in lost]
    goes = await house.notice(found)
    assert await house.dispatch() == 1
    assert (await house.state(goes))[0] == "sent"
    for notice in stopped:
        assert (await house.state(notice))[0] == "blocked"
        [event] = await house.events(notice)
        assert event.kind is EventKind.BLOCKED
        assert event.data["code"] == "no_policy"
        assert "atlantis" in str(event.data["error"])
    assert lines(caplog, "no_policy") == ["no_policy creditor=qinglan-bank place=atlantis"]


def ending(tmp_path: Path, day: date) -> Path:
    """The policies with a mainland calendar whose last day this is."""
    folder = tmp_path / "policies"
    folder.mkdir()
    for path in (ROOT / "config" / "policies").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    file = folder / "cn-mainland.toml"
    text = file.read_text("utf-8")
    assert "known_to = 2028-12-31" in text
    file.write_text(text.replace("known_to = 2028-12-31", f"known_to = {day}"), "utf-8")
    return folder


async def test_a_calendar_that_ends_meanwhile_holds_and_is_told_once_a_day(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    last = house.now.date()
    policies = load_policies(ending(tmp_path, last), {})
    house.parts = replace(house.parts, policies=policies)
    Calendars(house.parts).watch()
    assert not lines(caplog, "calendar_ended")
    house.at(house.now + timedelta(days=1))
    _, notice = await house.a_notice()
    await house.dispatch()
    assert (await house.state(notice))[0] == "pending"
    [held] = await house.events(notice)
    assert "T-05" in held.data["rules"]
    calendars = Calendars(house.parts)
    calendars.watch()
    calendars.watch()
    said = f"calendar_ended place=cn-mainland calendar=spring-festival last={last}"
    assert lines(caplog, "calendar_ended") == [said]


async def test_nothing_that_sends_starts_after_a_calendars_end(
    clean_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ending(tmp_path, date(2026, 1, 1))
    monkeypatch.setattr("outreach.bootstrap.policies_of", lambda _: load_policies(folder, {}))
    settings = load({"OUTREACH_DATA_DIR": str(tmp_path / "data")}, ROOT / "config")
    with pytest.raises(ConfigurationError, match=r"cn-mainland\.toml, line \d+, key calendars"):
        async with open_parts(settings, clean_url, pool_size=2, sends=True):
            pass
    async with open_parts(settings, clean_url, pool_size=2) as parts:  # what only looks may
        assert Jurisdiction.MAINLAND in parts.policies.packs
