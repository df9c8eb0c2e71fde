"""Lists of account numbers as files: the column, the numbers, and rows that hold none."""

import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import InvalidInput
from outreach.portfolio.account_list import Listed, ListedNumbers
from outreach.portfolio.cells import RowProblem
from outreach.portfolio.files import Table, open_table
from outreach.portfolio.mapping import ACCOUNT_LIST, ACCOUNTS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


def listed(path: Path, text: str, encoding: str = "utf-8") -> ListedNumbers:
    path.write_bytes(text.encode(encoding))
    return ListedNumbers(open_table(path))


def test_a_list_knows_every_name_that_the_import_knows_and_no_name_twice() -> None:
    (listed_by,) = ACCOUNT_LIST.fields
    imported_by = next(f for f in ACCOUNTS.fields if f.name == "account")
    assert set(imported_by.headers) < set(listed_by.headers)
    assert {"账户号", "account_number"} < set(listed_by.headers)
    assert max(Counter(listed_by.headers).values()) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("title", ["账号", " 卡 号 ", "Account_Number", "戶口號碼"])
def test_the_column_is_found_by_its_name(file: Path, encoding: str, title: str) -> None:
    text = f"姓名,{title},备注\n王样例,QL2024-0001,\n李样例,ｑｌ２０２４ ０００２,逾期\n"
    numbers = listed(file, text, encoding)
    assert list(numbers.rows()) == [Listed(2, "QL20240001"), Listed(3, "QL20240002")]
    assert numbers.title == title.strip()
    assert (numbers.count, numbers.bad, numbers.duplicates) == (2, 0, 0)


def test_rows_without_a_number_and_numbers_that_come_again(file: Path) -> None:
    lines = "QL1001,", ",x", " \u3000,", "QL1*01,", "9.9E+15,", "ql 1001,", "一二三四,", "QL1001"
    numbers = listed(file, "\n".join(["账号,备注", *lines, "1002,", "", ""]))
    found = list(numbers.rows())
    assert [each for each in found if isinstance(each, Listed)] == [
        Listed(2, "QL1001"),
        Listed(10, "1002"),
    ]
    problems = [each for each in found if isinstance(each, RowProblem)]
    assert [(each.row, each.column) for each in problems] == [
        (3, "账号"),
        (5, "账号"),
        (6, "账号"),
        (7, "账号"),
        (8, "账号"),
        (9, ""),
    ]
    empty, masked, cut, again, _, short = (each.reason for each in problems)
    assert empty == "empty"
    assert "masked" in masked
    assert "15 digits" in cut
    assert "row 2" in again
    assert "1 cells, the header has 2" in short
    assert not any("1001" in each.reason for each in problems)
    assert (numbers.count, numbers.bad, numbers.duplicates) == (8, 5, 1)


@pytest.mark.parametrize(
    "first", ["9999123456780001", "9999 1234 5678 0001", "QL20240001", "9.99912E+15", "9999**0001"]
)
@pytest.mark.parametrize("after", ["", ",,"])
def test_a_file_that_begins_with_a_number_lacks_its_header(
    file: Path, first: str, after: str
) -> None:
    with pytest.raises(InvalidInput, match="row 2 is a number already: the header is missing") as e:
        listed(file, f"\n{first}{after}\n9999123456780002{after}\n")
    assert first not in str(e.value)
    assert "账号, 账户, 卡号" in e.value.remedy
    assert "account_number" in e.value.remedy


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("客户", "row 1 holds no column name we know"),
        ("9999123456780001,王样例", "row 1 holds no column name we know"),
        ("账号,卡号", "row 1: the header has both 账号 and 卡号"),
    ],
)
def test_headers_without_one_column_of_numbers(file: Path, header: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as error:
        listed(file, f"{header}\n1,2\n")
    assert "account_number" in error.value.remedy
    assert "--mapping" not in str(error.value)
    assert "9999" not in str(error.value)


@given(st.lists(st.integers(0, 12)))
def test_each_number_comes_once_and_every_row_is_accounted_for(drawn: list[int]) -> None:
    """Below 10 a number has 4 digits, as it must; above it is one too short."""
    texts = [f"{1000 + n}" if n < 10 else f"{n}" for n in drawn]
    lines = [(row, [text]) for row, text in enumerate(["账号", *texts], 1)]
    numbers = ListedNumbers(Table(Path("t"), "utf-8", 0, ("账号",), 1, lambda _: iter(lines)))
    found = list(numbers.rows())
    assert [i.number for i in found if isinstance(i, Listed)] == list(
        dict.fromkeys(text for text in texts if len(text) == 4)
    )
    assert [i.row for i in found] == list(range(2, len(texts) + 2))
    assert numbers.count == len(texts)
    assert numbers.bad == sum(len(text) < 4 for text in texts)


def test_memory_stays_flat_and_progress_ends_at_the_size(file: Path) -> None:
    count = 100_000
    numbers = listed(file, "账号\n" + "".join(f"9999{n:012}\n" for n in range(count)))
    told: list[int] = []
    tracemalloc.start()
    for _ in numbers.rows(told.append):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert numbers.count == count
    assert told[-1] == file.stat().st_size
    assert peak < 60 * count
