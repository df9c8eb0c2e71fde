"""What mail systems' refusals mean: one table for replies and for bounces.

The enhanced code (RFC 3463) is preferred to the basic one, because hosts use 550 for anything, and
a code quoted from a further host ("said: 550 5.1.1") counts.
"""

import re
from dataclasses import dataclass

from outreach.domain.states import FailureClass

ENHANCED: dict[str, FailureClass] = {
    "5.1.1": FailureClass.HARD,  # no such mailbox
    "5.1.2": FailureClass.HARD,  # no such domain
    "5.1.3": FailureClass.HARD,  # malformed address
    "5.1.6": FailureClass.HARD,  # moved, no forwarding
    "5.1.10": FailureClass.HARD,  # null MX
    "5.2.1": FailureClass.SOFT,  # mailbox disabled
    "5.2.2": FailureClass.SOFT,  # mailbox full
    "5.3.4": FailureClass.REJECTED,  # message too big
    "5.4.7": FailureClass.SOFT,  # delivery time expired
}

CLASSES: dict[str, FailureClass] = {
    "4": FailureClass.SOFT,  # gave up on a temporary trouble
    "5.6": FailureClass.REJECTED,  # content or its form
    "5.7": FailureClass.REJECTED,  # policy, spam, authentication
}
"""Where the full code is not in ``ENHANCED``: by class and subject, then by class."""

BASIC: dict[int, FailureClass] = {
    530: FailureClass.ACCOUNT,
    534: FailureClass.ACCOUNT,
    535: FailureClass.ACCOUNT,
    552: FailureClass.SOFT,  # storage exceeded
}

WORDS: tuple[tuple[re.Pattern[str], FailureClass], ...] = (
    (
        re.compile(
            r"user unknown|unknown (user|recipient)|no such (user|recipient|mailbox)"
            r"|(user|recipient|mailbox|account) (does not|doesn't) exist|用户不存在|收件人不存在",
            re.IGNORECASE,
        ),
        FailureClass.HARD,
    ),
    (re.compile(r"mailbox (is )?full|over ?quota|邮箱已满", re.IGNORECASE), FailureClass.SOFT),
)
"""For basic codes alone; what fits nothing is REJECTED and a person looks."""

SLOWER: frozenset[int] = frozenset({421, 454})
"""Replies about us and the moment, not about the message: 421 too busy (RFC 5321, 3.8), 454 as
Amazon SES says that its rate is exceeded."""

_SLOWER_WORDS = re.compile(
    r"throttl|rate (limit|exceeded)|too (many|much) (messages|mail|connections)|try .{0,20}slower"
    r"|频率|限流|超过.{0,6}限制",
    re.IGNORECASE,
)

_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """``code`` is the enhanced code where there was one, else the basic."""

    failure: FailureClass
    code: str


def _known(code: str) -> FailureClass | None:
    by_class = CLASSES.get(code.rpartition(".")[0]) or CLASSES.get(code[:1])
    return ENHANCED.get(code) or by_class


def enhanced_code(text: str) -> str:
    """The first code in ``text`` that the tables know, else the first of any, else empty."""
    codes = [match.group() for match in _CODE.finditer(text)]
    return next((code for code in codes if _known(code)), codes[0] if codes else "")


def slower(code: int, text: str) -> bool:
    """Whether a refusal for now asks us to slow down: it says nothing of the message."""
    return code in SLOWER or (code // 100 == 4 and bool(_SLOWER_WORDS.search(text)))


def meaning(code: int, text: str) -> Meaning:
    """A refusal for good: the basic ``code`` (0 in a bounce) and the ``text`` that came with it."""
    enhanced = enhanced_code(text)
    shown = enhanced or str(code)
    if BASIC.get(code) is FailureClass.ACCOUNT:
        return Meaning(FailureClass.ACCOUNT, shown)
    if enhanced and (failure := _known(enhanced)):
        return Meaning(failure, enhanced)
    if code in BASIC:
        return Meaning(BASIC[code], shown)
    for words, failure in WORDS:
        if words.search(text):
            return Meaning(failure, shown)
    return Meaning(FailureClass.REJECTED, shown)
