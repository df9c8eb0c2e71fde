"""Facts the rules ask about, stated by people and files: what is stated becomes rows and events.

Who is stated something of is locked first, as dispatch locks whom it is about to judge: a notice
is judged on what stood before, or on what stands after, never on a part of it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from outreach.db import debtors, events
from outreach.db.pool import Connection
from outreach.domain.events import Event, EventKind, debtor_stream
from outreach.domain.frozen import frozen
from outreach.ledger.envelope import Entry, prepare
from outreach.life.standings import Person, read_person


class Took(StrEnum):
    """What came of one statement."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"  # it stood so already


@frozen
class Account:
    """An account, whose it is, who works it, and everybody with a part in it."""

    id: UUID
    creditor_id: str
    debtor_id: UUID
    agency_id: str | None
    parties: tuple[UUID, ...]


class Book:
    """Persons and accounts that something is stated of, and the events that tell it."""

    def __init__(
        self,
        people: Mapping[UUID, Person],
        accounts: Mapping[UUID, Account],
        actor: str,
        now: datetime,
    ) -> None:
        self.people = people
        self.accounts = accounts
        self.actor = actor
        self.now = now
        self._entries: list[Entry] = []

    @classmethod
    async def open(
        cls,
        conn: Connection,
        debtor_ids: Sequence[UUID],
        account_ids: Sequence[UUID],
        actor: str,
        now: datetime,
        *,
        lock: bool = True,
    ) -> Self:
        """These persons and everybody with a part in these accounts, locked until the transaction
        ends; not so for a dry run.
        """
        parts: dict[UUID, list[UUID]] = defaultdict(list)
        for row in await debtors.with_part_in(conn, account_ids):
            parts[row["account_id"]].append(row["debtor_id"])
        ids = {*debtor_ids, *(each for of in parts.values() for each in of)}
        if lock:
            await debtors.lock(conn, list(ids))
        people = {row["id"]: read_person(row) for row in await debtors.people(conn, list(ids))}
        accounts = {
            row["id"]: Account(
                row["id"],
                row["creditor_id"],
                row["debtor_id"],
                row["agency_id"],
                tuple(parts[row["id"]]),
            )
            for row in await debtors.accounts_by_id(conn, account_ids)
        }
        return cls(people, accounts, actor, now)

    def tell(
        self,
        kind: EventKind,
        debtor_id: UUID,
        data: dict[str, object],
        account_id: UUID | None = None,
    ) -> None:
        """One line of a person's history; ``data`` holds codes, numbers and days only."""
        event = Event(
            kind=kind,
            at=self.now,
            stream=debtor_stream(debtor_id),
            creditor_id=self.people[debtor_id].creditor_id,
            actor=self.actor,
            debtor_id=debtor_id,
            account_id=account_id,
            data=data,
        )
        self._entries.append(prepare(event))

    async def write(self, conn: Connection) -> None:
        """The events; what they tell of is written beside them, in the caller's transaction."""
        await events.append(conn, self._entries)
