"""By whom: an agency of which the debtor was told in writing, a law firm with a mandate."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from outreach.compliance.facts import AgencyFacts, Facts
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.rule import Check, NoParams, Rule, Values
from outreach.compliance.window import local_time, next_midnight
from outreach.domain.register import AgencyKind, Register


@dataclass(frozen=True, slots=True)
class Kinds:
    allowed: tuple[AgencyKind, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """So many ``days`` after the debtor was told."""

    days: int


@dataclass(frozen=True, slots=True)
class Filing:
    register: Register


def _first(facts: Facts, wrong: Callable[[AgencyFacts], bool]) -> AgencyFacts | None:
    """The first agency of the notice's accounts that is wrong: nearly always there is no agency."""
    for account in facts.accounts:
        if account.agency is not None and wrong(account.agency):
            return account.agency
    return None


def _today(facts: Facts) -> date:
    return local_time(facts.now, facts.zone).date()


def _one_writer(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    """Who writes is one: an agency learns nothing of what is not placed with it."""
    if len({account.agency and account.agency.id for account in facts.accounts}) <= 1:
        return None
    return rule.finding(_one_writer_inputs(facts, rule.params))


def _one_writer_inputs(facts: Facts, _: NoParams) -> Values:
    return {"writers": len({account.agency and account.agency.id for account in facts.accounts})}


def _contract(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    today = _today(facts)
    agency = _first(
        facts, lambda each: today < each.since or (each.until is not None and today > each.until)
    )
    return rule.finding(_contract_of(agency)) if agency else None


def _contract_inputs(facts: Facts, _: NoParams) -> Values:
    return _contract_of(_first(facts, lambda _: True))


def _contract_of(agency: AgencyFacts | None) -> Values:
    if agency is None:
        return {"agency": 0, "from": "-", "until": "-"}
    return {"agency": 1, "from": f"{agency.since}", "until": f"{agency.until or '-'}"}


def _licensed(facts: Facts, rule: Rule[Kinds]) -> Finding | None:
    agency = _first(facts, lambda each: each.kind not in rule.params.allowed)
    return rule.finding({"kind": agency.kind}) if agency else None


def _licensed_inputs(facts: Facts, _: Kinds) -> Values:
    agency = _first(facts, lambda _: True)
    return {"kind": agency.kind if agency else "-"}


def _listed(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    today = _today(facts)
    agency = _first(facts, lambda each: each.listed_on is None or each.listed_on > today)
    return rule.finding({"listed": _day(agency.listed_on)}) if agency else None


def _listed_inputs(facts: Facts, _: NoParams) -> Values:
    agency = _first(facts, lambda _: True)
    return {"listed": _day(agency.listed_on if agency else None)}


def _told(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    agency = _first(facts, lambda each: each.told_on is None)
    return rule.finding({"told": "-"}) if agency else None


def _told_inputs(facts: Facts, _: NoParams) -> Values:
    agency = _first(facts, lambda _: True)
    return {"told": _day(agency.told_on if agency else None)}


def _told_before(facts: Facts, rule: Rule[Told]) -> Finding | None:
    """Of several agencies the one that was told of last speaks."""
    days = [a.agency.told_on for a in facts.accounts if a.agency and a.agency.told_on]
    last = max(days, default=None)
    if last is None:
        return None  # the check ``told`` objects
    ready = last + timedelta(days=rule.params.days)
    left = (ready - _today(facts)).days
    if left <= 0:
        return None
    wait = next_midnight(facts.now, facts.zone) + timedelta(days=left - 1)
    return rule.finding(_told_before_inputs(facts, rule.params), wait)


def _told_before_inputs(facts: Facts, params: Told) -> Values:
    days = [a.agency.told_on for a in facts.accounts if a.agency and a.agency.told_on]
    return {"told": _day(max(days, default=None)), "days": params.days}


def _filed(facts: Facts, rule: Rule[Filing]) -> Finding | None:
    if rule.params.register in facts.filed:
        return None
    return rule.finding(_filed_inputs(facts, rule.params))


def _filed_inputs(facts: Facts, params: Filing) -> Values:
    return {"register": params.register.value, "filed": int(params.register in facts.filed)}


def _in_writing(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    """Objects to all it concerns: the rule's channels are those that are not writing."""
    return rule.finding(_in_writing_inputs(facts, rule.params))


def _in_writing_inputs(facts: Facts, _: NoParams) -> Values:
    return {"channel": facts.channel.value}


def _day(day: date | None) -> str:
    return f"{day}" if day else "-"


ONE_WRITER = Check(_one_writer, _one_writer_inputs, frozenset({"writers"}))
CONTRACT = Check(_contract, _contract_inputs, frozenset({"agency", "from", "until"}))
LICENSED = Check(_licensed, _licensed_inputs, frozenset({"kind"}), Kinds)
LISTED = Check(_listed, _listed_inputs, frozenset({"listed"}))
TOLD = Check(_told, _told_inputs, frozenset({"told"}))
TOLD_BEFORE = Check(
    _told_before,
    _told_before_inputs,
    frozenset({"told", "days"}),
    Told,
    frozenset({Effect.HOLD}),
)
FILED = Check(_filed, _filed_inputs, frozenset({"register", "filed"}), Filing)
IN_WRITING = Check(_in_writing, _in_writing_inputs, frozenset({"channel"}))
