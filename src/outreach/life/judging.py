"""Judging: a notice's row as the facts of the moment, and the gate's verdict on them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import orjson

from outreach.compliance.facts import AccountFacts, Facts, PointFacts, StandingFact
from outreach.compliance.gate import Verdict, judge
from outreach.compliance.window import zone_named
from outreach.domain.contact import Channel, Origin
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose
from outreach.life.parts import Parts
from outreach.life.words import as_of


def covered(accounts: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The accounts the notice still speaks of: one that was settled meanwhile is left out.

    If all are settled all remain, and the gate stops a demand for them.
    """
    return [account for account in accounts if account["balance"] > 0] or accounts


def judge_row(
    parts: Parts,
    row: asyncpg.Record,
    accounts: list[Mapping[str, Any]],
    now: datetime,
    also_today: int,
) -> Verdict:
    """The gate on facts."""
    jurisdiction = Jurisdiction(row["jurisdiction"])
    creditor = parts.creditor(row["creditor_id"])
    zone = zone_named(row["zone"]) or UTC  # the gate itself objects to a zone nobody knows
    today = now.astimezone(zone).date()
    midnight = datetime.combine(today, time(), zone)
    contacts = sum(at >= midnight for at in row["contacts"] or ())
    facts = Facts(
        now=now,
        zone=row["zone"],
        jurisdiction=jurisdiction,
        purpose=Purpose(row["purpose"]),
        channel=Channel(row["channel"]),
        accounts=tuple(
            AccountFacts(
                role=Role(account["role"]),
                settled=account["balance"] <= 0,
                balance_as_of=as_of(account),
                dpd=(today - _day(account["oldest"])).days if account["oldest"] else 0,
                paid_since=account["paid_since"],
            )
            for account in accounts
        ),
        standings=tuple(_standing(each) for each in orjson.loads(row["standings"] or "[]")),
        point=PointFacts(
            verified=row["verified"],
            origin=Origin(row["origin"]),
            opted_out=row["opted_out_at"] is not None,
            dead=row["dead_at"] is not None,
            wrong_person=row["wrong_person_at"] is not None,
        ),
        contacts_today=contacts + also_today,
        balance_max_age=timedelta(hours=creditor.balance_max_age_hours),
        spread=row["id"].int & 0xFFFFFFFF,
    )
    return judge(facts, parts.packs[jurisdiction])


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _standing(fields: Mapping[str, Any]) -> StandingFact:
    until = fields["until"]
    return StandingFact(
        Standing(fields["kind"]),
        datetime.fromisoformat(fields["since"]),
        datetime.fromisoformat(until) if until else None,
    )
