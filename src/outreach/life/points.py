"""Contact points described: whose place it is, where it came from, by what that shows (P-08, P-09).

The address itself is untouched: only what is said of it.
"""

from uuid import UUID

import asyncpg

from outreach.db import debtors
from outreach.db.pool import Connection
from outreach.domain.contact import ContactKind, Origin, Usage
from outreach.domain.events import EventKind
from outreach.domain.frozen import frozen
from outreach.domain.refusal import Refusal
from outreach.life.facts import Book, Took


@frozen
class Described:
    """``document`` shows the origin, or the agreement to be served there: its number or digest."""

    usage: Usage
    origin: Origin
    document: str | None
    verified: bool


@frozen
class Said:
    """What somebody says of a point; None: nothing new."""

    usage: Usage | None = None
    origin: Origin | None = None
    document: str | None = None
    verified: bool | None = None


class Points:
    """The points of everybody in an open book, and what is changed of them until ``write``."""

    def __init__(self, book: Book, rows: list[asyncpg.Record]) -> None:
        self._book = book
        self._rows = {row["id"]: row for row in rows}
        self._known = {row["id"]: _read(row) for row in rows}
        self._changed: dict[UUID, Described] = {}

    @classmethod
    async def open(cls, conn: Connection, book: Book) -> "Points":
        return cls(book, await debtors.points_of_all(conn, list(book.people)))

    def find(self, debtor_id: UUID, kind: ContactKind, value: bytes | None) -> UUID | Refusal:
        """The person's point of this value's hash; without one, the only point of its kind."""
        found = [
            point_id
            for point_id, row in self._rows.items()
            if row["debtor_id"] == debtor_id
            and row["kind"] == kind
            and value in (None, row["value_hash"])
        ]
        if not found:
            return Refusal("contact", f"this person has no such {kind}", "import it first")
        if len(found) > 1:
            return Refusal("value", f"this person has {len(found)} of them: which?", "give it")
        point_id: UUID = found[0]
        return point_id

    def take(self, point_id: UUID, said: Said) -> Took | Refusal:
        """Change what is known of a point, and tell it in its owner's history."""
        row, before = self._rows[point_id], self._known[point_id]
        after = Described(
            usage=said.usage or before.usage,
            origin=said.origin or before.origin,
            document=said.document or before.document,
            verified=before.verified if said.verified is None else said.verified,
        )
        if found := _refusal(after):
            return found
        if before == after:
            return Took.UNCHANGED
        self._known[point_id] = self._changed[point_id] = after
        data: dict[str, object] = {
            "change": "origin",
            "point": str(point_id),
            "contact": row["kind"],
            "usage": str(after.usage),
            "origin": str(after.origin),
            "verified": after.verified,
            **({"document": after.document} if after.document else {}),
        }
        for name, was, now in (
            ("was", before.origin, after.origin),
            ("was_usage", before.usage, after.usage),
            ("was_document", before.document, after.document),
            ("was_verified", before.verified, after.verified),
        ):
            if was != now:
                data[name] = was if was is None or isinstance(was, bool) else str(was)
        self._book.tell(EventKind.CONTACT_CHANGED, row["debtor_id"], data)
        return Took.CHANGED

    async def write(self, conn: Connection) -> None:
        """Rows and events, all or nothing, in the caller's transaction."""
        rows = [
            (point_id, each.usage, each.origin, each.document, each.verified)
            for point_id, each in self._changed.items()
        ]
        if rows:
            await debtors.describe_points(conn, rows)
        await self._book.write(conn)


def _read(row: asyncpg.Record) -> Described:
    return Described(
        Usage(row["usage"]), Origin(row["origin"]), row["document"], bool(row["verified"])
    )


def _refusal(after: Described) -> Refusal | None:
    if after.document:
        return None
    if after.origin is not Origin.UNKNOWN:
        return Refusal(
            "document", f"empty: what shows that it is of {after.origin}?", "give the form's number"
        )
    if after.usage is Usage.SERVICE:
        return Refusal(
            "document", "empty: where was service there agreed?", "give the contract's number"
        )
    return None
