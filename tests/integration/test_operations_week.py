"""An operations lead's week, by the commands she types, with real services working beside her."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach.clock import Clock, monotonic
from outreach.demo.stage import EXAMPLES, ZONE, Files, cut_files, set_stage
from outreach.domain.states import State
from outreach.sandbox.book import read_book

pytestmark = pytest.mark.timeout(300)

Outreach = Callable[..., str]

ACCOUNTS = 120
PATIENCE = 60.0
MONDAY = date(2026, 6, 8)
"""A week whose working days are known, whenever this is run."""
OPEN = (State.PENDING, State.SENDING)


class Week:
    """One house from Monday to Friday; each day its services run for a while."""

    def __init__(
        self, outreach: Outreach, refused: Outreach, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        self.run, self.refused = outreach, refused
        self._monkeypatch = monkeypatch
        self.folder = folder
        self.env: dict[str, str] = {}

    def at(self, day: int, hour: int, minute: int = 0) -> None:
        """It is now that time of that day, 0 being Monday."""
        moment = self.moment(day, hour, minute)
        shift = (moment - Clock().now()).total_seconds()
        self.env["OUTREACH_CLOCK_OFFSET_SECONDS"] = f"{shift:.0f}"
        for name, value in self.env.items():
            self._monkeypatch.setenv(name, value)

    def morning(self, day: int) -> Files:
        """It is nine, and the bank's file is in: yesterday's balances are not quoted."""
        self.at(day, 9)
        files = cut_files(EXAMPLES, self.folder, ACCOUNTS, self.moment(day, 9).date())
        shift = str(files.shift_days)
        self.run("accounts", "import", str(files.accounts), "--shift-days", shift)
        self.at(day, 10)
        return files

    def moment(self, day: int, hour: int, minute: int = 0) -> datetime:
        return datetime.combine(MONDAY + timedelta(days=day), time(hour, minute), ZONE)

    @contextmanager
    def services(self) -> Iterator[None]:
        """Worker, callbacks and sandbox carriers, as ``outreach up`` runs them."""
        running = []
        with (self.folder / "services.log").open("ab") as log:
            for name in ("sandbox", "serve", "worker"):
                command = [sys.executable, "-m", "outreach", name]
                running.append(subprocess.Popen(command, env=self.env, stdout=log, stderr=log))
            try:
                yield
            finally:
                for process in reversed(running):
                    process.terminate()
                for process in running:
                    process.wait(60)

    # ------------------------------------------------------------------------- what she sees

    def show(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("campaign", "show", number, "--json"))
        return found

    def until(self, number: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = monotonic() + PATIENCE
        while not condition(found := self.show(number)):
            log = (self.folder / "services.log").read_text()[-2000:]
            assert monotonic() < deadline, f"{found['state']} {found['states']}\n{log}"
        return found

    def settled(self, number: str) -> dict[str, Any]:
        """Once nothing of a campaign is left to go but what is held."""

        def done(found: dict[str, Any]) -> bool:
            left = sum(found["states"].get(state, 0) for state in OPEN)
            return bool(found["frozen_at"]) and left == found["held"]

        return self.until(number, done)

    def approved(self, name: str, *options: str) -> str:
        """Drafted by Mei and approved by Lin; its number."""
        said = self.run("--as", "mei", "campaign", "create", name, *WHOM, *options)
        number = said.split()[1].rstrip(":")
        assert "submitted" in self.run("--as", "mei", "campaign", "submit", number)
        assert "second person" in self.refused("--as", "mei", "campaign", "approve", number)
        assert "approved" in self.run("--as", "lin", "campaign", "approve", number)
        return number

    def taken(self) -> list[str]:
        """What the carriers' own books hold: a message of parts by its first."""
        books = (self.folder / "sandbox").glob("*.jsonl")
        tokens = [entry.token for book in books for entry in read_book(book) if entry.accepted]
        return [token for token in tokens if token.partition("/")[2] in ("", "1")]


WHOM = ("--creditor", "qinglan-bank", "--purpose", "overdue_notice", "--channel", "sms")


@pytest.fixture
def week(
    outreach: Outreach,
    refused: Outreach,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> Week:
    tmp_path.chmod(0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = Week(outreach, refused, monkeypatch, tmp_path)
    found.env = set_stage() | {
        "OUTREACH_DATABASE_URL": database_url,
        "OUTREACH_REDIS_URL": redis_url,
        "OUTREACH_APPROVE_FROM": "5",
    }
    found.folder = Path(found.env["OUTREACH_DATA_DIR"])
    return found


def test_from_monday_to_friday(week: Week) -> None:
    _monday_a_campaign_paused_while_payments_come_in(week)
    _tuesday_nothing_runs_and_wednesday_it_is_asked(week)
    _thursday_a_mistake_is_cancelled_and_put_right(week)
    _friday_the_one_that_recurs(week)
    taken = week.taken()
    assert len(taken) == len(set(taken)), "somebody was written to twice"
    week.run("history", "verify")


def _monday_a_campaign_paused_while_payments_come_in(week: Week) -> None:
    files = week.morning(0)
    week.run("segment", "save", "早期", "逾期天数 介于 1 至 60")
    plan = ("--segment", "早期", "--purpose", "overdue_notice", "--channel", "sms")
    seen = json.loads(week.run("campaign", "preview", *plan, "--json"))
    number = week.approved(
        "周一", "--segment", "早期", "--pace-minute", "400", "--channel", "email"
    )
    assert "has passed" in week.refused(
        "campaign", "start", number, "--at", week.moment(0, 8).isoformat()
    )
    week.run("campaign", "start", number, "--at", week.moment(0, 10, 1).isoformat())
    week.at(0, 10, 1)
    with week.services():
        gone = week.until(number, lambda found: found["states"].get(State.SENT, 0) >= 5)
        assert gone["state"] == "running"
        week.run("campaign", "pause", number, "--reason", "payments are late today")
        paused = week.show(number)
        week.run("payments", "import", str(files.payments), "--shift-days", str(files.shift_days))
        assert week.show(number)["states"] == paused["states"]
        week.run("campaign", "resume", number, "--reason", "they are in")
        found = week.settled(number)
    ours = [row["notices"] for row in seen["counts"] if row["creditor"] == "qinglan-bank"]
    [frozen] = [event["data"] for event in found["events"] if event["kind"] == "frozen"]
    assert frozen["notices"] + sum(frozen["excluded"].values()) == sum(ours) > 0
    assert {"drafted", "scheduled", "started", "frozen", "paused", "resumed"} <= {
        event["kind"] for event in found["events"]
    }
    assert set(found["held_by"]) or not found["held"]  # whoever waits, it is said why


def _tuesday_nothing_runs_and_wednesday_it_is_asked(week: Week) -> None:
    week.at(0, 17)
    number = week.approved("周二", "--filter", "逾期天数 > 60", "--late", "ask")
    week.run("campaign", "start", number, "--at", week.moment(1, 10).isoformat())
    week.morning(2)
    with week.services():
        missed = week.until(number, lambda found: not found["starts_at"])
        assert (missed["state"], missed["total"]) == ("approved", 0)
        assert missed["events"][-1]["kind"] == "missed"
        week.run("campaign", "start", number)
        found = week.settled(number)
    assert found["states"].get(State.SENT, 0) > 0


def _thursday_a_mistake_is_cancelled_and_put_right(week: Week) -> None:
    week.morning(3)
    number = week.approved("误发", "--filter", "逾期天数 > 30", "--pace-minute", "120")
    with week.services():
        week.run("campaign", "start", number)
        week.until(number, lambda found: found["states"].get(State.SENT, 0) >= 3)
        week.run("campaign", "cancel", number, "--reason", "the wrong bucket")
        ended = week.until(number, lambda found: not found["states"].get(State.PENDING, 0))
        assert ended["state"] == "cancelled"
        assert f"{ended['total']:,}" in week.run("campaign", "watch", number)
        assert "is cancelled" in week.refused("campaign", "retry", number, "--reason", "why not")
        before = len(week.taken())
        said = week.run("--as", "mei", "campaign", "correct", number, "--name", "更正")
        correction = said.split()[1].rstrip(":")
        assert f"campaign {number} has reached" in week.run("campaign", "show", correction)
        assert "exactly those" in week.refused("campaign", "preview", correction)
        submitted = week.run("--as", "mei", "campaign", "submit", correction)
        if "submitted" in submitted:
            week.run("--as", "lin", "campaign", "approve", correction)
        week.run("campaign", "start", correction)
        put_right = week.settled(correction)
        assert len(week.taken()) - before == put_right["states"][State.SENT]
    arrived = [word for word in ended["deliveries"] if word != "undelivered"]
    assert put_right["total"] <= sum(ended["deliveries"][word] for word in arrived)


def _friday_the_one_that_recurs(week: Week) -> None:
    week.at(3, 18)
    number = week.approved("每周五", "--segment", "早期", "--repeats", "每周五 10:00")
    assert week.moment(4, 10).astimezone(UTC).strftime("%Y-%m-%d %H:%M") in week.run(
        "campaign", "start", number
    )
    week.morning(4)
    with week.services():
        # the Friday after is 端午节: it moves to the Monday
        following = f"{week.moment(14, 10).astimezone(UTC):%Y-%m-%d}"
        week.until(number, lambda found: (found["starts_at"] or "").startswith(following))
        listed = week.run("campaign", "list")
    assert f"每周五 {week.moment(4, 10):%Y-%m-%d}" in listed
