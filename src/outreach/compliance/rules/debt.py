"""What is owed: open, past its grace, told by a balance of the day, not out of time."""

from dataclasses import dataclass
from datetime import date, timedelta

from outreach.compliance.facts import AccountFacts, Facts
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.rule import Check, NoParams, Rule, Values
from outreach.compliance.window import local_time
from outreach.domain.register import Interruption


@dataclass(frozen=True, slots=True)
class BalanceAge:
    """A stale balance is looked at again after ``recheck_hours``; its limit is the creditor's."""

    recheck_hours: int


@dataclass(frozen=True, slots=True)
class Grace:
    """Up to ``days`` late counts as in time, ``tolerance`` minor units short as in full."""

    days: int
    tolerance: int = 0


@dataclass(frozen=True, slots=True)
class Limitation:
    """``months`` since the debt fell due, or since the last interruption of a kind that counts."""

    months: int
    counts: tuple[Interruption, ...] = ()


def _settled(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    """One settled account stops the notice: its words would demand what is paid."""
    if not any(account.settled for account in facts.accounts):
        return None
    return rule.finding(_settled_inputs(facts, rule.params))


def _settled_inputs(facts: Facts, _: NoParams) -> Values:
    settled = sum(account.settled for account in facts.accounts)
    count = len(facts.accounts)
    return {"settled": settled, "open": count - settled, "accounts": count}


def _not_settled(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    """The reverse, for the notice that says all is paid."""
    if all(account.settled for account in facts.accounts):
        return None
    return rule.finding(_settled_inputs(facts, rule.params))


def _balance_age(facts: Facts, rule: Rule[BalanceAge]) -> Finding | None:
    for account in facts.accounts:
        if facts.now - account.balance_as_of > facts.balance_max_age:
            break
    else:
        return None
    wait = facts.now + timedelta(hours=rule.params.recheck_hours)
    return rule.finding(_balance_age_inputs(facts, rule.params), wait)


def _balance_age_inputs(facts: Facts, _: BalanceAge) -> Values:
    oldest = min((account.balance_as_of for account in facts.accounts), default=facts.now)
    return {
        "age_hours": int((facts.now - oldest) / timedelta(hours=1)),
        "max_hours": int(facts.balance_max_age / timedelta(hours=1)),
    }


def _paid_since(facts: Facts, rule: Rule[BalanceAge]) -> Finding | None:
    """A payment after the balance: what is left is known, how it splits is not."""
    if not any(account.paid_since for account in facts.accounts):
        return None
    wait = facts.now + timedelta(hours=rule.params.recheck_hours)
    return rule.finding(_paid_since_inputs(facts, rule.params), wait)


def _paid_since_inputs(facts: Facts, _: BalanceAge) -> Values:
    paid = sum(account.paid_since for account in facts.accounts)
    return {"paid": paid, "accounts": len(facts.accounts)}


def _grace(facts: Facts, rule: Rule[Grace]) -> Finding | None:
    """One account that counts as paid in time stops the notice: its words would call it overdue."""
    params = rule.params
    for account in facts.accounts:
        if account.dpd <= params.days or account.overdue <= params.tolerance:
            return rule.finding(_grace_inputs(facts, params))
    return None


def _grace_inputs(facts: Facts, params: Grace) -> Values:
    dpd = min((account.dpd for account in facts.accounts), default=0)
    overdue = min((account.overdue for account in facts.accounts), default=0)
    return {"dpd": dpd, "days": params.days, "short": int(overdue <= params.tolerance)}


def _limitation(facts: Facts, rule: Rule[Limitation]) -> Finding | None:
    long_ago = rule.params.months * 28  # fewer days than so many months have
    for account in facts.accounts:
        if account.dpd >= long_ago and _months(facts, account, rule.params) >= rule.params.months:
            return rule.finding(_limitation_inputs(facts, rule.params))
    return None


def _limitation_inputs(facts: Facts, params: Limitation) -> Values:
    months = max((_months(facts, account, params) for account in facts.accounts), default=0)
    return {"months": months, "limit": params.months}


def _months(facts: Facts, account: AccountFacts, params: Limitation) -> int:
    """Whole months of the calendar since the period last began."""
    today = local_time(facts.now, facts.zone).date()
    starts = [today - timedelta(days=account.dpd)]
    starts += [day for kind, day in account.interrupted.items() if kind in params.counts]
    began: date = max(starts)
    months = (today.year - began.year) * 12 + today.month - began.month
    return months - (today.day < began.day)


_HOLDS = frozenset({Effect.HOLD})
_WARNS = frozenset({Effect.FLAG, Effect.BLOCK})

SETTLED = Check(_settled, _settled_inputs, frozenset({"settled", "open", "accounts"}))
NOT_SETTLED = Check(_not_settled, _settled_inputs, frozenset({"settled", "open", "accounts"}))
BALANCE_AGE = Check(
    _balance_age,
    _balance_age_inputs,
    frozenset({"age_hours", "max_hours"}),
    BalanceAge,
    _HOLDS,
)
PAID_SINCE = Check(
    _paid_since, _paid_since_inputs, frozenset({"paid", "accounts"}), BalanceAge, _HOLDS
)
GRACE = Check(_grace, _grace_inputs, frozenset({"dpd", "days", "short"}), Grace)
LIMITATION = Check(
    _limitation, _limitation_inputs, frozenset({"months", "limit"}), Limitation, _WARNS
)
