"""A small storm, and the auditor's own trial: it must find what was planted, and nothing else."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auditor import Finding, audit, read
from storm import stage, storm

COUNT = 400

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a storm left."""
    folder = tmp_path_factory.mktemp("storm")

    async def rage() -> None:
        async with stage(COUNT) as place:
            await storm(place, 1, COUNT, folder, "twilio")

    asyncio.run(rage())
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A copy of its files, to be doctored."""
    return Path(shutil.copytree(run, tmp_path / "copy"))


def test_a_small_storm(run: Path) -> None:
    finding = audit(run)
    assert finding.good, finding.complaints
    assert finding.states["sent"] > COUNT / 8
    assert finding.states["uncertain"] == finding.uncertain.total()
    assert {"killed", "stopped", "redis killed", "postgres crashed"} <= finding.faults.keys()
    assert len([fault for fault in finding.faults if fault.startswith("died at")]) >= 3


def doctor(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    lines = read(path)
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def taken_and_sent(folder: Path) -> tuple[str, str]:
    """A notice that was sent, and the token of the attempt that was taken."""
    took = {line["token"] for line in read(folder / "carriers.jsonl") if line.get("taken")}
    for notice in read(folder / "export.jsonl"):
        for attempt in notice["attempts"]:
            if notice["state"] == "sent" and attempt["token"] in took:
                return notice["id"], attempt["token"]
    raise AssertionError("nothing was sent")


def only(finding: Finding, kind: str) -> set[str]:
    """What it complains of, which must be of this kind alone."""
    assert not finding.history
    assert {name for name, about in finding.complaints.items() if about} == {kind}
    return set(finding.complaints[kind])


def test_one_planted_loss_is_found(copy: Path) -> None:
    """The carrier never had it, though we say that it was sent."""
    notice, token = taken_and_sent(copy)
    _words_of(copy, token)
    doctor(copy / "carriers.jsonl", lambda lines: _forget(lines, token))
    assert only(audit(copy), "lost") == {notice}


def _forget(lines: list[dict[str, Any]], token: str) -> None:
    lines[:] = [line for line in lines if line["token"] != token]


def _words_of(copy: Path, token: str) -> None:
    """What was told of it goes with it: the export must not be blamed for that."""
    told = any("told" in line for line in read(copy / "carriers.jsonl") if line["token"] == token)

    def untold(notices: list[dict[str, Any]]) -> None:
        for notice in notices:
            if told and any(attempt["token"] == token for attempt in notice["attempts"]):
                notice["delivery"] = "accepted"

    doctor(copy / "export.jsonl", untold)


def test_a_notice_we_forgot_is_found(copy: Path) -> None:
    notice, token = taken_and_sent(copy)

    def forget(notices: list[dict[str, Any]]) -> None:
        notices[:] = [line for line in notices if line["id"] != notice]

    doctor(copy / "export.jsonl", forget)
    finding = audit(copy)
    assert set(finding.lost) == {notice}
    assert set(finding.unknown) == {token}


def test_one_planted_duplicate_is_found(copy: Path) -> None:
    """The carrier had it twice: the same attempt again."""
    notice, token = taken_and_sent(copy)

    def again(lines: list[dict[str, Any]]) -> None:
        lines.append(next(line for line in lines if line["token"] == token and line.get("taken")))

    doctor(copy / "carriers.jsonl", again)
    assert only(audit(copy), "repeated") == {notice}


def test_a_word_we_did_not_take_in_is_found(copy: Path) -> None:
    notice, token = taken_and_sent(copy)

    def read_it(lines: list[dict[str, Any]]) -> None:
        lines += [{"at": 0, "token": token, "told": word} for word in ("delivered", "sent")]

    def not_so(notices: list[dict[str, Any]]) -> None:
        for line in notices:
            if line["id"] == notice:
                line["delivery"] = "accepted"

    doctor(copy / "carriers.jsonl", read_it)
    doctor(copy / "export.jsonl", not_so)
    assert only(audit(copy), "misreported") == {notice}


def test_an_uncertain_one_without_a_cause_is_found(copy: Path) -> None:
    """Nothing happened to anybody, and still we do not know."""
    for path in (copy / "faults.jsonl", *copy.glob("worker-*.jsonl")):
        path.write_text("")
    finding = audit(copy)
    assert finding.unexplained
    assert not finding.lost
    assert not finding.repeated


def test_a_broken_history_is_found(copy: Path) -> None:
    verify = copy / "verify.json"
    said = json.loads(verify.read_text()) | {"verified": False, "counts": {"altered": 1}}
    verify.write_text(json.dumps(said))
    assert "altered" in audit(copy).history
