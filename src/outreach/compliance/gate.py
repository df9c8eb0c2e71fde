"""The gate: may this notice go now, until when, and if not, why and what would change it."""

from datetime import UTC, datetime
from enum import StrEnum

from outreach.compliance.facts import Facts
from outreach.compliance.finding import Effect, Finding
from outreach.compliance.pack import Pack
from outreach.compliance.window import local_time, zone_named
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


def judge(facts: Facts, pack: Pack) -> Verdict:
    """Run every rule of the pack that concerns this purpose and channel.

    A hold ends at a whole second inside the open window after its longest wait, spread by
    ``facts.spread``. The pack must be that of the facts' jurisdiction (``ValueError``).
    """
    if facts.jurisdiction is not pack.jurisdiction:
        raise ValueError(f"facts of {facts.jurisdiction} judged by the pack of {pack.jurisdiction}")
    selection = pack.selections[facts.purpose, facts.channel]
    window = selection.answer_window if facts.answers_debtor else selection.window
    local = local_time(facts.now, facts.zone)  # an unknown zone is blocked by the check ``zone``
    checks = selection.checks
    if facts.standings:
        checks += selection.of_standings
    if not window.is_open(local):
        checks += selection.hours
    findings = tuple([finding for run, rule in checks if (finding := run(facts, rule)) is not None])
    decision, until = Decision.ALLOW, None
    for finding in findings:
        if finding.effect is Effect.BLOCK:
            return Verdict(Decision.BLOCK, None, findings, pack.version)
        if finding.wait_until is not None:
            decision = Decision.HOLD
            until = max(until or finding.wait_until, finding.wait_until)
    if until is None:
        return Verdict(decision, window.last_instant(local), findings, pack.version)
    until = window.place(until, zone_named(facts.zone) or UTC, facts.spread, pack.spread)
    return Verdict(decision, until, findings, pack.version)
