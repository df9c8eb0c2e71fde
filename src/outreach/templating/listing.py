"""What the layout ``listing.typ`` shows: a debtor's contact history as a table."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: when in the debtor's zone, by which way, what, in words; then what was written."""

    time: str
    way: str
    name: str
    detail: str
    to: str = ""
    subject: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """``about`` are labels and values of the head; ``notes`` stand under the table."""

    title: str
    subject: str  # stands on every page
    about: Sequence[tuple[str, str]]
    columns: tuple[str, str, str, str, str]  # number, time, way, event, detail
    entries: Sequence[Entry]
    notes: Sequence[str]
