"""What a debtor's message may mean."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class ResponseKind(StrEnum):
    OPTED_OUT = "opted_out"  # 退订
    WRONG_PERSON = "wrong_person"  # 不是本人
    CLAIMED_PAID = "claimed_paid"  # 称已还款; not sure when it may be only a part
    PROMISED = "promised"  # 承诺还款
    DISPUTED = "disputed"  # 异议
    HARDSHIP = "hardship"  # 困难, or asks for other terms
    COMPLAINED = "complained"  # 投诉
    WANTS_PERSON = "wants_person"  # 转人工
    ASKS_GENUINE = "asks_genuine"  # 是不是诈骗
    ABUSE = "abuse"  # 辱骂
    OTHER = "other"  # nothing we know
    EMPTY = "empty"  # nothing at all


@dataclass(frozen=True, slots=True)
class Understood:
    """One thing a message says; ``words`` is the part of the message that says it.

    ``promised_on`` is the last day meant, or ``None`` for a promise without a date (发工资就还);
    ``amount`` the sum that is promised or said to be paid, in units of its currency.
    """

    kind: ResponseKind
    words: str
    promised_on: date | None = None
    amount: Decimal | None = None
    sure: bool = True
