"""What the evidence of one notice shows, and how much: graded, and never more than that.

A grade is the furthest step that somebody other than us has confirmed. Carriers' words are told as
theirs; what they mean in law is for a court to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, State
from outreach.proof.timeline import Line


class Grade(StrEnum):
    """What is shown, the weakest first."""

    NOT_SENT = "not_sent"
    NOT_TAKEN = "not_taken"  # no carrier took it
    UNCERTAIN = "uncertain"  # it may have gone; nobody said so
    HANDED_OVER = "handed_over"  # the carrier took it
    POSTED = "posted"
    UNDELIVERED = "undelivered"
    RETURNED = "returned"
    PARTIAL = "partial"  # some of its short messages arrived
    DELIVERED = "delivered"  # at a device, a mail server, a parcel locker
    READ = "read"  # the recipient's program reports that it was opened
    SIGNED_FOR = "signed_for"
    ANSWERED = "answered"


ORDER = tuple(Grade)

NAMES: Mapping[Grade, str] = {
    Grade.NOT_SENT: "没有发出",
    Grade.NOT_TAKEN: "运营方没有受理，没有发出",
    Grade.UNCERTAIN: "结果不明",
    Grade.HANDED_OVER: "已交运营方，没有送达回执",
    Grade.POSTED: "已交寄，没有投递结果",
    Grade.UNDELIVERED: "未送达",
    Grade.RETURNED: "信函退回",
    Grade.PARTIAL: "部分送达",
    Grade.DELIVERED: "已送达",
    Grade.READ: "已送达，对方程序回报已打开",
    Grade.SIGNED_FOR: "信函已签收",
    Grade.ANSWERED: "收件方已回复",
}

_FURTHER: Mapping[EventKind, Grade] = {
    EventKind.SENT: Grade.HANDED_OVER,
    EventKind.PRINTED: Grade.HANDED_OVER,
    EventKind.POSTED: Grade.POSTED,
    EventKind.UNDELIVERED: Grade.UNDELIVERED,
    EventKind.RETURNED: Grade.RETURNED,
    EventKind.DELIVERED: Grade.DELIVERED,
    EventKind.READ: Grade.READ,
    EventKind.SIGNED_FOR: Grade.SIGNED_FOR,
    EventKind.REPLIED: Grade.ANSWERED,
    EventKind.OPTED_OUT: Grade.ANSWERED,
    EventKind.COMPLAINED: Grade.ANSWERED,
    EventKind.DISPUTED: Grade.ANSWERED,
    EventKind.PROMISED: Grade.ANSWERED,
    EventKind.CLAIMED_PAID: Grade.ANSWERED,
    EventKind.HARDSHIP: Grade.ANSWERED,
    EventKind.WRONG_PERSON: Grade.ANSWERED,
}

_SETTLED: Mapping[str, Grade] = {
    State.SENT: Grade.HANDED_OVER,
    State.FAILED: Grade.NOT_TAKEN,
    State.PENDING: Grade.NOT_TAKEN,
}

_ARRIVED = frozenset({Grade.DELIVERED, Grade.READ, Grade.SIGNED_FOR})
_CAME_BACK = frozenset({Grade.UNDELIVERED, Grade.RETURNED})


class Doubt(StrEnum):
    """What a reader must be told beside the grade."""

    CONTRADICTED = "contradicted"  # the carrier said both that it arrived and that it did not
    NOT_THE_PERSON = "not_the_person"  # the recipient says they are somebody else
    SETTLED_BY_HAND = "settled_by_hand"  # a person said it went; no carrier did
    LOCKER = "locker"  # left in a parcel locker or at a station


DOUBTS: Mapping[Doubt, str] = {
    Doubt.CONTRADICTED: "运营方先后报过送达与未送达",
    Doubt.NOT_THE_PERSON: "收件方称非本人",
    Doubt.SETTLED_BY_HAND: "发出与否由人工认定",
    Doubt.LOCKER: "投在快递柜或驿站，不是当面签收",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The grade, when it was reached, and what weakens it. ``at`` is None of what was never sent.

    ``carrier_time`` is the moment the carrier itself gives for it, if it gives one; ``signer`` who
    signed for a letter, as the post says it.
    """

    grade: Grade
    at: datetime | None
    carrier_time: datetime | None
    doubts: tuple[Doubt, ...]
    signer: str = ""


def outcome_of(lines: Sequence[Line]) -> Outcome:
    """Grade one notice by its events in their order."""
    grade, reached, seen = Grade.NOT_SENT, None, set[Grade]()
    doubts: dict[Doubt, None] = {}
    for line in lines:
        step = _step(line)
        if step is None:
            continue
        seen.add(step)
        if _moves(grade, step):
            grade, reached = step, line
        if line.kind is EventKind.WRONG_PERSON:
            doubts[Doubt.NOT_THE_PERSON] = None
        if line.kind is EventKind.RESOLVED and line.actor.startswith("user:"):
            doubts[Doubt.SETTLED_BY_HAND] = None
        if line.kind is EventKind.SIGNED_FOR and line.data.get("signer") == "locker":
            doubts[Doubt.LOCKER] = None
    if seen & _ARRIVED and seen & _CAME_BACK:
        doubts[Doubt.CONTRADICTED] = None
    at = reached.at if reached else None
    told = reached.data.get("carrier_time") if reached else None
    signer = str(reached.data.get("signer", "")) if reached else ""
    return Outcome(grade, at, datetime.fromisoformat(told) if told else None, tuple(doubts), signer)


def _step(line: Line) -> Grade | None:
    match line.kind:
        case EventKind.SENDING | EventKind.UNCERTAIN:
            return Grade.UNCERTAIN
        case EventKind.FAILED | EventKind.DEFERRED:
            return Grade.NOT_TAKEN
        case EventKind.RESOLVED:
            return _SETTLED.get(str(line.data.get("as")))
        case EventKind.DELIVERED if line.data.get("delivery") == Delivery.PARTIAL:
            return Grade.PARTIAL
        case EventKind.SIGNED_FOR if line.data.get("signer") == "locker":
            return Grade.DELIVERED
        case kind:
            return _FURTHER.get(kind)


def _moves(grade: Grade, step: Grade) -> bool:
    """Before a carrier took it the newest word counts; afterwards the furthest."""
    taken = ORDER.index(Grade.HANDED_OVER)
    if ORDER.index(step) < taken:
        return ORDER.index(grade) < taken
    return ORDER.index(step) > ORDER.index(grade)
