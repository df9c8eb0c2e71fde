"""Opens a bank's table: CSV in UTF-8 or GB18030, or an Excel workbook; rows come out as texts."""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from outreach.domain.errors import InvalidInput

Progress = Callable[[int], None]
"""Told the number of bytes read so far, out of ``Table.size``."""

Row = tuple[int, list[str]]
"""The number a person finds the row by (the line it begins on, header included) and its cells."""

WORKBOOK_BYTES = 64 * 2**20  # unpacked; a workbook is held in memory whole
WORKBOOK_ROWS = 50_000
WORKBOOK_COLUMNS = 200
_BLOCK = 2**20
_ROWS_BETWEEN_REPORTS = 500

_SAVE_AS_CSV = "save the sheet as CSV (UTF-8), which has no limit, and import that"


@dataclass(frozen=True, slots=True)
class Table:
    """An opened file. ``rows`` may be called again and reads from the start each time."""

    path: Path
    encoding: str  # "utf-8", "utf-8-sig", "gb18030" or "xlsx"
    size: int
    header: tuple[str, ...]
    header_row: int
    _read: Callable[[Progress], Iterator[Row]]

    def rows(self, progress: Progress = lambda _: None) -> Iterator[Row]:
        """Data rows in order without blank ones; ``InvalidInput`` where the file breaks off."""
        rows = self._read(progress)
        next(rows)
        return rows


def open_table(path: Path) -> Table:
    """Recognise a file by its content; raises ``InvalidInput`` saying what is wrong and where."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            size = file.seek(0, io.SEEK_END)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({error.strerror})", "check the path") from None
    if not start:
        raise InvalidInput(f"{path}: the file is empty", "export it again")
    if start.startswith(b"PK\x03\x04"):
        read, encoding = _workbook_reader(path, size), "xlsx"
    else:
        _refuse_foreign(path, start)
        encoding = _detect_encoding(path)
        read = _csv_reader(path, encoding)
    header_row, header = next(read(lambda _: None), (0, []))
    if not header:
        raise InvalidInput(f"{path}: the file holds no rows", "export it again")
    return Table(path, encoding, size, tuple(h.strip() for h in header), header_row, read)


def _refuse_foreign(path: Path, start: bytes) -> None:
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise InvalidInput(
            f"{path}: an old .xls workbook, or one locked with a password",
            "save it as .xlsx without a password, or as CSV",
        )
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput(f"{path}: the text is UTF-16", "save it as CSV (UTF-8)")


# --- CSV -------------------------------------------------------------------------------------


def _detect_encoding(path: Path) -> str:
    """Read the file through once, strictly: a guess from a sample fails on the one rare name."""
    bad_line = 0
    for encoding in ("utf-8-sig", "gb18030"):
        line, bom = _first_undecodable_line(path, encoding)
        if line is None:
            return encoding if bom or encoding == "gb18030" else "utf-8"
        bad_line = max(bad_line, line)
    raise InvalidInput(
        f"{path}: line {bad_line}: neither UTF-8 nor GB18030 text",
        "export the file as CSV (UTF-8); if it is Big5, convert it first",
    )


def _first_undecodable_line(path: Path, encoding: str) -> tuple[int | None, bool]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines, bom = 1, False
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            bom = bom or (lines == 1 and block.startswith(codecs.BOM_UTF8))
            if b"\0" in block:
                raise InvalidInput(
                    f"{path}: line {lines + block[: block.index(0)].count(10)}: a NUL byte",
                    "the file is damaged or not text: export it again",
                )
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return lines + error.object[: error.start].count(b"\n"), bom
            lines += block.count(b"\n")
            if not block:
                return None, bom


def _csv_reader(path: Path, encoding: str) -> Callable[[Progress], Iterator[Row]]:
    def read(progress: Progress) -> Iterator[Row]:
        with path.open("rb") as file, io.TextIOWrapper(file, encoding, newline="") as text:
            first = next((line for line in text if line.strip()), "")
            text.seek(0)
            delimiter = max(",\t;|", key=first.count)
            yield from _csv_rows(path, text, delimiter, lambda: progress(file.tell()))

    return read


def _csv_rows(
    path: Path, text: io.TextIOWrapper, delimiter: str, report: Callable[[], None]
) -> Iterator[Row]:
    reader, line = csv.reader(text, delimiter=delimiter), 1
    try:
        for count, cells in enumerate(reader):
            if any(map(str.strip, cells)):
                yield line, cells
            line = reader.line_num + 1
            if count % _ROWS_BETWEEN_REPORTS == 0:
                report()
    except csv.Error:
        raise InvalidInput(
            f"{path}: line {line}: a cell that does not end",
            "close the quotation mark opened on or before this line",
        ) from None
    report()


# --- Excel -----------------------------------------------------------------------------------

_PLACE = re.compile(  # of a cell, or of a row that has any
    rb"""<(?:\w+:)?(?:c\b[^>]{0,200}?|row\b[^>]{0,200}?(?=[^>]*[^/]>))\br=["']([A-Z]{0,3})(\d{1,7})["']"""
)


def _workbook_reader(path: Path, size: int) -> Callable[[Progress], Iterator[Row]]:
    _check_bounds(path)
    try:
        workbook = CalamineWorkbook.from_path(path)
        sheets = [
            s.name
            for s in workbook.sheets_metadata
            if s.typ == SheetTypeEnum.WorkSheet and s.visible == SheetVisibleEnum.Visible
        ]
        sheet = workbook.get_sheet_by_name(sheets[0]) if sheets else None
    except CalamineError:
        raise _not_a_workbook(path) from None
    if sheet is None or sheet.end is None:
        raise InvalidInput(f"{path}: the first sheet is empty", "put the table on the first sheet")
    found, height = sheet, sheet.end[0] + 1

    def read(progress: Progress) -> Iterator[Row]:
        for number, values in enumerate(found.iter_rows(), 1):
            cells = [_text(v) for v in values]
            if any(map(str.strip, cells)):
                yield number, cells
            if number % _ROWS_BETWEEN_REPORTS == 0:
                progress(size * number // height)
        progress(size)

    return read


def _not_a_workbook(path: Path) -> InvalidInput:
    return InvalidInput(
        f"{path}: not a readable Excel workbook", "open it in Excel and save it anew"
    )


def _check_bounds(path: Path) -> None:
    """Measure the unpacked sheets in a stream: a small archive can unpack to any size, and one
    cell far out would make the reader lay out every empty cell before it.
    """
    total, rows, columns = 0, 0, 0
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                tail = b""
                with archive.open(member) as unpacked:
                    while block := unpacked.read(_BLOCK):
                        total += len(block)
                        if total > WORKBOOK_BYTES:
                            raise InvalidInput(
                                f"{path}: more than {WORKBOOK_BYTES >> 20} MB unpacked",
                                _SAVE_AS_CSV,
                            )
                        rows, columns = _furthest(tail + block, rows, columns)
                        tail = block[-300:]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        raise _not_a_workbook(path) from None
    if rows > WORKBOOK_ROWS + 1 or columns > WORKBOOK_COLUMNS:
        raise InvalidInput(
            f"{path}: the sheet reaches to row {rows}, column {columns}; a workbook may have "
            f"{WORKBOOK_ROWS} rows and {WORKBOOK_COLUMNS} columns",
            _SAVE_AS_CSV,
        )


def _furthest(xml: bytes, rows: int, columns: int) -> tuple[int, int]:
    for letters, digits in _PLACE.findall(xml):
        rows = max(rows, int(digits))
        number = 0
        for letter in letters:
            number = number * 26 + letter - 64
        columns = max(columns, number)
    return rows, columns


def _text(value: object) -> str:
    """A cell as a person would have typed it; numbers as Excel keeps them, to 15 digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return format(value, ".15g")
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
