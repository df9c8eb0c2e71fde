"""The rules: small pure functions from facts and a pack's parameters to a finding, or nothing.

Each function is a *check*; a pack's rule names the check it uses, gives it parameters and says in
which words, from which source and how strongly it objects. Several rules may use one check.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from outreach.compliance.caps import Cap
from outreach.compliance.facts import Facts, StandingFact
from outreach.compliance.finding import Confidence, Effect, Finding
from outreach.compliance.window import DAY, EVERY_DAY, Window, local_time, zone_named
from outreach.domain.contact import Channel, Origin
from outreach.domain.debtor import Role, Standing
from outreach.domain.notice import Purpose

P = TypeVar("P")


class Stricter(StrEnum):
    """Which way a parameter gets stricter: decides between a pack's value and a creditor's."""

    LOWER = "lower"
    HIGHER = "higher"
    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Rule(Generic[P]):
    """One rule of a pack, with its parameters typed by its check."""

    id: str
    check: str
    title: str
    says: str  # a Chinese sentence with {placeholders} for the check's values
    release: str  # what would release a block or end a hold early
    source: str
    confidence: Confidence
    effect: Effect
    releasable: bool  # may a person release it?
    purposes: frozenset[Purpose]
    channels: frozenset[Channel]
    params: P
    stricter: Mapping[str, Stricter]

    def finding(
        self, values: Mapping[str, str | int] | None = None, wait_until: datetime | None = None
    ) -> Finding:
        values = values or {}
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


@dataclass(frozen=True, slots=True)
class Hours:
    """Send from ``opens`` to before ``closes``, on ISO weekdays ``days``; retries until ``last``.

    With ``binds_answers = false`` only ``last`` binds an answer to the debtor's own message.
    """

    opens: time
    closes: time
    last: time | None = None
    days: tuple[int, ...] = EVERY_DAY
    binds_answers: bool = True

    def __post_init__(self) -> None:
        if not self.opens < self.closes <= (self.last or self.closes):
            raise ValueError("opens before closes, and closes not after last")
        if not self.days or not set(self.days) <= set(EVERY_DAY):
            raise ValueError("days from 1 (Monday) to 7 (Sunday), at least one")

    def window(self, answers: bool) -> Window:
        last = _minute(self.last or self.closes)
        if answers and not self.binds_answers:
            return Window(0, last, last, EVERY_DAY)
        return Window(_minute(self.opens), _minute(self.closes), last, self.days)


@dataclass(frozen=True, slots=True)
class Roles:
    allowed: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Origins:
    allowed: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class BalanceAge:
    """A stale balance is looked at again after ``recheck_hours``; its limit is the creditor's."""

    recheck_hours: int


@dataclass(frozen=True, slots=True)
class Standings:
    """``standings`` stop us: until they expire, for at most ``pause_days`` where none is set, and
    otherwise with a new look every ``recheck_hours``.
    """

    standings: tuple[Standing, ...]
    pause_days: int | None = None
    recheck_hours: int = 24

    def ends(self, fact: StandingFact) -> datetime | None:
        if fact.expires_at is None and self.pause_days is not None:
            return fact.since + timedelta(days=self.pause_days)
        return fact.expires_at


def hours(facts: Facts, rule: Rule[Hours]) -> Finding | None:
    zone = zone_named(facts.zone)
    if zone is None:
        return None  # the check ``zone`` objects
    window = rule.params.window(facts.answers_debtor)
    local = local_time(facts.now, facts.zone)
    if window.is_open(local):
        return None
    values = {
        "local": f"{local:%H:%M}",
        "weekday": "一二三四五六日"[local.weekday()],
        "opens": _clock(window.opens),
        "closes": _clock(window.closes),
    }
    return rule.finding(values, window.next_open(facts.now, zone))


def zone(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    return rule.finding() if zone_named(facts.zone) is None else None


def cap(facts: Facts, rule: Rule[Cap]) -> Finding | None:
    reached = rule.params.reached(facts)
    return rule.finding(*reached) if reached else None


def role(facts: Facts, rule: Rule[Roles]) -> Finding | None:
    allowed = rule.params.allowed
    barred = [account.role for account in facts.accounts if account.role not in allowed]
    if facts.accounts and not barred:
        return None
    return rule.finding({"role": barred[0] if barred else "none"})


def settled(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    """One settled account stops the notice: its words would demand what is paid."""
    count = sum(account.settled for account in facts.accounts)
    return rule.finding({"settled": count, "accounts": len(facts.accounts)}) if count else None


def not_settled(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    """The reverse, for the notice that says all is paid."""
    count = sum(not account.settled for account in facts.accounts)
    return rule.finding({"open": count, "accounts": len(facts.accounts)}) if count else None


def balance_age(facts: Facts, rule: Rule[BalanceAge]) -> Finding | None:
    oldest = min((account.balance_as_of for account in facts.accounts), default=facts.now)
    age = facts.now - oldest
    if age <= facts.balance_max_age:
        return None
    values = {
        "age_hours": int(age / timedelta(hours=1)),
        "max_hours": int(facts.balance_max_age / timedelta(hours=1)),
    }
    return rule.finding(values, facts.now + timedelta(hours=rule.params.recheck_hours))


def paid_since(facts: Facts, rule: Rule[BalanceAge]) -> Finding | None:
    """A payment after the balance: what is left is known, how it splits is not."""
    count = sum(account.paid_since for account in facts.accounts)
    if not count:
        return None
    values = {"paid": count, "accounts": len(facts.accounts)}
    return rule.finding(values, facts.now + timedelta(hours=rule.params.recheck_hours))


def standing(facts: Facts, rule: Rule[Standings]) -> Finding | None:
    """Of several standings in force, the one that stops us longest speaks."""
    if not facts.standings:
        return None
    params = rule.params
    longest: tuple[bool, datetime, StandingFact] | None = None
    for fact in facts.standings:
        if fact.kind not in params.standings:
            continue
        ends = params.ends(fact)
        if ends is not None and ends <= facts.now:
            continue
        recheck = facts.now + timedelta(hours=params.recheck_hours)
        candidate = (ends is None, ends or recheck, fact)
        if longest is None or candidate[:2] > longest[:2]:
            longest = candidate
    if longest is None:
        return None
    _, until, fact = longest
    values = {"standing": fact.kind.value, "since": f"{fact.since:%Y-%m-%d}"}
    return rule.finding(values, until if rule.effect is Effect.HOLD else None)


def reachable(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    if facts.point.wrong_person:
        return rule.finding({"reason": "已回复不是本人"})
    return rule.finding({"reason": "已失效"}) if facts.point.dead else None


def opted_out(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    return rule.finding() if facts.point.opted_out else None


def origin(facts: Facts, rule: Rule[Origins]) -> Finding | None:
    if facts.point.origin in rule.params.allowed:
        return None
    return rule.finding({"origin": facts.point.origin.value})


def verified(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    return None if facts.point.verified else rule.finding()


Run = Callable[[Facts, Rule[Any]], Finding | None]


@dataclass(frozen=True, slots=True)
class Check:
    """A check, the type of its parameters, the values it fills in, and what it may do."""

    run: Run
    params: type = NoParams
    values: frozenset[str] = frozenset()
    effects: frozenset[Effect] = field(default=frozenset({Effect.BLOCK}))


_HOLDS = frozenset({Effect.HOLD})

CHECKS: Mapping[str, Check] = {
    "hours": Check(hours, Hours, frozenset({"local", "weekday", "opens", "closes"}), _HOLDS),
    "zone": Check(zone),
    "cap": Check(cap, Cap, frozenset({"scope", "counted", "limit", "reserved", "days"}), _HOLDS),
    "role": Check(role, Roles, frozenset({"role"})),
    "settled": Check(settled, values=frozenset({"settled", "accounts"})),
    "not_settled": Check(not_settled, values=frozenset({"open", "accounts"})),
    "balance_age": Check(balance_age, BalanceAge, frozenset({"age_hours", "max_hours"}), _HOLDS),
    "paid_since": Check(paid_since, BalanceAge, frozenset({"paid", "accounts"}), _HOLDS),
    "standing": Check(
        standing,
        Standings,
        frozenset({"standing", "since"}),
        frozenset({Effect.HOLD, Effect.BLOCK}),
    ),
    "reachable": Check(reachable, values=frozenset({"reason"})),
    "opted_out": Check(opted_out),
    "origin": Check(origin, Origins, frozenset({"origin"})),
    "verified": Check(verified),
}
"""Every check a pack may name."""


def _minute(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def _clock(minute: int) -> str:
    return "24:00" if minute == DAY else f"{minute // 60:02}:{minute % 60:02}"
