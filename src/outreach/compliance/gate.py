"""The gate: may this notice go now, until when, and if not, why and what would change it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from outreach.compliance.facts import Facts
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.pack import Asked, Pack, Selection
from outreach.compliance.rule import Rule, Values
from outreach.compliance.rules import CHECKS
from outreach.compliance.rules.time import agreed_window
from outreach.compliance.window import Window, local_time, zone_named
from outreach.domain.frozen import frozen


class Decision(StrEnum):
    ALLOW = "allow"
    HOLD = "hold"
    BLOCK = "block"


@frozen
class Verdict:
    """What the gate decided under the pack of digest ``policy_version``.

    ``until`` (UTC): an allow is good before it, a hold waits for it, a block has none.
    ``findings`` are all objections; none hides another.
    """

    decision: Decision
    until: datetime | None
    findings: tuple[Finding, ...]
    policy_version: str

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of those that made it so: where something stops it, flags did not."""
        stopped = self.decision is not Decision.ALLOW
        return tuple(
            [each.rule for each in self.findings if not (stopped and each.effect is Effect.FLAG)]
        )


def judge(facts: Facts, pack: Pack, abroad: Pack | None = None) -> Verdict:
    """Run every rule of the pack that concerns this purpose and channel.

    ``abroad`` is the pack of the place a phone belongs to, where that is another: both places'
    hours bind. A hold ends at a whole second inside the open window after its longest wait, spread
    by ``facts.spread``. The pack must be that of the facts' jurisdiction (``ValueError``).
    """
    if facts.jurisdiction is not pack.jurisdiction:
        raise ValueError(f"facts of {facts.jurisdiction} judged by the pack of {pack.jurisdiction}")
    selection = pack.selections[facts.purpose, facts.channel]
    window, hours, version = _window(facts, selection), selection.hours, pack.version
    if abroad is not None:
        theirs = abroad.selections[facts.purpose, facts.channel]
        window, hours = window.meet(_window(facts, theirs)), hours + theirs.hours
        version = f"{version}+{abroad.version}"
    local = local_time(facts.now, facts.zone)  # an unknown zone is blocked by the check ``zone``
    checks = _checks(facts, selection)
    if not window.is_open(local):
        checks += hours
    findings = tuple([finding for run, rule in checks if (finding := run(facts, rule)) is not None])
    if not findings:
        return Verdict(Decision.ALLOW, window.last_instant(local), findings, version)
    if facts.released:
        findings = tuple(set_aside(findings, facts.released))
    if any(finding.effect is Effect.BLOCK for finding in findings):
        return Verdict(Decision.BLOCK, None, findings, version)
    wait = max((each.wait_until for each in findings if each.wait_until), default=None)
    if wait is None:
        return Verdict(Decision.ALLOW, window.last_instant(local), findings, version)
    until = window.place(wait, zone_named(facts.zone) or UTC, facts.spread, pack.spread)
    return Verdict(Decision.HOLD, until, findings, version)


def _checks(facts: Facts, selection: Selection) -> Asked:
    """All that may have something to say, but for the hours."""
    checks = selection.checks
    if facts.contacts or facts.value_contacts:
        checks += selection.of_contacts
    if facts.standings:
        checks += selection.of_standings
    if facts.with_agency:
        checks += selection.of_agencies
    return checks


def _window(facts: Facts, selection: Selection) -> Window:
    """What is open for these facts: hours agreed with the debtor stand for those that yield."""
    agreed = agreed_window(facts)
    if agreed is not None:
        window = selection.firm_window.meet(agreed)
        if window.ever_opens:
            return window
    return selection.answer_window if facts.answers_debtor else selection.window


def set_aside(findings: tuple[Finding, ...], released: frozenset[str]) -> Iterator[Finding]:
    """What two people set aside no longer stops the notice, but is told with it."""
    for finding in findings:
        if finding.releasable and finding.rule in released:
            yield replace(finding, effect=Effect.FLAG, wait_until=None)
        else:
            yield finding


@dataclass(frozen=True, slots=True)
class Answer:
    """One rule's answer: what it looked at, and its objection if it has one."""

    rule: Rule[Any]
    concerned: bool  # does it concern this purpose and channel?
    inputs: Values
    finding: Finding | None


def explain(facts: Facts, pack: Pack) -> tuple[Answer, ...]:
    """Every rule of the pack in its order, those that pass and those not concerned with it too."""
    return tuple(_answer(facts, rule) for rule in pack.rules)


def _answer(facts: Facts, rule: Rule[Any]) -> Answer:
    check = CHECKS[rule.check]
    if facts.purpose not in rule.purposes or facts.channel not in rule.channels:
        return Answer(rule, False, {}, None)
    return Answer(rule, True, check.inputs(facts, rule.params), check.run(facts, rule))
