"""Backup and restore: one snapshot, keys apart, nothing sent from what was restored."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import orjson
import pytest
from typer.testing import CliRunner

from outreach.backup import DUMP, KEYS, backup, restore
from outreach.backup.manifest import MANIFEST
from outreach.bootstrap import open_parts
from outreach.cli import app
from outreach.clock import Clock
from outreach.db import eras, events
from outreach.domain.errors import Conflict, InvalidInput, Rewound
from outreach.domain.events import Event, EventKind, debtor_stream
from outreach.embedded import Urls
from outreach.ledger.envelope import prepare
from outreach.life import recover
from outreach.life.parts import Parts
from outreach.life.seal import seal_all
from outreach.life.watermark import Watermark
from outreach.portfolio.load import import_accounts
from outreach.proof.verify import verify
from outreach.settings import Settings, load

ROOT = Path(__file__).parents[2]
FIELDS = {
    "债权人": "qinglan-bank",
    "账号": "9999000011{n:06d}",
    "角色": "主借款人",
    "产品": "青岚信用卡",
    "币种": "CNY",
    "到期还款日": "2026-10-01",
    "最早逾期到期日": "2026-10-01",
    "最低还款额": "300.00",
    "逾期金额": "310.00",
    "余额": "1234.56",
    "本金": "1200.00",
    "利息": "24.56",
    "违约金": "10.00",
    "费用": "0.00",
    "余额时点": "2026-11-20 02:00:00",
    "姓名": "云小满",
    "性别": "女",
    "证件号": "000000197001019{n:03d}",
    "语言": "zh-CN",
    "手机": "1540000{n:04d}",
    "手机来源": "合同预留",
    "手机已核实": "是",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    data = tmp_path / "data"
    return load(
        {"OUTREACH_DATA_DIR": str(data), "OUTREACH_TEMPLATES_DIR": str(ROOT / "templates")},
        ROOT / "config",
    )


@pytest.fixture
async def bank(settings: Settings, database_url: str, tmp_path: Path) -> AsyncIterator[Parts]:
    """Three debtors and their histories, of which each holds a sealed payload."""
    table = tmp_path / "accounts.csv"
    row = ",".join(FIELDS.values())
    lines = [",".join(FIELDS), *(row.format(n=number) for number in range(3))]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    async with open_parts(settings, database_url, pool_size=3) as parts:
        report = await import_accounts(parts, table, "user:test")
        assert (report.created, report.refused) == (3, 0)
        await seal_all(parts.pool)
        yield parts


async def _destroy_one(parts: Parts, *, told: bool) -> str:
    """Erase a debtor's key; ``told`` by an event, as erasing does."""
    async with parts.pool.acquire() as conn, conn.transaction():
        row = await conn.fetchrow("select id, creditor_id from debtors order by id limit 1")
        assert row is not None
        await conn.execute(
            "update sealing_keys set wrapped = null, destroyed_at = now() where id = $1", row["id"]
        )
        if told:
            event = Event(
                EventKind.ERASED,
                Clock().now(),
                debtor_stream(row["id"]),
                row["creditor_id"],
                "user:test",
                debtor_id=row["id"],
                data={"keys": [str(row["id"])]},
            )
            await events.append(conn, [prepare(event)])
    return str(row["id"])


async def test_there_and_back(
    bank: Parts, settings: Settings, database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    await _destroy_one(bank, told=True)
    folder, told = tmp_path / "backup", []
    made = await backup(database_url, folder, lambda done, total: told.append((done, total)))
    assert told
    assert made.counts["debtors"] == 3
    assert made.counts["destroyed_keys"] == 1
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {DUMP: 0o600, KEYS: 0o600, MANIFEST: 0o600}
    await restore(empty_database_url, folder, None, "user:op")
    async with open_parts(settings, empty_database_url, pool_size=2) as parts:
        report = await verify(parts.pool, parts.masters)
        assert not report.problems
        assert (report.payloads, report.erased) == (2, 1)
        async with parts.pool.acquire() as conn:
            with pytest.raises(Rewound, match="restored"):
                await Watermark(tmp_path / "fresh").check(conn)
        plan = await recover.plan(parts, None)
        assert plan.objection
        assert (made.newest_event or (None, None))[1] == plan.newest_event
        await recover.recover(parts, plan, "user:op", "drill")
        async with parts.pool.acquire() as conn:
            watermark = Watermark(tmp_path / "fresh")
            await watermark.check(conn)
            watermark.close()


async def test_an_old_backup_brings_back_no_destroyed_key(
    bank: Parts, settings: Settings, database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    await backup(database_url, old)
    gone = await _destroy_one(bank, told=True)
    await backup(database_url, new)
    (old / KEYS).unlink()  # expired
    with pytest.raises(InvalidInput, match=KEYS):
        await restore(empty_database_url, old, None, "user:op")
    (new / DUMP).unlink()  # not needed for its keys
    _, destroyed = await restore(empty_database_url, old, new, "user:op")
    assert destroyed == 1
    async with open_parts(settings, empty_database_url, pool_size=2) as parts:
        await seal_all(parts.pool)
        report = await verify(parts.pool, parts.masters)
        assert not report.problems
        assert (report.payloads, report.erased) == (2, 1)
        one = await verify(parts.pool, parts.masters, stream=f"debtor:{gone}")
        assert not one.problems


async def test_the_keys_of_an_older_backup_are_refused(
    bank: Parts, database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    del bank
    old, new = tmp_path / "old", tmp_path / "new"
    await backup(database_url, old)
    await backup(database_url, new)
    with pytest.raises(InvalidInput, match="older than the backup"):
        await restore(empty_database_url, new, old, "user:op")


@pytest.mark.parametrize("name", [DUMP, KEYS])
async def test_an_altered_file_is_refused_and_nothing_written(
    bank: Parts, database_url: str, empty_database_url: str, tmp_path: Path, name: str
) -> None:
    del bank
    folder = tmp_path / "backup"
    await backup(database_url, folder)
    await restore(empty_database_url, folder, None, "user:op", dry_run=True)
    with (folder / name).open("r+b") as file:
        file.seek(200)
        file.write(b"!")
    with pytest.raises(InvalidInput, match="SHA-256"):
        await restore(empty_database_url, folder, None, "user:op")
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(InvalidInput, match="cannot be read"):
        await restore(empty_database_url, folder, None, "user:op")
    (folder / MANIFEST).unlink()
    with pytest.raises(InvalidInput, match="broken off"):
        await restore(empty_database_url, folder, None, "user:op")
    conn = await asyncpg.connect(empty_database_url)
    assert await conn.fetchval("select to_regclass('notices')") is None
    await conn.close()


async def test_never_over_another(bank: Parts, database_url: str, tmp_path: Path) -> None:
    del bank
    folder = tmp_path / "backup"
    await backup(database_url, folder)
    with pytest.raises(Conflict, match="not empty"):
        await restore(database_url, folder, None, "user:op")
    with pytest.raises(InvalidInput, match="not empty"):
        await backup(database_url, folder)


async def test_broken_off_between_the_data_and_the_keys_nothing_is_sent(
    bank: Parts, settings: Settings, database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    del bank
    folder = tmp_path / "backup"
    await backup(database_url, folder)
    manifest = orjson.loads((folder / MANIFEST).read_bytes())
    manifest["eras"] = [{"id": "no such thing"}]
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest))
    with pytest.raises(ValueError, match="UUID"):
        await restore(empty_database_url, folder, None, "user:op")
    conn = await asyncpg.connect(empty_database_url)
    assert await eras.current(conn) is None
    assert await conn.fetchval("select count(*) from sealing_keys") == 0
    await conn.close()
    async with open_parts(settings, empty_database_url, pool_size=2) as parts:
        with pytest.raises(Conflict, match="only in part"):
            await recover.plan(parts, None)


def test_the_commands(
    servers: Urls, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("OUTREACH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OUTREACH_DATABASE_URL", database_url)
    monkeypatch.setenv("OUTREACH_REDIS_URL", servers.redis)
    runner, folder = CliRunner(), str(tmp_path / "backup")
    made = runner.invoke(app, ["backup", folder, "--json"])
    assert made.exit_code == 0
    assert orjson.loads(made.stdout)["counts"]["notices"] == 0
    again = runner.invoke(app, ["restore", folder, "--dry-run"])
    assert isinstance(again.exception, Conflict)
    looked = runner.invoke(app, ["recover", "--dry-run"])
    assert "0 become uncertain" in looked.stdout
    needless = runner.invoke(app, ["recover", "--since", "2020-01-01T00:00", "--reason", "r"])
    assert isinstance(needless.exception, (Conflict, InvalidInput))
    wrong = runner.invoke(app, ["recover", "--since", "yesterday", "--reason", "r"])
    assert isinstance(wrong.exception, InvalidInput)
    arguments = "--as op recover --since 2020-01-01T00:00 --anyway --reason drill --json"
    done = runner.invoke(app, arguments.split())
    assert done.exit_code == 0, done.output
    assert orjson.loads(done.stdout)["uncertain"] == 0
    shutil.rmtree(folder)
