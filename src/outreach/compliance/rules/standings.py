"""Must-stop cases: what stands in the way of writing to a debtor at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.compliance.facts import Facts, StandingFact
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.rule import Check, Rule, Values
from outreach.domain.debtor import Standing


@dataclass(frozen=True, slots=True)
class Standings:
    """``standings`` stop us: until they expire, for at most ``pause_days`` where none is set, and
    otherwise with a new look every ``recheck_hours``. They count from ``after_days`` on; with
    ``agency_only`` only where an account is with an agency.
    """

    standings: tuple[Standing, ...]
    pause_days: int | None = None
    recheck_hours: int = 24
    after_days: int = 0
    agency_only: bool = False

    def in_force(self, facts: Facts) -> Iterator[tuple[bool, datetime, StandingFact]]:
        """Each that stops us: whether for good, until when or when to look again, and itself."""
        if self.agency_only and not facts.with_agency:
            return
        for fact in facts.standings:
            if fact.kind not in self.standings:
                continue
            # never of one set this moment: it may be younger than the facts' own instant
            if self.after_days and facts.now < fact.since + timedelta(days=self.after_days):
                continue
            ends = fact.expires_at
            if ends is None and self.pause_days is not None:
                ends = fact.since + timedelta(days=self.pause_days)
            if ends is None or ends > facts.now:
                recheck = facts.now + timedelta(hours=self.recheck_hours)
                yield ends is None, ends or recheck, fact


def _standing(facts: Facts, rule: Rule[Standings]) -> Finding | None:
    """Of several standings in force, the one that stops us longest speaks."""
    if not facts.standings:
        return None
    longest = max(rule.params.in_force(facts), key=lambda each: each[:2], default=None)
    if longest is None:
        return None
    _, until, fact = longest
    return rule.finding(_told(fact), until if rule.effect is Effect.HOLD else None)


def _inputs(facts: Facts, params: Standings) -> Values:
    longest = max(params.in_force(facts), key=lambda each: each[:2], default=None)
    return _told(longest[2]) if longest else {"standing": "none", "since": "-"}


def _told(fact: StandingFact) -> Values:
    return {"standing": fact.kind.value, "since": f"{fact.since:%Y-%m-%d}"}


STANDING = Check(
    _standing,
    _inputs,
    frozenset({"standing", "since"}),
    Standings,
    frozenset({Effect.HOLD, Effect.BLOCK}),
)
