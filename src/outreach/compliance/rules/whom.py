"""Whom: the right person, by a way to reach them that is theirs, alive and lawfully known."""

from dataclasses import dataclass

from outreach.compliance.facts import Facts
from outreach.compliance.finding import Finding
from outreach.compliance.rule import Check, NoParams, Rule, Values
from outreach.domain.contact import Origin, Usage
from outreach.domain.debtor import Role


@dataclass(frozen=True, slots=True)
class Roles:
    allowed: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Origins:
    """``documented``: the origin must also be shown by a document."""

    allowed: tuple[Origin, ...]
    documented: bool = False


def _role(facts: Facts, rule: Rule[Roles]) -> Finding | None:
    allowed = rule.params.allowed
    if facts.accounts and all(account.role in allowed for account in facts.accounts):
        return None
    return rule.finding(_role_inputs(facts, rule.params))


def _role_inputs(facts: Facts, params: Roles) -> Values:
    roles = [str(account.role) for account in facts.accounts]
    barred = [role for role in roles if role not in params.allowed]
    return {"role": (barred or roles or ["none"])[0]}


def _reachable(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    if not (facts.point.wrong_person or facts.point.dead):
        return None
    return rule.finding(_reachable_inputs(facts, rule.params))


def _reachable_inputs(facts: Facts, _: NoParams) -> Values:
    if facts.point.wrong_person:
        return {"reason": "已回复不是本人"}
    return {"reason": "已失效" if facts.point.dead else "可用"}


def _opted_out(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    return rule.finding({"opted_out": 1}) if facts.point.opted_out else None


def _opted_out_inputs(facts: Facts, _: NoParams) -> Values:
    return {"opted_out": int(facts.point.opted_out)}


def _origin(facts: Facts, rule: Rule[Origins]) -> Finding | None:
    params, point = rule.params, facts.point
    if point.origin in params.allowed and (point.documented or not params.documented):
        return None
    return rule.finding(_origin_inputs(facts, params))


def _origin_inputs(facts: Facts, _: Origins) -> Values:
    return {"origin": facts.point.origin.value, "documented": int(facts.point.documented)}


def _verified(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    return None if facts.point.verified else rule.finding({"verified": 0})


def _verified_inputs(facts: Facts, _: NoParams) -> Values:
    return {"verified": int(facts.point.verified)}


def _workplace(facts: Facts, rule: Rule[NoParams]) -> Finding | None:
    if facts.point.usage is not Usage.WORKPLACE:
        return None
    return rule.finding(_workplace_inputs(facts, rule.params))


def _workplace_inputs(facts: Facts, _: NoParams) -> Values:
    return {"usage": facts.point.usage.value}


ROLE = Check(_role, _role_inputs, frozenset({"role"}), Roles)
REACHABLE = Check(_reachable, _reachable_inputs, frozenset({"reason"}))
OPTED_OUT = Check(_opted_out, _opted_out_inputs, frozenset({"opted_out"}))
ORIGIN = Check(_origin, _origin_inputs, frozenset({"origin", "documented"}), Origins)
VERIFIED = Check(_verified, _verified_inputs, frozenset({"verified"}))
WORKPLACE = Check(_workplace, _workplace_inputs, frozenset({"usage"}))
