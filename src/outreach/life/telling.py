"""Telling: a notice's steps as events of its debtor's history."""

from datetime import datetime

import asyncpg

from outreach.compliance.finding import Finding
from outreach.compliance.gate import Verdict
from outreach.domain.events import Event, EventKind, debtor_stream

DISPATCH = "job:dispatch"


def verdict_data(verdict: Verdict) -> dict[str, object]:
    """A verdict as an event's envelope keeps it: every rule that spoke, its source and values."""
    return {
        "decision": str(verdict.decision),
        "until": verdict.until.isoformat() if verdict.until else None,
        "rules": list(verdict.rules),
        "findings": [finding_data(finding) for finding in verdict.findings],
    }


def finding_data(finding: Finding) -> dict[str, object]:
    """One objection; ``releasable`` stands there only where two people may set it aside."""
    data: dict[str, object] = {
        "rule": finding.rule,
        "effect": str(finding.effect),
        "says": finding.says,
        "values": dict(finding.values),
        "source": finding.source,
        "confidence": str(finding.confidence),
    }
    return data | {"releasable": True} if finding.releasable else data


def notice_event(
    row: asyncpg.Record,
    kind: EventKind,
    now: datetime,
    data: dict[str, object],
    *,
    actor: str = DISPATCH,
    payload: dict[str, object] | None = None,
    policy_version: str | None = None,
) -> Event:
    """An event of this notice in its debtor's stream."""
    return Event(
        kind=kind,
        at=now,
        stream=debtor_stream(row["debtor_id"]),
        creditor_id=row["creditor_id"],
        actor=actor,
        debtor_id=row["debtor_id"],
        notice_id=row["id"],
        channel=row["channel"],
        policy_version=policy_version,
        data=data,
        payload=payload,
    )
