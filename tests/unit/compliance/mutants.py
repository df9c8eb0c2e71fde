"""Packs that are wrong in one thing each, and whether the table of cases notices.

``make mutants`` runs this file. Every rule is taken away, every check made never to object, and
every part of a rule bent: its effect, a parameter by one step, an entry of a list, a purpose, a
channel. A mutant that no case of its rule notices survives: it is told, and the run fails.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import chain
from typing import Any

from gate_cases import POLICIES
from rule_cases import Case, cases, complaints

from outreach.compliance.pack import Asked, Pack, Selection, load_packs, select
from outreach.compliance.rule import Rule
from outreach.compliance.rules import CHECKS
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FEW = frozenset({"rule", "check", "effect", "releasable", "parameter"})
"""All kinds but those of the many purposes and channels, which the table holds word for word."""
ALL = FEW | {"purpose", "channel"}


Rules = tuple[Rule[Any], ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    """``keys`` are the rules whose cases must notice."""

    kind: str
    what: str
    keys: frozenset[str]
    pack: Pack


def mutants(pack: Pack, kinds: frozenset[str] = ALL) -> Iterator[Mutant]:
    """The mutants of a pack, of these kinds; none that could not even be loaded."""
    if "check" in kinds:
        for check in sorted({rule.check for rule in pack.rules}):
            yield _without_check(pack, check)
    for rule in pack.rules:
        for kind, what, bent in _bent(rule):
            if kind in kinds:
                yield from _with(pack, rule, kind, what, bent)


def survivors(
    packs: Mapping[Jurisdiction, Pack], kinds: frozenset[str] = ALL
) -> tuple[list[str], Counter[str]]:
    """The mutants that no case of their rules notices, and by kind how many there were."""
    table, found, made = cases(), [], Counter[str]()
    for place, pack in packs.items():
        for mutant in mutants(pack, kinds):
            made[mutant.kind] += 1
            own = (case for case in table if case.place is place and case.key in mutant.keys)
            if not any(_notices(case, mutant) for case in own):
                found.append(f"{place}: {mutant.what}")
    return found, made


def _notices(case: Case, mutant: Mutant) -> bool:
    return next(complaints(case, mutant.pack), None) is not None


# ---------------------------------------------------------------- whole rules


def _silent(*_: Any) -> None:
    """A check that never objects."""


def _without_check(pack: Pack, check: str) -> Mutant:
    def silenced(asked: Asked) -> Asked:
        return tuple((_silent if rule.check == check else run, rule) for run, rule in asked)

    def without(selection: Selection) -> Selection:
        return replace(
            selection,
            checks=silenced(selection.checks),
            of_contacts=silenced(selection.of_contacts),
            of_standings=silenced(selection.of_standings),
            of_agencies=silenced(selection.of_agencies),
            hours=silenced(selection.hours),
        )

    selections = {key: without(each) for key, each in pack.selections.items()}
    keys = frozenset(rule.key for rule in pack.rules if rule.check == check)
    return Mutant("check", f"{check} never objects", keys, replace(pack, selections=selections))


def _with(pack: Pack, rule: Rule[Any], kind: str, what: str, bent: Rules) -> Iterator[Mutant]:
    """The pack with ``bent`` in the rule's place."""
    rules = tuple(chain.from_iterable(bent if each is rule else (each,) for each in pack.rules))
    try:
        selections = select(rules, "mutant")
    except ConfigurationError:
        return  # it would not even load
    mutated = replace(pack, rules=rules, selections=selections)
    yield Mutant(kind, f"{rule.key} {what}", frozenset({rule.key}), mutated)


# ---------------------------------------------------------------- parts of a rule


def _bent(rule: Rule[Any]) -> Iterator[tuple[str, str, Rules]]:
    yield "rule", "is missing", ()
    for effect in sorted(CHECKS[rule.check].effects - {rule.effect}):
        yield "effect", f"is a {effect}", (replace(rule, effect=effect),)
    other = not rule.releasable
    yield "releasable", f"has releasable = {other}", (replace(rule, releasable=other),)
    for purpose in sorted(rule.purposes):
        rest = rule.purposes - {purpose}
        yield "purpose", f"does not concern {purpose}", (replace(rule, purposes=rest),)
    for channel in sorted(rule.channels):
        less = rule.channels - {channel}
        yield "channel", f"does not concern {channel}", (replace(rule, channels=less),)
    for name, value in _parameters(rule):
        try:
            params = replace(rule.params, **{name: value})
        except ValueError:
            continue  # it would not even load
        yield "parameter", f"has {name} = {value}", (replace(rule, params=params),)


def _parameters(rule: Rule[Any]) -> Iterator[tuple[str, Any]]:
    """Other values of what the pack gives, and of every switch."""
    for field in fields(rule.params):
        value = getattr(rule.params, field.name)
        if field.name == "yields" and rule.channels == {Channel.LETTER}:
            continue  # no hours are agreed for letters
        if value != field.default or isinstance(value, bool):
            for other in _near(rule, field.name, value):
                yield field.name, other


def _near(rule: Rule[Any], name: str, value: Any) -> Iterator[Any]:
    """Values beside a parameter's own. Closed days are compared with their source elsewhere."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value - 1, value + 1)
        case time():
            moment = datetime.combine(date.min + DAY, value)
            yield from ((moment + step).time() for step in (-MINUTE, MINUTE))
        case date():
            yield value + DAY
        case StrEnum():
            yield from (each for each in type(value) if each is not value)
        case tuple() | frozenset() if name != "closed":
            yield from (
                type(value)(each for each in value if each != entry) for entry in sorted(value)
            )
            some = next(iter(value))
            if isinstance(some, StrEnum) and name != "standings":
                more = rule.purposes if name == "reserved_for" else type(some)
                yield from (type(value)((*value, each)) for each in more if each not in value)


def main() -> int:
    found, made = survivors(load_packs(POLICIES))
    for mutant in found:
        print(f"survives: {mutant}")  # noqa: T201
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(made.items()))
    print(f"{made.total()} mutants ({kinds}), {len(found)} survive")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
