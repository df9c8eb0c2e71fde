"""Teach the second reader of replies by the labelled ones for tuning: ``make likeness``.

Its limits come from reading each fifth of the texts with what the other four taught. What must not
go unheard is heard, by the rules or by it, in 95 of 100 of those; of the rest the limit is where
what is heard and what is rightly heard are best together.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, sqrt

from eval.replies import SETS, UNHEARD, read
from outreach.domain.response import ResponseKind
from outreach.replies.folded import Folded, own_words
from outreach.replies.likeness import FILE, Likeness, grams_of, written
from outreach.replies.rules import read_by_rules

KINDS = tuple(kind for kind in ResponseKind if kind not in (ResponseKind.OTHER, ResponseKind.EMPTY))
OFTEN = 2  # a pair of fewer texts teaches nothing
HEARD = 0.95
FOLDS = 5
ROUNDS, STEP, TRUST = 15, 2.0, 10.0
"""Of the descent: how often each text is seen, how far it goes, how far the texts are believed."""


@dataclass(frozen=True, slots=True)
class Example:
    """A reply: its characters and pairs, what it means, and what the rules hear in it."""

    grams: frozenset[str]
    means: frozenset[str]
    by_rules: frozenset[str]


def examples() -> list[Example]:
    found = []
    for each in read(SETS / "tuning.tsv"):
        whole = Folded.of(own_words(each.text))
        heard = frozenset(map(str, read_by_rules(whole, each.today)))
        found.append(Example(frozenset(grams_of(whole.plain)), each.labels, heard))
    return found


class Teacher:
    def __init__(self, texts: Sequence[Example]) -> None:
        self._texts = texts
        often = Counter(gram for each in texts for gram in each.grams)
        known = sorted(g for g, count in often.items() if count >= OFTEN and g.isprintable())
        self._grams = {gram: place for place, gram in enumerate(known)}
        self._rows = [[self._grams[g] for g in each.grams if g in self._grams] for each in texts]

    def taught(self) -> Likeness:
        everything = range(len(self._texts))
        columns, limits = [], []
        for kind in KINDS:
            weights, bias = self._descend(everything, kind)
            columns.append([round(100 * weight) for weight in weights])
            limits.append(self._limit(kind, self._unseen(kind)) - bias)
        weights = {gram: tuple(each) for gram, *each in zip(self._grams, *columns, strict=True)}
        return Likeness(KINDS, tuple(limits), weights)

    def _descend(self, texts: Sequence[int], kind: ResponseKind) -> tuple[list[float], float]:
        """Logistic regression by stochastic descent, both answers weighed alike (Bottou, 2010)."""
        meant = [kind in self._texts[text].means for text in texts]
        worth = {answer: len(meant) / (2 * meant.count(answer)) for answer in (True, False)}
        shrink = 1 / (TRUST * len(meant))
        values, scale, bias, seen = [0.0] * len(self._grams), 1.0, 0.0, 0
        order, chance = list(range(len(meant))), random.Random(0)
        for _ in range(ROUNDS):
            chance.shuffle(order)
            for place in order:
                row, sign = self._rows[texts[place]], 1 if meant[place] else -1
                size = 1 / sqrt(len(row) or 1)
                score = scale * size * sum(map(values.__getitem__, row)) + bias
                step = STEP / (1 + shrink * STEP * seen)
                seen += 1
                scale *= 1 - step * shrink
                pull = step * sign * worth[meant[place]] / (1 + exp(min(30.0, sign * score)))
                for gram in row:
                    values[gram] += pull * size / scale
                bias += pull / 10
        return [scale * value for value in values], bias

    def _unseen(self, kind: ResponseKind) -> list[float]:
        """The score of each text by what the texts of the other folds taught."""
        scores, order = [0.0] * len(self._texts), list(range(len(self._texts)))
        random.Random(0).shuffle(order)
        for fold in range(FOLDS):
            held = order[fold::FOLDS]
            weights, bias = self._descend(sorted(set(order) - set(held)), kind)
            for text in held:
                row = self._rows[text]
                scores[text] = sum(weights[gram] for gram in row) / sqrt(len(row) or 1) + bias
        return scores

    def _limit(self, kind: ResponseKind, scores: Sequence[float]) -> float:
        judged = [
            (score, kind in each.means, kind in each.by_rules)
            for score, each in zip(scores, self._texts, strict=True)
        ]
        if kind in UNHEARD:
            meant = sum(means for _, means, _ in judged)
            left = sorted((s for s, means, heard in judged if means and not heard), reverse=True)
            wanted = ceil(HEARD * meant) - (meant - len(left))
            return left[wanted - 1]
        return max(scores, key=lambda limit: _harmony(judged, limit))


def _harmony(judged: Sequence[tuple[float, bool, bool]], limit: float) -> float:
    """Twice what is rightly heard, of what is meant and what is heard together (F1)."""
    heard = [means for score, means, by_rules in judged if by_rules or score >= limit]
    return 2 * sum(heard) / (len(heard) + sum(means for _, means, _ in judged))


if __name__ == "__main__":
    FILE.write_text(written(Teacher(examples()).taught()), encoding="utf-8")
