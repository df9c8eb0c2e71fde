"""Find the debtor somebody asks for, and note in the reader's own stream that they looked."""

from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.db import debtors, events
from outreach.db.pool import Connection
from outreach.domain.account import clean_number
from outreach.domain.errors import Conflict, NotFound
from outreach.domain.events import Event, EventKind, user_stream
from outreach.ledger.envelope import prepare
from outreach.ledger.lookup import LookupKey


async def find_debtor(conn: Connection, lookup: LookupKey, name: str) -> UUID:
    """A debtor by their id, or by the number or id of an account they are the borrower of.

    Raises ``NotFound``, or ``Conflict`` where several creditors know the number.
    """
    return (await find_whom(conn, lookup, name))[0]


async def find_whom(conn: Connection, lookup: LookupKey, name: str) -> tuple[UUID, UUID | None]:
    """The same, and the account if it was named by one."""
    asked = _as_id(name)
    if asked and await debtors.exists(conn, asked):
        return asked, None
    found = await _accounts(conn, lookup, name)
    if not found:
        raise NotFound(
            "no debtor has this id and no account this number or id",
            "check it, or import the portfolio",
        )
    if len({row["debtor_id"] for row in found}) > 1:
        raise Conflict(
            "several creditors have an account of this number", "give the debtor's id instead"
        )
    return found[0]["debtor_id"], found[0]["id"]


async def find_account(conn: Connection, lookup: LookupKey, name: str) -> UUID:
    """An account by its number or id; raises ``NotFound`` or ``Conflict``, as above."""
    found = await _accounts(conn, lookup, name)
    if not found:
        raise NotFound("no account has this number or id", "check it, or import the portfolio")
    if len(found) > 1:
        raise Conflict(
            "several creditors have an account of this number", "give the account's id instead"
        )
    account_id: UUID = found[0]["id"]
    return account_id


async def _accounts(conn: Connection, lookup: LookupKey, name: str) -> list[asyncpg.Record]:
    """Those of this number, else the one of this id."""
    found = await debtors.find_account(conn, lookup.hash("account", clean_number(name)))
    if found or not (asked := _as_id(name)):
        return found
    account = await debtors.account(conn, asked)
    return [account] if account else []


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


async def note_reading(
    conn: Connection,
    kind: EventKind,
    actor: str,
    creditor_id: str,
    now: datetime,
    data: dict[str, object],
) -> None:
    """``viewed`` or ``exported``, in the stream of ``actor`` (``user:<name>``).

    The debtor is named in ``data`` only: a bundle of a debtor's history shows nobody's readings.
    """
    event = Event(
        kind=kind,
        at=now,
        stream=user_stream(actor.removeprefix("user:")),
        creditor_id=creditor_id,
        actor=actor,
        data=data,
    )
    await events.append(conn, [prepare(event)])
