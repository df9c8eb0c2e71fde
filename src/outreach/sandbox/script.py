"""What becomes of each message in the sandbox: pure, and the same for the same seed and token."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TypeVar

_Kind = TypeVar("_Kind")


class Fate(StrEnum):
    DELIVERED = "delivered"  # arrives; a letter is signed for by the addressee
    UNREACHABLE = "unreachable"  # handset off, mailbox full: a later soft failure
    DEAD = "dead"  # no such number or mailbox
    BOUNCED = "bounced"  # accepted, then returned as dead
    THROTTLED = "throttled"  # refused once for going too fast, then delivered
    GREYLISTED = "greylisted"  # deferred once, then delivered
    SIGNED_BY_OTHER = "signed_by_other"
    RETURNED = "returned"  # the letter comes back: 查无此人


ARRIVES = frozenset({Fate.DELIVERED, Fate.THROTTLED, Fate.GREYLISTED, Fate.SIGNED_BY_OTHER})
"""Fates whose message reaches the debtor in the end: only these are replied to."""

REPLIES = {
    "已还款": 0.05,
    "退订": 0.02,
    "不是本人": 0.02,
    "下周五还": 0.05,
    "金额不对": 0.02,
    "发工资就先还500": 0.02,
    "手机都快被你们震没电了": 0.01,
}
"""What debtors of the sandbox write back, and how many of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One message's fate; ``paces`` place its steps, each 0 to 1 within the range of delays."""

    fate: Fate
    reply: str | None
    repeats: bool
    paces: tuple[float, float, float, float]


def plan(
    seed: str,
    token: str,
    fates: Mapping[Fate, float],
    replies: Mapping[str, float],
    repeats: float = 0.0,
) -> Plan:
    """The plan for ``token``. Shares are 0 to 1; what ``fates`` leave over is DELIVERED."""
    fate = _pick(fates, draw(seed, token, "fate")) or Fate.DELIVERED
    reply = _pick(replies, draw(seed, token, "reply")) if fate in ARRIVES else None
    return Plan(
        fate=fate,
        reply=reply,
        repeats=draw(seed, token, "repeats") < repeats,
        paces=(
            draw(seed, token, "pace 0"),
            draw(seed, token, "pace 1"),
            draw(seed, token, "pace 2"),
            draw(seed, token, "pace 3"),
        ),
    )


def draw(seed: str, token: str, label: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = sha256(f"{seed}\n{token}\n{label}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def _pick(shares: Mapping[_Kind, float], at: float) -> _Kind | None:
    """The kind whose share ``at`` falls into, in their order; None beyond the last."""
    for kind, share in shares.items():
        if at < share:
            return kind
        at -= share
    return None
