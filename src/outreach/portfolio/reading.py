"""Reads a whole file of one kind of row: rows, duplicates and the control totals at its end."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from outreach.domain.debtor import Role
from outreach.domain.errors import InvalidInput
from outreach.portfolio import values
from outreach.portfolio.cells import RowProblem
from outreach.portfolio.files import Progress, Table
from outreach.portfolio.mapping import Columns, Mapping
from outreach.portfolio.rows import (
    AccountRow,
    PaymentRow,
    Problems,
    Terms,
    parse_account,
    parse_payment,
)
from outreach.portfolio.seen import FirstRows


class Numbered(Protocol):
    """A row that knows which one it is."""

    @property
    def row(self) -> int: ...


R = TypeVar("R", bound=Numbered)

_TRAILER = frozenset({"合计", "合計", "总计", "總計", "total"})


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not taken: its cells as they stood, for the file of bad rows."""

    row: int
    cells: tuple[str, ...]
    problems: Problems


@dataclass(frozen=True, slots=True)
class Control:
    """Control totals: data rows and the sum of the amount column, as its figures stand.

    The sum is a hash total as banks keep it: currencies are added up unconverted.
    """

    rows: int | None
    total: Decimal | None


class Reading(Generic[R]):
    """One pass over a file. Iterate ``rows()`` to the end, then ask ``control_problems()``.

    Keeps one hash a row to find duplicates (16 to 24 bytes), nothing else of the rows.
    """

    def __init__(
        self,
        table: Table,
        mapping: Mapping,
        terms: Terms,
        parse: Callable[[int, Sequence[str], Columns, Terms], R | Problems],
        total_of: str | None,
        key: Callable[[R], tuple[str, Hashable]],
    ) -> None:
        """``total_of``: the column whose sum is a control total, if one is. ``key``: the field and
        the value that must not come twice.
        """
        self.table = table
        self.columns = mapping.bind(table.header, str(table.path), table.header_row)
        self.terms = terms
        self.announced: Control | None = None
        self.count = 0
        self.total = Decimal(0)
        self.unread = 0  # amounts that are no figures, and so not in ``total``
        self._parse = parse
        self._total_of = total_of
        self._key = key
        self._seen = FirstRows()

    def rows(self, progress: Progress = lambda _: None) -> Iterator[R | Rejected]:
        for number, cells in self.table.rows(progress):
            if cells[0].strip().lower() in _TRAILER:
                self.announced = self._trailer(number, cells)
                continue
            self._tally(cells)
            found = self._parse(number, cells, self.columns, self.terms)
            problems = found if isinstance(found, tuple) else self._duplicates(found)
            if self.announced:
                problems += (RowProblem(number, "", "stands after the control totals (合计)"),)
            if problems or isinstance(found, tuple):
                yield Rejected(number, tuple(cells), problems)
            else:
                yield found

    def control_problems(self, expected: Control | None = None) -> tuple[str, ...]:
        """Where the rows read differ from what the trailer, or ``expected`` (flags), announces."""
        problems = []
        for source, control in (("合计 row", self.announced), ("expected", expected)):
            if control is None:
                continue
            if control.rows is not None and control.rows != self.count:
                problems.append(f"{source}: {control.rows} rows, the file has {self.count}")
            if self._total_of and control.total is not None and control.total != self.total:
                unread = f" ({self.unread} amounts could not be read)" if self.unread else ""
                problems.append(
                    f"{source}: {self.columns.title(self._total_of)} sums to "
                    f"{control.total:,.2f}, the file's to {self.total:,.2f}{unread}"
                )
        return tuple(problems)

    def _trailer(self, number: int, cells: Sequence[str]) -> Control:
        texts = [text for cell in cells[1:] if (text := cell.strip())]
        wanted = "write 合计, the number of rows"
        try:
            if self._total_of is None:
                (rows,) = texts
                return Control(int(values.figure(rows)[0]), None)
            wanted += f", the sum of {self.columns.title(self._total_of)}"
            rows, total = texts
            return Control(int(values.figure(rows)[0]), values.figure(total)[0])
        except ValueError:
            raise InvalidInput(
                f"{self.table.path}: row {number}: control totals that cannot be read", wanted
            ) from None

    def _tally(self, cells: Sequence[str]) -> None:
        self.count += 1
        if self._total_of is None:
            return
        place = self.columns.index.get(self._total_of, 0)
        text = cells[place].strip() if place < len(cells) else "?"
        if text:
            try:
                self.total += values.figure(text)[0]
            except ValueError:
                self.unread += 1

    def _duplicates(self, found: R) -> Problems:
        name, key = self._key(found)
        first = self._seen.first(key, found.row)
        if first == found.row:
            return ()
        return (RowProblem(found.row, self.columns.title(name), f"the same as in row {first}"),)


def only_count(
    table: Table, mapping: Mapping, terms: Terms, total_of: str | None
) -> Reading[Numbered]:
    """A pass for the control totals alone: every row is rejected, with no reason."""
    return Reading(table, mapping, terms, _nothing, total_of, _no_key)


def _nothing(_row: int, _cells: Sequence[str], _columns: Columns, _terms: Terms) -> tuple[()]:
    return ()


def _no_key(_: Numbered) -> tuple[str, Hashable]:
    raise AssertionError("nothing was read")


def _account_key(found: AccountRow) -> tuple[str, Hashable]:
    """An account's borrower, or another person on it."""
    account = (found.creditor_id, found.account_number)
    if found.role is Role.PRIMARY:
        return "account", account
    return "id_number", (*account, found.person.id_number)


def _payment_key(found: PaymentRow) -> tuple[str, Hashable]:
    return "ref", (found.creditor_id, found.ref)


def read_accounts(table: Table, mapping: Mapping, terms: Terms) -> Reading[AccountRow]:
    """Raises ``InvalidInput`` if the header does not hold what ``mapping`` needs."""
    return Reading(table, mapping, terms, parse_account, "balance", _account_key)


def read_payments(table: Table, mapping: Mapping, terms: Terms) -> Reading[PaymentRow]:
    """Raises ``InvalidInput`` if the header does not hold what ``mapping`` needs."""
    return Reading(table, mapping, terms, parse_payment, "amount", _payment_key)
