"""Judging: a notice's row as the facts of the moment, and the gate's verdict on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import repeat, starmap
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from outreach.compliance.facts import (
    AccountFacts,
    AgencyFacts,
    AgreedHours,
    Contact,
    Facts,
    PointFacts,
    StandingFact,
)
from outreach.compliance.gate import Verdict, judge
from outreach.compliance.pack import Pack
from outreach.domain.contact import Channel, Origin, Usage
from outreach.domain.debtor import PLACE_OF_REGION, Role, Standing
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Interruption
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


def judge_row(parts: Parts, row: asyncpg.Record, kind: Kind, facts: Facts) -> Verdict:
    """The gate on a row's facts."""
    return judge(facts, kind.pack, abroad(parts, row, kind))


def abroad(parts: Parts, row: asyncpg.Record, kind: Kind) -> Pack | None:
    """The pack of the place the phone belongs to, where that is not the debtor's own."""
    place = PLACE_OF_REGION.get(row["region"]) if kind.channel is Channel.SMS else None
    if place is None or place is kind.jurisdiction:
        return None
    return parts.policies.of(row["creditor_id"], place)


def facts_of(
    row: asyncpg.Record,
    kind: Kind,
    accounts: list[Mapping[str, Any]],
    now: datetime,
    already: Already = NOTHING,
) -> Facts:
    """A row of ``db.facts`` as the rules know it."""
    standings = orjson.loads(row["standings"]) if row["standings"] else ()
    return Facts(
        now=now,
        zone=row["zone"],
        jurisdiction=kind.jurisdiction,
        purpose=kind.purpose,
        channel=kind.channel,
        accounts=tuple([_account(account, kind.today) for account in accounts]),
        standings=tuple(
            [_standing(each) for each in standings if each["kind"] != Standing.AGREED_HOURS]
        ),
        point=PointFacts(
            verified=row["verified"],
            origin=Origin(row["origin"]),
            opted_out=row["opted_out_at"] is not None,
            dead=row["dead_at"] is not None,
            wrong_person=row["wrong_person_at"] is not None,
            usage=Usage(row["usage"]),
            documented=row["documented"],
        ),
        contacts=_contacts(row, already.debtor, now, kind.channel),
        value_contacts=_value_contacts(row, already.value, now, kind.channel),
        balance_max_age=kind.balance_max_age,
        spread=row["id"].int & 0xFFFFFFFF,
        answers_debtor=row["answers_debtor"],
        agreed=_agreed(standings, kind.channel),
        filed=kind.filed,
        released=frozenset(row["released"] or ()),
    )


def _contacts(
    row: asyncpg.Record, already: int, now: datetime, channel: Channel
) -> tuple[Contact, ...]:
    """The debtor's contacts as the row holds them, and the chunk's own, of whatever purpose."""
    instants = row["contacts"]
    if not instants and not already:
        return ()
    found = zip(
        instants or (),
        map(Channel, row["contact_channels"] or ()),
        map(Purpose, row["contact_purposes"] or ()),
        strict=True,
    )
    return (*starmap(Contact, found), *repeat(Contact(now, channel), already))


def _value_contacts(
    row: asyncpg.Record, already: int, now: datetime, channel: Channel
) -> tuple[Contact, ...]:
    """One value's contacts, which are all of the notice's own channel."""
    instants = row["value_contacts"]
    if not instants and not already:
        return ()
    return (*map(Contact, instants or (), repeat(channel)), *repeat(Contact(now, channel), already))


def _agreed(standings: Sequence[Mapping[str, Any]], channel: Channel) -> AgreedHours | None:
    """The hours agreed last for this channel."""
    agreed = [
        each
        for each in standings
        if each["kind"] == Standing.AGREED_HOURS and channel in each["detail"]["channels"]
    ]
    if not agreed:
        return None
    last = max(agreed, key=itemgetter("since"))["detail"]
    return AgreedHours(time.fromisoformat(last["opens"]), time.fromisoformat(last["closes"]))


def _account(account: Mapping[str, Any], today: date) -> AccountFacts:
    oldest = account["oldest"]
    return AccountFacts(
        role=Role(account["role"]),
        settled=account["balance"] <= 0,
        balance_as_of=as_of(account),
        dpd=(today - date.fromisoformat(oldest)).days if oldest else 0,
        paid_since=account["paid_since"],
        overdue=account["overdue"],
        agency=_agency(account["agency"]) if account["agency"] else None,
        interrupted={
            Interruption(kind): date.fromisoformat(day)
            for kind, day in (account["interrupted"] or {}).items()
        },
    )


def _agency(agency: Mapping[str, Any]) -> AgencyFacts:
    return AgencyFacts(
        id=agency["id"],
        kind=AgencyKind(agency["kind"]),
        since=date.fromisoformat(agency["since"]),
        until=_day(agency["until"]),
        listed_on=_day(agency["listed"]),
        told_on=_day(agency["told"]),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _standing(fields: Mapping[str, Any]) -> StandingFact:
    until = fields["until"]
    return StandingFact(
        Standing(fields["kind"]),
        datetime.fromisoformat(fields["since"]),
        datetime.fromisoformat(until) if until else None,
    )
