"""Effects: what a reply changes of its writer, told in their history, and how it is taken back.

A reply that opts out, or says that its writer is a stranger, marks the contact point it came from;
where we are not sure of it everything is held until a person has read it (``Standing.UNREAD``).
Others set a standing under the reference ``reply``, one of each kind for all replies, apart from
what people set. What is taken back undoes only what no other reply says as well.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from outreach.db import debtors, events, responses, tasks
from outreach.db.pool import Connection
from outreach.domain.contact import Channel
from outreach.domain.debtor import HOME_CURRENCY, Standing
from outreach.domain.events import Event, EventKind, debtor_stream
from outreach.domain.response import ResponseKind, Understood
from outreach.domain.standing import (
    HARDSHIP_DAYS,
    OPEN_PROMISE_DAYS,
    PENDING_PAYMENT_DAYS,
    Body,
)
from outreach.domain.task import TaskKind
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, prepare
from outreach.life.parts import Parts
from outreach.life.standings import Fact, Standings, clock, read_person

REFERENCE = "reply"
CARRIER = "carrier"
"""Who said what only a carrier's own list of refusals says: no person takes it back."""
PENDING_PAYMENT = timedelta(days=PENDING_PAYMENT_DAYS)
OPEN_PROMISE = timedelta(days=OPEN_PROMISE_DAYS)
HARDSHIP = timedelta(days=HARDSHIP_DAYS)
BELIEVED = timedelta(days=7)
"""How old a message may say it is."""

_EVENTS = {
    ResponseKind.OPTED_OUT: EventKind.OPTED_OUT,
    ResponseKind.WRONG_PERSON: EventKind.WRONG_PERSON,
    ResponseKind.CLAIMED_PAID: EventKind.CLAIMED_PAID,
    ResponseKind.PROMISED: EventKind.PROMISED,
    ResponseKind.DISPUTED: EventKind.DISPUTED,
    ResponseKind.HARDSHIP: EventKind.HARDSHIP,
    ResponseKind.COMPLAINED: EventKind.COMPLAINED,
}

_MARKS = {ResponseKind.OPTED_OUT: "opted_out_at", ResponseKind.WRONG_PERSON: "wrong_person_at"}

_STANDINGS = {
    ResponseKind.CLAIMED_PAID: Standing.PAYMENT_PENDING,
    ResponseKind.PROMISED: Standing.PROMISE,
    ResponseKind.DISPUTED: Standing.DISPUTE,
    ResponseKind.HARDSHIP: Standing.HARDSHIP,
    ResponseKind.COMPLAINED: Standing.COMPLAINT,
}


def _standing_of(kind: ResponseKind, *, sure: bool) -> Standing | None:
    return Standing.UNREAD if kind in _MARKS and not sure else _STANDINGS.get(kind)


def pause_until(understood: Understood, now: datetime, zone: str) -> datetime | None:
    """How long a response pauses collection; None: until a person ends it, or not at all.

    A promise holds through its day in the debtor's zone, an open one at most 14 days; a payment
    said to be made is waited for 3 days, hardship reported for 30.
    """
    match understood.kind:
        case ResponseKind.PROMISED if understood.promised_on is not None:
            after = understood.promised_on + timedelta(days=1)
            return min(
                datetime.combine(after, time(), ZoneInfo(zone)), now + OPEN_PROMISE + HARDSHIP
            )
        case ResponseKind.PROMISED:
            return now + OPEN_PROMISE
        case ResponseKind.CLAIMED_PAID:
            return now + PENDING_PAYMENT
        case ResponseKind.HARDSHIP:
            return now + HARDSHIP
        case _:
            return None


class Effects:
    """What is made of one reply, until ``write``: in the caller's transaction, all or nothing.

    ``point`` is the number or mailbox it came from; None, if that is none of the debtor's.
    """

    def __init__(
        self,
        conn: Connection,
        parts: Parts,
        debtor: asyncpg.Record,
        point: asyncpg.Record | None,
        notice_id: UUID | None,
        channel: Channel,
        standings: Standings,
        actor: str,
    ) -> None:
        self._conn = conn
        self._person = read_person(debtor)
        self._point = point
        self._notice_id = notice_id
        self._channel = channel
        self._standings = standings
        self._actor = actor
        self._entries: list[Entry] = []
        self._rows: list[responses.Row] = []
        self._key = (
            parts.open_key(debtor, "", debtor["id"])
            if point is None
            else parts.open_key(point, "", point["id"])
        )

    @classmethod
    async def open(
        cls,
        conn: Connection,
        parts: Parts,
        debtor_id: UUID,
        point: asyncpg.Record | None,
        notice_id: UUID | None,
        channel: Channel,
        actor: str,
        now: datetime,
    ) -> "Effects":
        """Lock the debtor, so that no notice is judged on a part of it."""
        await debtors.lock(conn, [debtor_id])
        debtor = await debtors.debtor(conn, debtor_id)
        assert debtor is not None
        standings = await Standings.load(conn, [debtor_id], now)
        return cls(conn, parts, debtor, point, notice_id, channel, standings, actor)

    def tell(
        self,
        kind: EventKind,
        data: dict[str, object],
        payload: dict[str, object] | None = None,
    ) -> Entry:
        """An event of the debtor's history; ``payload`` is sealed under the point's key."""
        event = Event(
            kind=kind,
            at=self._standings.now,
            stream=debtor_stream(self._person.id),
            creditor_id=self._person.creditor_id,
            actor=self._actor,
            debtor_id=self._person.id,
            notice_id=self._notice_id,
            channel=self._channel,
            data=data,
            payload=payload if self._key else None,
        )
        entry = prepare(event, self._key)
        self._entries.append(entry)
        return entry

    def day(self, written_at: datetime | None) -> date:
        """The writer's day when a message was written; today, where that cannot be believed."""
        now = self._standings.now
        at = written_at if written_at and now - BELIEVED < written_at <= now else now
        return self._person.day(at)

    async def open_task(self, kind: TaskKind, subject: UUID) -> None:
        person, now = self._person, self._standings.now
        await tasks.add(
            self._conn, new_id(), kind, subject, person.creditor_id, person.id, self._notice_id, now
        )

    # ------------------------------------------------------------------------------------ take

    async def take(
        self, reply_id: UUID, callback_id: UUID | None, understood: Understood, said_by: str
    ) -> None:
        """Do what it asks for: mark the point, or let a standing begin."""
        now, kind = self._standings.now, understood.kind
        until = pause_until(understood, now, self._person.zone.key)
        amount = self.minor(understood.amount)
        self._rows.append(
            (
                new_id(),
                self._person.creditor_id,
                self._person.id,
                self._notice_id,
                callback_id,
                self._channel,
                kind,
                understood.promised_on,
                understood.sure,
                now,
                reply_id,
                self._point and self._point["id"],
                amount,
                until,
                said_by,
            )
        )
        if kind in _EVENTS:
            data: dict[str, object] = {"sure": understood.sure}
            if understood.promised_on:
                data["promised_on"] = understood.promised_on.isoformat()
            self.tell(_EVENTS[kind], data, self._sealed(amount))
        if understood.sure:
            await self._mark(kind, now)
        if standing := _standing_of(kind, sure=understood.sure):
            self._stand(standing, until)

    def minor(self, amount: Decimal | None) -> int | None:
        """A sum in the minor units of where the debtor lives."""
        if amount is None:
            return None
        return int(amount.scaleb(HOME_CURRENCY[self._person.place].decimals))

    def _sealed(self, amount: int | None) -> dict[str, object] | None:
        if amount is None:
            return None
        return {"amount": amount, "currency": str(HOME_CURRENCY[self._person.place])}

    async def _mark(self, kind: ResponseKind, at: datetime) -> None:
        field = _MARKS.get(kind)
        if not field or self._point is None:
            return
        if await debtors.mark_point(self._conn, self._point["id"], field, at):
            data: dict[str, object] = {"point": str(self._point["id"]), "mark": field}
            self.tell(EventKind.CONTACT_CHANGED, data)

    def _stand(self, kind: Standing, until: datetime | None) -> None:
        """Set a standing until the answer's pause is over, unless one stands as long already."""
        person = self._person
        if self._standings.covered(person.id, kind, until):
            return
        stands = self._standings.ending(person.id, kind, None, REFERENCE)
        fact = stands[0] if stands else self._new(kind)
        if kept := self._standings.keep(person.id, replace(fact, expires_at=until)):
            self.tell(EventKind.STANDING_SET, kept[1])

    def _new(self, kind: Standing) -> Fact:
        person, now = self._person, self._standings.now
        detail = {"body": str(Body.REPLY)} if kind is Standing.COMPLAINT else {}
        return Fact(
            kind,
            self._actor,
            REFERENCE,
            now,
            None,
            reference=REFERENCE,
            answer_by=clock(person, kind, now, detail),
            detail=detail,
        )

    # ------------------------------------------------------------------------------- take back

    async def withdraw(self, row: asyncpg.Record) -> None:
        """Undo what one row of ``responses`` did, but for what others like it say as well."""
        kind = ResponseKind(row["kind"])
        await responses.withdraw(self._conn, row["id"], self._standings.now)
        await self._unmark(kind, row, await responses.others_like(self._conn, row))
        if standing := _standing_of(kind, sure=row["sure"]):
            await self._release(standing, row, "misread")

    async def settle(self, row: asyncpg.Record) -> None:
        """A person takes a row of ``responses`` as we did: what waited for that is done."""
        kind = ResponseKind(row["kind"])
        if row["sure"]:
            return
        await responses.settle(self._conn, row["id"], self._actor)
        if kind in _MARKS:
            await self._release(Standing.UNREAD, row, "read")
            await self._mark(kind, row["at"])

    async def _unmark(
        self, kind: ResponseKind, row: asyncpg.Record, others: Sequence[asyncpg.Record]
    ) -> None:
        field, point_id = _MARKS.get(kind), row["point_id"]
        if not field or not point_id:
            return
        since = min((each["at"] for each in others if each["point_id"] == point_id), default=None)
        moved = await debtors.move_mark(self._conn, point_id, field, row["at"], since)
        if moved and since is None:
            data: dict[str, object] = {"point": str(point_id), "unmark": field}
            self.tell(EventKind.CONTACT_CHANGED, data)

    async def _release(self, standing: Standing, row: asyncpg.Record, reason: str) -> None:
        """Let go what a row held, but for what others hold as well."""
        if standing is Standing.UNREAD:
            others = await responses.unsure(self._conn, row["debtor_id"], list(_MARKS), row["id"])
        else:
            others = await responses.others_like(self._conn, row)
        for fact in self._standings.ending(self._person.id, standing, None, REFERENCE):
            self._shrink(fact, others, reason)

    def _shrink(self, fact: Fact, others: Sequence[asyncpg.Record], reason: str) -> None:
        """End what replies set, or leave it to stand as long as those that remain ask for."""
        asked = [each["holds_until"] for each in others if each["at"] >= fact.since]
        if not asked:
            data = self._standings.end(self._person.id, fact, reason, None)
            self.tell(EventKind.STANDING_ENDED, data)
            return
        until = None if None in asked else max(asked)
        if until != fact.expires_at:
            kept = self._standings.keep(self._person.id, replace(fact, expires_at=until))
            assert kept is not None
            self.tell(EventKind.STANDING_SET, kept[1])

    async def write(self) -> None:
        """Rows, standings and events."""
        await responses.insert(self._conn, self._rows)
        await self._standings.write(self._conn)
        await events.append(self._conn, self._entries)
