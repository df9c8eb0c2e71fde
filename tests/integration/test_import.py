"""Imports on a real PostgreSQL: what comes in, what changes, what is refused, what stays sealed."""

import asyncio
import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from typer.testing import CliRunner

from outreach.cli import app
from outreach.compliance.gate import Verdict
from outreach.db import debtors, events
from outreach.db import facts as facts_db
from outreach.db.pool import open_pool
from outreach.domain.contact import Address, Channel
from outreach.domain.errors import Conflict, InvalidInput, NotFound, OutreachError
from outreach.domain.notice import Lane, Purpose
from outreach.ledger import places
from outreach.life import intake
from outreach.life.judging import facts_of, judge_row
from outreach.life.kinds import Kinds
from outreach.life.parts import Parts
from outreach.life.words import open_person, open_point
from outreach.portfolio import load as loading
from outreach.portfolio.load import import_accounts, import_payments
from outreach.portfolio.reading import Control

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "portfolio"
ACTOR = "user:anna"
NUMBER = "QL202400000001"

Row = dict[str, str]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write rows as a CSV; a last row of control totals if given."""

    def make(*rows: Mapping[str, str], name: str = "file.csv", totals: str = "") -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
            file.write(totals)
        return path

    return make


@pytest.fixture
def as_of(parts: Parts) -> datetime:
    return parts.clock.now().replace(microsecond=0) - timedelta(hours=8)


@pytest.fixture
def account(as_of: datetime) -> Callable[..., Row]:
    """One primary borrower's account of 1200.00, 310.00 of it overdue; keywords change cells."""

    def make(**cells: str) -> Row:
        late = str(as_of.date() - timedelta(days=40))
        return {
            "债权人": "qinglan-bank",
            "账号": NUMBER,
            "角色": "主借款人",
            "产品": "青岚消费贷款",
            "币种": "CNY",
            "到期还款日": late,
            "最早逾期到期日": late,
            "最低还款额": "300.00",
            "逾期金额": "310.00",
            "余额": "1200.00",
            "本金": "1150.00",
            "利息": "40.00",
            "违约金": "10.00",
            "费用": "0.00",
            "余额时点": as_of.isoformat(),
            "姓名": "王样例",
            "性别": "女",
            "证件号": "000000198001010010",
            "手机": "14200000001",
            "手机来源": "合同预留",
            "手机已核实": "是",
            "邮箱": "y1@songfeng.test",
            "邮箱来源": "合同预留",
            "邮箱已核实": "是",
            "地址": "云岭省青岚市云台县听泉路13号",
            "邮编": "000942",
            "地址来源": "合同预留",
            "地址已核实": "是",
        } | cells

    return make


@pytest.fixture
def payment(as_of: datetime) -> Callable[..., Row]:
    """A payment of 200.00 an hour after the balance; keywords change cells."""

    def make(**cells: str) -> Row:
        return {
            "流水号": "PAY000001",
            "债权人": "qinglan-bank",
            "账号": NUMBER,
            "币种": "CNY",
            "金额": "200.00",
            "入账时间": (as_of + timedelta(hours=1)).isoformat(),
            "类型": "还款",
            "原流水号": "",
        } | cells

    return make


# ------------------------------------------------------------------------------------ what we ask

_MOVING = ("imports", "deployment", "alembic_version")


async def contents(conn: Any) -> dict[str, list[str]]:
    """Every row of every table but the list of imports, as text."""
    tables = await conn.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    names = sorted(row["relname"] for row in tables if row["relname"] not in _MOVING)
    return {
        name: sorted(row["t"] for row in await conn.fetch(f"select {name}::text as t from {name}"))
        for name in names
    }


async def the_account(conn: Any, parts: Parts, number: str = NUMBER) -> asyncpg.Record:
    (account_id,) = await intake.accounts_by_number(conn, parts.lookup, number)
    found: asyncpg.Record | None = await debtors.account(conn, account_id)
    assert found is not None
    return found


async def sums(conn: Any, parts: Parts) -> tuple[int, int]:
    """Balance and overdue sum of the account."""
    row = await the_account(conn, parts)
    return row["balance"], row["overdue"]


async def history(conn: Any, parts: Parts, debtor_id: UUID) -> list[tuple[str, Any, Any]]:
    """A debtor's events: kind, data, opened payload."""
    found = []
    for row in await events.timeline(conn, debtor_id):
        payload = None
        if row["sealed"] is not None:
            key = parts.open_key(row, "", row["key_id"])
            assert key is not None
            payload = orjson.loads(key.open(row["sealed"], places.payload(row["id"])))
        found.append((row["kind"], orjson.loads(row["data"]), payload))
    return found


async def verdict(conn: Any, parts: Parts, purpose: Purpose) -> Verdict:
    """What the gate says now to an SMS about the account."""
    row, now = await the_account(conn, parts), parts.clock.now()
    request = await intake.request_for(
        conn, row["id"], purpose, Channel.SMS, key="k", lane=Lane.BULK, now=now
    )
    facts = await facts_db.preview(conn, request, row["id"], now)
    kind = Kinds(parts, now).of(facts)
    return judge_row(
        parts, facts, kind, facts_of(facts, kind, orjson.loads(facts["accounts"]), now)
    )


def rules(found: Verdict) -> set[str]:
    return {finding.rule for finding in found.findings}


def bad_rows(path: Path) -> list[tuple[str, ...]]:
    """Row, column and reason of every refused row."""
    text = path.with_name(path.name + ".errors.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    return [tuple(row) for row in csv.reader(text.decode("utf-8-sig").splitlines())][1:]


def copy(name: str, folder: Path) -> Path:
    return Path((folder / name).write_bytes((EXAMPLE / name).read_bytes()) and folder / name)


# ------------------------------------------------------------------------------------ the examples


HELD = "select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"


async def test_a_workers_connection_keeps_no_lock_of_an_import(
    parts: Parts, database_url: str, tmp_path: Path
) -> None:
    """Its pool resets nothing: what is not given back is held as long as the worker lives."""
    file = copy("accounts-gb18030.csv", tmp_path)
    pool = await open_pool(database_url, 1, generic_plans=True)
    try:
        await import_accounts(replace(parts, pool=pool), file, ACTOR)
        async with pool.acquire() as conn:
            assert not await conn.fetchval(
                "select count(*) from pg_locks where locktype = 'advisory'"
            )
    finally:
        await pool.close()


async def test_the_same_file_again_changes_nothing(parts: Parts, conn: Any, tmp_path: Path) -> None:
    file = copy("accounts-gb18030.csv", tmp_path)
    first = await import_accounts(parts, file, ACTOR)
    assert (first.rows, first.created, first.refused) == (200, 200, 0)
    before = await contents(conn)
    again = await import_accounts(parts, file, ACTOR)
    assert (again.created, again.changed, again.unchanged) == (0, 0, 200)
    assert await contents(conn) == before
    runs = await conn.fetch("select * from imports order by started_at")
    assert [run["actor"] for run in runs] == [ACTOR] * 2
    assert runs[0]["file_digest"] == runs[1]["file_digest"]
    assert [(r["rows_read"], r["created"], r["unchanged"]) for r in runs] == [
        (200, 200, 0),
        (200, 0, 200),
    ]
    assert all(run["finished_at"] for run in runs)


async def test_the_whole_example_comes_in_and_nothing_personal_is_in_clear(
    parts: Parts, conn: Any, tmp_path: Path
) -> None:
    part = await import_accounts(parts, copy("accounts-gb18030.csv", tmp_path), ACTOR)
    file = copy("accounts.csv", tmp_path)
    whole = await import_accounts(parts, file, ACTOR)
    assert whole.unchanged == part.rows  # the same facts in another script
    assert whole.created == whole.rows - part.rows
    assert whole.refused == 0
    assert whole.shared_phones == 6
    assert not file.with_name("accounts.csv.errors.csv").exists()
    payments = await import_payments(parts, copy("payments.csv", tmp_path), ACTOR)
    assert (payments.rows, payments.created, payments.refused) == (42, 42, 0)
    assert payments.settled > 0
    stored = "\n".join(text for rows in (await contents(conn)).values() for text in rows)
    for word in personal_words(file):
        assert word not in stored
        assert word.encode().hex() not in stored  # as the bytes of an unsealed column would show


def personal_words(file: Path) -> Iterator[str]:
    """Of every sixtieth row."""
    with file.open(encoding="utf-8", newline="") as lines:
        for row in islice(csv.DictReader(lines), 0, None, 60):
            for column in ("账号", "姓名", "证件号", "手机", "邮箱", "地址"):
                if row[column]:
                    yield row[column]


async def test_a_dry_run_tells_and_writes_nothing(parts: Parts, conn: Any, tmp_path: Path) -> None:
    file = copy("accounts-gb18030.csv", tmp_path)
    before = await contents(conn)
    told = await import_accounts(parts, file, ACTOR, dry_run=True)
    assert await contents(conn) == before
    assert not await conn.fetchval("select count(*) from imports")
    done = await import_accounts(parts, file, ACTOR)
    assert (told.created, told.refused) == (done.created, done.refused) == (200, 0)


async def test_a_dry_run_knows_the_accounts_of_its_earlier_batches(
    parts: Parts,
    write: Write,
    account: Callable[..., Row],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "BATCH", 2)
    numbers = [f"QL20240000000{n}" for n in range(1, 4)]
    friend = {"角色": "保证人", "证件号": "000000198001019990"}
    file = write(
        *(account(账号=n) for n in numbers),
        *(account(账号=n, **friend) for n in (*numbers, "QL202400000009", numbers[0])),
    )
    told = await import_accounts(parts, file, ACTOR, dry_run=True)
    named = {(row, column) for row, column, _ in bad_rows(file)}
    assert named == {("8", "账号"), ("9", "证件号")}
    done = await import_accounts(parts, file, ACTOR)
    assert (told.created, told.refused) == (done.created, done.refused) == (6, 2)


# ----------------------------------------------------------------------------- what is sealed where


async def test_sealed_values_open_again_and_are_found_by_hash(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    row = await the_account(conn, parts)
    debtor = await debtors.debtor(conn, row["debtor_id"])
    assert debtor is not None
    key = parts.open_key(debtor, "", debtor["id"])
    assert key is not None
    person = open_person(debtor["sealed"], key, debtor["id"])
    assert (person.name, person.sex, person.id_number) == ("王样例", "female", "000000198001010010")
    number = orjson.loads(key.open(row["sealed"], places.account(row["id"])))
    assert (number, row["number_tail"]) == ({"number": NUMBER}, "0001")
    assert debtor["name_hash"] == parts.lookup.hash("name", "王样例")
    assert debtor["id_tail_hash"] == parts.lookup.hash("id_tail", "010010")
    assert (debtor["zone"], debtor["locale"]) == ("Asia/Shanghai", "zh-CN")
    opened = {}
    for point in await debtors.points_of(conn, debtor["id"]):
        point_key = parts.open_key(point, "", point["id"])
        assert point_key is not None
        opened[point["kind"]] = open_point(point["sealed"], point_key, point["id"])
        assert point["region"] == "CN"
    assert opened == {
        "phone": "+8614200000001",
        "email": "y1@songfeng.test",
        "address": Address("王样例", ("云岭省青岚市云台县听泉路13号",), "000942", "CN"),
    }
    found = await debtors.points_with_value(conn, parts.lookup.hash("phone", "+8614200000001"))
    assert [point["debtor_id"] for point in found] == [debtor["id"]]
    ((kind, data, payload),) = await history(conn, parts, debtor["id"])
    assert (kind, data["role"], data["product"]) == ("imported", "primary", "青岚消费贷款")
    assert (payload["balance"], payload["overdue"], payload["currency"]) == (120000, 31000, "CNY")


async def test_two_debtors_with_one_phone_share_it(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    other = account(账号="QL202400000002", 证件号="000000198001010020", 姓名="李样例", 邮箱="")
    report = await import_accounts(parts, write(account(), other), ACTOR)
    assert (report.created, report.shared_phones) == (2, 1)
    found = await debtors.points_with_value(conn, parts.lookup.hash("phone", "+8614200000001"))
    assert len({point["debtor_id"] for point in found}) == 2


async def test_everybody_on_an_account_has_a_part_in_it(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    guarantor = account(
        角色="保证人", 姓名="李样例", 证件号="000000198001010020", 手机="14200000002"
    )
    await import_accounts(parts, write(guarantor, account()), ACTOR)  # in whatever order
    row = await the_account(conn, parts)
    parties = await conn.fetch("select role, debtor_id from parties")
    assert {party["role"] for party in parties} == {"primary", "guarantor"}
    (other,) = [p["debtor_id"] for p in parties if p["debtor_id"] != row["debtor_id"]]
    assert [kind for kind, _, _ in await history(conn, parts, other)] == ["imported"]
    as_joint = guarantor | {"角色": "共同借款人"}
    report = await import_accounts(parts, write(account(), as_joint), ACTOR)
    assert (report.changed, report.unchanged) == (1, 1)
    _, (kind, data, _) = await history(conn, parts, other)
    assert (kind, data["role"], data["was"]) == ("contact_changed", "joint", "guarantor")


# ----------------------------------------------------------------------------------- what changes


async def test_a_new_balance_leaves_before_and_after(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row], as_of: datetime
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    later = account(余额="1210.00", 利息="50.00", 余额时点=(as_of + timedelta(1)).isoformat())
    report = await import_accounts(parts, write(later), ACTOR)
    assert (report.created, report.changed) == (0, 1)
    row = await the_account(conn, parts)
    assert (row["balance"], row["interest"]) == (121000, 5000)
    _, (kind, data, payload) = await history(conn, parts, row["debtor_id"])
    assert (kind, data["fields"]) == ("balance_changed", ["balance", "interest"])
    assert (payload["before"]["balance"], payload["after"]["balance"]) == (120000, 121000)


async def test_a_newer_instant_alone_is_kept_and_not_told(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row], as_of: datetime
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    later = as_of + timedelta(hours=3)
    report = await import_accounts(parts, write(account(余额时点=later.isoformat())), ACTOR)
    assert (report.changed, report.unchanged) == (0, 1)
    row = await the_account(conn, parts)
    assert row["balance_as_of"] == later
    assert len(await history(conn, parts, row["debtor_id"])) == 1


async def test_an_older_balance_never_overwrites(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row], as_of: datetime
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    before = await contents(conn)
    old = account(
        余额="900.00", 本金="850.00", 余额时点=(as_of - timedelta(1)).isoformat(), 姓名="旧样例"
    )
    report = await import_accounts(parts, write(old), ACTOR)
    assert (report.changed, report.unchanged, report.stale) == (0, 0, 1)
    assert await contents(conn) == before


async def test_a_new_name_reaches_the_letters(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    report = await import_accounts(parts, write(account(姓名="王新名")), ACTOR)
    assert report.changed == 1
    row = await the_account(conn, parts)
    debtor = await debtors.debtor(conn, row["debtor_id"])
    assert debtor is not None
    assert debtor["name_hash"] == parts.lookup.hash("name", "王新名")
    key = parts.open_key(debtor, "", debtor["id"])
    assert key is not None
    assert open_person(debtor["sealed"], key, debtor["id"]).name == "王新名"
    (address,) = [p for p in await debtors.points_of(conn, debtor["id"]) if p["kind"] == "address"]
    address_key = parts.open_key(address, "", address["id"])
    assert address_key is not None
    opened = open_point(address["sealed"], address_key, address["id"])
    assert isinstance(opened, Address)
    assert opened.recipient == "王新名"
    _, (kind, data, payload) = await history(conn, parts, debtor["id"])
    assert (kind, data["fields"]) == ("contact_changed", ["name"])
    assert payload == {"before": {"name": "王样例"}, "after": {"name": "王新名"}}


async def test_contact_points_are_added_and_brought_up_to_date(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    changed = account(手机="14200000009", 邮箱来源="本人更新", 邮箱已核实="否")
    await import_accounts(parts, write(changed), ACTOR)
    row = await the_account(conn, parts)
    points = await debtors.points_of(conn, row["debtor_id"])
    assert sorted(point["kind"] for point in points) == ["address", "email", "phone", "phone"]
    (email,) = [point for point in points if point["kind"] == "email"]
    assert (email["origin"], email["verified"]) == ("debtor", False)
    _, *told = await history(conn, parts, row["debtor_id"])
    assert [(kind, data["contact"], data["change"]) for kind, data, _ in told] == [
        ("contact_changed", "phone", "added"),
        ("contact_changed", "email", "origin"),
    ]


# ---------------------------------------------------------------------------------- what is refused


async def test_bad_rows_are_named_and_good_ones_kept(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    file = write(
        account(余额="负数"),
        account(账号="QL202400000002", 证件号="000000198001010020"),
        account(账号="QL202400000002", 证件号="000000198001010020"),
        account(账号="QL202400000003", 角色="保证人", 证件号="000000198001010030"),
        account(账号="QL202400000004", 证件号="000000198001010020", 姓名="另一人"),
    )
    report = await import_accounts(parts, file, ACTOR)
    assert (report.rows, report.created, report.refused) == (5, 1, 4)
    assert report.bad_rows == file.with_name("file.csv.errors.csv")
    named = {(row, column) for row, column, _ in bad_rows(file)}
    assert named == {("2", "余额"), ("4", "账号"), ("5", "账号"), ("6", "证件号")}
    text = str(bad_rows(file))
    assert "负数" not in text
    assert "另一人" not in text
    assert await conn.fetchval("select count(*) from accounts") == 1
    assert await conn.fetchval("select refused from imports") == 4
    clean = await import_accounts(parts, write(account()), ACTOR)
    assert clean.bad_rows is None
    assert not file.with_name("file.csv.errors.csv").exists()


async def test_an_account_does_not_change_hands_by_import(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    before = await contents(conn)
    other = account(证件号="000000198001010020", 姓名="李样例")
    in_dollars = account(币种="HKD")
    for row, column in ((other, "证件号"), (in_dollars, "币种")):
        file = write(row)
        with pytest.raises(InvalidInput, match="none of its 1 rows"):
            await import_accounts(parts, file, ACTOR)
        assert [(number, named) for number, named, _ in bad_rows(file)] == [("2", column)]
    assert await contents(conn) == before


async def test_wrong_totals_stop_everything(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    before = await contents(conn)
    with pytest.raises(InvalidInput, match="nothing was imported"):
        await import_accounts(parts, write(account(), totals="合计,1,1200.01\n"), ACTOR)
    expected = Control(2, None)
    with pytest.raises(InvalidInput, match="2 rows, the file has 1"):
        await import_accounts(parts, write(account()), ACTOR, expected=expected)
    assert await contents(conn) == before
    report = await import_accounts(parts, write(account(), totals="合计,1,1200.00\n"), ACTOR)
    assert report.created == 1


async def test_one_import_at_a_time(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    await conn.execute("select pg_advisory_lock(hashtext('outreach.import'))")
    with pytest.raises(Conflict, match="another import"):
        await import_accounts(parts, write(account()), ACTOR)


async def test_an_erased_person_is_not_brought_back(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    row = await the_account(conn, parts)
    await conn.execute("update sealing_keys set wrapped = null where id = $1", row["debtor_id"])
    file = write(account(姓名="王新名"))
    with pytest.raises(InvalidInput):
        await import_accounts(parts, file, ACTOR)
    assert "erased" in bad_rows(file)[0][2]


async def test_a_broken_connection_loses_one_batch_and_is_mended_by_importing_again(
    parts: Parts, conn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outreach.portfolio.load.BATCH", 60)
    file = copy("accounts-gb18030.csv", tmp_path)
    await conn.execute(
        """create function cut() returns trigger language plpgsql as $$ begin
               if (select count(*) from parties) > 100 then
                   perform pg_terminate_backend(pg_backend_pid());
               end if;
               return new;
           end $$"""
    )
    await conn.execute(
        "create trigger cut before insert on parties for each row execute function cut()"
    )
    with pytest.raises(OutreachError, match=r"is imported up to row \d+,") as stopped:
        await import_accounts(parts, file, ACTOR)
    assert "import the same file again" in stopped.value.remedy
    assert await conn.fetchval("select count(*) from parties") == 60
    run = await conn.fetchrow("select * from imports")
    assert (run["rows_read"], run["created"], run["finished_at"]) == (60, 60, None)
    await conn.execute("drop trigger cut on parties")
    report = await import_accounts(parts, file, ACTOR)
    assert (report.unchanged, report.created) == (60, 140)


# ----------------------------------------------------------------------------------------- payments


async def test_a_part_payment_holds_demands_until_the_next_balance(
    parts: Parts,
    conn: Any,
    write: Write,
    account: Callable[..., Row],
    payment: Callable[..., Row],
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    assert "C-04" not in rules(await verdict(conn, parts, Purpose.OVERDUE_NOTICE))
    report = await import_payments(parts, write(payment(), name="paid.csv"), ACTOR)
    assert (report.created, report.settled) == (1, 0)
    assert await sums(conn, parts) == (100000, 11000)
    assert "C-04" in rules(await verdict(conn, parts, Purpose.OVERDUE_NOTICE))
    row = await the_account(conn, parts)
    _, (kind, data, payload) = await history(conn, parts, row["debtor_id"])
    assert (kind, data["counted"]) == ("paid", True)
    assert (payload["balance_before"], payload["balance_after"]) == (120000, 100000)
    posted = account(
        余额="1000.00", 本金="990.00", 利息="0.00", 逾期金额="110.00", 最低还款额="110.00"
    )
    posted["余额时点"] = parts.clock.now().isoformat()
    await import_accounts(parts, write(posted), ACTOR)
    assert await sums(conn, parts) == (100000, 11000)
    assert "C-04" not in rules(await verdict(conn, parts, Purpose.OVERDUE_NOTICE))


async def test_a_payment_stops_what_it_settles(
    parts: Parts,
    conn: Any,
    write: Write,
    account: Callable[..., Row],
    payment: Callable[..., Row],
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    row = await the_account(conn, parts)
    now = parts.clock.now()
    request = await intake.request_for(
        conn, row["id"], Purpose.OVERDUE_NOTICE, Channel.SMS, key="k", lane=Lane.BULK, now=now
    )
    report = await import_payments(parts, write(payment(金额="1200.00")), ACTOR)
    assert report.settled == 1
    assert await sums(conn, parts) == (0, 0)
    facts = await facts_db.preview(conn, request, row["id"], parts.clock.now())
    now = parts.clock.now()
    kind = Kinds(parts, now).of(facts)
    judged = judge_row(
        parts, facts, kind, facts_of(facts, kind, orjson.loads(facts["accounts"]), now)
    )
    assert "S-02" in rules(judged)
    settled = await the_account(conn, parts)
    assert settled["balance_as_of"] == datetime.fromisoformat(payment()["入账时间"])
    assert settled["principal"] == settled["interest"] == settled["penalty"] == 0


@pytest.mark.parametrize("amount", ["200.00", "1200.00"])
async def test_accounts_and_payments_may_come_in_any_order(
    parts: Parts,
    conn: Any,
    write: Write,
    account: Callable[..., Row],
    payment: Callable[..., Row],
    amount: str,
) -> None:
    accounts = write(account())
    await import_accounts(parts, accounts, ACTOR)
    await import_payments(parts, write(payment(金额=amount), name="paid.csv"), ACTOR)
    before = await contents(conn)
    report = await import_accounts(parts, accounts, ACTOR)
    assert report.changed == 0
    assert await contents(conn) == before


async def test_a_payment_before_the_balance_is_already_in_it(
    parts: Parts,
    conn: Any,
    write: Write,
    account: Callable[..., Row],
    payment: Callable[..., Row],
    as_of: datetime,
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    early = payment(入账时间=(as_of - timedelta(hours=1)).isoformat())
    report = await import_payments(parts, write(early), ACTOR)
    assert report.created == 1
    assert await sums(conn, parts) == (120000, 31000)
    row = await the_account(conn, parts)
    assert row["balance_as_of"] == as_of
    _, (kind, data, _) = await history(conn, parts, row["debtor_id"])
    assert (kind, data["counted"]) == ("paid", False)


async def test_a_reversal_undoes_its_payment_once(
    parts: Parts,
    conn: Any,
    write: Write,
    account: Callable[..., Row],
    payment: Callable[..., Row],
    as_of: datetime,
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    later = (as_of + timedelta(hours=2)).isoformat()
    undo = payment(流水号="PAY000002", 类型="冲正", 原流水号="PAY000001", 入账时间=later)
    report = await import_payments(parts, write(undo, payment()), ACTOR)
    assert (report.created, report.refused) == (2, 0)
    assert await sums(conn, parts) == (120000, 31000)
    row = await the_account(conn, parts)
    kinds = [kind for kind, _, _ in await history(conn, parts, row["debtor_id"])]
    assert kinds == ["imported", "paid", "payment_reversed"]
    assert "C-04" in rules(await verdict(conn, parts, Purpose.OVERDUE_NOTICE))
    again = await import_payments(parts, write(undo, payment()), ACTOR)
    assert (again.created, again.unchanged) == (0, 2)
    twice = write(undo | {"流水号": "PAY000003"}, payment())
    report = await import_payments(parts, twice, ACTOR)
    assert (report.unchanged, report.refused) == (1, 1)
    assert bad_rows(twice) == [("2", "原流水号", "is undone already")]
    newer = account(余额时点=parts.clock.now().isoformat())
    await import_accounts(parts, write(newer, name="next.csv"), ACTOR)
    assert "C-04" not in rules(await verdict(conn, parts, Purpose.OVERDUE_NOTICE))


async def test_payments_that_cannot_be_right_are_refused(
    parts: Parts,
    conn: Any,
    write: Write,
    account: Callable[..., Row],
    payment: Callable[..., Row],
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    await import_payments(parts, write(payment(), name="first.csv"), ACTOR)
    before = await sums(conn, parts)
    file = write(
        payment(金额="201.00"),
        payment(流水号="PAY000002", 账号="QL202400000099"),
        payment(流水号="PAY000003", 币种="HKD"),
        payment(流水号="PAY000004", 类型="冲正", 原流水号="PAY000099"),
        payment(流水号="PAY000005", 类型="冲正", 原流水号="PAY000001", 金额="100.00"),
        payment(流水号="PAY000006", 金额="1.00"),
    )
    report = await import_payments(parts, file, ACTOR)
    assert (report.created, report.refused) == (1, 5)
    assert [(row, column) for row, column, _ in bad_rows(file)] == [
        ("2", "流水号"),
        ("3", "账号"),
        ("4", "币种"),
        ("5", "原流水号"),
        ("6", "金额"),
    ]
    assert await sums(conn, parts) == (before[0] - 100, before[1] - 100)


async def test_the_shipped_broken_payments_are_read_to_the_end(
    parts: Parts, write: Write, account: Callable[..., Row], tmp_path: Path
) -> None:
    await import_accounts(parts, write(account()), ACTOR)
    (tmp_path / "broken").mkdir()
    file = copy("broken/payments.csv", tmp_path)
    report = await import_payments(parts, file, ACTOR)
    assert (report.rows, report.created, report.refused) == (9, 1, 8)
    named = {row for row, _, _ in bad_rows(file)}
    assert named == {str(row) for row in range(3, 11)}


async def test_a_payment_waits_for_whoever_holds_the_debtor(
    parts: Parts,
    conn: Any,
    write: Write,
    account: Callable[..., Row],
    payment: Callable[..., Row],
) -> None:
    guarantor = account(
        角色="保证人", 姓名="李样例", 证件号="000000198001010020", 手机="14200000002"
    )
    await import_accounts(parts, write(account(), guarantor), ACTOR)
    row = await the_account(conn, parts)
    async with conn.transaction():
        await conn.execute(
            "select from debtors where id <> $1 for no key update", row["debtor_id"]
        )  # as dispatch holds the guarantor of a notice about this account
        paying = asyncio.create_task(import_payments(parts, write(payment()), ACTOR))
        waits = "select count(*) from pg_locks where not granted"
        while not await conn.fetchval(waits):
            assert not paying.done()
            await asyncio.sleep(0)
        assert await sums(conn, parts) == (120000, 31000)
    await paying
    assert await sums(conn, parts) == (100000, 11000)


# ------------------------------------------------------------------------------------- the commands


def test_the_commands_tell_what_they_did(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = copy("accounts-gb18030.csv", tmp_path)
    monkeypatch.chdir(ROOT)
    env = {
        "OUTREACH_DATABASE_URL": database_url,
        "OUTREACH_REDIS_URL": redis_url,
        "OUTREACH_DATA_DIR": str(tmp_path / "data"),
    }
    outreach, command = CliRunner(), ["--as", "anna", "accounts", "import", str(file)]
    dry = outreach.invoke(app, [*command, "--dry-run"], env=env)
    assert "200 would be new" in dry.output
    done = outreach.invoke(app, [*command, "--json", "--expect-rows", "200"], env=env)
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["created"], told["refused"], told["bad_rows"]) == (200, 0, None)
    wrong = outreach.invoke(app, [*command, "--expect-balance", "1.00"], env=env)
    assert isinstance(wrong.exception, InvalidInput)
    paid = ["payments", "import", str(copy("payments.csv", tmp_path)), "--json"]
    paying = outreach.invoke(app, paid, env=env)
    told = json.loads(paying.stdout.splitlines()[-1])
    assert told["rows"] == 42
    assert told["created"] + told["refused"] == 42


async def test_an_account_is_found_however_its_number_is_written(
    parts: Parts, conn: Any, write: Write, account: Callable[..., Row]
) -> None:
    await import_accounts(parts, write(account(账号="ｑｌ2024-0000 0001")), ACTOR)
    plain = await the_account(conn, parts)
    assert await the_account(conn, parts, " ql2024 0000-0001\n") == plain


async def test_an_unknown_account_is_not_found(parts: Parts, conn: Any) -> None:
    with pytest.raises(NotFound):
        await the_account(conn, parts)
