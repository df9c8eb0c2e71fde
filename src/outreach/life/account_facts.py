"""What is stated of accounts: who works them, what debtors were told, what interrupted the period.

Each takes the accounts of an open ``facts.Book``; ``write`` does so in the caller's transaction.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from uuid import UUID

import asyncpg

from outreach.db import agencies, disclosures
from outreach.db.pool import Connection
from outreach.domain.events import EventKind
from outreach.domain.frozen import frozen
from outreach.domain.notice import Purpose
from outreach.domain.refusal import Refusal
from outreach.domain.register import Interruption
from outreach.ids import new_id
from outreach.life.facts import Account, Book, Took

TOLD_OF = (
    Purpose.OUTSOURCING_NOTICE,
    Purpose.ASSIGNMENT_NOTICE,
    Purpose.CREDIT_REPORT_NOTICE,
)
"""What a debtor must have been told of before others may write, or anything is reported."""


@frozen
class Told:
    """Somebody was told something of an account, otherwise than by a notice of ours.

    ``to`` has a part in the account; None: its borrower. Each of them must be told.
    """

    purpose: Purpose
    on: date
    evidence: str
    agency_id: str | None = None
    to: UUID | None = None


@frozen
class Interrupted:
    kind: Interruption
    on: date
    evidence: str


@frozen
class Placed:
    """Given to an agency; or taken back: from the one named, or from whichever has it."""

    agency_id: str | None
    withdraw: bool = False


def _ahead(book: Book, account: Account, on: date) -> Refusal | None:
    """A day that has not come where the debtor is."""
    if on > book.people[account.debtor_id].day(book.now):
        return Refusal("on", "lies ahead", "state it once it has happened")
    return None


Agencies = Mapping[str, asyncpg.Record]


async def load_agencies(conn: Connection) -> Agencies:
    return {row["id"]: row for row in await agencies.all_agencies(conn)}


def _agency(known: Agencies, account: Account, agency_id: str) -> asyncpg.Record | Refusal:
    """The agency, if it is one of the account's creditor."""
    row = known.get(agency_id)
    if row is None:
        return Refusal("agency", "no such agency is known", "add it first: outreach facts agency")
    if row["creditor_id"] != account.creditor_id:
        return Refusal(
            "agency",
            f"works for {row['creditor_id']}, the account is of another creditor",
            f"name an agency of {account.creditor_id}: outreach facts agencies",
        )
    return row


# ------------------------------------------------------------------------------------ who was told


class Disclosures:
    """What debtors were told."""

    def __init__(self, book: Book, known: Agencies, rows: list[asyncpg.Record]) -> None:
        self._book = book
        self._agencies = known
        self._told = {_told_key(row) for row in rows}
        self._rows: list[tuple[object, ...]] = []

    @classmethod
    async def open(cls, conn: Connection, book: Book) -> "Disclosures":
        rows = await disclosures.told(conn, list(book.accounts))
        return cls(book, await load_agencies(conn), rows)

    def take(self, account_id: UUID, told: Told) -> Took | Refusal:
        book, account = self._book, self._book.accounts[account_id]
        if told.purpose not in TOLD_OF:
            return Refusal("purpose", "nothing to be told of", f"one of {', '.join(TOLD_OF)}")
        agency_id = told.agency_id
        if told.purpose is Purpose.OUTSOURCING_NOTICE:
            agency_id = agency_id or account.agency_id
            if agency_id is None:
                return Refusal("agency", "empty: of which agency?", "name it")
        if agency_id is not None:
            row = _agency(self._agencies, account, agency_id)
            if isinstance(row, Refusal):
                return row
        if found := _ahead(book, account, told.on):
            return found
        whom = told.to or account.debtor_id
        if whom not in account.parties:
            return Refusal("to", "has no part in this account", "see: outreach debtor show")
        key = (account_id, whom, told.purpose, agency_id, told.on, told.evidence)
        if key in self._told:
            return Took.UNCHANGED
        self._told.add(key)
        self._rows.append((new_id(), *key[:2], *key[2:], book.actor, book.now))
        data: dict[str, object] = {
            "purpose": str(told.purpose),
            "on": told.on.isoformat(),
            "evidence": told.evidence,
            **({"agency": agency_id} if agency_id else {}),
        }
        book.tell(EventKind.INFORMED, whom, data, account_id)
        return Took.CREATED

    async def write(self, conn: Connection) -> None:
        await disclosures.add_told(conn, self._rows)
        await self._book.write(conn)


def _told_key(row: asyncpg.Record) -> tuple[object, ...]:
    return (
        row["account_id"],
        row["debtor_id"],
        Purpose(row["purpose"]),
        row["agency_id"],
        row["told_on"],
        row["evidence"],
    )


# ------------------------------------------------------------------------------- what interrupted


class Interruptions:
    """What made limitation periods begin anew; whether it did is each place's law, asked later."""

    def __init__(self, book: Book, rows: list[asyncpg.Record]) -> None:
        self._book = book
        self._known = {
            (row["account_id"], row["kind"], row["happened_on"], row["evidence"]) for row in rows
        }
        self._rows: list[tuple[object, ...]] = []

    @classmethod
    async def open(cls, conn: Connection, book: Book) -> "Interruptions":
        return cls(book, await disclosures.interruptions(conn, list(book.accounts)))

    def take(self, account_id: UUID, said: Interrupted) -> Took | Refusal:
        book, account = self._book, self._book.accounts[account_id]
        if found := _ahead(book, account, said.on):
            return found
        key = (account_id, said.kind, said.on, said.evidence)
        if key in self._known:
            return Took.UNCHANGED
        self._known.add(key)
        self._rows.append((new_id(), *key, book.actor, book.now))
        data: dict[str, object] = {
            "interruption": str(said.kind),
            "on": said.on.isoformat(),
            "evidence": said.evidence,
        }
        book.tell(EventKind.INTERRUPTED, account.debtor_id, data, account_id)
        return Took.CREATED

    async def write(self, conn: Connection) -> None:
        await disclosures.add_interruptions(conn, self._rows)
        await self._book.write(conn)


# ------------------------------------------------------------------------------------ who works it


class Placements:
    """Accounts given to an agency, or taken back: one agency at a time (HK-10)."""

    def __init__(self, book: Book, known: Agencies) -> None:
        self._book = book
        self._agencies = known
        self._placed: dict[str | None, list[UUID]] = defaultdict(list)

    @classmethod
    async def open(cls, conn: Connection, book: Book) -> "Placements":
        return cls(book, await load_agencies(conn))

    def take(self, account_id: UUID, said: Placed) -> Took | Refusal:
        if said.withdraw:
            return self._withdraw(self._book.accounts[account_id], said.agency_id)
        if said.agency_id is None:
            return Refusal("agency", "empty: with which agency?", "name it")
        return self._place(self._book.accounts[account_id], said.agency_id)

    def _place(self, account: Account, agency_id: str) -> Took | Refusal:
        row = _agency(self._agencies, account, agency_id)
        if isinstance(row, Refusal):
            return row
        if account.agency_id == agency_id:
            return Took.UNCHANGED
        if account.agency_id is not None:
            return Refusal(
                "agency", f"the account is placed with {account.agency_id}", "withdraw it first"
            )
        today = self._book.people[account.debtor_id].day(self._book.now)
        if today < row["since"] or (row["until"] is not None and today > row["until"]):
            return Refusal("agency", "its contract is not in force today", "mend the contract")
        self._move(account, agency_id)
        return Took.CHANGED

    def _withdraw(self, account: Account, agency_id: str | None) -> Took | Refusal:
        if account.agency_id is None:
            return Took.UNCHANGED
        if agency_id not in (None, account.agency_id):
            return Refusal("agency", f"the account is placed with {account.agency_id}", "name that")
        self._move(account, None)
        return Took.CHANGED

    def _move(self, account: Account, agency_id: str | None) -> None:
        self._placed[agency_id].append(account.id)
        data: dict[str, object] = (
            {"change": "placed", "agency": agency_id}
            if agency_id
            else {"change": "withdrawn", "agency": account.agency_id}
        )
        self._book.tell(EventKind.CONTACT_CHANGED, account.debtor_id, data, account.id)

    async def write(self, conn: Connection) -> None:
        for agency_id, account_ids in self._placed.items():
            await agencies.place(conn, account_ids, agency_id, self._book.now)
        await self._book.write(conn)
