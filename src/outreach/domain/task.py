"""What waits for a person (待办)."""

from enum import StrEnum


class TaskKind(StrEnum):
    REPLY = "reply"  # 回复待读: not sure, beyond our rules, or of somebody unknown
    UNCERTAIN = "uncertain"  # 结果不明
    RETURNED = "returned"  # 退回: a letter, or a mail by words alone
    BROKEN_PROMISE = "broken_promise"  # 承诺未兑现
    HOLD = "hold"  # 异议、投诉待答复


CLOSES_WITH = {
    TaskKind.UNCERTAIN: "outreach uncertain resolve",
    TaskKind.HOLD: "outreach facts standing end",
}
"""Tasks that close by themselves once their matter is settled, and what settles it."""


class Outcome(StrEnum):
    """What became of a task."""

    DONE = "done"
    CONFIRMED = "confirmed"  # a reply says what it was taken to say
    CORRECTED = "corrected"  # it says something else
    NOBODYS = "nobodys"  # a reply of nobody we know
    SETTLED = "settled"  # its matter was, elsewhere
