"""What a batch of account rows meets: the persons, accounts and contact points already here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from outreach.db import portfolio as db
from outreach.db.pool import Connection
from outreach.domain.debtor import Role
from outreach.ledger import places
from outreach.ledger.keys import MasterKeys, SealingKey, WrappedKey
from outreach.portfolio.balance import Debt
from outreach.portfolio.identity import Recognised


@dataclass(frozen=True, slots=True)
class Person:
    """What is sealed of a debtor, and the locale beside it."""

    name: str
    sex: str
    id_number: str
    locale: str


@dataclass(slots=True)
class KnownDebtor:
    """``key`` and ``person`` are None once the person was erased.

    ``new``: not in the database yet. ``told_by``: the row of this batch that last spoke of them.
    """

    id: UUID
    creditor_id: str
    key: SealingKey | None
    person: Person | None
    new: bool = False
    told_by: int | None = None


@dataclass(slots=True)
class KnownAccount:
    id: UUID
    debtor_id: UUID
    currency: str
    debt: Debt


@dataclass(slots=True)
class KnownPoint:
    """``documented``: a document shows its origin. ``told``: a row of this batch has named it."""

    id: UUID
    origin: str
    verified: bool
    documented: bool = False
    told: bool = False


@dataclass(slots=True)
class Known:
    """All a batch meets, and what its earlier rows have added."""

    debtors: dict[db.Key, KnownDebtor] = field(default_factory=dict)
    accounts: dict[db.Key, KnownAccount] = field(default_factory=dict)
    points: dict[tuple[UUID, str, bytes], KnownPoint] = field(default_factory=dict)
    roles: dict[tuple[UUID, UUID], str] = field(default_factory=dict)
    paid: dict[UUID, tuple[int, datetime]] = field(default_factory=dict)


async def meet(conn: Connection, masters: MasterKeys, rows: Sequence[Recognised]) -> Known:
    """Read what is known of these rows; lock it first if anything is to be written."""
    known = Known()
    numbers = list({row.account for row in rows})
    for record in await db.debtors(conn, list({row.person for row in rows})):
        key = (record["creditor_id"], record["id_number_hash"])
        known.debtors[key] = _debtor(record, masters)
    for record in await db.accounts(conn, numbers):
        key = (record["creditor_id"], record["number_hash"])
        known.accounts[key] = read_account(record)
    if known.debtors:
        for record in await db.points(conn, [each.id for each in known.debtors.values()]):
            place = (record["debtor_id"], record["kind"], record["value_hash"])
            known.points[place] = KnownPoint(
                record["id"], record["origin"], record["verified"], record["documented"]
            )
    if known.accounts:
        ids = [each.id for each in known.accounts.values()]
        for record in await db.parties(conn, ids):
            known.roles[record["account_id"], record["debtor_id"]] = record["role"]
        known.paid = await db.paid_since(conn, _instants(rows, known.accounts))
    return known


def read_account(record: asyncpg.Record) -> KnownAccount:
    debt = Debt(*(record[name] for name in db.DEBT))
    return KnownAccount(record["id"], record["debtor_id"], record["currency"], debt)


def open_key(record: asyncpg.Record, masters: MasterKeys, key_id: UUID) -> SealingKey | None:
    """The key in ``wrapped``, or None once it is destroyed."""
    if record["wrapped"] is None:
        return None
    return masters.unwrap(WrappedKey(key_id, record["wrapped"], record["master_version"]))


def _debtor(record: asyncpg.Record, masters: MasterKeys) -> KnownDebtor:
    key = open_key(record, masters, record["id"])
    if key is None:
        return KnownDebtor(record["id"], record["creditor_id"], None, None)
    fields = orjson.loads(key.open(record["sealed"], places.debtor(record["id"])))
    person = Person(**fields, locale=record["locale"])
    return KnownDebtor(record["id"], record["creditor_id"], key, person)


def _instants(
    rows: Sequence[Recognised], accounts: Mapping[db.Key, KnownAccount]
) -> list[tuple[UUID, datetime]]:
    """The accounts here that the file brings a balance for, with that balance's instant."""
    return [
        (accounts[each.account].id, each.row.debt.balance_as_of)
        for each in rows
        if each.row.role is Role.PRIMARY and each.row.debt and each.account in accounts
    ]
