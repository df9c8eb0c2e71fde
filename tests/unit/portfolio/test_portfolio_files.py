"""Opening tables: encodings, separators, workbooks, and files that are none of these."""

import codecs
import tracemalloc
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from outreach.domain.errors import InvalidInput
from outreach.portfolio import files
from outreach.portfolio.files import open_table


def write(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_and_separators(
    tmp_path: Path, encoding: str, separator: str, newline: str
) -> None:
    rows = [["姓名", "余额", "备注"], ["欧阳䶮", '"1,2"', '"一\n二"'], [], ["王", "3", ""]]
    text = newline.join(map(separator.join, rows))
    table = open_table(write(tmp_path / "t.csv", text, encoding))
    assert (table.encoding, table.header) == (encoding, ("姓名", "余额", "备注"))
    assert table.size == (tmp_path / "t.csv").stat().st_size
    assert list(table.rows()) == [(2, ["欧阳䶮", "1,2", "一\n二"]), (5, ["王", "3", ""])]
    assert list(table.rows()) == list(table.rows()), "a table can be read again"


def test_a_rare_byte_far_down_decides_the_encoding(tmp_path: Path) -> None:
    text = b"a,b\n" + b"1,2\n" * 300_000 + "䶮,3\n".encode("gb18030")
    table = open_table(write(tmp_path / "t.csv", text))
    assert table.encoding == "gb18030"
    *_, last = table.rows()
    assert last == (300_002, ["䶮", "3"])


def test_a_character_may_straddle_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_BLOCK", 5)
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        path = write(tmp_path / f"{encoding}.csv", "姓名,余额\n欧阳䶮,1\n", encoding)
        assert open_table(path).encoding == encoding
    bad = "姓名\n欧阳\n".encode() + b"\xff\n"
    with pytest.raises(InvalidInput, match="line 3: neither"):
        open_table(write(tmp_path / "bad.csv", bad))


def test_progress_ends_at_the_size_and_memory_stays_flat(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n" + "12345678,87654321\n" * 100_000)
    table, seen = open_table(path), [0]
    tracemalloc.start()
    for _ in table.rows(seen.append):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == sorted(seen)
    assert seen[-1] == table.size
    assert len(seen) > 100
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file holds no rows"),
        (codecs.BOM_UTF8, "the file holds no rows"),
        (b"a,b\n1,\x002\n", "line 2: a NUL byte"),
        ("姓名\n王".encode("utf-16"), "UTF-16"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old .xls"),
        (b"PK\x03\x04 and no more", "not a readable Excel workbook"),
        (b"a,b\n" + b'1,"' + b"x" * 200_000, "line 2: a cell that does not end"),
    ],
)
def test_files_that_cannot_be_taken(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as error:
        list(open_table(write(tmp_path / "t.csv", content)).rows())
    assert str(tmp_path / "t.csv") in error.value.message
    assert error.value.remedy


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        open_table(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="cannot be read"):
        open_table(tmp_path)


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    hidden = book.create_sheet("参数", 0)
    hidden.sheet_state = "hidden"
    hidden.append(["not", "this"])
    sheet = book.worksheets[1]
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_workbooks_become_texts(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx",
        [
            ["账号", "余额", "日", "时点", "核实"],
            ["0123", 1234.5, date(2026, 11, 23), datetime(2026, 11, 23, 2, 0), True],  # noqa: DTZ001
            [None] * 5,
            [14212345678, 0.1 + 0.2, None, None, False],
            [123456789012345678, -3, None, None, None],
        ],
    )
    table = open_table(path)
    assert (table.encoding, table.header_row) == ("xlsx", 1)
    assert list(table.rows()) == [
        (2, ["0123", "1234.5", "2026-11-23", "2026-11-23 02:00:00", "是"]),
        (4, ["14212345678", "0.3", "", "", "否"]),
        (5, ["1.23456789012346e+17", "-3", "", "", ""]),
    ]


def test_a_workbook_may_begin_further_down(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [[], [], [None, "账号", "余额"], [None, "0123", 5]])
    table = open_table(path)
    assert (table.header, table.header_row) == (("账号", "余额"), 3)
    assert list(table.rows()) == [(4, ["0123", "5"])]


def far_cell(path: Path, cell: str) -> Path:
    """A small workbook with something far out: a reader would lay out all the cells before it."""
    workbook(path, [["账号", "余额"], ["0123", 5]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet2.xml"
    parts[sheet] = parts[sheet].replace(b"</sheetData>", cell.encode() + b"</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', "row 1048576, column 16384"),
        ("<row r='1048576'><c><v>1</v></c></row>", "row 1048576, column 2"),
        ('<row r="3"><c s="1" r="GS3"><v>1</v></c></row>', "row 3, column 201"),
    ],
)
def test_a_workbook_cannot_fill_the_memory(tmp_path: Path, cell: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as error:
        open_table(far_cell(tmp_path / "t.xlsx", cell))
    assert "CSV" in error.value.remedy


def test_an_empty_row_far_down_is_no_harm(tmp_path: Path) -> None:
    table = open_table(far_cell(tmp_path / "t.xlsx", '<row r="1048576" ht="20"/>'))
    assert list(table.rows()) == [(2, ["0123", "5"])]


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = '<row r="3"><c r="A3" t="inlineStr"><is><t>' + "0" * files.WORKBOOK_BYTES
    path = far_cell(tmp_path / "t.xlsx", bomb + "</t></is></c></row>")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InvalidInput, match="more than 64 MB unpacked"):
        open_table(path)


def test_an_empty_workbook(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the first sheet is empty"):
        open_table(workbook(tmp_path / "t.xlsx", []))
