"""Make the second reader's counts from the labelled texts for tuning: ``make likeness``.

Its limits come from reading each fifth of those texts with what the other four taught: a limit is
what so many of the lawful ones stay under.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

from eval.wording import LAWFUL, SETS, WORDS, read
from outreach.compliance.likeness import FILE, Likeness, pairs_of, pieces, written
from outreach.compliance.normal import normal
from outreach.compliance.wording import load_wording

DOUBTFUL, SURE = 0.95, 0.98  # of the lawful texts are not doubtful; not surely unlawful
OFTEN = 2  # a pair of fewer texts teaches nothing
SMOOTH = 0.1
FOLDS = 5

Read = tuple[bool, str]
"""Whether it may be sent, and its normal form."""


def examples() -> list[Read]:
    fold = load_wording(WORDS).fold
    texts = read(SETS / "tuning.tsv")
    return [(each.label == LAWFUL, normal(each.text, fold)) for each in texts]


def weights(texts: Iterable[Read]) -> dict[str, float]:
    counts, of = {True: Counter[str](), False: Counter[str]()}, Counter[bool]()
    for lawful, form in texts:
        counts[lawful].update(pairs_of(form))
        of[lawful] += 1

    def share(pair: str, lawful: bool) -> float:
        return (counts[lawful][pair] + SMOOTH) / (of[lawful] + 2 * SMOOTH)

    met = counts[True] + counts[False]
    return {
        pair: log(share(pair, False) / share(pair, True))
        for pair, often in met.items()
        if often >= OFTEN and pair.isprintable()
    }


def taught(texts: Sequence[Read]) -> Likeness:
    shuffled = list(texts)
    random.Random(0).shuffle(shuffled)
    wholes, parts = [], []
    for fold in range(FOLDS):
        others = weights(each for n, each in enumerate(shuffled) if n % FOLDS != fold)
        reader = Likeness(others, 0, 0, 0)
        for lawful, form in shuffled[fold::FOLDS]:
            if lawful:
                wholes.append(reader.score(pairs_of(form)))
                parts.append(max(reader.score(pairs_of(form[a:b])) for a, b in pieces(form)))
    return Likeness(
        weights(texts),
        whole=_limit(wholes, DOUBTFUL),
        piece=_limit(parts, DOUBTFUL),
        sure=_limit(wholes, SURE),
    )


def _limit(scores: list[float], under: float) -> float:
    return sorted(scores)[int(under * len(scores))]


if __name__ == "__main__":
    FILE.write_text(written(taught(examples())), encoding="utf-8")
