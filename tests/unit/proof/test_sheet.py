"""A sheet is whole or not there, and what it holds is read as it was written."""

from pathlib import Path

import pytest
from openpyxl import load_workbook

from outreach.proof.sheet import open_sheet


def test_excel_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with open_sheet(path, ("数", "字")) as write:
        write((7, "<含 & “引号”> "))
        write((-1, "=1+1"))
    sheet = load_workbook(path).worksheets[0]
    assert list(sheet.values) == [("数", "字"), (7, "<含 & “引号”> "), (-1, "=1+1")]
    assert sheet["B3"].data_type == "s", "a text is no formula"


def test_in_csv_no_text_is_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with open_sheet(path, ("a",)) as write:
        write(("=1+1",))
    assert path.read_bytes() == b"\xef\xbb\xbfa\r\n'=1+1\r\n"


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_what_breaks_off_leaves_nothing(tmp_path: Path, name: str) -> None:
    def break_off() -> None:
        with open_sheet(tmp_path / name, ("a",)) as write:
            write(("b",))
            raise KeyError

    (tmp_path / name).write_bytes(b"before")
    with pytest.raises(KeyError):
        break_off()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"before"
