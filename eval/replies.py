"""What a debtor's reply is taken to mean, against labelled replies: ``python -m eval.replies``.

``replies/held_out.tsv`` was written apart from the rules, by two others, and is not looked at while
they are tuned: of it only figures are printed. ``replies/tuning.tsv`` is there to be looked at.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from eval.measure import asked, share, verdict
from outreach.domain.debtor import Jurisdiction
from outreach.domain.response import ResponseKind, Understood
from outreach.replies.reading import read_reply

SETS = Path(__file__).parent / "replies"
COLUMNS = ["today", "labels", "promised_on", "amount", "place", "channel", "text"]
LABELS = tuple(map(str, ResponseKind))
UNHEARD = ("opted_out", "wrong_person", "disputed")
"""What must not go unheard: a violation each."""
LEAST_HEARD = 0.98


@dataclass(frozen=True, slots=True)
class Reply:
    today: date
    labels: frozenset[str]
    promised_on: date | None
    amount: Decimal | None
    place: Jurisdiction
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One reply and what it was taken to mean."""

    reply: Reply
    understood: tuple[Understood, ...]

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(str(each.kind) for each in self.understood)

    @property
    def promised_on(self) -> date | None:
        return next((u.promised_on for u in self.understood if u.kind == "promised"), None)

    @property
    def amount(self) -> Decimal | None:
        return next((u.amount for u in self.understood if u.amount is not None), None)

    @property
    def days_off(self) -> int | None:
        """How far the day is from the one meant; ``None`` where either was not given."""
        if self.reply.promised_on is None or self.promised_on is None:
            return None
        return abs((self.promised_on - self.reply.promised_on).days)


def read(path: Path) -> list[Reply]:
    """``ValueError`` names the first row that is none: its number, never its text."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if next(rows, None) != COLUMNS:
            raise ValueError(f"{path}: the columns are {', '.join(COLUMNS)}")
        replies = []
        for number, row in enumerate(rows, 2):
            if len(row) != len(COLUMNS) or not set(row[1].split(",")) <= set(LABELS):
                raise ValueError(f"{path}, row {number}: no reply")
            replies.append(
                Reply(
                    date.fromisoformat(row[0]),
                    frozenset(row[1].split(",")),
                    date.fromisoformat(row[2]) if row[2] else None,
                    Decimal(row[3]) if row[3] else None,
                    Jurisdiction(row[4]),
                    row[6].replace("\\n", "\n"),
                )
            )
    return replies


def judge(replies: Iterable[Reply]) -> list[Outcome]:
    return [Outcome(each, read_reply(each.text, each.today)) for each in replies]


def faults(outcomes: Sequence[Outcome]) -> list[str]:
    """Why this is not good enough; empty if it is."""
    found = []
    for label in UNHEARD:
        meant = [o for o in outcomes if label in o.reply.labels]
        heard = sum(label in o.labels for o in meant)
        if heard < LEAST_HEARD * len(meant):
            found.append(f"{label}: {heard} of {len(meant)} heard, less than 98%")
    wrong = sum((o.days_off or 0) > 1 for o in outcomes)
    if wrong:
        found.append(f"{wrong} promises are wrong by more than a day")
    return found


def table(outcomes: Sequence[Outcome]) -> list[str]:
    lines = ["meant          n   heard (95%)               taken so   rightly (95%)"]
    for label in LABELS:
        meant = [o for o in outcomes if label in o.reply.labels]
        taken = [o for o in outcomes if label in o.labels]
        right = sum(label in o.reply.labels for o in taken)
        lines.append(
            f"{label:12}{len(meant):5}   {share(right, len(meant)):24}"
            f"{len(taken):10}   {share(right, len(taken))}"
        )
    dated = [o for o in outcomes if o.reply.promised_on]
    off = [o.days_off for o in dated]
    lines.append(
        f"promised days: {off.count(0)} of {len(dated)} right, {off.count(1)} a day off, "
        f"{off.count(None)} not read, {sum((days or 0) > 1 for days in off)} wrong"
    )
    named = [o for o in outcomes if o.reply.amount is not None]
    right = sum(o.amount == o.reply.amount for o in named)
    wrong = sum(o.amount not in (o.reply.amount, None) for o in outcomes)
    lines.append(f"sums: {right} of {len(named)} right, {wrong} wrong or not meant")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if what must not go unheard does, or a promised day is wrong."""
    options = asked("replies", __doc__).parse_args(arguments)
    outcomes = judge(read(SETS / f"{options.set}.tsv"))
    say = print
    say("\n".join(table(outcomes)))
    if options.show:
        for each in outcomes:
            if each.labels != each.reply.labels or each.days_off:
                meant, taken = (
                    ",".join(sorted(labels)) for labels in (each.reply.labels, each.labels)
                )
                say(f"{meant} -> {taken}: {each.reply.text!r}")
    return verdict(faults(outcomes))


if __name__ == "__main__":
    sys.exit(main())
