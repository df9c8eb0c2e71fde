"""What a rule is: a check with its parameters, in whose words, from which source, how strong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from outreach.compliance.facts import Facts
from outreach.compliance.finding import Confidence, Effect, Finding
from outreach.domain.contact import Channel
from outreach.domain.notice import Purpose

P = TypeVar("P")

Values = Mapping[str, str | int]
"""What a check looked at, by name: shown when it is explained, and filled into its words."""


class Stricter(StrEnum):
    """Which way a parameter gets stricter: decides between a pack's value and a creditor's."""

    LOWER = "lower"
    HIGHER = "higher"
    EARLIER = "earlier"
    LATER = "later"
    FEWER = "fewer"  # of a list: what both allow

    def of(self, one: Any, other: Any) -> Any:
        """The stricter of two values of one type."""
        if self is Stricter.FEWER:
            return type(one)(each for each in one if each in other)
        return min(one, other) if self in (Stricter.LOWER, Stricter.EARLIER) else max(one, other)


@dataclass(frozen=True, slots=True)
class Rule(Generic[P]):
    """One rule of a pack, with its parameters typed by its check.

    ``key`` is unique within its pack: the id, and a name where several rules share an id.
    """

    id: str
    key: str
    check: str
    title: str
    title_en: str
    says: str  # a Chinese sentence with {placeholders} for the check's values
    says_en: str
    release: str  # what would release a block or end a hold early
    source: str
    confidence: Confidence
    effect: Effect
    releasable: bool  # may a person release it?
    purposes: frozenset[Purpose]
    channels: frozenset[Channel]
    params: P
    stricter: Mapping[str, Stricter]

    def finding(self, values: Values, wait_until: datetime | None = None) -> Finding:
        return Finding(
            rule=self.id,
            effect=self.effect,
            says=self.says.format_map(values),
            values=values,
            source=self.source,
            confidence=self.confidence,
            wait_until=wait_until,
            releasable=self.releasable,
            release=self.release,
        )


@dataclass(frozen=True, slots=True)
class NoParams:
    """A check without parameters."""


Run = Callable[[Facts, Rule[Any]], Finding | None]
Inputs = Callable[[Facts, Any], Values]

_BLOCKS = frozenset({Effect.BLOCK})


@dataclass(frozen=True, slots=True)
class Check:
    """A check: whether it objects, what it looks at, the type of its parameters, what it may do.

    ``names`` are those of its values.
    """

    run: Run
    inputs: Inputs
    names: frozenset[str] = frozenset()
    params: type = NoParams
    effects: frozenset[Effect] = field(default=_BLOCKS)
