"""Facts of accounts and addresses: who works them, what was told, whose they are."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from outreach.clock import Clock

Outreach = Callable[..., str]
Fetch = Callable[..., list[Any]]
Told = Callable[[str], list[dict[str, Any]]]

TODAY = Clock().now().astimezone(ZoneInfo("Asia/Shanghai")).date()
TOMORROW, YESTERDAY = (str(TODAY + timedelta(days=days)) for days in (1, -1))
ONE, TWO, THREE = (f"99990000{number:08}" for number in (1, 2, 3))
NOBODY = "9999000000000099"
BANK = ("--creditor", "qinglan-bank")

pytestmark = pytest.mark.usefixtures("portfolio")


@pytest.fixture
def agencies(portfolio: None, outreach: Outreach) -> None:  # noqa: ARG001
    """One of ours in force, one of ours to come, one of another creditor."""
    usual = ("--name", "催收公司", "--contract", "C-1", "--phone", "400")
    outreach("facts", "agency", "wanqing", *BANK, *usual)
    outreach("facts", "agency", "later", *BANK, *usual, "--since", TOMORROW)
    outreach("facts", "agency", "harbour", "--creditor", "hk-harbour-bank", *usual)


def table(path: Path, *rows: tuple[str, ...], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def errors(path: Path) -> list[list[str]]:
    with path.with_name(path.name + ".errors.csv").open(encoding="utf-8-sig") as file:
        return list(csv.reader(file))[1:]


def agency_of(fetch: Fetch, tail: str) -> str | None:
    agency: str | None = fetch("select agency_id from accounts where number_tail = $1", tail)[0][0]
    return agency


# ------------------------------------------------------------------------------------------ placed


@pytest.mark.usefixtures("agencies")
def test_an_account_is_placed_and_taken_back(
    outreach: Outreach, refused: Outreach, fetch: Fetch, told: Told
) -> None:
    place = ("facts", "place", ONE, "--agency", "wanqing")
    assert outreach("--as", "anna", *place) == "changed: placed with wanqing\n"
    assert outreach(*place) == "stands so already: placed with wanqing\n"
    assert agency_of(fetch, "0001") == "wanqing"
    assert "委外 wanqing" in outreach("debtor", "show", ONE)
    (event,) = told("contact_changed")
    assert event == {"change": "placed", "agency": "wanqing", "by": "user:anna"}
    said = refused("facts", "place", ONE, "--agency", "later")
    assert "placed with wanqing" in said, "one agency at a time"
    assert outreach("facts", "place", ONE, "--withdraw") == "changed: withdrawn from wanqing\n"
    assert agency_of(fetch, "0001") is None
    assert told("contact_changed")[1]["change"] == "withdrawn"


@pytest.mark.usefixtures("agencies")
@pytest.mark.parametrize(
    ("agency", "says"),
    [
        ("harbour", "works for hk-harbour-bank"),
        ("later", "not in force today"),
        ("nobody", "no such agency"),
    ],
)
def test_where_an_account_cannot_be_placed(
    refused: Outreach, fetch: Fetch, told: Told, agency: str, says: str
) -> None:
    assert says in refused("facts", "place", ONE, "--agency", agency)
    assert agency_of(fetch, "0001") is None
    assert not told("contact_changed")


@pytest.mark.usefixtures("agencies")
def test_a_list_of_accounts_is_placed(outreach: Outreach, fetch: Fetch, tmp_path: Path) -> None:
    outreach("facts", "place", THREE, "--agency", "wanqing")
    file = table(tmp_path / "list.csv", ("账号",), (ONE,), (TWO,), (NOBODY,), (THREE,))
    work = ("facts", "place", "--file", str(file), "--agency", "wanqing", "--json")
    said = json.loads(outreach(*work))
    assert (said["changed"], said["unchanged"], said["refused"]) == (2, 1, 1)
    assert errors(file) == [["4", "账号", "qinglan-bank has no account of this number"]]
    assert [agency_of(fetch, tail) for tail in ("0001", "0002", "0003")] == ["wanqing"] * 3
    said = json.loads(outreach(*work, "--withdraw"))
    assert (said["changed"], said["refused"]) == (3, 1)
    assert agency_of(fetch, "0002") is None


# -------------------------------------------------------------------------------------------- told


@pytest.mark.usefixtures("agencies")
def test_the_borrower_was_told_of_the_agency(
    outreach: Outreach, refused: Outreach, fetch: Fetch, told: Told
) -> None:
    usual = ("--on", str(TODAY), "--evidence", "EMS-1")
    notice = ("facts", "told", ONE, "outsourcing_notice", *usual)
    assert "--agency: empty" in refused(*notice)
    outreach("facts", "place", ONE, "--agency", "wanqing")
    assert outreach(*notice) == f"kept: outsourcing_notice on {TODAY}\n"
    assert outreach(*notice, "--agency", "wanqing").startswith("stands so already")
    (row,) = fetch(
        "select d.*, a.debtor_id as borrower from disclosures d, accounts a "
        "where a.id = d.account_id"
    )
    assert (row["agency_id"], row["told_on"], row["evidence"]) == ("wanqing", TODAY, "EMS-1")
    assert row["debtor_id"] == row["borrower"]
    (event,) = told("informed")
    assert (event["purpose"], event["on"], event["agency"]) == (
        "outsourcing_notice",
        str(TODAY),
        "wanqing",
    )
    assert "works for hk" in refused(*notice, "--agency", "harbour")
    assert "lies ahead" in refused(*notice[:4], "--on", TOMORROW, "--evidence", "E")
    assert "nothing to be told of" in refused("facts", "told", ONE, "demand_letter", *usual)


def test_each_with_a_part_in_it_is_told_for_themselves(
    outreach: Outreach, refused: Outreach, fetch: Fetch, tmp_path: Path
) -> None:
    file = tmp_path / "guarantor.csv"
    head = (tmp_path / "accounts.csv").read_text("utf-8").splitlines()[0]
    row = ["qinglan-bank", ONE, "保证人", *[""] * 12, "云大年", "男", "000000196001010009", "zh-CN"]
    file.write_text(f"{head}\n{','.join([*row, *[''] * 6])}\n", "utf-8")
    outreach("accounts", "import", str(file))
    ((guarantor,),) = fetch("select debtor_id from parties where role = 'guarantor'")
    usual = ("credit_report_notice", "--on", str(TODAY), "--evidence", "L-1")
    outreach("facts", "told", ONE, *usual)
    outreach("facts", "told", ONE, *usual, "--to", str(guarantor))
    assert len(fetch("select distinct debtor_id from disclosures")) == 2
    assert len(fetch("select distinct stream from contact_events where kind = 'informed'")) == 2
    assert "no part in this account" in refused(
        "facts", "told", TWO, *usual, "--to", str(guarantor)
    )
    told_again = table(
        tmp_path / "told.csv",
        ("账号", "证件号", "告知事项", "日期", "凭证"),
        (ONE, "000000196001010009", "征信告知", str(TODAY), "L-1"),
        (ONE, "", "征信告知", str(TODAY), "L-1"),
        (TWO, "000000196001010009", "征信告知", str(TODAY), "L-1"),
        (TWO, "000000196001010000", "征信告知", str(TODAY), "L-1"),
    )
    work = ("facts", "import", str(told_again), "--of", "disclosures", *BANK, "--json")
    said = json.loads(outreach(*work))
    assert (said["created"], said["unchanged"], said["refused"]) == (0, 2, 2)
    assert [row[:2] for row in errors(told_again)] == [["4", "证件号"], ["5", "证件号"]]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_many_were_told(
    outreach: Outreach, fetch: Fetch, told: Told, tmp_path: Path, encoding: str
) -> None:
    file = table(
        tmp_path / "told.csv",
        ("账号", "告知事项", "日期", "凭证"),
        (ONE, "征信告知", YESTERDAY, "L-1"),
        (TWO, "债权转让", YESTERDAY.replace("-", "/"), "L-2"),
        (THREE, "征信告知", TOMORROW, "L-3"),
        (THREE, "还款提醒", YESTERDAY, "L-3"),
        (THREE, "征信告知", YESTERDAY, ""),
        (ONE, "委外告知", YESTERDAY, "L-4"),
        encoding=encoding,
    )
    work = ("facts", "import", str(file), "--of", "disclosures", *BANK, "--json")
    said = json.loads(outreach(*work))
    assert (said["created"], said["refused"]) == (2, 4)
    assert [row[:2] for row in sorted(errors(file))] == [
        ["4", "日期"],
        ["5", "告知事项"],
        ["6", "凭证"],
        ["7", "委外机构"],
    ]
    again = json.loads(outreach(*work))
    assert (again["created"], again["unchanged"]) == (0, 2)
    assert len(fetch("select from disclosures")) == len(told("informed")) == 2


# ------------------------------------------------------------------------------------- interrupted


def test_what_interrupted_the_period(
    outreach: Outreach, refused: Outreach, fetch: Fetch, told: Told, tmp_path: Path
) -> None:
    suit = ("facts", "interrupted", ONE, "suit", "--on", YESTERDAY, "--evidence", "（2026）1号")
    assert outreach(*suit) == f"kept: suit on {YESTERDAY}\n"
    assert outreach(*suit).startswith("stands so already")
    assert "lies ahead" in refused(*suit[:4], "--on", TOMORROW, "--evidence", "x")
    assert "no account" in refused(*suit[:2], NOBODY, *suit[3:])
    file = table(
        tmp_path / "interruptions.csv",
        ("账号", "中断事由", "日期", "凭证"),
        (ONE, "起诉", YESTERDAY, "（2026）1号"),
        (TWO, "部分还款", YESTERDAY, "P-7"),
        (TWO, "催促", YESTERDAY, "P-7"),
    )
    said = json.loads(
        outreach("facts", "import", str(file), "--of", "interruptions", *BANK, "--json")
    )
    assert (said["created"], said["unchanged"], said["refused"]) == (1, 1, 1)
    kinds = [row["kind"] for row in fetch("select kind from interruptions order by kind")]
    assert kinds == ["part_payment", "suit"]
    assert [event["interruption"] for event in told("interrupted")] == ["suit", "part_payment"]
    assert "起诉 · 凭证" in " ".join(outreach("debtor", "show", ONE).split())


# ---------------------------------------------------------------------------------- contact points


def test_a_contact_point_is_described(
    outreach: Outreach, refused: Outreach, fetch: Fetch, told: Told
) -> None:
    (point,) = fetch("select * from contact_points where kind = 'email'")
    described = ("facts", "point", str(point["id"]), "--usage", "workplace")
    assert "--document: empty" in refused(*described), "it came from the contract: which?"
    assert outreach(*described, "--document", "FORM-1") == "changed: contact point\n"
    assert outreach(*described) == "stands so already: contact point\n"
    (now,) = fetch("select * from contact_points where kind = 'email'")
    assert (now["usage"], now["document"], now["origin"], now["verified"]) == (
        "workplace",
        "FORM-1",
        "contract",
        True,
    )
    (event,) = told("contact_changed")
    assert (event["usage"], event["was_usage"], event["document"]) == (
        "workplace",
        "personal",
        "FORM-1",
    )
    assert "was" not in event, "where it came from is as it was"
    assert "one@debtor.test" not in str(event)
    outreach("facts", "point", ONE, "--contact", "phone", "--not-verified", "--document", "F-2")
    (phone,) = fetch(
        "select p.* from contact_points p join accounts a using (debtor_id) "
        "where p.kind = 'phone' and a.number_tail = '0001'"
    )
    assert (phone["verified"], phone["document"]) == (False, "F-2")
    shown = " ".join(outreach("debtor", "show", ONE).split())
    assert "FORM-1 单位" in shown
    assert "which of their" in refused("facts", "point", ONE, "--usage", "service")
    assert "no such address" in refused(
        "facts", "point", ONE, "--contact", "address", "--usage", "service"
    )
    assert "nothing is said" in refused("facts", "point", ONE)


def test_many_points_by_their_numbers(
    outreach: Outreach, fetch: Fetch, told: Told, tmp_path: Path
) -> None:
    file = table(
        tmp_path / "points.csv",
        ("账号", "联系方式", "号码", "用途", "来源", "来源文件", "已核实"),
        (ONE, "手机", "154 0000 0001", "", "本人更新", "UPD-1", "是"),
        (ONE, "邮箱", "", "单位", "", "FORM-1", ""),
        (TWO, "手机", "15400000001", "", "合同预留", "F", ""),
        (TWO, "手机", "15400000002", "约定送达", "", "", ""),
        (THREE, "地址", "", "", "", "F", ""),
        (NOBODY, "手机", "", "", "", "F", ""),
    )
    work = ("facts", "import", str(file), "--of", "points", *BANK, "--json")
    said = json.loads(outreach(*work))
    assert (said["changed"], said["refused"]) == (2, 4)
    found = errors(file)
    assert [row[:2] for row in found] == [
        ["4", "联系方式"],
        ["5", "来源文件"],
        ["6", "联系方式"],
        ["7", "账号"],
    ]
    assert "15400000001" not in str(found)
    rows = fetch(
        "select kind, usage, origin, document from contact_points where document <> ''"
        " order by kind"
    )
    assert [tuple(row) for row in rows] == [
        ("email", "workplace", "contract", "FORM-1"),
        ("phone", "personal", "debtor", "UPD-1"),
    ]
    assert json.loads(outreach(*work))["changed"] == 0
    assert len(told("contact_changed")) == 2


def test_what_a_document_shows_is_not_overruled_by_an_export(
    outreach: Outreach, fetch: Fetch, tmp_path: Path
) -> None:
    """A portfolio whose export has no such columns must not undo what was checked by hand."""
    outreach(
        *("facts", "point", ONE, "--contact", "phone", "--origin", "court", "--document", "N-1")
    )
    outreach("accounts", "import", str(tmp_path / "accounts.csv"))
    (phone,) = fetch(
        "select p.* from contact_points p join accounts a using (debtor_id) "
        "where p.kind = 'phone' and a.number_tail = '0001'"
    )
    assert (phone["origin"], phone["document"], phone["verified"]) == ("court", "N-1", True)
