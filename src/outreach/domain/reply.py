"""What a debtor's message says: a first reading, not a judge.

What is not ``sure`` wants a person's eye.
"""

import unicodedata
from datetime import date

from outreach.domain.reply_rules import read_by_rules
from outreach.domain.reply_text import Folded, own_words
from outreach.domain.response import ResponseKind, Understood

_SIGNS = frozenset("~^`+=|<>")


def read_reply(text: str, today: date) -> tuple[Understood, ...]:
    """All that an SMS or mail says, each kind once; at least one. Never raises.

    ``today`` is the day the message was written, in the debtor's zone: 明天 counts from it.
    What a mail quotes of ours is left out, because our own words name every kind.
    """
    whole = Folded.of(own_words(text))
    if all(unicodedata.category(char)[0] in "PZC" or char in _SIGNS for char in whole.plain):
        return (Understood(ResponseKind.EMPTY, ""),)
    found = read_by_rules(whole, today)
    return tuple(found.values()) or (Understood(ResponseKind.OTHER, text.strip(), sure=False),)
