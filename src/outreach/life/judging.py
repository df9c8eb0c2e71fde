"""Judging: a notice's row as the facts of the moment, and the gate's verdict on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import repeat
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from outreach.compliance.facts import AccountFacts, Contact, Facts, PointFacts, StandingFact
from outreach.compliance.gate import Verdict, judge
from outreach.compliance.window import local_time
from outreach.domain.contact import Channel, Origin
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose
from outreach.life.parts import Parts
from outreach.life.words import as_of


@dataclass(frozen=True, slots=True)
class Already:
    """How many notices before this one in its chunk go to its debtor, and to its contact value."""

    debtor: int = 0
    value: int = 0


NOTHING = Already()


@dataclass(slots=True)
class Tally:
    """Counts what a chunk lets go: the database does not know of it yet.

    A chunk is of one route, and so of one channel.
    """

    _debtors: dict[UUID, int] = field(default_factory=dict)
    _values: dict[bytes, int] = field(default_factory=dict)

    def before(self, row: asyncpg.Record) -> Already:
        debtor = self._debtors.get(row["debtor_id"], 0)
        value = self._values.get(row["value_hash"], 0)
        return Already(debtor, value) if debtor or value else NOTHING

    def add(self, row: asyncpg.Record) -> None:
        debtor, value = row["debtor_id"], row["value_hash"]
        self._debtors[debtor] = self._debtors.get(debtor, 0) + 1
        self._values[value] = self._values.get(value, 0) + 1


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
    already: Already = NOTHING,
) -> Verdict:
    """The gate on facts."""
    jurisdiction = Jurisdiction(row["jurisdiction"])
    creditor = parts.creditor(row["creditor_id"])
    channel = Channel(row["channel"])
    today = local_time(now, row["zone"]).date()  # the gate itself objects to a zone nobody knows
    facts = Facts(
        now=now,
        zone=row["zone"],
        jurisdiction=jurisdiction,
        purpose=Purpose(row["purpose"]),
        channel=channel,
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
        contacts=_contacts(row["contacts"], row["contact_channels"], already.debtor, now, channel),
        value_contacts=_contacts(row["value_contacts"], None, already.value, now, channel),
        balance_max_age=timedelta(hours=creditor.balance_max_age_hours),
        spread=row["id"].int & 0xFFFFFFFF,
    )
    return judge(facts, parts.packs[jurisdiction])


def _contacts(
    instants: Sequence[datetime] | None,
    channels: Sequence[str] | None,
    already: int,
    now: datetime,
    channel: Channel,
) -> tuple[Contact, ...]:
    """Contacts as the row holds them, ``channels`` beside ``instants``, and the chunk's own.

    Without ``channels`` all are of the notice's own, as one value's are.
    """
    if not instants and not already:
        return ()
    found = instants or ()
    by = map(Channel, channels) if channels else repeat(channel)
    return (*map(Contact, found, by), *repeat(Contact(now, channel), already))


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _standing(fields: Mapping[str, Any]) -> StandingFact:
    until = fields["until"]
    return StandingFact(
        Standing(fields["kind"]),
        datetime.fromisoformat(fields["since"]),
        datetime.fromisoformat(until) if until else None,
    )
