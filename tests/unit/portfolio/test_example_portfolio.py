"""The shipped examples: what their README says of them is what reading them gives."""

import csv
import re
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import openpyxl
import phonenumbers
import pytest
from portfolio_cases import PLACES, ReadAccounts, ReadPayments

from outreach.domain.account import DEFAULT_STAGES, days_past_due
from outreach.domain.contact import ContactKind, Origin
from outreach.domain.debtor import Jurisdiction, Role
from outreach.domain.errors import InvalidInput
from outreach.portfolio.reading import Control, Rejected
from outreach.portfolio.rows import AccountRow, PaymentKind
from outreach.settings import load


@pytest.fixture(scope="module")
def portfolio(examples: Path, accounts_of: ReadAccounts) -> list[AccountRow]:
    reading = accounts_of(examples / "accounts.csv")
    rows = [row for row in reading.rows() if not isinstance(row, Rejected)]
    assert reading.count == len(rows), "no row is rejected"
    assert reading.announced is not None
    assert reading.control_problems() == ()
    assert reading.control_problems(Control(len(rows), reading.total)) == ()
    assert reading.columns.ignored == ()
    return rows


@pytest.fixture(scope="module")
def readme(examples: Path) -> str:
    return (examples / "README.md").read_text("utf-8")


def primary(rows: list[AccountRow]) -> list[AccountRow]:
    return [row for row in rows if row.role is Role.PRIMARY]


def test_the_figures_of_the_readme(portfolio: list[AccountRow], readme: str) -> None:
    accounts = primary(portfolio)
    stages = Counter(
        str(DEFAULT_STAGES.bucket(days_past_due(d.oldest_unpaid_due_date, d.balance_as_of.date())))
        for row in accounts
        if (d := row.debt)
    )
    cells = " | ".join(str(stages[f"M{n}"]) for n in (*range(7), "6+"))
    assert f"| accounts | {cells} |" in readme
    for creditor, count in Counter(row.creditor_id for row in accounts).items():
        assert re.search(rf"`{creditor}` .*\| {count} \|", readme)
    debtors = Counter((row.creditor_id, row.person.id_number) for row in accounts)
    several = sum(count > 1 for count in debtors.values())
    roles = Counter(row.role for row in portfolio)
    for words in (
        f"{len(accounts):,} accounts (账户) of {len(debtors):,} debtors",
        f"{roles[Role.GUARANTOR]} guarantors (保证人), {roles[Role.JOINT]} joint borrowers",
        f"{roles[Role.SUPPLEMENTARY]} supplementary cardholders",
        f"{several} debtors have two or\nthree accounts",
    ):
        assert words in readme


def test_the_portfolio_has_what_a_demonstration_needs(portfolio: list[AccountRow]) -> None:
    accounts = primary(portfolio)
    assert len(accounts) >= 3000
    abroad = sum(row.jurisdiction is not Jurisdiction.MAINLAND for row in accounts)
    assert 0.06 < abroad / len(accounts) < 0.1
    owners = defaultdict(set)
    for row in portfolio:
        for point in row.contacts:
            if point.kind is ContactKind.PHONE:
                owners[point.value].add(row.person.id_number)
    assert Counter(map(len, owners.values()))[2] == 6
    for kind in ContactKind:
        assert any(kind not in {point.kind for point in row.contacts} for row in portfolio)
    points = [point for row in portfolio for point in row.contacts]
    assert {point.origin for point in points} == set(Origin)
    assert {point.verified for point in points} == {True, False}
    names = "".join(row.person.name for row in portfolio)
    assert set("䶮喆燊·") <= set(names)
    assert all(row.debt and row.debt.balance.minor > 0 for row in accounts)


def test_nobody_in_the_portfolio_can_exist(portfolio: list[AccountRow]) -> None:
    for row in portfolio:
        assert not could_exist(row), row.row
        assert row.account_number.startswith(("999", "QL", "HL", "TL"))
        assert not row.account_number.isdigit() or not luhn(row.account_number)
        for point in row.contacts:
            if point.kind is ContactKind.PHONE:
                number = phonenumbers.parse(str(point.value))
                assert phonenumbers.is_possible_number(number)
                assert not phonenumbers.is_valid_number(number)
            if point.kind is ContactKind.EMAIL:
                assert str(point.value).endswith(".test")


def could_exist(row: AccountRow) -> bool:
    """Whether the ID number could be one that an authority handed out."""
    number = row.person.id_number
    if row.jurisdiction is Jurisdiction.MAINLAND:
        weights = [2 ** (17 - n) % 11 for n in range(17)]
        rest = sum(int(d) * w for d, w in zip(number[:17], weights, strict=True)) % 11
        return not number.startswith("000000") or "10X98765432"[rest] == number[17]
    if row.jurisdiction is Jurisdiction.HONG_KONG:
        digits = [
            36,
            ord(number[0]) - 55,
            *map(int, number[1:7]),
            int(number[7].replace("A", "10")),
        ]
        return sum(d * w for d, w in zip(digits, range(9, 0, -1), strict=True)) % 11 == 0
    return number[1] != "0"


def luhn(number: str) -> bool:
    doubled = [sum(divmod(int(d) * 2, 10)) for d in number[-2::-2]]
    return (sum(doubled) + sum(map(int, number[-1::-2]))) % 10 == 0


@pytest.mark.parametrize(
    ("name", "encoding"), [("accounts-gb18030.csv", "gb18030"), ("accounts.xlsx", "xlsx")]
)
def test_the_slices_say_the_same_in_other_words(
    name: str,
    encoding: str,
    examples: Path,
    accounts_of: ReadAccounts,
    portfolio: list[AccountRow],
) -> None:
    reading = accounts_of(examples / name)
    rows = list(reading.rows())
    assert reading.table.encoding == encoding
    assert reading.control_problems() == ()
    assert 200 <= len(rows) < 210
    assert [replace(row, row=0) for row in rows if isinstance(row, AccountRow)] == [
        replace(row, row=0) for row in portfolio[: len(rows)]
    ]


def test_another_reader_takes_the_workbook_too(examples: Path) -> None:
    """The workbook is written by hand, so one reader's word is not enough."""
    book = openpyxl.load_workbook(examples / "accounts.xlsx", read_only=True)
    header, first, *_, last = book.worksheets[0].iter_rows(values_only=True)
    facts = dict(zip(header, first, strict=True))
    with (examples / "accounts.csv").open(encoding="utf-8") as file:
        texts = next(csv.DictReader(file))
    assert facts["余额"] == float(texts["余额"])
    assert facts["到期还款日"] == datetime.fromisoformat(texts["到期还款日"])
    assert facts["余额时点"] == datetime.fromisoformat(texts["余额时点"])
    assert facts["账号"] == texts["账号"]
    assert last[0] == "合计"
    book.close()


def test_payments(examples: Path, payments_of: ReadPayments, portfolio: list[AccountRow]) -> None:
    reading = payments_of(examples / "payments.csv")
    payments = [row for row in reading.rows() if not isinstance(row, Rejected)]
    assert len(payments) == reading.count == 42
    assert reading.control_problems() == ()
    kinds = Counter(payment.kind for payment in payments)
    assert kinds == {PaymentKind.PAYMENT: 40, PaymentKind.REVERSAL: 2}
    debts = {row.account_number: row.debt for row in portfolio[:500] if row.debt}
    by_ref = {payment.ref: payment for payment in payments}
    for payment in payments:
        debt = debts[payment.account_number]
        assert payment.amount.minor <= debt.balance.minor
        assert payment.posted_at > debt.balance_as_of
        if payment.reverses:
            assert by_ref[payment.reverses].amount == payment.amount
    settled = [p for p in payments if p.amount == debts[p.account_number].balance]
    assert len(settled) >= 5


def test_the_broken_files_are_answered_as_the_readme_says(
    examples: Path, readme: str, accounts_of: ReadAccounts, payments_of: ReadPayments
) -> None:
    table = readme.partition("| file | row | column | reported |\n| --- | --- | --- | --- |\n")[2]
    expected = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in table.strip().splitlines()
    ]
    found: list[tuple[str, ...]] = []
    for path in sorted((examples / "broken").iterdir()):
        reports = answers(path, accounts_of, payments_of)
        assert reports, f"{path.name} is not broken"
        found += [(path.name, *report) for report in reports]
    assert found == expected


def answers(
    path: Path, accounts_of: ReadAccounts, payments_of: ReadPayments
) -> list[tuple[str, str, str]]:
    read = payments_of if path.name == "payments.csv" else accounts_of
    try:
        reading = read(path)
        rows = list(reading.rows())
    except InvalidInput as error:
        return [("", "", error.message.removeprefix(f"{path}: "))]
    rejected = [row for row in rows if isinstance(row, Rejected)]
    problems = [(str(p.row), p.column, p.reason) for row in rejected for p in row.problems]
    return problems + [("", "", problem) for problem in reading.control_problems()]


def test_good_rows_of_a_broken_file_are_kept(examples: Path, accounts_of: ReadAccounts) -> None:
    rows = list(accounts_of(examples / "broken/gb18030-bad-rows.csv").rows())
    assert [isinstance(row, AccountRow) for row in rows] == [True] + [False] * 4 + [True]
    assert isinstance(rows[0], AccountRow)
    assert rows[0].person.name == "欧阳䶮"
    assert isinstance(rows[4], Rejected)
    with (examples / "broken/gb18030-bad-rows.csv").open(encoding="gb18030") as file:
        assert rows[4].cells == tuple(list(csv.reader(file))[5])


def test_the_creditors_are_configured_and_locked_to_the_sandbox(root: Path) -> None:
    settings = load({}, root / "config")
    ours = {c.id: c for c in settings.creditors if c.id in PLACES}
    assert {name: creditor.jurisdiction for name, creditor in ours.items()} == PLACES
    assert all(creditor.fictional for creditor in ours.values())
