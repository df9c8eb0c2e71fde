"""How often: caps on what one person, or one phone, mailbox or address, is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.compliance.facts import Contact, Facts
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.rule import Check, Rule, Values
from outreach.compliance.window import local_time, midnight, next_midnight
from outreach.domain.notice import Purpose

LONGEST = timedelta(days=30)
"""No cap looks further back: so far contacts are read."""


class Scope(StrEnum):
    """Whose contacts count together."""

    DEBTOR = "debtor"  # all of one person's, to whatever phone, mailbox or address
    VALUE = "value"  # all to one phone, mailbox or address, whoever's it is


class Counted(StrEnum):
    """Which channels count."""

    ALL = "all"
    OWN = "own"  # only the notice's own


@dataclass(frozen=True, slots=True)
class Cap:
    """Fewer than ``limit`` contacts in the window, or the notice waits until one has left it.

    The window is the debtor's calendar day, or the last ``days`` times 24 hours. With ``counted``
    only contacts for these purposes count. Of the limit ``reserved`` places are kept for the
    purposes ``reserved_for``: all others stop short of them.
    """

    scope: Scope
    limit: int
    counts: Counted = Counted.ALL
    days: int | None = None
    counted: frozenset[Purpose] = frozenset()
    reserved: int = 0
    reserved_for: frozenset[Purpose] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.reserved < self.limit:
            raise ValueError("a limit of at least 1, and less than it reserved")
        if bool(self.reserved) != bool(self.reserved_for):
            raise ValueError("reserved and reserved_for go together")
        if self.days is not None and not timedelta(0) < timedelta(days=self.days) <= LONGEST:
            raise ValueError(f"days from 1 to {LONGEST.days}, or none for the calendar day")

    def limit_for(self, purpose: Purpose) -> int:
        kept = self.reserved and purpose not in self.reserved_for
        return self.limit - self.reserved if kept else self.limit

    def contacts(self, facts: Facts) -> tuple[Contact, ...]:
        """All that may count, whenever they were."""
        return facts.contacts if self.scope is Scope.DEBTOR else facts.value_contacts

    def within(self, facts: Facts) -> list[datetime]:
        """The instants that count, oldest first.

        One of this very moment, or of a clock a little ahead of ours, counts.
        """
        if self.days is None:
            since = midnight(local_time(facts.now, facts.zone))
        else:  # after exactly so many days a contact has left
            since = facts.now - timedelta(days=self.days) + timedelta.resolution
        every, chosen = self.counts is Counted.ALL, self.counted
        return sorted(
            at
            for at, channel, purpose in self.contacts(facts)
            if at >= since
            and (every or channel is facts.channel)
            and (not chosen or purpose is None or purpose in chosen)
        )


def _cap(facts: Facts, rule: Rule[Cap]) -> Finding | None:
    cap = rule.params
    limit = cap.limit_for(facts.purpose)
    if len(cap.contacts(facts)) < limit:  # nearly always: whenever they were, they are too few
        return None
    counted = cap.within(facts)
    if len(counted) < limit:
        return None
    values = _inputs(facts, cap)
    if rule.effect is Effect.FLAG:
        return rule.finding(values)
    if cap.days is None:
        return rule.finding(values, next_midnight(facts.now, facts.zone))
    return rule.finding(values, counted[-limit] + timedelta(days=cap.days))


def _inputs(facts: Facts, cap: Cap) -> Values:
    limit = cap.limit_for(facts.purpose)
    values: Mapping[str, str | int] = {
        "scope": str(cap.scope),
        "limit": limit,
        "reserved": cap.limit - limit,
        "days": cap.days or 1,
    }
    if cap.scope is Scope.VALUE:
        # no count of them: it would tell one debtor's history that another was written to
        return values
    return {**values, "counted": len(cap.within(facts))}


CAP = Check(
    _cap,
    _inputs,
    frozenset({"scope", "counted", "limit", "reserved", "days"}),
    Cap,
    frozenset({Effect.HOLD, Effect.FLAG}),
)
