"""One row being read: cells go through readers, and every refusal is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from outreach.portfolio.mapping import Columns
from outreach.portfolio.values import narrow

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row cannot be taken; ``reason`` tells shapes and places, never what the cell says."""

    row: int
    column: str
    reason: str


class Cells:
    """The cells of one row by field; ``problems`` collects all that their readers refuse."""

    __slots__ = ("_texts", "columns", "problems", "row")

    def __init__(self, row: int, cells: Sequence[str], columns: Columns) -> None:
        self.row, self.columns = row, columns
        self.problems: list[RowProblem] = []
        self._texts: dict[str, str] = {}
        surplus = any(map(str.strip, cells[columns.width :]))
        if len(cells) < columns.width or surplus:
            self.problem(
                None,
                f"{len(cells)} cells, the header has {columns.width}: "
                "a separator or a quotation mark too many or too few",
            )
        else:
            stated = {name: cells[place].strip() for name, place in columns.index.items()}
            self._texts = columns.constants | stated

    def problem(self, name: str | None, reason: str) -> None:
        column = self.columns.title(name) if name else ""
        self.problems.append(RowProblem(self.row, column, reason))

    def text(self, name: str) -> str:
        """The stripped cell of a field; its constant, or ``""``, if the file has no such column."""
        return self._texts.get(name, "")

    def read(
        self, name: str, reader: Callable[Concatenate[str, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """The cell through ``reader``; ``None`` if it is empty or refused (and noted)."""
        text = self._texts.get(name)
        if not text:
            return None
        try:
            return reader(text, *args, **kwargs)
        except ValueError as error:
            self.problem(name, str(error))
            return None

    def need(
        self, name: str, reader: Callable[Concatenate[str, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """As ``read``, but an empty cell is a problem too."""
        if not self._texts.get(name):
            self.problem(name, "empty")
        return self.read(name, reader, *args, **kwargs)

    def word(self, name: str, words: Mapping[str, T]) -> T | None:
        """The meaning of a word; an empty cell has one if ``words`` gives ``""`` a meaning."""
        try:
            return _word(self.text(name), words)
        except ValueError as error:
            self.problem(name, str(error))
            return None


def _word(text: str, words: Mapping[str, T]) -> T:
    found = words.get(text) or words.get(narrow(text).lower())
    if found is None:
        standard: dict[T, str] = {}
        for word, meaning in words.items():
            if word:
                standard.setdefault(meaning, word)
        raise ValueError(f"unknown word: {', '.join(standard.values())} expected")
    return found
