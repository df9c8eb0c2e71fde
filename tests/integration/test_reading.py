"""Reading a debtor's history by the commands people use, and what each reading leaves behind."""

import asyncio
import base64
import json
import os
import re
import stat
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from click.testing import Result
from pypdf import PdfReader
from typer.testing import CliRunner

from outreach import cli
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.events import debtor_stream

ROOT = Path(__file__).parents[2]
ACCOUNT = "9999241458000014"
NAME, ID_NUMBER, PHONE = "杨欣梅", "00000019670612000X", "15415244889"
MAILBOX, STREET = "u00001@songfeng.test", "竹影巷33号"
ROWS = 5

Command = Callable[..., Result]


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a loop of its own, as each command does."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def sql(url: str, statement: str, *values: object) -> list[Any]:
    async def fetch() -> list[Any]:
        conn = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await conn.fetch(statement, *values)]
        finally:
            await conn.close()

    found: list[Any] = apart(fetch())
    return found


@pytest.fixture
def outreach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, redis_url: str
) -> Command:
    """The command, by user ``li``, over a database with five imported accounts."""
    for name in [name for name in os.environ if name.startswith("OUTREACH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OUTREACH_CONFIG_DIR", str(ROOT / "config"))
    monkeypatch.setenv("OUTREACH_TEMPLATES_DIR", str(ROOT / "templates"))
    monkeypatch.setenv("OUTREACH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OUTREACH_DATABASE_URL", database_url)
    monkeypatch.setenv("OUTREACH_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(*arguments: str) -> Result:
        with ThreadPoolExecutor(1) as thread:  # where no loop runs: a command starts its own
            return thread.submit(CliRunner().invoke, cli.app, ["--as", "li", *arguments]).result()

    table = (ROOT / "examples/portfolio/accounts.csv").read_text("utf-8-sig").splitlines()
    file = tmp_path / "accounts.csv"
    file.write_text("\n".join(table[: ROWS + 1]) + "\n", "utf-8")
    done = invoke("accounts", "import", str(file))
    assert done.exit_code == 0, done.output
    return invoke


def debtor_of(url: str) -> UUID:
    """The debtor of ``ACCOUNT``."""
    found: UUID = sql(url, "select debtor_id from accounts where number_tail = $1", ACCOUNT[-4:])[
        0
    ]["debtor_id"]
    return found


def readings(url: str) -> list[dict[str, Any]]:
    rows = sql(
        url,
        "select kind, actor, stream, debtor_id, data from contact_events"
        " where kind in ('viewed', 'exported') order by at, id",
    )
    return [row | {"data": json.loads(row["data"])} for row in rows]


# ----------------------------------------------------------------------------------------- show


def test_a_profile_is_masked_and_the_look_is_on_record(
    outreach: Command, database_url: str
) -> None:
    shown = outreach("debtor", "show", ACCOUNT)
    assert shown.exit_code == 0, shown.output
    for hidden in (NAME, ID_NUMBER, PHONE, MAILBOX, STREET, ACCOUNT):
        assert hidden not in shown.output
    for seen in ("杨*梅", "****000X", "****4889", "u***@songfeng.test", "青岚信用卡", "账户导入"):
        assert seen in shown.output

    [viewed] = readings(database_url)
    debtor = debtor_of(database_url)
    assert (viewed["kind"], viewed["actor"], viewed["stream"]) == ("viewed", "user:li", "user:li")
    assert viewed["data"] == {"debtor": str(debtor), "unmasked": False}
    assert viewed["debtor_id"] is None


def test_no_line_is_wider_than_the_terminal(outreach: Command) -> None:
    shown = outreach("debtor", "show", ACCOUNT, "--words", "--unmask", "--reason", "CASE-1")
    wide = re.compile(r"[^\x00-\xff·—─│╭╮╰╯…–]")
    for line in shown.output.splitlines():
        assert len(line) + len(wide.findall(line)) <= 100, line


def test_unmasking_needs_a_reason_and_keeps_it(outreach: Command, database_url: str) -> None:
    refused = outreach("debtor", "show", ACCOUNT, "--unmask")
    assert isinstance(refused.exception, InvalidInput)
    assert readings(database_url) == []

    shown = outreach("debtor", "show", ACCOUNT, "--unmask", "--reason", "CASE-7", "--json")
    found = json.loads(shown.output)
    assert (found["debtor"]["name"], found["debtor"]["id_number"]) == (NAME, ID_NUMBER)
    assert f"+86{PHONE}" in [point["value"] for point in found["debtor"]["points"]]
    assert found["timeline"][0]["payload"]["balance"] == 783275
    [viewed] = readings(database_url)
    assert viewed["data"]["unmasked"] is True
    assert viewed["data"]["reason"] == "CASE-7"


def test_masked_json_holds_no_sealed_payload(outreach: Command, database_url: str) -> None:
    shown = outreach("debtor", "show", str(debtor_of(database_url)), "--json")
    for hidden in (NAME, ID_NUMBER, PHONE, MAILBOX, STREET):
        assert hidden not in shown.output
    assert [line["payload"] for line in json.loads(shown.output)["timeline"]] == [None]


@pytest.mark.parametrize("name", ["nobody", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_debtor_is_refused_and_nothing_is_recorded(
    outreach: Command, database_url: str, name: str
) -> None:
    assert isinstance(outreach("debtor", "show", name).exception, NotFound)
    assert readings(database_url) == []


# --------------------------------------------------------------------------------------- export


def test_a_history_is_copied_out_and_the_copy_is_on_record(
    outreach: Command, database_url: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = outreach("history", "export", "--debtor", ACCOUNT, "--out", str(out))
    assert done.exit_code == 0, done.output
    debtor = debtor_of(database_url)
    as_json, as_pdf = out / f"history-{debtor}.json", out / f"history-{debtor}.pdf"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (as_json, as_pdf)} == {0o600}

    copy = json.loads(as_json.read_bytes())
    assert (copy["debtor"]["name"], copy["chain"]["verified"]) == (NAME, True)
    assert [(event["kind"], event["payload_is"]) for event in copy["events"]] == [
        ("imported", "opened")
    ]
    text = "".join(page.extract_text() for page in PdfReader(as_pdf).pages)
    for word in ("触达记录清单", NAME, str(debtor), "账户导入", "7,832.75 CNY", "第1页"):
        assert re.sub(r"\s", "", word) in re.sub(r"\s", "", text)

    [exported] = readings(database_url)
    assert (exported["kind"], exported["stream"]) == ("exported", "user:li")
    assert exported["data"]["sha256"] == {
        "json": sha256(as_json.read_bytes()).hexdigest(),
        "pdf": sha256(as_pdf.read_bytes()).hexdigest(),
    }
    assert sql(
        database_url,
        "select count(*) as n from contact_events where debtor_id = $1 or stream = $2",
        debtor,
        debtor_stream(debtor),
    ) == [{"n": 1}]


def test_one_file_is_written_alone_and_no_place_is_refused(
    outreach: Command, database_url: str, tmp_path: Path
) -> None:
    one = tmp_path / "one.pdf"
    done = outreach("history", "export", "--debtor", ACCOUNT, "--out", str(one))
    assert done.exit_code == 0, done.output
    assert one.read_bytes().startswith(b"%PDF")
    assert [path.name for path in tmp_path.glob("*.json")] == []

    refused = outreach("history", "export", "--debtor", ACCOUNT, "--out", str(one / "two.json"))
    assert isinstance(refused.exception, InvalidInput)
    assert len(readings(database_url)) == 1


# --------------------------------------------------------------------------------------- verify


def test_verify_says_good_or_names_what_was_changed(outreach: Command, database_url: str) -> None:
    good = outreach("history", "verify", "--json")
    assert good.exit_code == 0
    assert json.loads(good.output)["verified"] is True

    [changed] = sql(
        database_url,
        "update event_payloads set salt = set_byte(salt, 0, get_byte(salt, 0) # 1)"
        " where event_id = (select id from contact_events where debtor_id = $1) returning event_id",
        debtor_of(database_url),
    )
    bad = outreach("history", "verify")
    assert bad.exit_code == 1
    assert f"ALTERED  event {changed['event_id']}" in bad.output
    found = json.loads(outreach("history", "verify", "--debtor", ACCOUNT, "--json").output)
    assert (found["verified"], found["counts"]) == (False, {"altered": 1})
    assert found["problems"][0]["event_id"] == str(changed["event_id"])
    other = "9999513315000027"
    assert outreach("history", "verify", "--debtor", other).exit_code == 0


# ----------------------------------------------------------------------------------------- keys


def test_keys_are_rewrapped_and_the_old_master_key_is_needed_no_more(
    outreach: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = (tmp_path / "data/keys.env").read_text().splitlines()
    kept = dict(line.split("=", 1) for line in lines if line.startswith("OUTREACH_"))
    old, new = kept["OUTREACH_MASTER_KEYS"], f"2:{base64.b64encode(b'n' * 32).decode()}"
    monkeypatch.setenv("OUTREACH_LOOKUP_KEY", kept["OUTREACH_LOOKUP_KEY"])
    monkeypatch.setenv("OUTREACH_MASTER_KEYS", f"{new},{old}")
    before = json.loads(outreach("keys", "status", "--json").output)
    assert list(before["wrapped_by"]) == ["1"]

    rotated = outreach("keys", "rotate")
    assert rotated.exit_code == 0, rotated.output
    assert f"{before['wrapped_by']['1']} sealing keys rewrapped" in rotated.output
    assert outreach("keys", "rotate").output.startswith("0 sealing keys rewrapped")

    monkeypatch.setenv("OUTREACH_MASTER_KEYS", new)
    after = json.loads(outreach("keys", "status", "--json").output)
    assert after["wrapped_by"] == {"2": before["wrapped_by"]["1"]}
    assert json.loads(outreach("history", "verify", "--json").output)["payloads"] == ROWS
