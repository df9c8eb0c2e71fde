"""Judging: a notice's row as the facts of the moment, and the gate's verdict on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import repeat
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from outreach.compliance.facts import AccountFacts, Contact, Facts, PointFacts, StandingFact
from outreach.compliance.gate import Verdict, judge
from outreach.domain.contact import Channel, Origin
from outreach.domain.debtor import Role, Standing
from outreach.life.kinds import Kind
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
    kind: Kind,
    accounts: list[Mapping[str, Any]],
    now: datetime,
    already: Already = NOTHING,
) -> Verdict:
    """The gate on facts."""
    facts = Facts(
        now=now,
        zone=row["zone"],
        jurisdiction=kind.jurisdiction,
        purpose=kind.purpose,
        channel=kind.channel,
        accounts=tuple([_account(account, kind.today) for account in accounts]),
        standings=_standings(row["standings"]),
        point=PointFacts(
            verified=row["verified"],
            origin=Origin(row["origin"]),
            opted_out=row["opted_out_at"] is not None,
            dead=row["dead_at"] is not None,
            wrong_person=row["wrong_person_at"] is not None,
        ),
        contacts=_contacts(
            row["contacts"], row["contact_channels"], already.debtor, now, kind.channel
        ),
        value_contacts=_contacts(row["value_contacts"], None, already.value, now, kind.channel),
        balance_max_age=kind.balance_max_age,
        spread=row["id"].int & 0xFFFFFFFF,
    )
    return judge(facts, parts.packs[kind.jurisdiction])


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


def _account(account: Mapping[str, Any], today: date) -> AccountFacts:
    oldest = account["oldest"]
    return AccountFacts(
        role=Role(account["role"]),
        settled=account["balance"] <= 0,
        balance_as_of=as_of(account),
        dpd=(today - date.fromisoformat(oldest)).days if oldest else 0,
        paid_since=account["paid_since"],
    )


def _standings(stored: str | None) -> tuple[StandingFact, ...]:
    return tuple([_standing(each) for each in orjson.loads(stored)]) if stored else ()


def _standing(fields: Mapping[str, Any]) -> StandingFact:
    until = fields["until"]
    return StandingFact(
        Standing(fields["kind"]),
        datetime.fromisoformat(fields["since"]),
        datetime.fromisoformat(until) if until else None,
    )
