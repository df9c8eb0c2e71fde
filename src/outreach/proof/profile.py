"""Who a debtor is, what they owe and what stands in the way: opened, and masked again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from outreach.db import debtors, responses, standings
from outreach.db.pool import Connection
from outreach.domain.account import DEFAULT_STAGES, Bucket, days_past_due
from outreach.domain.contact import Address, ContactKind, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Locale, Role, Sex
from outreach.domain.errors import NotFound
from outreach.domain.money import Currency, Money
from outreach.ledger.keys import MasterKeys, WrappedKey
from outreach.life.words import open_person, open_point
from outreach.proof.mask import mask_number, mask_point
from outreach.templating.words import masked_name


@dataclass(frozen=True, slots=True)
class AccountLine:
    id: UUID
    product: str
    tail: str
    role: Role
    agency: str | None
    due: date
    dpd: int
    bucket: Bucket
    overdue: Money
    balance: Money
    as_of: datetime


@dataclass(frozen=True, slots=True)
class PointLine:
    """``value`` is None once its key is destroyed."""

    id: UUID
    kind: ContactKind
    value: str | Address | None
    region: str
    origin: Origin
    usage: Usage
    document: str | None
    verified: bool
    opted_out_at: datetime | None
    dead_at: datetime | None
    wrong_person_at: datetime | None


@dataclass(frozen=True, slots=True)
class StandingLine:
    """``account``: the tail of the only account it is of; ``detail`` is what its kind has."""

    id: UUID
    kind: str
    owner: str
    reason: str
    reference: str | None
    evidence: str | None
    account: str | None
    since: datetime
    expires_at: datetime | None
    answer_by: datetime | None
    ended_at: datetime | None
    detail: Mapping[str, Any]

    def stands(self, now: datetime) -> bool:
        return self.ended_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class ResponseLine:
    at: datetime
    channel: str
    kind: str
    promised_on: date | None
    sure: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """``name`` and ``id_number`` are None once the debtor's key is destroyed."""

    id: UUID
    creditor_id: str
    name: str | None
    id_number: str | None
    sex: Sex
    locale: Locale
    zone: str
    jurisdiction: Jurisdiction
    masked: bool
    accounts: Sequence[AccountLine]
    points: Sequence[PointLine]
    standings: Sequence[StandingLine]
    responses: Sequence[ResponseLine]


def mask(profile: Profile) -> Profile:
    """The same with name, ID number and contact points hidden but for what recognises them."""
    return replace(
        profile,
        name=masked_name(profile.name, profile.locale) if profile.name else None,
        id_number=mask_number(profile.id_number) if profile.id_number else None,
        masked=True,
        points=[
            replace(point, value=mask_point(point.value, profile.locale) if point.value else None)
            for point in profile.points
        ],
    )


async def load_profile(
    conn: Connection, masters: MasterKeys, debtor_id: UUID, now: datetime
) -> Profile:
    """Everything opened; raises ``NotFound`` if there is no such debtor."""
    row = await debtors.debtor(conn, debtor_id)
    if row is None:
        raise NotFound("no debtor has this id", "give a debtor's id or an account number")
    person = None
    if row["wrapped"] is not None:
        key = masters.unwrap(WrappedKey(debtor_id, row["wrapped"], row["master_version"]))
        person = open_person(row["sealed"], key, debtor_id)
    today = now.astimezone(ZoneInfo(row["zone"])).date()
    return Profile(
        id=debtor_id,
        creditor_id=row["creditor_id"],
        name=person.name if person else None,
        id_number=person.id_number if person else None,
        sex=person.sex if person else Sex.UNKNOWN,
        locale=Locale(row["locale"]),
        zone=row["zone"],
        jurisdiction=Jurisdiction(row["jurisdiction"]),
        masked=False,
        accounts=[_account(each, today) for each in await debtors.accounts_of(conn, debtor_id)],
        points=[_point(masters, each) for each in await debtors.points_of(conn, debtor_id)],
        standings=[_standing(each) for each in await standings.of_debtor(conn, debtor_id)],
        responses=[
            ResponseLine(
                each["at"], each["channel"], each["kind"], each["promised_on"], each["sure"]
            )
            for each in await responses.of_debtor(conn, debtor_id)
        ],
    )


def _account(row: asyncpg.Record, today: date) -> AccountLine:
    currency = Currency(row["currency"])
    dpd = days_past_due(row["oldest_unpaid_due_date"], today)
    return AccountLine(
        id=row["id"],
        product=row["product"],
        tail=row["number_tail"],
        role=Role(row["role"]),
        agency=row["agency_id"],
        due=row["due_date"],
        dpd=dpd,
        bucket=DEFAULT_STAGES.bucket(dpd),
        overdue=Money(row["overdue"], currency),
        balance=Money(row["balance"], currency),
        as_of=row["balance_as_of"],
    )


def _standing(row: asyncpg.Record) -> StandingLine:
    return StandingLine(
        id=row["id"],
        kind=row["kind"],
        owner=row["owner"],
        reason=row["reason"],
        reference=row["reference"],
        evidence=row["evidence"],
        account=row["number_tail"],
        since=row["since"],
        expires_at=row["expires_at"],
        answer_by=row["answer_by"],
        ended_at=row["ended_at"],
        detail=orjson.loads(row["detail"]),
    )


def _point(masters: MasterKeys, row: asyncpg.Record) -> PointLine:
    value = None
    if row["wrapped"] is not None:
        key = masters.unwrap(WrappedKey(row["id"], row["wrapped"], row["master_version"]))
        value = open_point(row["sealed"], key, row["id"])
    return PointLine(
        id=row["id"],
        kind=ContactKind(row["kind"]),
        value=value,
        region=row["region"],
        origin=Origin(row["origin"]),
        usage=Usage(row["usage"]),
        document=row["document"],
        verified=row["verified"],
        opted_out_at=row["opted_out_at"],
        dead_at=row["dead_at"],
        wrong_person_at=row["wrong_person_at"],
    )
