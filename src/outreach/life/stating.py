"""Standings stated by people and files: refused with a reason, or set, changed and ended."""

from collections.abc import Sequence
from uuid import UUID

from outreach.db.pool import Connection
from outreach.domain.debtor import Standing
from outreach.domain.events import EventKind
from outreach.domain.frozen import frozen
from outreach.domain.refusal import Refusal
from outreach.domain.standing import LISTS, Stated, refusal
from outreach.life.facts import Book, Took
from outreach.life.standings import Standings


@frozen
class Ending:
    """What is to end: the one of its kind, or of this number; with ``every`` all of them."""

    kind: Standing
    reason: str
    evidence: str | None = None
    reference: str | None = None
    account_only: bool = False
    every: bool = False


class Statements:
    """Takes statements about the persons and accounts of a book."""

    def __init__(self, book: Book, standings: Standings) -> None:
        self._book = book
        self._standings = standings

    @classmethod
    async def open(cls, conn: Connection, book: Book) -> "Statements":
        return cls(book, await Standings.load(conn, list(book.people), book.now))

    def state(self, debtor_id: UUID, account_id: UUID | None, stated: Stated) -> Took | Refusal:
        """Of this person; if of the account only, of everybody with a part in it."""
        person = self._book.people[debtor_id]
        if found := refusal(stated, person.day(self._book.now), person.place):
            return found
        whom, of = self._whom(debtor_id, account_id, stated.account_only)
        if stated.account_only and of is None:
            return _NO_ACCOUNT
        took = {self._set(each, of, stated) for each in whom}
        return next(each for each in Took if each in took)

    def _set(self, debtor_id: UUID, account_id: UUID | None, stated: Stated) -> Took:
        person = self._book.people[debtor_id]
        kept = self._standings.state(person, stated, account_id, self._book.actor)
        if kept is None:
            return Took.UNCHANGED
        new, data = kept
        self._book.tell(EventKind.STANDING_SET, debtor_id, data, account_id)
        return Took.CREATED if new else Took.CHANGED

    def end(self, debtor_id: UUID, account_id: UUID | None, ending: Ending) -> int | Refusal:
        """How many standings ended: none if none of the kind stands."""
        if not ending.evidence and ending.kind not in LISTS:
            return Refusal("evidence", "empty: what shows that it ended?", "give a document")
        whom, of = self._whom(debtor_id, account_id, ending.account_only)
        if ending.account_only and of is None:
            return _NO_ACCOUNT
        found = [
            (each, fact)
            for each in whom
            for fact in self._standings.ending(each, ending.kind, of, ending.reference)
        ]
        numbers = sorted({fact.reference or "without a number" for _, fact in found})
        if len(numbers) > 1 and not ending.every:
            return Refusal(
                "reference",
                f"{len(numbers)} of this kind stand: {', '.join(numbers)}",
                "give the number of the one that ended, or say that all of them did",
            )
        for each, fact in found:
            data = self._standings.end(each, fact, ending.reason, ending.evidence)
            self._book.tell(EventKind.STANDING_ENDED, each, data, of)
        return len(found)

    def _whom(
        self, debtor_id: UUID, account_id: UUID | None, account_only: bool
    ) -> tuple[Sequence[UUID], UUID | None]:
        if not account_only or account_id is None:
            return [debtor_id], None
        return self._book.accounts[account_id].parties, account_id

    async def write(self, conn: Connection) -> None:
        """Rows and events, all or nothing, in the caller's transaction."""
        await self._standings.write(conn)
        await self._book.write(conn)


_NO_ACCOUNT = Refusal(
    "account_only", "no account is named", "name the account by its number or id, not the person"
)
