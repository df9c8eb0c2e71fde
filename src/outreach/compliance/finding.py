"""What a rule has to say: the finding, its effect, and how far its source can be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Effect(StrEnum):
    FLAG = "flag"  # goes, and somebody looks at it later
    HOLD = "hold"  # waits until ``wait_until``
    BLOCK = "block"  # does not go unless what ``release`` names has happened


class Confidence(StrEnum):
    """How the rule was learnt; shown wherever the rule is shown."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"

    @property
    def label(self) -> str:
        """What a person reads; C and D never look like law."""
        return _LABELS[self]


_LABELS = {
    Confidence.A: "法律 (law)",
    Confidence.B: "据二手来源,未核对原文 (secondary source)",
    Confidence.C: "机构默认,非法律要求,未经核实 (house default, unverified)",
    Confidence.D: "机构默认,非法律要求,未经核实 (house default, unverified)",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's objection. ``says`` is a Chinese sentence, ``values`` the inputs that made it.

    Neither holds personal data, so both may stand in an event's envelope.
    """

    rule: str
    effect: Effect
    says: str
    values: Mapping[str, str | int]
    source: str
    confidence: Confidence
    wait_until: datetime | None = None
    releasable: bool = False
    release: str = ""
