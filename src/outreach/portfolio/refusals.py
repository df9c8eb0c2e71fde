"""The file of bad rows beside an input: row, column and reason, never what a cell says."""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from outreach.domain.errors import InvalidInput
from outreach.portfolio.cells import RowProblem


class Refusals:
    """Writes ``<input>.errors.csv`` (UTF-8 with a BOM, so that Excel shows the Chinese).

    The file of an earlier run is replaced; where nothing is refused, none is left.
    """

    def __init__(self, source: Path) -> None:
        self.path = source.with_name(source.name + ".errors.csv")
        self.any = False
        try:
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")
        except OSError as error:
            raise InvalidInput(
                f"{self.path}: cannot be written ({error.strerror}); bad rows are reported there",
                "copy the file into a folder you may write to and import it from there",
            ) from None
        self._writer = csv.writer(self._file)
        self._writer.writerow(("行号", "列", "原因"))

    def add(self, problems: Sequence[RowProblem]) -> None:
        self.any = self.any or bool(problems)
        self._writer.writerows((p.row, p.column, p.reason) for p in problems)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if not self.any:
            self.path.unlink(missing_ok=True)
