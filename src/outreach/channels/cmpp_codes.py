"""What CMPP's results and status words mean, as data.

Sources: CMPP 3.0 (QB-GF-028-2003), sections 7.4.3.2 and 8.7.2 and table 1; beyond that tables that
operators' customers keep, which do not agree everywhere. Resellers use the same prefixes for codes
of their own, so a word not listed here says nothing of the number, nor of the message: it is kept.
"""

import re

from outreach.channels.base import Outcome, PermanentFailure, TemporaryFailure
from outreach.domain.states import Delivery, FailureClass

# ------------------------------------------------------------------------- results of a SUBMIT

ACCEPTED = 0
DUPLICATE = 3
"""The sequence number came twice: the first may have been taken, so nobody knows."""
THROTTLED = 8

_ACCOUNT, _HARD, _REJECTED = FailureClass.ACCOUNT, FailureClass.HARD, FailureClass.REJECTED
_RESULTS: dict[int, FailureClass] = {
    1: _REJECTED,  # structure: a fault of ours
    2: _REJECTED,  # command
    4: _REJECTED,  # length
    5: _ACCOUNT,  # fee
    6: _REJECTED,  # content too long
    7: _ACCOUNT,  # service code
    9: _REJECTED,  # the gateway does not serve the number that pays; in 2.0 "any other"
    10: _ACCOUNT,  # Src_Id
    11: _ACCOUNT,  # Msg_src
    12: _ACCOUNT,  # Fee_terminal_Id
    13: _REJECTED,  # Dest_terminal_Id: a bad number, or another operator's by now
}


def outcome_of(result: int) -> Outcome | None:
    """What a SUBMIT_RESP's result means; None for one that was taken.

    13 does not make a number dead: numbers are carried to other operators.
    """
    if result == ACCEPTED:
        return None
    if result == THROTTLED:
        return TemporaryFailure(f"result:{result}", throttled=True)
    return PermanentFailure(_RESULTS.get(result, _REJECTED), f"result:{result}")


# -------------------------------------------------------------------------------- status words

_SOFT, _OPTED_OUT = FailureClass.SOFT, FailureClass.OPTED_OUT
_WORDS: dict[str, tuple[Delivery, FailureClass | None]] = {
    "DELIVRD": (Delivery.DELIVERED, None),
    "ACCEPTD": (Delivery.NONE, None),  # on the way: gateways should have kept it to themselves
    "EXPIRED": (Delivery.UNDELIVERED, _SOFT),
    "DELETED": (Delivery.UNDELIVERED, _SOFT),
    "UNDELIV": (Delivery.UNDELIVERED, _SOFT),
    "UNKNOWN": (Delivery.UNDELIVERED, _SOFT),
    "REJECTD": (Delivery.UNDELIVERED, _REJECTED),
    "BLACK": (Delivery.UNDELIVERED, _OPTED_OUT),
    "MBBLACK": (Delivery.UNDELIVERED, _OPTED_OUT),
    "KEYWORD": (Delivery.UNDELIVERED, _REJECTED),
    "LIMIT": (Delivery.UNDELIVERED, _SOFT),
    "NOROUTE": (Delivery.UNDELIVERED, _REJECTED),
    "REJECT": (Delivery.UNDELIVERED, _REJECTED),
    "SIGFAIL": (Delivery.UNDELIVERED, _REJECTED),
    "NOTITLE": (Delivery.UNDELIVERED, _REJECTED),  # no signature
    # void numbers that the tables agree on
    "MK:0001": (Delivery.UNDELIVERED, _HARD),
    "MK:0012": (Delivery.UNDELIVERED, _HARD),
    "MN:0001": (Delivery.UNDELIVERED, _HARD),
    "CB:0001": (Delivery.UNDELIVERED, _HARD),
    # refused by lists or filters of the operator
    "MB:1077": (Delivery.UNDELIVERED, _OPTED_OUT),
    "DB:0141": (Delivery.UNDELIVERED, _REJECTED),
    "DB:0144": (Delivery.UNDELIVERED, _REJECTED),
    "ID:0004": (Delivery.UNDELIVERED, _REJECTED),
    "ID:0070": (Delivery.UNDELIVERED, _REJECTED),
    "ID:0076": (Delivery.UNDELIVERED, _REJECTED),
}
# by prefix, where the word itself is not listed: who had trouble, and so what it may mean
_FAMILIES: dict[str, tuple[Delivery, FailureClass | None]] = {
    **dict.fromkeys(
        ("MA", "MB", "CA", "CB", "DA", "DB", "SA", "SB", "IA", "IB", "MK", "MI", "MN", "MH"),
        (Delivery.UNDELIVERED, _SOFT),
    ),
    "ID": (Delivery.UNDELIVERED, _REJECTED),
    # a centre that sent no report tells nothing: neither that it arrived nor that it did not
    "MC": (Delivery.NONE, None),
    "IC": (Delivery.NONE, None),
}
_NOTHING = (Delivery.NONE, None)
_CODE = re.compile(r"[A-Z0-9][A-Z0-9:_-]{0,6}")


def meaning(stat: str) -> tuple[Delivery, FailureClass | None]:
    """What a report's Stat says. The word itself is kept beside it, whatever it is."""
    return _WORDS.get(stat) or _FAMILIES.get(_family(stat), _NOTHING)


def is_listed(stat: str) -> bool:
    """Whether the word is one we know, by itself or by what its prefix stands for."""
    return stat in _WORDS or _family(stat) in _FAMILIES


def _family(stat: str) -> str:
    prefix, colon, number = stat.partition(":")
    return prefix if colon and len(number) == 4 else ""


def code(stat: str) -> str:
    """The word as a code, if it is one; a gateway may put anything there."""
    return stat if _CODE.fullmatch(stat) else "unreadable"
