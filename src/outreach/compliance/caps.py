"""Caps: how often one person, or one phone, mailbox or address, may be written to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.compliance.facts import Contact, Facts
from outreach.compliance.window import local_time, midnight, next_midnight
from outreach.domain.notice import Purpose

LONGEST = timedelta(days=7)
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

    The window is the debtor's calendar day, or the last ``days`` times 24 hours. Of the limit
    ``reserved`` places are kept for the purposes ``reserved_for``: all others stop short of them.
    """

    scope: Scope
    limit: int
    counts: Counted = Counted.ALL
    days: int | None = None
    reserved: int = 0
    reserved_for: frozenset[Purpose] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.reserved < self.limit:
            raise ValueError("a limit of at least 1, and less than it reserved")
        if bool(self.reserved) != bool(self.reserved_for):
            raise ValueError("reserved and reserved_for go together")
        if self.days is not None and not timedelta(0) < timedelta(days=self.days) <= LONGEST:
            raise ValueError(f"days from 1 to {LONGEST.days}, or none for the calendar day")

    def reached(self, facts: Facts) -> tuple[Mapping[str, str | int], datetime] | None:
        """The values that tell it and when a place is free again, or None while one is."""
        contacts = facts.contacts if self.scope is Scope.DEBTOR else facts.value_contacts
        limit = self.limit
        if self.reserved and facts.purpose not in self.reserved_for:
            limit -= self.reserved
        if len(contacts) < limit:  # nearly always: whenever they were, they are too few
            return None
        counted = self._counted(facts, contacts)
        if len(counted) < limit:
            return None
        values: dict[str, str | int] = {
            "scope": str(self.scope),
            "limit": limit,
            "reserved": self.limit - limit,
            "days": self.days or 1,
        }
        if self.scope is Scope.DEBTOR:
            # of a value's no count: it would tell one debtor's history that another was written to
            values["counted"] = len(counted)
        if self.days is None:
            return values, next_midnight(facts.now, facts.zone)
        return values, counted[-limit] + timedelta(days=self.days)

    def _counted(self, facts: Facts, contacts: tuple[Contact, ...]) -> list[datetime]:
        """The instants within the window, oldest first.

        One of this very moment, or of a clock a little ahead of ours, counts.
        """
        if self.days is None:
            since = midnight(local_time(facts.now, facts.zone))
        else:  # after exactly so many days a contact has left
            since = facts.now - timedelta(days=self.days) + timedelta.resolution
        every = self.counts is Counted.ALL
        return sorted(
            at for at, channel in contacts if at >= since and (every or channel is facts.channel)
        )
