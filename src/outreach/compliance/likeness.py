"""The second reader: does a text read like what may not be sent, whatever phrases it holds?

Naive Bayes on pairs of neighbouring characters of the normal form (``normal.py``). ``likeness.txt``
holds what ``make likeness`` counted in the labelled texts of ``eval/wording/tuning.tsv``: for each
pair the logarithm of how much oftener unlawful texts hold it than lawful ones, and three limits. A
text's score is the mean over its pairs and a few lawful ones that are taken for granted, so that
two words alone damn nobody; pairs that were never met say nothing.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from outreach.compliance.normal import SENTENCE

FILE = Path(__file__).parent / "likeness.txt"
PIECE = 12  # characters; shorter sentences are read together with the next
GRANTED, LAWFUL = 16, -1.0  # so many pairs of such a weight
"""What a score begins with."""

_SENTENCES = re.compile(f"[^{SENTENCE}]*{SENTENCE}?")


@dataclass(frozen=True, slots=True, repr=False)
class Likeness:
    """``whole``: a stretch of text above it is doubtful; ``piece``: so is one of its pieces;
    ``sure``: of a text not above it, what the list of phrases refuses is a person's to judge.
    """

    weights: Mapping[str, float]
    whole: float
    piece: float
    sure: float

    def score(self, pairs: Collection[str]) -> float:
        """Above 0: more like the unlawful."""
        weight = self.weights.get
        said = sum(weight(pair, 0.0) for pair in pairs)
        return (said + GRANTED * LAWFUL) / (len(pairs) + GRANTED)

    def doubtful(self, form: str) -> tuple[int, int] | None:
        """Begin and end, in a normal form, of what reads most like the unlawful; ``None`` if it
        does not read so.
        """
        worst, span = max((self.score(pairs_of(form[a:b])), (a, b)) for a, b in pieces(form))
        doubt = worst > self.piece or self.score(pairs_of(form)) > self.whole
        return span if doubt else None

    def agrees(self, form: str) -> bool:
        """Whether a text in which phrases were found reads like the unlawful as a whole too."""
        return self.score(pairs_of(form)) > self.sure


def pairs_of(form: str) -> set[str]:
    return set(map(str.__add__, form, form[1:]))


def pieces(form: str) -> Iterator[tuple[int, int]]:
    """Begin and end of its sentences; short ones together."""
    begin = 0
    for sentence in _SENTENCES.finditer(form):
        if sentence.end() - begin >= PIECE:
            yield begin, sentence.end()
            begin = sentence.end()
    if begin < len(form) or not form:
        yield begin, len(form)


@lru_cache(maxsize=1)
def likeness() -> Likeness:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    limits = [float(line.split("\t")[1]) for line in lines[:3]]
    weights = {line[:2]: int(line[3:]) / 100 for line in lines[3:]}
    return Likeness(weights, *limits)


def written(reader: Likeness) -> str:
    """It as ``likeness.txt`` holds it."""
    limits = [f"{name}\t{getattr(reader, name):.2f}" for name in ("whole", "piece", "sure")]
    pairs = [f"{pair}\t{round(weight * 100)}" for pair, weight in sorted(reader.weights.items())]
    return "\n".join([*limits, *pairs, ""])
