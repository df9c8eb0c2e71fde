"""What the layout ``certificate.typ`` shows: the answer on its first page, then the evidence."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One notice in the table of the first page."""

    number: str
    time: str
    way: str
    purpose: str
    to: str
    result: str


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a notice: when, what, on whose word, the file it stands in, and what a standard
    calls it.
    """

    time: str
    name: str
    detail: str
    source: str
    file: str
    standard: str


@dataclass(frozen=True, slots=True)
class Told:
    """One notice in full: its result in a sentence, its steps, and the words it carried."""

    title: str
    result: str
    about: Sequence[tuple[str, str]]
    steps: Sequence[Step]
    subject: str
    text: str
    withheld: str  # why the words are not shown, if they are not


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file of the bundle: what it is, and its SHA-256 in hex."""

    file: str
    what: str
    digest: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """``about`` are labels and values of the head; ``answer`` is the conclusion in sentences."""

    title: str
    number: str  # stands on every page
    mark: str  # as well, if there is one
    about: Sequence[tuple[str, str]]
    answer: Sequence[str]
    counts: Sequence[tuple[str, str]]  # a result and how many, where the rows are too many
    rows: Sequence[Row]
    limits: Sequence[str]
    legend: Sequence[str]  # how the steps are to be read
    notices: Sequence[Told]
    others: Sequence[Step]  # what happened beside the notices
    evidence: Sequence[Evidence]
    checking: Sequence[str]
    fingerprints: Sequence[tuple[str, str]]  # of the signing keys: name and fingerprint
