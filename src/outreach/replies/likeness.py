"""The second reader of replies: does a message read like those that mean this or that?

A linear model of each meaning (logistic regression) on the characters of the folded text and their
pairs. ``likeness.txt`` holds what ``make likeness`` learned from ``eval/replies/tuning.tsv``: the
meanings with their limits, then of each character and pair its weights, in hundredths. What it
hears is never sure: it hears nearly all that is meant, and much that is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from pathlib import Path

from outreach.domain.response import ResponseKind
from outreach.replies.folded import Folded

FILE = Path(__file__).parent / "likeness.txt"

Weights = Sequence[int]
"""Of one character or pair, in the order of the meanings."""


@dataclass(frozen=True, slots=True, repr=False)
class Likeness:
    """``limits``: from which score on a text is taken to mean so."""

    kinds: tuple[ResponseKind, ...]
    limits: tuple[float, ...]
    weights: Mapping[str, Weights]

    def scores(self, text: str) -> list[float]:
        """Of each meaning, whatever the length of the text."""
        found = [self.weights[gram] for gram in grams_of(text) if gram in self.weights]
        scale = 100 * sqrt(len(found) or 1)
        return [sum(each) / scale for each in zip(*found, strict=True)] or [0.0] * len(self.kinds)

    def read(self, whole: Folded) -> Iterator[tuple[ResponseKind, Folded]]:
        """Each meaning it seems to have, and the clause that says so most."""
        scores = self.scores(whole.plain)
        for index, (kind, limit) in enumerate(zip(self.kinds, self.limits, strict=True)):
            if scores[index] >= limit:
                yield kind, max(whole.clauses(), key=lambda each: self._said(each, index))

    def _said(self, clause: Folded, index: int) -> float:
        return self.scores(clause.plain)[index]


def grams_of(text: str) -> set[str]:
    return {*text, *map(str.__add__, text, text[1:])}


@lru_cache(maxsize=1)
def likeness() -> Likeness:
    head, limits, *lines = FILE.read_text(encoding="utf-8").splitlines()
    kinds = tuple(map(ResponseKind, head.split("\t")))
    weights = {}
    for line in lines:
        gram, *values = line.split("\t")
        weights[gram] = tuple(map(int, values))
    return Likeness(kinds, tuple(map(float, limits.split("\t"))), weights)


def written(reader: Likeness) -> str:
    """It as ``likeness.txt`` holds it."""
    lines = ["\t".join(reader.kinds), "\t".join(f"{limit:.2f}" for limit in reader.limits)]
    lines += ["\t".join((gram, *map(str, each))) for gram, each in sorted(reader.weights.items())]
    return "\n".join([*lines, ""])
