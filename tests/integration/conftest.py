"""The command itself and a few people, for the tests of what it says."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from outreach import cli
from outreach.bootstrap import open_parts
from outreach.clock import Clock
from outreach.life.parts import Parts
from outreach.settings import load

ROOT = Path(__file__).parents[2]

Outreach = Callable[..., str]


@pytest.fixture
def outreach(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Outreach:
    """The command, in this process; fails unless it ends well."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["outreach", *arguments])
        monkeypatch.setenv("COLUMNS", "160")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert not ended.value.code, said.err
        return said.out

    return run


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Outreach:
    """The command where it must refuse; what it says of it."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["outreach", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == cli.REFUSED
        return capsys.readouterr().err

    return run


@pytest.fixture
async def parts(database_url: str, tmp_path: Path) -> AsyncIterator[Parts]:
    settings = load({"OUTREACH_DATA_DIR": str(tmp_path / "data")}, ROOT / "config")
    async with open_parts(settings, database_url, pool_size=3) as opened:
        yield opened


@pytest.fixture
async def conn(parts: Parts) -> AsyncIterator[Any]:
    async with parts.pool.acquire() as connection:
        yield connection


@pytest.fixture
def fetch(database_url: str) -> Callable[..., list[Any]]:
    """Rows of a query, for tests of commands, which run loops of their own."""

    def ask(query: str, *arguments: object) -> list[Any]:
        async def go() -> list[Any]:
            connection = await asyncpg.connect(database_url)
            try:
                return list(await connection.fetch(query, *arguments))
            finally:
                await connection.close()

        return asyncio.run(go())

    return ask


@pytest.fixture
def told(fetch: Callable[..., list[Any]]) -> Callable[[str], list[dict[str, Any]]]:
    """What the events of a kind say, in order, and who did it (``by``)."""

    def ask(kind: str) -> list[dict[str, Any]]:
        rows = fetch("select data, actor from contact_events where kind = $1 order by at, id", kind)
        return [json.loads(row["data"]) | {"by": row["actor"]} for row in rows]

    return ask


HEAD = (
    "债权人,账号,角色,产品,币种,到期还款日,最早逾期到期日,最低还款额,逾期金额,余额,本金,利息,违约金,"
    "费用,余额时点,姓名,性别,证件号,语言,手机,手机来源,手机已核实,邮箱,邮箱来源,邮箱已核实"
)


def _line(number: int, overdue: str, days: int, phone: str, email: str) -> str:
    today = Clock().now().astimezone(ZoneInfo("Asia/Shanghai")).date()
    late = today - timedelta(days=days)
    # at a week's end nobody writes before Monday: a balance of today would be too old by then
    fresh = today + timedelta(days={6: 2, 7: 1}.get(today.isoweekday(), 0))
    return (
        f"qinglan-bank,99990000{number:08},主借款人,青岚信用卡,CNY,{late},{late},100.00,{overdue},"
        f"1000.00,1000.00,0.00,0.00,0.00,{fresh} 02:00:00,云小满,女,00000019700101{number:04},"
        f"zh-CN,{phone},{'合同预留' if phone else ''},{'是' if phone else ''},"
        f"{email},{'合同预留' if email else ''},{'是' if email else ''}"
    )


@pytest.fixture
def portfolio(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    outreach: Outreach,
) -> None:
    """Three people: early with phone and mailbox, late with a phone, late with neither."""
    for name, value in (
        ("DATA_DIR", str(tmp_path / "data")),
        ("DATABASE_URL", database_url),
        ("REDIS_URL", redis_url),
    ):
        monkeypatch.setenv(f"OUTREACH_{name}", value)
    file = tmp_path / "accounts.csv"
    rows = [
        _line(1, "100.00", 10, "15400000001", "one@debtor.test"),
        _line(2, "200.50", 40, "15400000002", ""),
        _line(3, "300.00", 45, "", ""),
    ]
    file.write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    outreach("accounts", "import", str(file))
