"""Policies looked at before anybody is judged by them: everything wrong, and what to look at."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from outreach.compliance.calendars import endings
from outreach.compliance.content import load_content
from outreach.compliance.contents import load_contents
from outreach.compliance.pack import Pack, examine, misnamed
from outreach.compliance.policies import CONTENT, CONTENTS, WORDING, strays
from outreach.compliance.policy_file import contents, line_of
from outreach.compliance.retention import load_retention
from outreach.compliance.rule import Rule
from outreach.compliance.rules import FAMILIES
from outreach.compliance.stricter import Asked, laxer, tighten
from outreach.compliance.wording import load_wording
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Purpose


@dataclass(frozen=True, slots=True)
class Creditor:
    """Whose policy is looked at; ``file`` is where its values stand."""

    id: str
    place: Jurisdiction
    asked: Asked
    file: Path


@dataclass(slots=True)
class Report:
    """``errors`` keep a process from starting; ``warnings`` are for a person to look at.

    ``judging``: by creditor the policy that judges its debtors at its own place.
    """

    packs: dict[Jurisdiction, Pack] = field(default_factory=dict)
    judging: dict[str, Pack] = field(default_factory=dict)
    errors: list[ConfigurationError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check(folder: Path, creditors: Iterable[Creditor], now: datetime) -> Report:
    """Look at packs, word list and creditors' values; nothing hides anything else."""
    report = Report(errors=list(strays(folder)))
    for place in Jurisdiction:
        pack = _pack(folder / f"{place}.toml")
        if isinstance(pack, Pack):
            report.packs[place] = pack
        else:
            report.errors += pack
    try:
        load_wording(folder / WORDING)
        load_content(folder / CONTENT)
        load_contents(folder / CONTENTS)
        load_retention(folder)
    except ConfigurationError as error:
        report.errors.append(error)
    for ending in endings(report.packs.values(), now):
        if ending.over:
            report.errors.append(ending.error)
        else:
            report.warnings.append(ending.error.message)
    for creditor in creditors:
        _check_creditor(report, creditor)
    for pack in report.packs.values():
        report.warnings += _unstopped(pack)
        report.warnings += _unruled(pack)
    return report


def _pack(path: Path) -> Pack | list[ConfigurationError]:
    try:
        pack = examine(path, contents(path))
    except ConfigurationError as error:
        return [error]
    if isinstance(pack, Pack) and pack.jurisdiction != path.stem:
        return [misnamed(path, pack)]
    return pack


def _check_creditor(report: Report, creditor: Creditor) -> None:
    """Each value by itself, so that one that is wrong hides no other."""
    pack = report.packs.get(creditor.place)
    if pack is None:
        report.errors.append(
            ConfigurationError(
                f"creditor {creditor.id} has no policy: {creditor.place}.toml does not hold",
                "mend that file first",
            )
        )
        return
    good: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, name, value in _values(creditor.asked):
        where = _where(creditor, key, name)
        one = {key: {name: value}} if name else {key: {}}
        try:
            tighten(pack, one, where)
            lax = laxer(pack, one, where)
        except ConfigurationError as error:
            report.errors.append(error)
            continue
        if lax:
            report.warnings.append(
                f"{where}: {lax[0]} = {value} is laxer than the pack's and changes nothing"
            )
        if name:
            good[key][name] = value
    try:
        report.judging[creditor.id] = tighten(pack, good, f"{creditor.file}")
    except ConfigurationError as error:  # values that hold one by one, and not together
        report.errors.append(error)


def _values(asked: Asked) -> Iterator[tuple[str, str, Any]]:
    for key, params in asked.items():
        if not params:
            yield key, "", None
        for name, value in params.items():
            yield key, name, value


def _where(creditor: Creditor, key: str, name: str) -> str:
    try:
        text = creditor.file.read_text(encoding="utf-8")
    except OSError:
        return f"{creditor.file}"
    return f"{creditor.file}, line {line_of(text, ('policy', key, name))}"


def _unstopped(pack: Pack) -> Iterator[str]:
    """Standings that stop nothing."""
    stopped = {
        standing
        for rule in pack.rules
        if rule.check == "standing"
        for standing in rule.params.standings
    }
    left = sorted(set(Standing) - stopped - {Standing.AGREED_HOURS})  # that says when, not whether
    if left:
        yield f"{pack.jurisdiction}.toml: no rule stops: {', '.join(left)}"


def _unruled(pack: Pack) -> Iterator[str]:
    """Purposes and channels that no rule of a whole family concerns."""
    for family, checks in FAMILIES.items():
        rules = [rule for rule in pack.rules if rule.check in checks]
        alike: dict[tuple[Purpose, ...], list[Channel]] = defaultdict(list)
        for channel in Channel:
            left = tuple(each for each in Purpose if not _ruled(rules, each, channel))
            alike[left].append(channel)
        for left, channels in alike.items():
            if left:
                which = "any purpose" if len(left) == len(Purpose) else ", ".join(left)
                by = ", ".join(channels)
                yield f"{pack.jurisdiction}.toml: {family}: no rule for {which} by {by}"


def _ruled(rules: list[Rule[Any]], purpose: Purpose, channel: Channel) -> bool:
    return any(purpose in rule.purposes and channel in rule.channels for rule in rules)


def counts(pack: Pack) -> Mapping[str, int]:
    """How many rules of each family."""
    return {
        family: sum(rule.check in checks for rule in pack.rules)
        for family, checks in FAMILIES.items()
    }
