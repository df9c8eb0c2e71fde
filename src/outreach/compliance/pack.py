"""Policy packs: a jurisdiction's rules as data (``config/policies/<jurisdiction>.toml``).

A pack is checked whole when it is loaded, so that a wrong key stops the process and not a notice.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from functools import reduce
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from outreach.compliance.finding import Confidence, Effect
from outreach.compliance.policy_file import Place, Table, contents, parse, wrong
from outreach.compliance.rule import Check, Rule, Run, Stricter
from outreach.compliance.rules import CHECKS
from outreach.compliance.window import Window
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Purpose

Asked = tuple[tuple[Run, Rule[Any]], ...]


class Calendar(Table):
    """Days on which nothing goes; ``known_to`` is the last day that anybody has spoken of."""

    closed: frozenset[date]
    known_to: date


@dataclass(frozen=True, slots=True)
class Selection:
    """What applies to one purpose on one channel.

    ``window`` is what all rules of hours leave open together (``answer_window`` for an answer to
    the debtor's own message, ``firm_window`` by those that do not yield to agreed hours); only when
    it is closed need they be asked one by one, and those of standings only where there is one, of
    agencies only where one acts, caps only where there was a contact.
    """

    checks: Asked
    of_standings: Asked
    of_agencies: Asked
    of_contacts: Asked
    hours: Asked
    window: Window
    answer_window: Window
    firm_window: Window


@dataclass(frozen=True, slots=True, repr=False)
class Pack:
    """All rules of one jurisdiction.

    ``version`` is the SHA-256 of ``source``: the file, and what a creditor's configuration made
    stricter of it. ``calendars`` are the closed days and the day up to which they are known.
    """

    jurisdiction: Jurisdiction
    version: str
    source: str = field(repr=False)
    title: str
    spread: timedelta  # over how long held notices come back after their wait
    groups: Mapping[str, tuple[Purpose, ...]]
    rules: tuple[Rule[Any], ...] = field(repr=False)
    not_enforced: Mapping[str, str] = field(repr=False)  # rule id: why not
    calendars: Mapping[str, Calendar] = field(repr=False)
    selections: Mapping[tuple[Purpose, Channel], Selection] = field(repr=False)


class _RuleTable(Table):
    id: str
    name: str = ""
    check: str
    title: str
    title_en: str
    says: str
    says_en: str
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
    calendars: dict[str, Calendar] = Field(default_factory=dict)
    rule: tuple[_RuleTable, ...] = Field(min_length=1)
    not_enforced: dict[str, str] = Field(default_factory=dict)


def load_packs(directory: Path) -> dict[Jurisdiction, Pack]:
    """One pack for every jurisdiction; raises ``ConfigurationError``."""
    return {place: load_pack(directory / f"{place}.toml") for place in Jurisdiction}


def load_pack(path: Path) -> Pack:
    """Read and check one pack; raises ``ConfigurationError``."""
    pack = examine(path, contents(path))
    if isinstance(pack, list):
        raise pack[0]
    if path.stem != pack.jurisdiction:
        raise misnamed(path, pack)
    return pack


def misnamed(path: Path, pack: Pack) -> ConfigurationError:
    """Of a place whose pack stands in a file of another name."""
    place: Place = ("jurisdiction",)
    return wrong(path, pack.source.encode(), place, f'"{path.stem}", as the file is named')


def examine(path: Path, data: bytes) -> Pack | list[ConfigurationError]:
    """The pack, or all that is wrong with it; ``path`` is what the errors call it."""
    table = parse(path, data, _PackTable)
    if isinstance(table, list):
        return table
    rules: list[Rule[Any]] = []
    errors: list[ConfigurationError] = []
    keys: set[str] = set()
    for index in range(len(table.rule)):
        try:
            rule = _Reader(path, data, table, index).rule()
        except ConfigurationError as error:
            errors.append(error)
            continue
        if rule.key in keys:
            place: Place = ("rule", index, "name")
            errors.append(wrong(path, data, place, f"a name of its own ({rule.key})"))
        keys.add(rule.key)
        rules.append(rule)
    if errors:
        return errors
    try:
        selections = select(tuple(rules), f"{path}")
    except ConfigurationError as error:
        return [error]
    return Pack(
        jurisdiction=table.jurisdiction,
        version=digest(data.decode()),
        source=data.decode(),
        title=table.title,
        spread=timedelta(minutes=table.spread_minutes),
        groups=table.groups,
        rules=tuple(rules),
        not_enforced=table.not_enforced,
        calendars=table.calendars,
        selections=selections,
    )


def digest(source: str) -> str:
    """The version of a policy's source."""
    return hashlib.sha256(source.encode()).hexdigest()


def select(rules: tuple[Rule[Any], ...], where: str) -> Mapping[tuple[Purpose, Channel], Selection]:
    """What applies to each purpose and channel; raises ``ConfigurationError`` if that never opens
    or knows no time zone.
    """
    selections = {key: _select(rules, *key) for key in product(Purpose, Channel)}
    for (purpose, channel), selection in selections.items():
        _check_selection(f"{where}: {purpose} by {channel}", selection)
    return selections


def _check_selection(what: str, selection: Selection) -> None:
    windows = (selection.window, selection.answer_window, selection.firm_window)
    if not all(window.ever_opens for window in windows):
        hours = ", ".join(rule.key for _, rule in selection.hours)
        raise ConfigurationError(
            f"{what}: the hours never open ({hours})",
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
        self._check_sentence(check, "says", table.says)
        self._check_sentence(check, "says_en", table.says_en)
        params, stricter = self._params(check)
        return Rule(
            id=table.id,
            key=f"{table.id}.{table.name}" if table.name else table.id,
            check=table.check,
            title=table.title,
            title_en=table.title_en,
            says=table.says,
            says_en=table.says_en,
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

    def _check_sentence(self, check: Check, key: str, sentence: str) -> None:
        known = ", ".join(f"{{{name}}}" for name in sorted(check.names))
        try:
            used = {name for _, name, _, _ in Formatter().parse(sentence)} - {None}
        except ValueError:
            raise self.wrong(key, f"a sentence with {known}") from None
        if used - check.names:
            raise self.wrong(key, f"a sentence with {known}")

    def _params(self, check: Check) -> tuple[Any, dict[str, Stricter]]:
        known = {field.name: field.type for field in fields(check.params)}
        values: dict[str, Any] = {}
        stricter: dict[str, Stricter] = {}
        for name, value in self.table.params.items():
            if name == "calendar" and "closed" in known:
                values |= self._calendar(value)
                continue
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

    def _calendar(self, name: object) -> dict[str, Any]:
        calendar = self.pack.calendars.get(name) if isinstance(name, str) else None
        if calendar is None:
            known = ", ".join(sorted(self.pack.calendars)) or "none"
            raise self.wrong("calendar", f"a calendar of the file: {known}")
        return {"closed": calendar.closed, "known_to": calendar.known_to}

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


_OF_AGENCIES = frozenset({"one_writer", "contract", "licensed", "listed", "told", "told_before"})


def _select(rules: tuple[Rule[Any], ...], purpose: Purpose, channel: Channel) -> Selection:
    mine = [rule for rule in rules if purpose in rule.purposes and channel in rule.channels]
    hours = [rule for rule in mine if rule.check == "hours"]

    def asked(checks: Iterable[str]) -> Asked:
        return tuple((CHECKS[r.check].run, r) for r in mine if r.check in checks)

    def window(rules: Iterable[Rule[Any]], answers: bool = False) -> Window:
        return reduce(Window.meet, (rule.params.window(answers) for rule in rules), Window())

    return Selection(
        checks=asked(CHECKS.keys() - {"standing", "hours", "cap"} - _OF_AGENCIES),
        of_contacts=asked({"cap"}),
        of_standings=asked({"standing"}),
        of_agencies=asked(_OF_AGENCIES),
        hours=asked({"hours"}),
        window=window(hours),
        answer_window=window(hours, answers=True),
        firm_window=window(rule for rule in hours if not rule.params.yields),
    )
