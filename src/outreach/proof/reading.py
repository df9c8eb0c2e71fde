"""Find the debtor somebody asks for, and note in the reader's own stream that they looked."""

from datetime import datetime
from uuid import UUID

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
    asked = _as_id(name)
    if asked and await debtors.exists(conn, asked):
        return asked
    found = await debtors.find_account(conn, lookup.hash("account", clean_number(name)))
    if not found and asked:
        account = await debtors.account(conn, asked)
        found = [account] if account else []
    if not found:
        raise NotFound(
            "no debtor has this id and no account this number or id",
            "check it, or import the portfolio",
        )
    if len({row["debtor_id"] for row in found}) > 1:
        raise Conflict(
            "several creditors have an account of this number", "give the debtor's id instead"
        )
    debtor_id: UUID = found[0]["debtor_id"]
    return debtor_id


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
