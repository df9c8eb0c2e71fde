"""``outreach facts`` on a real database: what is stated stands, is told once, or is refused."""

import asyncio
import csv
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import openpyxl
import pytest

from outreach.cli import facts_standing
from outreach.clock import Clock

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = Clock().now().astimezone(SHANGHAI).date()
ONE, TWO, THREE = (f"99990000{number:08}" for number in (1, 2, 3))
NOBODY = "9999000000000099"
PERSON_ONE = "000000197001010001"

Outreach = Callable[..., str]
Fetch = Callable[..., list[Any]]
Told = Callable[[str], list[dict[str, Any]]]

pytestmark = pytest.mark.usefixtures("portfolio")


def day_after(day: date) -> datetime:
    """The moment a day is over in Shanghai."""
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)


def set_(outreach: Outreach, whom: str, kind: str, *more: str) -> str:
    usual = ["--reason", "case-1"]
    if "--evidence" not in more and kind not in ("vip", "staff", "do_not_contact", "human_only"):
        usual += ["--evidence", "doc-1"]
    return outreach("--as", "anna", "facts", "standing", "set", whom, kind, *usual, *more)


# -------------------------------------------------------------------------------------- standings


def test_a_complaint_stands_with_its_clock_and_is_told(
    outreach: Outreach, fetch: Fetch, told: Told
) -> None:
    said = set_(outreach, ONE, "complaint", "--body", "12378", "--reference", "12378-1")
    last = TODAY + timedelta(days=15)
    assert said == f"kept: complaint, to be answered by {last}\n"
    (row,) = fetch("select * from standings")
    assert (row["kind"], row["reference"], row["evidence"]) == ("complaint", "12378-1", "doc-1")
    assert (row["owner"], row["reason"]) == ("user:anna", "case-1")
    assert (row["answer_by"], row["expires_at"]) == (day_after(last), None)
    assert (json.loads(row["detail"]), row["account_id"]) == ({"body": "12378"}, None)
    (event,) = told("standing_set")
    assert event["by"] == "user:anna"
    assert event["standing"] == "complaint"
    assert event["reference"] == "12378-1"
    assert UUID(event["standing_id"]) == row["id"]
    assert datetime.fromisoformat(event["answer_by"]) == row["answer_by"]


@pytest.mark.parametrize(
    ("more", "days"),
    [
        (("complaint", "--body", "branch", "--complex"), 30),
        (("dispute", "--about", "credit_data"), 20),
        (("complaint", "--body", "branch", "--answer-by", str(TODAY + timedelta(days=60))), 60),
    ],
)
def test_other_clocks(outreach: Outreach, fetch: Fetch, more: tuple[str, ...], days: int) -> None:
    set_(outreach, ONE, *more)
    (row,) = fetch("select answer_by from standings")
    assert row["answer_by"] == day_after(TODAY + timedelta(days=days))


def test_saying_it_again_changes_nothing_and_saying_more_changes_it(
    outreach: Outreach, fetch: Fetch, told: Told
) -> None:
    complaint = ("complaint", "--body", "branch")
    set_(outreach, ONE, *complaint, "--owner", "desk 7", "--since", str(TODAY - timedelta(days=2)))
    assert set_(outreach, ONE, *complaint).startswith("stands so already")
    assert len(told("standing_set")) == 1
    said = set_(outreach, ONE, *complaint, "--complex")
    last = TODAY + timedelta(days=28)
    assert said == f"changed: complaint, to be answered by {last}\n", "counted from when it came in"
    (row,) = fetch("select * from standings")
    assert row["owner"] == "desk 7", "what is not said again stays"
    assert json.loads(row["detail"]) == {"body": "branch", "handling": "complex"}
    assert [event.get("change") for event in told("standing_set")] == [None, "changed"]


def test_an_extended_clock_is_not_shortened_by_saying_it_again(
    outreach: Outreach, fetch: Fetch
) -> None:
    set_(outreach, ONE, "complaint", "--body", "branch")
    last = str(TODAY + timedelta(days=45))
    set_(outreach, ONE, "complaint", "--body", "branch", "--answer-by", last)
    assert set_(outreach, ONE, "complaint", "--body", "branch").startswith("stands so already")
    assert fetch("select answer_by from standings")[0]["answer_by"] == day_after(
        TODAY + timedelta(days=45)
    )


def test_two_numbers_are_two_complaints_and_one_is_ended(
    outreach: Outreach, refused: Outreach, fetch: Fetch, told: Told
) -> None:
    for number in ("A-1", "B-2"):
        set_(outreach, ONE, "complaint", "--body", "12345", "--reference", number)
    end = ("facts", "standing", "end", ONE, "complaint", "--reason", "answered", "--evidence", "L1")
    said = refused(*end)
    assert "A-1" in said
    assert "B-2" in said
    assert fetch("select count(*) as n from standings where ended_at is null")[0]["n"] == 2
    assert outreach(*end, "--reference", "B-2") == "ended: complaint\n"
    assert [
        row["reference"] for row in fetch("select * from standings where ended_at is null")
    ] == ["A-1"]
    (event,) = told("standing_ended")
    assert (event["reference"], event["evidence"], event["reason"]) == ("B-2", "L1", "answered")
    assert outreach(*end) == "ended: complaint\n", "one stands: no number is needed"
    assert "no complaint stands" in refused(*end)


def test_a_list_needs_no_evidence_and_has_an_end(outreach: Outreach, fetch: Fetch) -> None:
    last = TODAY + timedelta(days=90)
    said = set_(outreach, ONE, "vip", "--owner", "branch 12", "--until", str(last))
    assert said == f"kept: vip, until {last}\n"
    (row,) = fetch("select * from standings")
    assert (row["owner"], row["evidence"], row["expires_at"]) == (
        "branch 12",
        None,
        day_after(last),
    )
    outreach("facts", "standing", "end", ONE, "vip", "--reason", "moved")
    assert fetch("select ended_at from standings")[0]["ended_at"] is not None


def test_hardship_lasts_thirty_days_by_itself(outreach: Outreach) -> None:
    said = set_(outreach, ONE, "hardship")
    assert said == f"kept: hardship, until {TODAY + timedelta(days=30)}\n"


def test_agreed_hours_are_kept_as_texts(outreach: Outreach, fetch: Fetch) -> None:
    hours = ("--channel", "email", "--channel", "sms", "--opens", "19:00", "--closes", "21:30")
    set_(outreach, ONE, "agreed_hours", *hours)
    (row,) = fetch("select detail from standings")
    assert json.loads(row["detail"]) == {
        "channels": ["sms", "email"],
        "opens": "19:00",
        "closes": "21:30",
    }
    shown = outreach("debtor", "show", ONE)
    assert "短信、邮件 19:00-21:30" in " ".join(shown.split())


def test_what_is_of_an_account_is_of_all_with_a_part_in_it(
    outreach: Outreach, fetch: Fetch, tmp_path: Path
) -> None:
    """A plan: neither the borrower nor the guarantor is dunned for it; other debts are."""
    file = tmp_path / "guarantor.csv"
    row = ["qinglan-bank", ONE, "保证人", *[""] * 12, "云大年", "男", "000000196001010009", "zh-CN"]
    row += ["15400000009", "合同预留", "是", "", "", ""]
    head = (tmp_path / "accounts.csv").read_text("utf-8").splitlines()[0]
    file.write_text(f"{head}\n{','.join(row)}\n", encoding="utf-8")
    outreach("accounts", "import", str(file))
    until = ("--until", str(TODAY + timedelta(days=365)))
    set_(outreach, ONE, "plan", "--account-only", *until)
    rows = fetch("select * from standings")
    assert len({row["debtor_id"] for row in rows}) == 2
    assert len({row["account_id"] for row in rows}) == 1
    assert rows[0]["account_id"] is not None
    assert set_(outreach, ONE, "plan", "--account-only", *until).startswith("stands so already")
    events = fetch("select debtor_id, account_id from contact_events where kind = 'standing_set'")
    assert {event["account_id"] for event in events} == {rows[0]["account_id"]}
    assert len(events) == 2
    end = ("facts", "standing", "end", ONE, "plan", "--reason", "broken", "--evidence", "doc-2")
    assert outreach(*end, "--account-only") == "ended: plan, 2 of them\n"


@pytest.mark.parametrize(
    ("whom", "more", "says"),
    [
        (NOBODY, ("vip",), "no account this number"),
        (ONE, ("plan",), "--until: empty: a plan ends by itself"),
        (ONE, ("plan", "--until", "2020-01-01"), "--until: is past"),
        (ONE, ("plan", "--until", "2099-01-01"), "60 months"),
        (ONE, ("plan", "--until", "soon"), "--until: not a date"),
        (ONE, ("assigned",), "--account-only: assigned is of one account"),
        (ONE, ("complaint", "--body", "12378"), "--reference: empty"),
        (ONE, ("vip", "--account-only"), "whole person"),
        (
            ONE,
            ("agreed_hours", "--channel", "sms", "--opens", "21:00", "--closes", "09:00"),
            "--closes: these hours never open",
        ),
        (ONE, ("agreed_hours", "--channel", "sms", "--opens", "25:00"), "--opens: not a time"),
        (ONE, ("dispute", "--evidence", "call 15400000001"), "--evidence: holds what looks like"),
    ],
)
def test_what_is_refused_says_how_to_mend_it(
    refused: Outreach, fetch: Fetch, told: Told, whom: str, more: tuple[str, ...], says: str
) -> None:
    usual = ["--reason", "case-1"]
    if "--evidence" not in more:
        usual += ["--evidence", "doc-1"]
    said = refused("facts", "standing", "set", whom, *more, *usual)
    assert says in said, said
    assert "→" in said
    assert "15400000001" not in said
    assert fetch("select count(*) as n from standings")[0]["n"] == 0
    assert told("standing_set") == []


def test_clocks_that_run_out_first_stand_first(
    outreach: Outreach, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_(outreach, ONE, "vip")
    set_(outreach, ONE, "complaint", "--body", "branch")
    set_(outreach, TWO, "complaint", "--body", "branch", "--since", str(TODAY - timedelta(days=9)))
    set_(outreach, THREE, "dispute", "--about", "credit_data")
    said = outreach("facts", "standing", "list", "--json")
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["kind"] for line in lines] == ["complaint", "complaint", "dispute", "vip"]
    two = fetch("select debtor_id from accounts where number_tail = '0002'")[0]["debtor_id"]
    assert UUID(lines[0]["debtor_id"]) == two
    due = outreach("facts", "standing", "list", "--due")
    assert "6 days left" in due or "5 days left" in due
    assert "vip" not in due
    assert "云小满" not in due
    assert ONE not in due
    assert outreach("facts", "standing", "list", "--creditor", "hk-harbour-bank") == (
        "nothing stands\n"
    )
    monkeypatch.setattr(facts_standing, "MOST", 1)
    assert outreach("facts", "standing", "list", "--json") == said, "a script is given all of it"
    first = outreach("facts", "standing", "list")
    assert "and more" in first
    assert "vip" not in first


def test_the_profile_shows_number_clock_and_account(outreach: Outreach) -> None:
    set_(outreach, ONE, "complaint", "--body", "12378", "--reference", "12378-1")
    set_(outreach, ONE, "assigned", "--account-only", "--evidence", "deed-7")
    shown = " ".join(outreach("debtor", "show", ONE).split())
    assert "投诉处理中 12378 热线，须于" in shown
    assert "12378-1" in shown
    assert "deed-7" in shown
    assert "债权已转出 仅" in shown
    assert "15400000001" not in shown
    profile = json.loads(outreach("debtor", "show", ONE, "--json"))["debtor"]
    standing = {each["kind"]: each for each in profile["standings"]}
    assert standing["complaint"]["reference"] == "12378-1"
    assert standing["assigned"]["account"] == "0001"


# ------------------------------------------------------------------------------------------ files


def write(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8") -> Path:
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        sheet.append(list(rows[0]))
        for row in rows:
            sheet.append(list(row.values()))
        book.save(path)
        return path
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def line(account: str, kind: str, **more: str) -> dict[str, str]:
    row = dict.fromkeys(
        ("账号", "证件号", "类型", "原因", "凭证", "编号", "开始", "到期", "负责人", "解除"), ""
    )
    more_columns = ("受理渠道", "复杂", "渠道", "起始时刻", "截止时刻", "仅此账户")
    row |= dict.fromkeys(more_columns, "")
    return row | {"账号": account, "类型": kind, "原因": "case-1"} | more


BANK = ("--creditor", "qinglan-bank")


@pytest.mark.parametrize("name", ["facts.csv", "facts-gb.csv", "facts.xlsx"])
def test_a_file_sets_many_and_the_same_again_changes_nothing(
    outreach: Outreach, fetch: Fetch, told: Told, tmp_path: Path, name: str
) -> None:
    later = str(TODAY + timedelta(days=100))
    rows = [
        line(ONE, "投诉", 凭证="doc-1", 编号="12378-1", 受理渠道="12378", 复杂="是"),
        line("", "贵宾", 证件号="0000-0019700101-0002", 负责人="张楼 3 号台", 到期=later),
        line(
            THREE,
            "约定时段",
            凭证="doc-3",
            渠道="邮件、短信",
            起始时刻="19：00",
            截止时刻="21:30",
        ),
    ]
    file = write(tmp_path / name, rows, "gb18030" if "gb" in name else "utf-8")
    said = outreach("facts", "import", str(file), *BANK, "--json")
    assert json.loads(said) | {"created": 3, "refused": 0} == json.loads(said)
    stands = fetch("select * from standings order by kind")
    assert [row["kind"] for row in stands] == ["agreed_hours", "complaint", "vip"]
    hours, complaint, vip = stands
    assert json.loads(hours["detail"])["channels"] == ["sms", "email"]
    assert complaint["answer_by"] == day_after(TODAY + timedelta(days=30))
    assert (vip["owner"], vip["expires_at"]) == (
        "张楼 3 号台",
        day_after(TODAY + timedelta(days=100)),
    )
    assert len(told("standing_set")) == 3
    again = json.loads(outreach("facts", "import", str(file), *BANK, "--json"))
    assert (again["created"], again["changed"], again["unchanged"]) == (0, 0, 3)
    assert len(told("standing_set")) == 3
    ends = [{**row, "解除": "是", "凭证": "doc-9"} for row in rows]
    file = write(tmp_path / name, ends, "gb18030" if "gb" in name else "utf-8")
    done = json.loads(outreach("facts", "import", str(file), *BANK, "--json"))
    assert (done["changed"], done["refused"]) == (3, 0)
    assert not fetch("select from standings where ended_at is null")
    assert len(told("standing_ended")) == 3
    done = json.loads(outreach("facts", "import", str(file), *BANK, "--json"))
    assert (done["changed"], done["unchanged"]) == (0, 3)


def test_bad_rows_are_named_and_good_ones_kept(
    outreach: Outreach, fetch: Fetch, tmp_path: Path
) -> None:
    rows = [
        line(ONE, "投诉", 凭证="doc-1", 受理渠道="网点"),
        line(NOBODY, "贵宾"),
        line("", "贵宾"),
        line(TWO, "分期", 凭证="doc-2"),
        line(THREE, "分期", 凭证="doc-2", 到期="2020-01-01"),
        line(TWO, "发呆"),
        line(TWO, "困难"),
        line(TWO, "贵宾", 原因="打过 15400000002"),
        line(TWO, "约定时段", 凭证="d", 渠道="短信", 起始时刻="21:00", 截止时刻="21:00"),
        line(ONE, "贵宾", 证件号="000000197001010002"),
        line(ONE, "投诉", 凭证="doc-1", 受理渠道="网点"),
        line(THREE, "死亡", 凭证="doc-3"),
        line(THREE, "破产", 凭证="doc-3"),
        line(TWO, "债权转出", 凭证="doc-4", 仅此账户="是"),
    ]
    file = write(tmp_path / "facts.csv", rows)
    said = json.loads(outreach("facts", "import", str(file), *BANK, "--json"))
    assert (said["rows"], said["created"], said["refused"]) == (14, 3, 11)
    with (tmp_path / "facts.csv.errors.csv").open(encoding="utf-8-sig") as errors:
        found = {row[0]: row[1:] for row in list(csv.reader(errors))[1:]}
    places = {number: column for number, (column, _) in found.items()}
    assert places == {
        "3": "账号",
        "4": "账号",
        "5": "到期",
        "6": "到期",
        "7": "类型",
        "8": "凭证",
        "9": "原因",
        "10": "截止时刻",
        "11": "证件号",
        "12": "类型",
        "14": "编号",
    }
    text = (tmp_path / "facts.csv.errors.csv").read_text("utf-8-sig")
    assert "15400000002" not in text
    assert NOBODY not in text
    assert "never open" in found["10"][1]
    kinds = {row["kind"] for row in fetch("select kind from standings")}
    assert kinds == {"complaint", "deceased", "assigned"}


def test_a_dry_run_reads_everything_and_writes_nothing(
    outreach: Outreach, fetch: Fetch, told: Told, tmp_path: Path
) -> None:
    file = write(tmp_path / "facts.csv", [line(ONE, "贵宾"), line(NOBODY, "贵宾")])
    said = json.loads(outreach("facts", "import", str(file), *BANK, "--dry-run", "--json"))
    assert (said["created"], said["refused"]) == (1, 1)
    assert not fetch("select from standings")
    assert not told("standing_set")


@pytest.mark.parametrize(("rows", "holds"), [("1", True), ("2", False)])
def test_control_totals_are_checked_first(
    outreach: Outreach, refused: Outreach, fetch: Fetch, tmp_path: Path, rows: str, holds: bool
) -> None:
    file = write(tmp_path / "facts.csv", [line(ONE, "贵宾")])
    blank = "," * (len(line(ONE, "")) - 2)
    file.write_text(file.read_text("utf-8") + f"合计,{rows}{blank}\n", "utf-8")
    (outreach if holds else refused)("facts", "import", str(file), *BANK)
    (outreach if rows == "1" else refused)(
        "facts", "import", str(file), *BANK, "--expect-rows", rows
    )
    assert len(fetch("select from standings")) == (1 if holds else 0)


def test_another_creditors_account_is_not_found(
    refused: Outreach, fetch: Fetch, tmp_path: Path
) -> None:
    file = write(tmp_path / "facts.csv", [line(ONE, "贵宾")])
    assert "none of its 1 rows" in refused(
        "facts", "import", str(file), "--creditor", "hk-harbour-bank"
    )
    assert "hk-harbour-bank has no account" in (tmp_path / "facts.csv.errors.csv").read_text(
        "utf-8-sig"
    )
    refused("facts", "import", str(file))
    assert "债权人" in (tmp_path / "facts.csv.errors.csv").read_text("utf-8-sig")
    assert not fetch("select from standings")


def test_facts_come_in_while_another_import_runs(
    outreach: Outreach, database_url: str, tmp_path: Path, fetch: Fetch
) -> None:
    """A list of whom not to contact does not wait for the nightly portfolio."""
    file = write(tmp_path / "facts.csv", [line(ONE, "禁止联系")])

    async def held() -> Any:
        conn = await asyncpg.connect(database_url)
        await conn.execute("select pg_advisory_lock(hashtext('outreach.import'))")
        return conn

    with asyncio.Runner() as runner:
        conn = runner.run(held())
        outreach("facts", "import", str(file), *BANK)
        runner.run(conn.close())
    assert len(fetch("select from standings")) == 1


def test_the_shipped_facts_fit_the_shipped_portfolio(
    outreach: Outreach, fetch: Fetch, told: Told, tmp_path: Path
) -> None:
    folder = Path(__file__).parents[2] / "examples/portfolio"
    facts = tmp_path / "facts.csv"
    facts.write_bytes((folder / "facts.csv").read_bytes())
    with facts.open(encoding="utf-8") as file:
        named = {row["账号"] for row in csv.DictReader(file)} | {"9999464898000069"}
    with (folder / "accounts.csv").open(encoding="utf-8") as file:
        head, *rows = file.read().splitlines()
    some = tmp_path / "some.csv"
    some.write_text("\n".join([head, *[r for r in rows if r.split(",")[1] in named]]), "utf-8")
    outreach("accounts", "import", str(some))
    said = json.loads(outreach("facts", "import", str(facts), "--json"))
    assert (said["rows"], said["created"], said["refused"]) == (8, 8, 0)
    kinds = [row["kind"] for row in fetch("select kind from standings order by kind")]
    assert len(set(kinds)) == 8
    assert {event["standing"] for event in told("standing_set")} == set(kinds)
    places = fetch("select distinct creditor_id from contact_events where kind = 'standing_set'")
    assert len(places) == 3
