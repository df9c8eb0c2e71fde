"""Registers and agencies by command and file: kept once, changed with what they were."""

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
Registered = Callable[[], list[dict[str, Any]]]

TODAY = Clock().now().astimezone(ZoneInfo("Asia/Shanghai")).date()
YESTERDAY, TOMORROW = (str(TODAY + timedelta(days=days)) for days in (-1, 1))
BANK = ("--creditor", "qinglan-bank")
TAIWAN = ("--creditor", "tw-qingyu-bank")
APPROVED = ("--status", "approved", "--number", "1")
SIGNATURE = ("facts", "register", "signature", "青岚银行", *BANK, "--holder", "twilio")
AGENCY = ("facts", "agency", "wanqing", *BANK)
WANQING = ("--name", "皖清催收有限公司", "--contract", "WQ-2026-1", "--phone", "400-000-0900")


@pytest.fixture
def registered(told: Told) -> Callable[[], list[dict[str, Any]]]:
    """What people registered, beside what the configuration declares."""
    return lambda: [event for event in told("registered") if event["by"] != "job:configuration"]


pytestmark = pytest.mark.usefixtures("portfolio")


def test_a_signature_is_filed_approved_and_lapses(
    outreach: Outreach, fetch: Fetch, registered: Registered
) -> None:
    assert outreach("--as", "anna", *SIGNATURE, "--number", "F-1") == "kept: signature\n"
    (row,) = fetch("select * from registrations where actor like 'user:%'")
    assert (row["status"], row["number"], row["since"]) == ("pending", "F-1", TODAY)
    assert (row["subject"], row["holder"], row["actor"]) == ("青岚银行", "twilio", "user:anna")
    approved = (*SIGNATURE, "--status", "approved", "--until", TOMORROW)
    assert outreach(*approved) == "changed: signature\n"
    assert outreach(*approved) == "stands so already: signature\n"
    bracketed = [each.replace("青岚银行", "【青岚银行】") for each in approved]
    assert outreach(*bracketed) == "stands so already: signature\n"
    (row,) = fetch("select * from registrations where actor like 'user:%'")
    assert (row["status"], row["number"], str(row["until"])) == ("approved", "F-1", TOMORROW)
    outreach(*SIGNATURE, "--no-end")
    outreach(*SIGNATURE, "--status", "lapsed")
    (row,) = fetch("select * from registrations where actor like 'user:%'")
    assert (row["status"], row["until"]) == ("lapsed", None)
    streams = fetch(
        "select distinct stream, debtor_id from contact_events"
        " where kind = 'registered' and actor like 'user:%'"
    )
    assert [tuple(each) for each in streams] == [("policy:qinglan-bank", None)]
    events = registered()
    assert "was" not in events[0]
    assert events[1]["was"] == {"status": "pending", "until": None}
    assert events[2]["was"] == {"until": TOMORROW}
    assert events[3]["was"] == {"status": "approved"}
    assert len(events) == 4


def test_each_holder_files_it_for_itself(outreach: Outreach, fetch: Fetch) -> None:
    outreach(*SIGNATURE)
    outreach(*SIGNATURE[:-1], "cmpp")
    assert len(fetch("select from registrations where actor like 'user:%'")) == 2


def test_a_lawyer_is_kept_and_the_licence_told(
    outreach: Outreach, fetch: Fetch, registered: Registered
) -> None:
    mandate = ("facts", "register", "mandate", "云岭律师事务所", *BANK, "--status", "approved")
    mandate = (*mandate, "--evidence", "M-1", "--lawyer", "竹无影", "--licence", "13300")
    outreach(*mandate)
    (row,) = fetch("select detail from registrations where actor like 'user:%'")
    assert json.loads(row["detail"]) == {"lawyer": "竹无影", "licence": "13300"}
    (event,) = registered()
    assert event["detail"] == {"licence": "13300"}
    assert "竹无影" not in str(event)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("signature", "x", "--creditor", "nobody"), "--creditor: no such creditor"),
        (("signature", "x", *BANK, "--until", "2020-01-01"), "--until: it would end before"),
        (
            ("signature", "x", *BANK, *APPROVED, "--since", "2020-01-01", "--until", YESTERDAY),
            "--until: is past",
        ),
        (("signature", "x", *BANK, "--status", "approved"), "--evidence: approved, but by what"),
        (("signature", " ", *BANK), "--subject: empty"),
        (("template", "abc", *BANK), "--subject: no template's digest"),
        (("sender_domain", "a@b.test", *BANK), "--subject: no domain"),
        (
            ("mandate", "firm", *BANK, "--status", "approved", "--number", "1", "--lawyer", "L"),
            "--licence: empty",
        ),
    ],
)
def test_what_cannot_be_registered(
    refused: Outreach, fetch: Fetch, registered: Registered, more: tuple[str, ...], says: str
) -> None:
    said = refused("facts", "register", *more)
    assert says in said
    assert "→" in said
    assert not fetch("select from registrations where actor like 'user:%'")
    assert not registered()


def test_what_lapses_next_stands_first(outreach: Outreach) -> None:
    def file(subject: str, *more: str) -> None:
        outreach("facts", "register", "link", subject, *BANK, "--number", "1", *more)

    soon = str(TODAY + timedelta(days=20))
    file("https://a.test/", "--status", "approved")
    file("https://b.test/", "--status", "lapsed", "--since", "2026-01-01")
    file("https://c.test/", "--status", "approved", "--until", soon)
    lines = outreach("facts", "registers", *BANK, "--kind", "link", "--json").splitlines()
    assert [json.loads(line)["subject"][8] for line in lines] == ["c", "a", "b"]
    assert "20 days left" in outreach("facts", "registers")
    assert "20 days left" not in outreach("facts", "registers", "--within", "5")
    nothing = outreach("facts", "registers", "--creditor", "hk-harbour-bank")
    assert nothing == "nothing is registered\n"


def test_a_file_of_templates(
    outreach: Outreach, fetch: Fetch, registered: Registered, tmp_path: Path
) -> None:
    digests = ["ab" * 32, "CD" * 32]
    rows = [["类型", "登记对象", "登记机构", "编号", "状态", "到期"]]
    rows += [["短信模板", digest, "twilio", f"T-{digest[:2]}", "已通过", ""] for digest in digests]
    rows += [["短信模板", "not one", "twilio", "T-3", "已通过", ""]]
    rows += [["收款账户", "0000 0000 0000 0000 101", "总行营业部", "P-1", "已通过", "2020-01-01"]]
    file = tmp_path / "registers.csv"
    with file.open("w", encoding="gb18030", newline="") as out:
        csv.writer(out).writerows(rows)
    work = ("facts", "import", str(file), "--of", "registers", *BANK, "--json")
    said = json.loads(outreach(*work))
    assert (said["created"], said["refused"]) == (2, 2)
    assert [
        row["subject"]
        for row in fetch("select subject from registrations where kind = 'template' order by 1")
    ] == [
        "ab" * 32,
        "cd" * 32,
    ]
    errors = (tmp_path / "registers.csv.errors.csv").read_text("utf-8-sig")
    assert "4,登记对象,no template's digest" in errors
    assert '5,到期,"it would end before it begins' in errors
    again = json.loads(outreach(*work))
    assert (again["created"], again["unchanged"], len(registered())) == (0, 2, 2)


def test_an_agency_is_added_changed_and_listed(
    outreach: Outreach, fetch: Fetch, registered: Registered
) -> None:
    until = str(TODAY + timedelta(days=365))
    added = (*AGENCY, *WANQING, "--kind", "agency", "--until", until)
    assert outreach("--as", "anna", *added) == "kept: wanqing\n"
    assert outreach(*added) == "stands so already: wanqing\n"
    outreach(*AGENCY, "--listed-on", str(TODAY), "--evidence", "web-1")
    (row,) = fetch("select * from agencies")
    assert (row["listed_on"], row["name"], str(row["until"])) == (TODAY, WANQING[1], until)
    first, second = registered()
    assert (first["agency"], first["by"], "was" in first) == ("wanqing", "user:anna", False)
    assert (second["was"], second["evidence"]) == ({"listed_on": None}, "web-1")
    (line,) = outreach("facts", "agencies", *BANK, "--json").splitlines()
    assert (json.loads(line)["id"], json.loads(line)["accounts"]) == ("wanqing", 0)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((*AGENCY, *WANQING, "--until", YESTERDAY), "--until: the contract would end before"),
        ((*AGENCY, *WANQING[:4]), "--phone: empty"),
        ((*AGENCY, *WANQING[2:]), "--name: empty"),
        (("facts", "agency", "Wan Qing", *BANK, *WANQING), "--agency: 2 to 40"),
        (("facts", "agency", "wanqing", "--creditor", "x", *WANQING), "no such creditor"),
        (
            ("facts", "agency", "qing", *TAIWAN, *WANQING),
            "--kind: empty",
        ),
        (
            ("facts", "agency", "qing", *TAIWAN, *WANQING, "--kind", "law_firm"),
            "--registration: empty",
        ),
    ],
)
def test_what_is_no_contract(
    refused: Outreach, fetch: Fetch, more: tuple[str, ...], says: str
) -> None:
    assert says in refused(*more)
    assert not fetch("select from agencies")


def test_an_agencys_id_is_one_creditors(outreach: Outreach, refused: Outreach) -> None:
    outreach(*AGENCY, *WANQING)
    other = ("facts", "agency", "wanqing", "--creditor", "hk-harbour-bank", *WANQING)
    assert "an agency of another creditor" in refused(*other)
