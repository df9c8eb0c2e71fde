"""A table written row by row, as CSV or as an Excel sheet, however long it gets."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from outreach.domain.errors import InvalidInput

Write = Callable[[Sequence[object]], object]
"""Takes one row."""

KINDS = (".csv", ".xlsx")


@contextmanager
def open_sheet(path: Path, head: Sequence[str]) -> Iterator[Write]:
    """Write to a file that is there only when it is whole, readable by its owner alone.

    Raises ``InvalidInput`` for a place that cannot be written, or a name of another kind.
    """
    if path.suffix not in KINDS:
        raise InvalidInput(
            f"{path}: what kind of file?", f"a name that ends in {' or '.join(KINDS)}"
        )
    part = path.with_name(f".{path.name}.part")
    with _writing(path):  # a person's file: nobody else reads it
        file = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    try:
        with file:
            with _KINDS[path.suffix](file) as write:

                def add(cells: Sequence[object]) -> None:
                    with _writing(path):
                        write(cells)

                add(head)
                yield add
            with _writing(path):
                file.flush()
        with _writing(path):
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror}", "choose another file"
        ) from None


@contextmanager
def _csv(file: BinaryIO) -> Iterator[Write]:
    text = TextIOWrapper(file, "utf-8-sig", newline="")  # with its mark, so that Excel knows
    writer = csv.writer(text)
    yield lambda row: writer.writerow([_harmless(str(cell)) for cell in row])
    text.flush()
    text.detach()


def _harmless(cell: str) -> str:
    """Excel must not take a text for a formula."""
    return f"'{cell}" if cell[:1] in "=+-@\t\r" else cell


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET = "worksheets/sheet1.xml"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS = {
    "[Content_Types].xml": f"""<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">
<sheets><sheet name="1" sheetId="1" r:id="r1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="{_SHEET}"/></Relationships>""",
}


@contextmanager
def _xlsx(file: BinaryIO) -> Iterator[Write]:
    with ZipFile(file, "w", ZIP_DEFLATED) as book:
        for name, text in _PARTS.items():
            book.writestr(name, _HEAD + text)
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            yield lambda row: sheet.write(_row(row))
            sheet.write(b"</sheetData></worksheet>")


def _row(cells: Sequence[object]) -> bytes:
    return f"<row>{''.join(map(_cell, cells))}</row>".encode()


def _cell(cell: object) -> str:
    if isinstance(cell, int):
        return f"<c><v>{cell}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(str(cell))}</t></is></c>'


_KINDS = {".csv": _csv, ".xlsx": _xlsx}
