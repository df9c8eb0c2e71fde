"""Lists of accounts on a real PostgreSQL: whose numbers they are, and what a list may get wrong."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from outreach.domain.account import clean_number
from outreach.domain.errors import InvalidInput
from outreach.life.parts import Parts
from outreach.portfolio import account_list
from outreach.portfolio.account_list import AccountList, read_account_list
from outreach.portfolio.files import Progress, open_table
from outreach.portfolio.load import import_accounts

ROOT = Path(__file__).parents[2]
OURS, OTHERS = "qinglan-bank", "hk-harbour-bank"

Read = Callable[..., Any]


@pytest.fixture
async def numbers(parts: Parts, tmp_path: Path) -> dict[str, list[str]]:
    """Six accounts here and three of another creditor, one number of which both have."""
    with (ROOT / "examples/portfolio/accounts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    primary = [row for row in rows if row["角色"] == "主借款人"]
    ours = [row for row in primary if row["债权人"] == OURS][:6]
    others = [row for row in primary if row["债权人"] == OTHERS][:3]
    others[0]["账号"] = ours[0]["账号"]
    path = tmp_path / "accounts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(ours + others)
    report = await import_accounts(parts, path, "user:anna")
    assert report.created == 9
    return {name: [row["账号"] for row in rows] for name, rows in ((OURS, ours), (OTHERS, others))}


@pytest.fixture
def read(parts: Parts, conn: Any) -> Read:
    """Read a list where nothing can be written."""

    async def reading(
        path: Path, creditor: str = OURS, progress: Progress = lambda _: None
    ) -> AccountList:
        async with conn.transaction(readonly=True):
            return await read_account_list(conn, parts.lookup, creditor, open_table(path), progress)

    return reading


async def ids(conn: Any, parts: Parts, creditor: str, numbers: Sequence[str]) -> list[UUID]:
    """The accounts with these numbers, in order."""
    return [
        await conn.fetchval(
            "select id from accounts where creditor_id = $1 and number_hash = $2",
            creditor,
            parts.lookup.hash("account", clean_number(number)),
        )
        for number in numbers
    ]


def bad_rows(path: Path) -> list[tuple[str, ...]]:
    """Row, column and reason of every row told of."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
async def test_a_csv_names_accounts_in_its_order(
    parts: Parts,
    conn: Any,
    numbers: dict[str, list[str]],
    read: Read,
    tmp_path: Path,
    encoding: str,
) -> None:
    mine, path = numbers[OURS][::-1], tmp_path / "list.csv"
    text = "客户姓名,卡号\n" + "".join(f"王样例,{number}\n" for number in mine)
    path.write_bytes(text.encode(encoding))
    told: list[int] = []
    found = await read(path, progress=told.append)
    assert found == AccountList(
        6, tuple(await ids(conn, parts, OURS, mine)), unknown=0, bad=0, duplicates=0, problems=None
    )
    assert len(set(found.account_ids)) == 6
    assert told[-1] == path.stat().st_size
    assert not path.with_name("list.csv.errors.csv").exists()


async def test_a_workbook_names_accounts_but_not_by_numbers_it_has_cut(
    parts: Parts, conn: Any, numbers: dict[str, list[str]], read: Read, tmp_path: Path
) -> None:
    path, book = tmp_path / "list.xlsx", openpyxl.Workbook()
    sheet = book.worksheets[0]
    lines = ["account_number", *numbers[OURS][:2], None, 9999123456780001234, numbers[OURS][2]]
    for line in lines:
        sheet.append([line])
    book.save(path)
    found = await read(path)
    assert found.account_ids == tuple(await ids(conn, parts, OURS, numbers[OURS][:3]))
    assert (found.rows, found.unknown, found.bad) == (4, 0, 1)
    ((row, column, reason),) = bad_rows(found.problems)
    assert (row, column) == ("5", "account_number")
    assert "15 digits" in reason


@pytest.mark.parametrize("batch", [1, 3, 5000])
async def test_rows_that_name_no_account_are_told_in_order_without_their_numbers(
    parts: Parts,
    conn: Any,
    numbers: dict[str, list[str]],
    read: Read,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    monkeypatch.setattr(account_list, "BATCH", batch)
    first, second, third, *_ = numbers[OURS]
    path, spaced = tmp_path / "list.csv", " ".join(first)
    cells = [first, second, "ZZ90000001", numbers[OTHERS][1], "", spaced, "ZZ90000001", "?", third]
    path.write_text("账号,备注\n" + "".join(f"{cell},x\n" for cell in cells), encoding="utf-8")
    found = await read(path)
    assert found.account_ids == tuple(await ids(conn, parts, OURS, [first, second, third]))
    assert (found.rows, found.unknown, found.bad, found.duplicates) == (9, 2, 2, 2)
    told = bad_rows(found.problems)
    assert [row for row, *_ in told] == ["4", "5", "6", "7", "8", "9"]
    assert {column for _, column, _ in told} == {"账号"}
    unknown, elsewhere, empty, again, again_unknown, shape = (reason for *_, reason in told)
    assert unknown == "qinglan-bank has no account of this number"
    assert elsewhere == "is an account of another creditor, not of qinglan-bank"
    assert empty == "empty"
    assert again == "the same as in row 2, which counts"
    assert again_unknown == "the same as in row 4, which counts"
    assert "letters and digits" in shape
    text = found.problems.read_text("utf-8-sig")
    assert not any(clean_number(number) in text for number in cells if len(number) > 1)


async def test_a_number_that_two_creditors_have_names_each_ones_own(
    parts: Parts, conn: Any, numbers: dict[str, list[str]], read: Read, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text(f"账号\n{numbers[OURS][0]}\n", encoding="utf-8")
    for creditor in (OURS, OTHERS):
        found = await read(tmp_path / "list.csv", creditor)
        assert found.account_ids == tuple(await ids(conn, parts, creditor, numbers[OURS][:1]))
        assert found.problems is None


async def test_the_file_that_was_imported_serves_as_a_list(
    numbers: dict[str, list[str]], read: Read, tmp_path: Path
) -> None:
    found = await read(tmp_path / "accounts.csv")
    assert (len(found.account_ids), found.unknown, found.duplicates) == (len(numbers[OURS]), 2, 1)


async def test_a_list_that_names_nobody_is_refused(
    numbers: dict[str, list[str]], read: Read, tmp_path: Path
) -> None:
    path, foreign = tmp_path / "list.csv", numbers[OTHERS][1]
    path.write_text(f"账号\nZZ90000001\n{foreign}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="none of its 2 rows names an account of qin") as refused:
        await read(path)
    assert "list.csv.errors.csv" in refused.value.remedy
    assert foreign not in str(refused.value)
    assert len(bad_rows(tmp_path / "list.csv.errors.csv")) == 2
    path.write_text("账号\n\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="the list is empty"):
        await read(path)
    path.write_text(f"{numbers[OURS][0]}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="the header is missing") as refused:
        await read(path)
    assert numbers[OURS][0] not in str(refused.value)
