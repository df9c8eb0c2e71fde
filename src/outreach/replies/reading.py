"""What a debtor's message says: a first reading, not a judge.

What is not ``sure`` wants a person's eye.
"""

import re
import unicodedata
from dataclasses import replace
from datetime import date

from outreach.domain.days import days_named
from outreach.domain.response import ResponseKind, Understood
from outreach.domain.sums import sums_named
from outreach.replies.folded import Folded, own_words
from outreach.replies.likeness import likeness
from outreach.replies.rules import FARTHEST, command, read_by_rules

_SIGNS = frozenset("~^`+=|<>")
_NODS = re.compile(
    r"(?:收到|知道|明白|了解|好|谢谢?|嗯|哦|噢|喔|行|可以|ok|okay|thanks?|thx|noted|您|你们?|了|的|啦|吧|哈|呀|,|。|!|~)+"
)
"""Messages that say no more than that they were read."""


def read_reply(text: str, today: date) -> tuple[Understood, ...]:
    """All that an SMS or mail says, each kind once; at least one. Never raises.

    ``today`` is the day the message was written, in the debtor's zone: 明天 counts from it.
    What a mail quotes of ours is left out, because our own words name every kind.
    """
    whole = Folded.of(own_words(text))
    if all(unicodedata.category(char)[0] in "PZC" or char in _SIGNS for char in whole.plain):
        return (Understood(ResponseKind.EMPTY, ""),)
    if plainly := command(whole):
        return (plainly,)
    if _NODS.fullmatch(whole.plain):
        return (Understood(ResponseKind.OTHER, text.strip()),)
    found = read_by_rules(whole, today)
    for kind, clause in likeness().read(whole):
        found.setdefault(kind, Understood(kind, clause.all_words, sure=False))
    _complete(found, whole, today)
    return tuple(found.values()) or (Understood(ResponseKind.OTHER, text.strip(), sure=False),)


def _complete(found: dict[ResponseKind, Understood], whole: Folded, today: date) -> None:
    """A promise whose day, or whose sum, stands in another clause: 15号发工资,先还500."""
    promise = found.get(ResponseKind.PROMISED)
    if promise and promise.promised_on is None:
        days = [day for _, _, day in days_named(whole.plain, today) if day]
        coming = [day for day in days if 0 <= (day - today).days <= FARTHEST]
        if coming:
            found[promise.kind] = replace(promise, promised_on=coming[-1], sure=False)
    sums = sums_named(whole.plain)
    if len(sums) != 1 or ResponseKind.DISPUTED in found:
        return
    for kind in (ResponseKind.PROMISED, ResponseKind.CLAIMED_PAID):
        if kind in found:
            found[kind] = replace(found[kind], amount=sums[0][2])
            return
