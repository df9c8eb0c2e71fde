"""What a wrong set-up meets: one message that says what, where and how to mend it, and no harm."""

import asyncio
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from outreach import cli
from outreach.db import pool

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

AWAY = "127.0.0.1:1"  # tcpmux: nobody listens there
OTHER_KEY = base64.b64encode(b"k" * 32).decode()
PEOPLE = ("杨欣梅", "9999241458000014", "15415244889", "00000019670612000X", "songfeng.test")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    def refused(self, code: int, *words: str) -> None:
        """One message with its remedy on stderr, nothing else, nobody named."""
        assert self.code == code, self.err
        for word in words:
            assert word in self.err
        assert len(self.err.splitlines()) == 2, self.err
        assert self.err.splitlines()[1].startswith("  → ")
        assert not self.out
        self.private()

    def private(self) -> None:
        assert "Traceback" not in self.err
        assert not [word for word in PEOPLE if word in self.out + self.err]


Run = Callable[..., Said]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "config", tmp_path / "config"))


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: Path,
    database_url: str,
    redis_url: str,
) -> pytest.MonkeyPatch:
    """A whole and sound one; ``setenv`` spoils it."""
    for name in [name for name in os.environ if name.startswith("OUTREACH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OUTREACH_CONFIG_DIR", str(config))
    monkeypatch.setenv("OUTREACH_TEMPLATES_DIR", str(ROOT / "templates"))
    monkeypatch.setenv("OUTREACH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OUTREACH_DATABASE_URL", database_url)
    monkeypatch.setenv("OUTREACH_REDIS_URL", redis_url)
    with socket.socket() as http, socket.socket() as mail:
        for name, door in (("HTTP", http), ("MAIL", mail)):
            door.bind(("127.0.0.1", 0))
            monkeypatch.setenv(f"OUTREACH_{name}_PORT", str(door.getsockname()[1]))
    return monkeypatch


@pytest.fixture
def outreach(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """The command itself, in this process."""

    def run(*arguments: str) -> Said:
        environment.setattr(sys, "argv", ["outreach", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def rows(database_url: str) -> Callable[[], dict[str, str]]:
    """A digest of every table's rows: what was half-written would show."""

    async def digest(url: str) -> dict[str, str]:
        connection = await asyncpg.connect(url)
        try:
            tables = await connection.fetch(
                "select c.oid::regclass::text as name from pg_class c join pg_namespace n on "
                "n.oid = relnamespace where relkind in ('r', 'p') and nspname = 'public'"
            )
            return {
                name: await connection.fetchval(
                    f"select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) "
                    f"from {name} t"
                )
                for (name,) in tables
            }
        finally:
            await connection.close()

    return lambda: _apart(digest(database_url))


def _apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own: the command under test has had one too."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _execute(url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    _apart(execute())


SEND = ("notice", "send", "--purpose", "overdue_notice", "--channel", "sms", "--account")


# ------------------------------------------------------------------------------ the configuration


@pytest.mark.usefixtures("environment")
def test_malformed_toml_in_a_real_process(config: Path) -> None:
    (config / "outreach.toml").write_text("http_port = \n")
    done = subprocess.run(
        [sys.executable, "-m", "outreach", "worker"], capture_output=True, text=True, check=False
    )
    Said(done.returncode, done.stdout, done.stderr).refused(
        3, f"{config}/outreach.toml is not valid TOML", "line 1", "mend that line"
    )


@pytest.mark.parametrize("command", ["up", "serve", "worker", "sandbox"])
def test_no_service_starts_with_an_unknown_key(
    outreach: Run, config: Path, tmp_path: Path, command: str
) -> None:
    (config / "outreach.toml").write_text("http_prot = 8300\n")
    outreach(command).refused(3, "line 1, http_prot: unknown key", "did you mean http_port?")
    assert not (tmp_path / "data").exists()


def test_a_malformed_carrier_file(outreach: Run, config: Path) -> None:
    (config / "carriers.toml").write_text("[carriers.sms]\nkind = 'twilio'\nbase_url = 5\n")
    outreach("worker").refused(3, "carriers.toml line 1, carriers.sms.account_sid: missing")


def test_a_key_that_is_none(outreach: Run, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_MASTER_KEYS", "1:c2hvcnQ=")
    outreach("worker").refused(3, "OUTREACH_MASTER_KEYS", "openssl rand -base64 32")


# ------------------------------------------------------------------------------------ the servers


@pytest.mark.parametrize("command", [("up",), ("serve",), ("worker",), ("db", "upgrade")])
def test_the_database_is_away(
    outreach: Run, environment: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    environment.setenv("OUTREACH_DATABASE_URL", f"postgresql://user:hushhush@{AWAY}/outreach")
    said = outreach(*command)
    said.refused(3, "PostgreSQL does not answer", "OUTREACH_DATABASE_URL")
    assert "hushhush" not in said.err


def test_a_database_url_that_cannot_be_read(outreach: Run, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_DATABASE_URL", "postgresql://user:hushhush@host:port/outreach")
    said = outreach("serve")
    said.refused(3, "PostgreSQL does not answer", "OUTREACH_DATABASE_URL")
    assert "hushhush" not in said.err


@pytest.mark.parametrize("url", [f"redis://user:hushhush@{AWAY}", "redis://user:hushhush@host:x"])
def test_redis_is_away(outreach: Run, environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("OUTREACH_REDIS_URL", url)
    said = outreach("worker")
    said.refused(3, "Redis does not answer", "OUTREACH_REDIS_URL")
    assert "hushhush" not in said.err


@pytest.mark.parametrize("command", [("serve",), ("db", "upgrade"), (*SEND, "1")])
def test_an_unknown_schema(
    outreach: Run,
    database_url: str,
    rows: Callable[[], dict[str, str]],
    command: tuple[str, ...],
) -> None:
    _execute(database_url, "update alembic_version set version_num = '9999'")
    before = rows()
    outreach(*command).refused(3, "does not know the database's schema 9999", "install the version")
    assert rows() == before


def test_no_schema(outreach: Run, environment: pytest.MonkeyPatch, empty_database_url: str) -> None:
    environment.setenv("OUTREACH_DATABASE_URL", empty_database_url)
    outreach(*SEND, "1").refused(3, "schema is empty", "outreach db upgrade")
    assert outreach("db", "upgrade").code == 0
    outreach(*SEND, "1").refused(2, "no account has this number")


# -------------------------------------------------------------------------------- with a portfolio


@pytest.fixture
def portfolio(outreach: Run, tmp_path: Path) -> str:
    """An account whose balance is ten days old, so that the gate lets nothing go."""
    file = tmp_path / "accounts.csv"
    with (ROOT / "examples/portfolio/accounts.csv").open(encoding="utf-8-sig") as examples:
        file.write_text("".join(islice(examples, 2)))
    imported = outreach("accounts", "import", str(file), "--shift-days", "-10", "--json")
    assert json.loads(imported.out)["created"] == 1
    return "9999241458000014"


@pytest.mark.usefixtures("portfolio")
@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("OUTREACH_MASTER_KEYS", f"1:{OTHER_KEY}", "master key version 1 does not open"),
        ("OUTREACH_MASTER_KEYS", f"2:{OTHER_KEY}", "master key version 1 is missing"),
        ("OUTREACH_LOOKUP_KEY", OTHER_KEY, "OUTREACH_LOOKUP_KEY is not the key"),
    ],
)
def test_a_wrong_key(
    outreach: Run,
    environment: pytest.MonkeyPatch,
    rows: Callable[[], dict[str, str]],
    variable: str,
    value: str,
    says: str,
) -> None:
    before = rows()
    environment.setenv(variable, value)
    said = outreach("worker")
    said.refused(3, says)
    assert OTHER_KEY not in said.err
    assert rows() == before


def test_nothing_goes_to_me_that_the_gate_keeps_in(
    outreach: Run, rows: Callable[[], dict[str, str]], portfolio: str
) -> None:
    before = rows()
    outreach(*SEND, portfolio, "--to-me", "+8613800000000").refused(
        2, "the gate does not let this notice go now", "--dry-run"
    )
    assert rows() == before


def test_a_dry_run_tells_why_and_writes_nothing(
    outreach: Run, rows: Callable[[], dict[str, str]], portfolio: str
) -> None:
    before = rows()
    said = outreach(*SEND, portfolio, "--dry-run", "--json")
    assert said.code == 0
    assert json.loads(said.out)["decision"] != "allow"
    said.private()
    assert rows() == before


def test_an_unknown_account(outreach: Run, rows: Callable[[], dict[str, str]]) -> None:
    before = rows()
    said = outreach(*SEND, "6222000011112222")
    said.refused(2, "no account has this number or id", "import the portfolio")
    assert "6222" not in said.err
    assert _but_declared(rows()) == _but_declared(before)


DECLARED = ("creditors", "deployment", "registrations", "contact_events", "unsealed")


def _but_declared(rows: dict[str, str]) -> dict[str, str]:
    """The first start keeps what the configuration declares, says so, and marks its look-up key."""
    return {name: row for name, row in rows.items() if not name.startswith(DECLARED)}


# -------------------------------------------------------------------------------------- the words


def test_a_template_in_a_locale_that_is_not_there(outreach: Run) -> None:
    preview = ("template", "preview", "--purpose", "demand_letter", "--channel", "email")
    outreach(*preview, "--locale", "zh-TW").refused(
        2, "no template for demand_letter by email in zh-TW", "exists in: zh-CN", "zh-TW.txt"
    )


def test_a_locale_nobody_writes(outreach: Run) -> None:
    said = outreach("template", "preview", "--purpose", "demand_letter", "--locale", "zh-XX")
    assert said.code == 2
    assert "zh-XX" in said.err
    assert "zh-CN" in said.err
    said.private()


# ------------------------------------------------------------------------------------- the doctor


@pytest.fixture
def doctor(outreach: Run) -> Callable[[], dict[str, tuple[str, str, str]]]:
    """What ``doctor --json`` finds, by check."""

    def examine() -> dict[str, tuple[str, str, str]]:
        said = outreach("doctor", "--json")
        said.private()
        assert not said.err
        told = json.loads(said.out)
        failed = [each for each in told["checks"] if each["status"] == "failed"]
        assert all(each["fix"] for each in failed)
        assert told["ok"] is (said.code == 0) is (not failed)
        return {
            each["check"]: (each["status"], each["says"], each["fix"]) for each in told["checks"]
        }

    return examine


Doctor = Callable[[], dict[str, tuple[str, str, str]]]


def test_the_doctor_finds_only_the_carriers_away(doctor: Doctor, config: Path) -> None:
    carriers = (config / "carriers.toml").read_text()
    for port in ("8310", "8311", "8312"):
        carriers = carriers.replace(port, "1")
    (config / "carriers.toml").write_text(carriers)
    found = doctor()
    assert {check for check, (status, *_) in found.items() if status != "ok"} == {
        "carrier twilio",
        "carrier cmpp",
        "carrier smtp",
    }
    assert "outreach up" in found["carrier twilio"][2]


def test_the_doctor_names_a_calendar_that_is_over(doctor: Doctor, config: Path) -> None:
    pack = config / "policies" / "cn-mainland.toml"
    text = pack.read_text("utf-8")
    assert "known_to = 2028-12-31" in text
    pack.write_text(text.replace("known_to = 2028-12-31", "known_to = 2026-01-01"), "utf-8")
    status, says, fix = doctor()["policies"]
    assert status == "failed"
    assert says.startswith("cn-mainland.toml, line ")
    assert says.endswith("known_to: the calendar ended on 2026-01-01")
    assert "held" in fix


def test_the_doctor_with_no_server_at_all(doctor: Doctor, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_DATABASE_URL", f"postgresql://user:hushhush@{AWAY}/outreach")
    environment.setenv("OUTREACH_REDIS_URL", f"redis://{AWAY}")
    found = doctor()
    assert found["database"][:2] == ("failed", "PostgreSQL does not answer: ConnectionRefusedError")
    assert found["Redis"][0] == "failed"
    assert found["schema"][0] == found["stops"][0] == "skipped"
    assert found["templates"][0] == found["policies"][0] == found["fonts"][0] == "ok"


def test_the_doctor_without_a_schema(
    doctor: Doctor, environment: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    environment.setenv("OUTREACH_DATABASE_URL", empty_database_url)
    found = doctor()
    assert found["schema"][0] == "failed"
    assert found["schema"][2] == "run: outreach db upgrade"
    assert found["sealer"][0] == "skipped"


@pytest.mark.usefixtures("portfolio")
def test_the_doctor_changes_nothing(
    doctor: Doctor, environment: pytest.MonkeyPatch, rows: Callable[[], dict[str, str]]
) -> None:
    before = rows()
    assert doctor()["database keys"][0] == "ok"
    environment.setenv("OUTREACH_LOOKUP_KEY", OTHER_KEY)
    assert doctor()["database keys"][0] == "failed"
    assert rows() == before


@pytest.mark.usefixtures("portfolio")
def test_the_doctor_counts_debtors_whom_no_policy_judges(doctor: Doctor, database_url: str) -> None:
    assert doctor()["jurisdictions"][0] == "ok"

    async def lose() -> None:
        conn = await asyncpg.connect(database_url)
        await conn.execute(
            "update debtors set jurisdiction = 'mo' where id = (select id from debtors limit 1)"
        )
        await conn.close()

    asyncio.run(lose())
    status, says, _ = doctor()["jurisdictions"]
    assert (status, says.partition(" ")[0]) == ("failed", "1")


def test_a_server_too_old_is_refused(outreach: Run, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(pool, "OLDEST", 99)
    outreach("segment", "list").refused(3, "PostgreSQL is 18, and 99 or later is needed")


def test_the_doctor_names_stops_and_what_waits(
    outreach: Run, doctor: Doctor, environment: pytest.MonkeyPatch
) -> None:
    assert outreach("stop", "--channel", "sms", "--reason", "杨欣梅").code == 0
    assert doctor()["sealer"][0] == "ok"
    environment.setenv("OUTREACH_CLOCK_OFFSET_SECONDS", "3600")
    found = doctor()
    assert found["stops"][0] == "failed"
    assert "channel:sms since" in found["stops"][1]
    assert found["sealer"][0] == "failed"
    assert "2 wait" in found["sealer"][1]  # this, and what the first start declared
    assert found["clock"][1].startswith("+3600 s")


def test_the_doctor_refuses_embedded_servers_for_production(
    doctor: Doctor, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.delenv(f"OUTREACH_{name}")
    environment.setenv("OUTREACH_ENVIRONMENT", "production")
    found = doctor()
    assert found["servers"][:2] == ("failed", "embedded servers are refused for production")
    assert found["database"][0] == "skipped"
    assert not (tmp_path / "data").exists()


def test_the_doctor_finds_a_door_taken(
    doctor: Doctor, environment: pytest.MonkeyPatch, stranger: int
) -> None:
    environment.setenv("OUTREACH_HTTP_PORT", str(stranger))
    found = doctor()
    assert found["HTTP port"][0] == "failed"
    assert "OUTREACH_HTTP_PORT" in found["HTTP port"][2]
    assert found["mail door"][0] == "ok"


@pytest.fixture
def stranger() -> Iterator[int]:
    """A port on which somebody hangs up on everybody."""
    with closing(socket.create_server(("127.0.0.1", 0))) as door, ThreadPoolExecutor(1) as thread:

        def hang_up() -> None:
            while True:
                try:
                    door.accept()[0].close()
                except OSError:
                    return

        thread.submit(hang_up)
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)


def test_the_doctor_with_an_unreadable_configuration(outreach: Run, config: Path) -> None:
    (config / "outreach.toml").write_text("http_port = \n")
    said = outreach("doctor")
    assert said.code == 1
    assert "✗ configuration" in said.out
    assert "is not valid TOML" in said.out
    assert "→ mend that line" in said.out
