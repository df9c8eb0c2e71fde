"""Writes ``docs/compliance.md`` from the packs, the word list and the table of cases.

``make docs`` runs this file; ``test_compliance_doc`` fails while what it would write is not there.
"""

import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from datetime import time
from pathlib import Path
from typing import Any

from gate_cases import POLICIES
from rule_cases import Case, cases

from outreach.compliance.finding import Confidence
from outreach.compliance.pack import Calendar, Pack, load_packs
from outreach.compliance.policies import CONTENT
from outreach.compliance.rule import Rule
from outreach.compliance.wording import load_wording
from outreach.domain.contact import Channel
from outreach.domain.notice import Purpose

PAGE = Path(__file__).parents[3] / "docs" / "compliance.md"
INTRODUCTION = """\
# The rules of each place

What the gate asks before a message may go, as `config/policies/` has it. `make docs` writes this
page from those files; change them, not it. Nothing here is legal advice: have a lawyer of the place
confirm what you rely on, above all what is marked B, C or D.

| confidence | what a person is shown |
|---|---|
{labels}

**hold**: waits, and is asked again. **block**: does not go. **flag**: goes, and somebody looks at
it later. *Releasable*: two people may set it aside for one notice, with a reason: then it flags.

A creditor may make a parameter with a direction stricter for its own debtors, in its own file:
`[policy."F-03.sms-week"]` with `limit = 2`. Of two values the stricter holds; a laxer one changes
nothing. A *calendar* is a list of closed days; after the last day that it is known for, nothing
goes that its rule concerns.

*Tested*: how many facts the rule must stop, and how many near ones it must let go, in
`tests/unit/compliance/rule_cases.py` (`make test ARGS="tests/unit/compliance -k T-01"`).
`make mutants` takes each rule away, bends each part of it, and fails if no case notices.
"""


def page() -> str:
    """The whole page."""
    table = {(case.place, case.key): case for case in cases()}
    parts = [INTRODUCTION.format(labels=_labels())]
    for place, pack in load_packs(POLICIES).items():
        parts.append("\n".join(_place(pack, {k: c for (p, k), c in table.items() if p is place})))
    parts.append("\n".join(_words()))
    return "\n".join(parts)


def _labels() -> str:
    return "\n".join(f"| {each} | {each.label} |" for each in Confidence)


def _place(pack: Pack, table: dict[str, Case]) -> Iterator[str]:
    yield f"## {pack.title} (`config/policies/{pack.jurisdiction}.toml`)\n"
    for name, purposes in pack.groups.items():
        yield f"- *{name}*: {', '.join(purposes)}"
    for name, calendar in pack.calendars.items():
        yield f"- calendar *{name}*: {_days(calendar)}"
    yield ""
    yield "| rule | | effect | concerns | parameters | source | tested |"
    yield "|---|---|---|---|---|---|---|"
    for rule in pack.rules:
        yield _row(_cells(pack, rule, table[rule.key]))
    yield "\nEnforced elsewhere, or not by us:\n"
    yield "| rule | why |"
    yield "|---|---|"
    for rule_id, why in sorted(pack.not_enforced.items()):
        yield _row((rule_id, why))
    yield ""


def _cells(pack: Pack, rule: Rule[Any], case: Case) -> Iterator[str]:
    yield f"`{rule.key}`"
    yield f"{rule.title}<br>{rule.title_en}"
    yield rule.effect + ("<br>*releasable*" if rule.releasable else "")
    channels = _listed(rule.channels, Channel)
    yield f"{_purposes(rule.purposes, pack)}<br>by {channels}"
    yield "<br>".join(_parameters(pack, rule))
    yield f"{rule.source}<br>**{rule.confidence}** {rule.confidence.label}"
    yield f"{len(case.stopped)} stopped, {len(case.passes) + len(case.silent)} not"


def _days(calendar: Calendar) -> str:
    years = Counter(day.year for day in calendar.closed)
    counts = ", ".join(f"{count} days of {year}" for year, count in sorted(years.items()))
    return f"{counts}; known to {calendar.known_to}"


def _purposes(purposes: Collection[Purpose], pack: Pack) -> str:
    rest = set(Purpose) - set(purposes)
    if not rest:
        return "all"
    if len(rest) <= len(purposes):
        return f"all but {', '.join(_named(rest, pack))}"
    return ", ".join(_named(purposes, pack))


def _named(purposes: Collection[Purpose], pack: Pack) -> Iterator[str]:
    """By the pack's groups where all of one are there."""
    rest = set(purposes)
    for name, group in pack.groups.items():
        if set(group) <= set(purposes) and rest & set(group):
            yield f"*{name}*"
            rest -= set(group)
    yield from (each for each in Purpose if each in rest)


def _listed(some: Collection[Any], kinds: Iterable[Any]) -> str:
    return ", ".join(str(each) for each in kinds if each in some)


def _parameters(pack: Pack, rule: Rule[Any]) -> Iterator[str]:
    """What the pack gives; of closed days the calendar's name."""
    for field in fields(rule.params):
        value = getattr(rule.params, field.name)
        if field.name == "closed" and value:
            names = (name for name, each in pack.calendars.items() if each.closed == value)
            yield f"calendar *{next(names)}*"
        elif field.name in rule.stricter:
            way = rule.stricter[field.name]
            yield f"{field.name} = {_value(pack, value)} ({way} is stricter)"
        elif field.name != "known_to" and value != field.default:
            yield f"{field.name} = {_value(pack, value)}"


def _value(pack: Pack, value: Any) -> str:
    match value:
        case time():
            return f"{value:%H:%M}"
        case frozenset():
            return _purposes(value, pack)
        case tuple():
            return ", ".join(str(each) for each in value)
        case bool():
            return str(value).lower()
    return str(value)


def _words() -> Iterator[str]:
    """The gate on words: why a phrase is on the list, and how many are there for that reason."""
    path = POLICIES / "wording.toml"
    wording, table = load_wording(path), tomllib.loads(path.read_text(encoding="utf-8"))
    phrases = Counter[str]()
    for each in table["phrase"]:
        phrases[each["reason"]] += len(each["match"])
    phrases.update(each["reason"] for each in table["raw"])
    yield "## Words (`config/policies/wording.toml`)\n"
    yield "What a message may not say, and by which rule of each place it is refused.\n"
    yield "| class | | phrases and patterns | rules |"
    yield "|---|---|---|---|"
    for key, about in wording.classes.items():
        rules = ", ".join(dict.fromkeys(about.rules.values()))
        yield _row((key, about.title, str(phrases[key]), rules))
    yield "\n| rule | source |"
    yield "|---|---|"
    for key, rule in wording.rules.items():
        yield _row((key, f"{rule.source}<br>**{rule.confidence}** {rule.confidence.label}"))
    yield "\n## Content (`config/policies/content.toml`)\n"
    yield "What a message must hold and may not hold, asked of each as it is sent.\n"
    yield "| rule | check | | places | channels | source |"
    yield "|---|---|---|---|---|---|"
    for each in tomllib.loads((POLICIES / CONTENT).read_text(encoding="utf-8"))["rule"]:
        trust = Confidence(each["confidence"])
        yield _row(
            (
                each["id"],
                each["check"],
                each["says"],
                ", ".join(each.get("places", ["all"])),
                ", ".join(each.get("channels", ["all"])),
                f"{each['source']}<br>**{trust}** {trust.label}",
            )
        )
    yield ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(each.replace('|', '&#124;') for each in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
