"""Policy packs: a jurisdiction's rules as data (``config/policies/<jurisdiction>.toml``).

A pack is checked whole when it is loaded, so that a wrong key stops the process and not a notice.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import reduce
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from outreach.compliance.finding import Confidence, Effect
from outreach.compliance.policy_file import Place, Table, read, wrong
from outreach.compliance.rules import CHECKS, Check, Rule, Run, Stricter
from outreach.compliance.window import Window
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Purpose

Asked = tuple[tuple[Run, Rule[Any]], ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What applies to one purpose on one channel.

    ``window`` is what all rules of hours leave open together (``answer_window`` for an answer to
    the debtor's own message); only when it is closed need they be asked one by one, and those of
    standings only where there is one: nearly always there is neither.
    """

    checks: Asked
    of_standings: Asked
    hours: Asked
    window: Window
    answer_window: Window


@dataclass(frozen=True, slots=True)
class Pack:
    """All rules of one jurisdiction; ``version`` is the SHA-256 of the file."""

    jurisdiction: Jurisdiction
    version: str
    title: str
    spread: timedelta  # over how long held notices come back after their wait
    groups: Mapping[str, tuple[Purpose, ...]]
    rules: tuple[Rule[Any], ...] = field(repr=False)
    not_enforced: Mapping[str, str] = field(repr=False)  # rule id: why not
    selections: Mapping[tuple[Purpose, Channel], Selection] = field(repr=False)


class _RuleTable(Table):
    id: str
    check: str
    title: str
    says: str
    release: str = ""
    source: str
    confidence: Confidence
    effect: Effect
    releasable: bool = False
    purposes: tuple[str, ...] = Field(min_length=1)
    spares: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = Field(min_length=1)
    params: dict[str, Any] = Field(default_factory=dict)


class _Ordered(Table):
    """A parameter of which one value is stricter than another."""

    value: Any
    stricter: Stricter


class _PackTable(Table):
    jurisdiction: Jurisdiction
    title: str
    spread_minutes: int = Field(ge=1)
    groups: dict[str, tuple[Purpose, ...]]
    rule: tuple[_RuleTable, ...] = Field(min_length=1)
    not_enforced: dict[str, str] = Field(default_factory=dict)


def load_packs(directory: Path) -> dict[Jurisdiction, Pack]:
    """One pack for every jurisdiction; raises ``ConfigurationError``."""
    return {place: load_pack(directory / f"{place}.toml") for place in Jurisdiction}


def load_pack(path: Path) -> Pack:
    """Read and check one pack; raises ``ConfigurationError``."""
    table, data = read(path, _PackTable)
    if path.stem != table.jurisdiction:
        raise wrong(path, data, ("jurisdiction",), f'"{path.stem}", as the file is named')
    rules = tuple(_Reader(path, data, table, n).rule() for n in range(len(table.rule)))
    selections = {key: _select(rules, *key) for key in product(Purpose, Channel)}
    for (purpose, channel), selection in selections.items():
        _check_selection(f"{path}: {purpose} by {channel}", selection)
    return Pack(
        jurisdiction=table.jurisdiction,
        version=hashlib.sha256(data).hexdigest(),
        title=table.title,
        spread=timedelta(minutes=table.spread_minutes),
        groups=table.groups,
        rules=rules,
        not_enforced=table.not_enforced,
        selections=selections,
    )


def _check_selection(what: str, selection: Selection) -> None:
    if not (selection.window.ever_opens and selection.answer_window.ever_opens):
        raise ConfigurationError(
            f"{what}: the hours never open",
            'let its rules with check = "hours" share some time of some day',
        )
    if not any(rule.check == "zone" for _, rule in selection.checks):
        raise ConfigurationError(
            f"{what}: nothing stops a notice to an unknown time zone",
            'add a rule with check = "zone" for all purposes and channels',
        )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns one ``[[rule]]`` table into a rule, or says what is wrong with it."""

    path: Path
    data: bytes
    pack: _PackTable
    index: int

    @property
    def table(self) -> _RuleTable:
        return self.pack.rule[self.index]

    def wrong(self, key: str, expected: str) -> ConfigurationError:
        place: Place = ("rule", self.index, key)
        return wrong(self.path, self.data, place, f"{expected} (rule {self.table.id})")

    def rule(self) -> Rule[Any]:
        table = self.table
        check = CHECKS.get(table.check)
        if check is None:
            raise self.wrong("check", f"one of {', '.join(sorted(CHECKS))}")
        if table.effect not in check.effects:
            raise self.wrong("effect", f"one of {', '.join(sorted(check.effects))}")
        self._check_sentence(check)
        params, stricter = self._params(check)
        return Rule(
            id=table.id,
            check=table.check,
            title=table.title,
            says=table.says,
            release=table.release,
            source=table.source,
            confidence=table.confidence,
            effect=table.effect,
            releasable=table.releasable,
            purposes=self._purposes("purposes", table.purposes)
            - self._purposes("spares", table.spares),
            channels=frozenset(table.channels),
            params=params,
            stricter=stricter,
        )

    def _check_sentence(self, check: Check) -> None:
        known = ", ".join(f"{{{name}}}" for name in sorted(check.values)) or "no placeholder"
        try:
            used = {name for _, name, _, _ in Formatter().parse(self.table.says)} - {None}
        except ValueError:
            raise self.wrong("says", f"a sentence with {known}") from None
        if used - check.values:
            raise self.wrong("says", f"a sentence with {known}")

    def _params(self, check: Check) -> tuple[Any, dict[str, Stricter]]:
        known = {field.name: field.type for field in fields(check.params)}
        values: dict[str, Any] = {}
        stricter: dict[str, Stricter] = {}
        for name, value in self.table.params.items():
            if name not in known:
                raise self.wrong(name, f"no such parameter of check {self.table.check}")
            if isinstance(value, dict):
                try:
                    ordered = _Ordered.model_validate(value)
                except ValidationError:
                    raise self.wrong(name, "{ value = ..., stricter = ... }") from None
                value, stricter[name] = ordered.value, ordered.stricter
            if known[name] == frozenset[Purpose] and isinstance(value, list):
                value = self._purposes(name, map(str, value))
            values[name] = value
        try:
            return TypeAdapter(check.params).validate_python(values), stricter
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "params"
            raise self.wrong(name, first["msg"]) from None

    def _purposes(self, key: str, names: Iterable[str]) -> frozenset[Purpose]:
        """Purposes by name, by the pack's groups, or ``all``."""
        found: set[Purpose] = set()
        for name in names:
            if name == "all":
                found.update(Purpose)
            elif name in self.pack.groups:
                found.update(self.pack.groups[name])
            elif name in tuple(Purpose):
                found.add(Purpose(name))
            else:
                raise self.wrong(key, f"purposes, groups of the file, or all; not {name}")
        return frozenset(found)


def _select(rules: tuple[Rule[Any], ...], purpose: Purpose, channel: Channel) -> Selection:
    mine = [rule for rule in rules if purpose in rule.purposes and channel in rule.channels]
    hours = [rule for rule in mine if rule.check == "hours"]

    def asked(*checks: str) -> Asked:
        return tuple((CHECKS[r.check].run, r) for r in mine if r.check in checks)

    return Selection(
        checks=asked(*CHECKS.keys() - {"standing", "hours"}),
        of_standings=asked("standing"),
        hours=asked("hours"),
        window=reduce(Window.meet, (rule.params.window(False) for rule in hours), Window()),
        answer_window=reduce(Window.meet, (rule.params.window(True) for rule in hours), Window()),
    )
