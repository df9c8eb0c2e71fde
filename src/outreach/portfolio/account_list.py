"""A file that lists accounts by their numbers: each one looked up among a creditor's accounts.

Nothing is written to the database, and no number is told again: problems name rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from outreach.db import debtors
from outreach.db.pool import Connection
from outreach.domain.account import clean_number
from outreach.domain.errors import InvalidInput
from outreach.ledger.lookup import LookupKey
from outreach.portfolio import values
from outreach.portfolio.cells import Cells, RowProblem
from outreach.portfolio.files import Progress, Table
from outreach.portfolio.mapping import ACCOUNT_LIST, Columns
from outreach.portfolio.refusals import Refusals
from outreach.portfolio.seen import FirstRows

BATCH = 5_000
"""Rows whose numbers are looked up together."""


@dataclass(frozen=True, slots=True)
class AccountList:
    """The accounts a file names, each once, in its order.

    ``rows``, the data rows read, are the accounts and the three counts together. ``unknown``: the
    creditor has no account of this number; ``bad``: no number could be read; ``duplicates``: an
    earlier row has the same number, and that row counts. ``problems``: the file that tells of
    these rows, or None if there are none.
    """

    rows: int
    account_ids: tuple[UUID, ...]
    unknown: int
    bad: int
    duplicates: int
    problems: Path | None


async def read_account_list(
    conn: Connection,
    lookup: LookupKey,
    creditor_id: str,
    table: Table,
    progress: Progress = lambda _: None,
) -> AccountList:
    """Look up every number of ``table``; what is wrong goes into ``<file>.errors.csv``.

    Keeps the ids found and one hash a row. Raises ``InvalidInput`` for a header without a column
    of account numbers, a file that breaks off, and one that names no account of this creditor.
    """
    listed = ListedNumbers(table)
    account_ids: list[UUID] = []
    unknown = 0
    with Refusals(table.path) as refusals:
        rows = listed.rows(progress)
        while batch := list(islice(rows, BATCH)):
            found, missing = await _look_up(conn, lookup, creditor_id, batch, listed.title)
            account_ids += found
            unknown += len(missing)
            wrong = [each for each in batch if isinstance(each, RowProblem)]
            refusals.add(sorted(wrong + missing, key=lambda problem: problem.row))
    if not listed.count:
        raise InvalidInput(
            f"{table.path}: the list is empty", f"write account numbers below {listed.title}"
        )
    if not account_ids:
        raise InvalidInput(
            f"{table.path}: none of its {listed.count} rows names an account of {creditor_id}",
            f"see {refusals.path}",
        )
    return AccountList(
        rows=listed.count,
        account_ids=tuple(account_ids),
        unknown=unknown,
        bad=listed.bad,
        duplicates=listed.duplicates,
        problems=refusals.path if refusals.any else None,
    )


# -------------------------------------------------------------------------------------- the file


class Listed(NamedTuple):
    row: int
    number: str


class ListedNumbers:
    """One pass over a list. Iterate ``rows()`` to the end, then ask for the counts.

    Raises ``InvalidInput`` if the header names no column of account numbers, or two.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._columns = _bind(table)
        self._seen = FirstRows()
        self.title = self._columns.title("account")
        self.count = 0
        self.bad = 0
        self.duplicates = 0

    def rows(self, progress: Progress = lambda _: None) -> Iterator[Listed | RowProblem]:
        """Every row but blank ones: its number in the one writing it is looked up by."""
        for row, cells in self._table.rows(progress):
            self.count += 1
            read = Cells(row, cells, self._columns)
            number = None if read.problems else read.need("account", values.identifier)
            if number is None:
                self.bad += 1
                yield read.problems[0]
                continue
            first = self._seen.first(number, row)
            if first != row:
                self.duplicates += 1
                yield RowProblem(row, self.title, f"the same as in row {first}, which counts")
                continue
            yield Listed(row, number)


def _bind(table: Table) -> Columns:
    names = ", ".join(ACCOUNT_LIST.fields[0].headers)
    titles = [title for title in table.header if title]
    if len(titles) == 1 and _like_a_number(titles[0]):
        raise InvalidInput(
            f"{table.path}: row {table.header_row} is a number already: the header is missing",
            f"write one of these names above the numbers: {names}",
        )
    try:
        return ACCOUNT_LIST.bind(table.header, str(table.path), table.header_row)
    except InvalidInput as error:
        raise InvalidInput(
            error.message,
            f"give the column of account numbers, and no other, one of these names: {names}",
        ) from None


def _like_a_number(title: str) -> bool:
    """Mostly digits: as a number is even where it is masked, or written in powers of ten."""
    return 2 * sum(map(str.isdigit, title)) > len(clean_number(title))


# ------------------------------------------------------------------------------------ the look-up


async def _look_up(
    conn: Connection,
    lookup: LookupKey,
    creditor_id: str,
    batch: Sequence[Listed | RowProblem],
    title: str,
) -> tuple[list[UUID], list[RowProblem]]:
    """The accounts of a batch's numbers, in its order, and the rows that have none."""
    rows = {lookup.hash("account", i.number): i.row for i in batch if isinstance(i, Listed)}
    found = await debtors.accounts_with(conn, creditor_id, list(rows))
    missing = [number for number in rows if number not in found]
    elsewhere = await debtors.held_elsewhere(conn, creditor_id, missing) if missing else set()
    return [found[number] for number in rows if number in found], [
        RowProblem(
            rows[number],
            title,
            f"is an account of another creditor, not of {creditor_id}"
            if number in elsewhere
            else f"{creditor_id} has no account of this number",
        )
        for number in missing
    ]
