"""The whole loop as a user starts it, with its worker killed in the middle."""

import asyncio
import csv
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from outreach.clock import monotonic
from outreach.embedded import Embedded

pytestmark = pytest.mark.timeout(240)

ACCOUNTS = 160
PERSONAL = ("姓名", "证件号", "手机", "邮箱", "地址", "账号")


@dataclass(frozen=True)
class Ran:
    """A demo that was killed into and came to its end."""

    outcome: dict[str, object]
    said: str
    logs: str
    jobs: str
    tables: dict[str, str]
    people: frozenset[str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return asyncio.run(_run(tmp_path_factory.mktemp("demo")))


async def _run(folder: Path) -> Ran:
    folder.chmod(0o711)
    env = {k: v for k, v in os.environ.items() if not k.startswith("OUTREACH_")}
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "outreach", "demo", "--json", "--keep"),
        *("--accounts", str(ACCOUNTS)),
        env=env | {"TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert demo.stdout
    assert demo.stderr
    saying = asyncio.create_task(demo.stderr.read())
    try:
        await _kill_worker(folder)
        line = await asyncio.wait_for(demo.stdout.readline(), 200)
        assert line, (await saying).decode()[-3000:]
        data_dir = next(folder.glob("outreach-demo-*"))
        tables, jobs = await _stored(data_dir)
        logs = "".join(path.read_text() for path in _logs(data_dir))
    finally:
        if demo.returncode is None:
            demo.send_signal(signal.SIGTERM)
        said = (await saying).decode()
        await demo.wait()
    assert demo.returncode == 0, said[-3000:]
    return Ran(json.loads(line), said, logs, jobs, tables, frozenset(_people(data_dir)))


async def _kill_worker(folder: Path) -> None:
    """SIGKILL the worker once carriers have taken a few messages."""
    deadline = monotonic() + 120
    while True:
        books = list(folder.glob("outreach-demo-*/sandbox/*.jsonl"))
        if sum(len(book.read_text().splitlines()) for book in books) >= 10:
            break
        assert monotonic() < deadline, "no carrier took anything"
        await asyncio.sleep(0.02)
    pid_file = next(folder.glob("outreach-demo-*/worker.pid"))
    os.kill(int(pid_file.read_text()), signal.SIGKILL)


def _logs(data_dir: Path) -> Iterator[Path]:
    for path in data_dir.rglob("*"):
        if path.is_file() and path.suffix in {".log", ".jsonl"}:
            yield path


async def _stored(data_dir: Path) -> tuple[dict[str, str], str]:
    """Everything readable in the database and in Redis, by table."""
    tables = {}
    async with Embedded(data_dir) as urls:
        conn = await asyncpg.connect(urls.database)
        names = await conn.fetch(
            "select relname from pg_class join pg_namespace n on n.oid = relnamespace "
            "where relkind = 'r' and nspname = 'public'"
        )
        for (name,) in names:
            rows = await conn.fetch(f"select t::text as line from {name} t")
            tables[name] = "\n".join(_readable(row["line"]) for row in rows)
        await conn.close()
        with Redis.from_url(urls.redis) as redis:
            jobs = repr([(key, redis.dump(key)) for key in redis.keys("*")])
    return tables, jobs


def _readable(row: str) -> str:
    """Bytes as the text they may be, and no digests: a phone is not looked for among hex digits."""
    read = re.sub(r"\\x((?:[0-9a-f]{2})*)", lambda found: _text(found[1]), row)
    return re.sub("[0-9a-f]{64}", "", read)


def _text(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8", "replace")


def _people(data_dir: Path) -> Iterator[str]:
    """What identifies the people of the imported file, as it may be written."""
    with (data_dir / "accounts.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield from (row[column] for column in PERSONAL if row[column])
            if row["手机"]:
                yield re.sub(r"\D", "", row["手机"])[-8:]


def _events(ran: Ran) -> list[str]:
    return [
        line
        for name, text in ran.tables.items()
        if name.startswith("contact_events")
        for line in text.splitlines()
    ]


def test_nothing_is_lost_or_repeated(ran: Ran) -> None:
    assert ran.outcome["lost"] == 0
    assert ran.outcome["duplicated"] == 0
    assert ran.outcome["accounts"] == ACCOUNTS


def test_what_the_kill_left_open_is_bounded_and_settled(ran: Ran) -> None:
    """At most a chunk per slot of two lanes and routes was in flight; receipts settle the rest."""
    opened = [line for line in _events(ran) if ",uncertain," in line]
    assert len(opened) <= 32 * 2 * 3
    assert ran.outcome["uncertain"] == len(ran.tables["uncertain"].splitlines())
    assert int(str(ran.outcome["uncertain"])) <= len(opened)


def test_all_channels_delivered_and_answers_came(ran: Ran) -> None:
    notices = ran.outcome["notices"]
    assert isinstance(notices, dict)
    assert all(notices[channel]["sent"]["delivered"] > 0 for channel in ("sms", "email", "letter"))
    responses = ran.outcome["responses"]
    assert isinstance(responses, dict)
    assert len(responses) >= 2
    assert re.search(r"writing again to [1-9]\d* who answered", ran.said)


def test_a_campaign_was_approved_paused_and_resumed_and_a_payment_stopped_somebody(
    ran: Ran,
) -> None:
    campaign = ran.outcome["campaign"]
    assert isinstance(campaign, dict)
    assert campaign["states"]["sent"] > 0
    assert campaign["states"]["blocked"] >= 1
    assert sum(campaign["states"].values()) == campaign["notices"]
    kinds = [line.split(",")[2] for line in _events(ran) if "campaign:" in line]
    told = ["drafted", "submitted", "started", "frozen", "paused", "resumed"]
    assert [kind for kind in told if kind in kinds] == told
    assert "has paid" in ran.said


def test_the_history_verifies(ran: Ran) -> None:
    assert ran.outcome["history_verified"] is True


def test_the_worker_was_killed_and_came_back(ran: Ran) -> None:
    assert ran.logs.count("worker_started") >= 2
    assert "service_ended service=worker code=-9" in ran.said + ran.logs


def test_no_person_in_logs_jobs_or_clear_columns(ran: Ran) -> None:
    """Tables too, bytes included: what is personal is sealed."""
    places = {"what was said": ran.said, "logs": ran.logs, "jobs": ran.jobs} | ran.tables
    for where, text in places.items():
        found = [person for person in ran.people if person in text]
        assert not found, f"{len(found)} of {len(ran.people)} found in {where}"
    assert len(ran.people) > ACCOUNTS
