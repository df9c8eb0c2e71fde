"""Responses: match what a debtor wrote to who they are, understand it, act on it, record it."""

from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from outreach.channels.base import Inbound
from outreach.db import debtors, events, receipts, responses
from outreach.db.pool import Connection
from outreach.domain.contact import Channel, normalize_email
from outreach.domain.debtor import Standing
from outreach.domain.events import Event, EventKind, debtor_stream
from outreach.domain.reply import ResponseKind, Understood, read_reply
from outreach.domain.standing import (
    HARDSHIP_DAYS,
    OPEN_PROMISE_DAYS,
    PENDING_PAYMENT_DAYS,
    Body,
)
from outreach.domain.states import FailureClass
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, prepare
from outreach.life.parts import Parts
from outreach.life.standings import Fact, Standings, clock, read_person
from outreach.life.telling import notice_event
from outreach.life.words import local_day

ACTOR = "job:responses"
PENDING_PAYMENT = timedelta(days=PENDING_PAYMENT_DAYS)
OPEN_PROMISE = timedelta(days=OPEN_PROMISE_DAYS)
HARDSHIP = timedelta(days=HARDSHIP_DAYS)
TAIL_LASTS = timedelta(days=30)
"""How old a notice may be whose number's last digits a reply names: they come again."""

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


def pause_until(understood: Understood, now: datetime, zone: str) -> datetime | None:
    """How long a response pauses collection; None: until a person ends it.

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


async def take(
    conn: Connection, parts: Parts, carrier: str, inbound: Inbound, callback_id: UUID
) -> None:
    """Apply one inbound message. An automatic reply is nobody's word and changes nothing."""
    if inbound.automatic:
        return
    channel = _channel(parts, carrier)
    now = parts.clock.now()
    point, notice_id = await _match(conn, parts, channel, inbound, now)
    if point is None:
        # nobody, or several people at one number: a person must say whose word this is
        await responses.insert(
            conn, new_id(), None, None, None, callback_id, channel, "unmatched", None, False, now
        )
        return
    debtor = await debtors.debtor(conn, point["debtor_id"])
    assert debtor is not None
    found = read_reply(inbound.text, local_day(now, debtor["zone"]))
    if inbound.carrier_opt_out and all(u.kind is not ResponseKind.OPTED_OUT for u in found):
        found = (*found, Understood(ResponseKind.OPTED_OUT, "", None, True))
    found = found or (Understood(ResponseKind.OTHER, "", None, False),)
    await debtors.lock(conn, [debtor["id"]])
    teller = _Teller(parts, point, debtor, notice_id, channel, now)
    entries = [teller.replied(inbound, found)]
    for understood in found:
        await responses.insert(
            conn,
            new_id(),
            debtor["creditor_id"],
            debtor["id"],
            notice_id,
            callback_id,
            channel,
            understood.kind,
            understood.promised_on,
            understood.sure,
            now,
        )
        entries += await _act(conn, teller, understood)
    await events.append(conn, entries)


def _channel(parts: Parts, carrier: str) -> Channel:
    return parts.carriers[carrier].channel


async def _match(
    conn: Connection, parts: Parts, channel: Channel, inbound: Inbound, now: datetime
) -> tuple[asyncpg.Record | None, UUID | None]:
    """Whose word it is: by our token if it came back, by the number that was written to together
    with the one it is from, else by the number or mailbox it is from.
    """
    for token in (inbound.token, *inbound.in_reply_to):
        place = parts.tokens.read(token) if token else None
        if place:
            for notice in await receipts.lock(conn, [place[0]]):
                return await debtors.point(conn, notice["contact_point_id"]), notice["id"]
    kind, value = "phone", inbound.sender
    if channel is Channel.EMAIL:
        try:
            kind, value = "email", normalize_email(inbound.sender)
        except ValueError:
            return None, None
    value_hash = parts.lookup.hash(kind, value)
    if inbound.tail and (
        sent := await responses.notice_of_tail(conn, value_hash, inbound.tail, now - TAIL_LASTS)
    ):
        return await debtors.point(conn, sent["contact_point_id"]), sent["id"]
    points = await debtors.points_with_value(conn, value_hash)
    if len({point["debtor_id"] for point in points}) != 1:
        return None, None
    point = points[0]
    return point, await responses.latest_notice(conn, point["debtor_id"], channel, now)


class _Teller:
    """Makes the events of one inbound message."""

    def __init__(
        self,
        parts: Parts,
        point: asyncpg.Record,
        debtor: asyncpg.Record,
        notice_id: UUID | None,
        channel: Channel,
        now: datetime,
    ) -> None:
        self.point = point
        self.debtor = debtor
        self.now = now
        self._notice_id = notice_id
        self._channel = channel
        self._key = parts.open_key(point, "", point["id"])

    def event(
        self,
        kind: EventKind,
        data: dict[str, object],
        payload: dict[str, object] | None = None,
    ) -> Entry:
        event = Event(
            kind=kind,
            at=self.now,
            stream=debtor_stream(self.debtor["id"]),
            creditor_id=self.debtor["creditor_id"],
            actor=ACTOR,
            debtor_id=self.debtor["id"],
            notice_id=self._notice_id,
            channel=self._channel,
            data=data,
            payload=payload if self._key else None,
        )
        return prepare(event, self._key)

    def replied(self, inbound: Inbound, found: tuple[Understood, ...]) -> Entry:
        """Their words, sealed under the point's key, and what we took them to mean."""
        data: dict[str, object] = {
            "understood": [str(u.kind) for u in found],
            "sure": all(u.sure for u in found),
        }
        payload: dict[str, object] = {"text": inbound.text, "because": [u.words for u in found]}
        return self.event(EventKind.REPLIED, data, payload)


async def _act(conn: Connection, teller: _Teller, understood: Understood) -> list[Entry]:
    """What a response changes: the point, or the debtor's standing."""
    kind, entries = understood.kind, []
    if kind in _EVENTS:
        data: dict[str, object] = {"sure": understood.sure}
        if understood.promised_on:
            data["promised_on"] = understood.promised_on.isoformat()
        entries.append(teller.event(_EVENTS[kind], data))
    mark = _MARKS.get(kind)
    if mark and await debtors.mark_point(conn, teller.point["id"], mark, teller.now):
        data = {"point": str(teller.point["id"]), "mark": mark}
        entries.append(teller.event(EventKind.CONTACT_CHANGED, data))
    standing = _STANDINGS.get(kind)
    if standing:
        entries += await _stand(conn, teller, standing, understood)
    return entries


async def _stand(
    conn: Connection, teller: _Teller, kind: Standing, understood: Understood
) -> list[Entry]:
    """Set a standing until the answer's pause is over, unless one stands as long already."""
    now, person = teller.now, read_person(teller.debtor)
    until = pause_until(understood, now, teller.debtor["zone"])
    standings = await Standings.load(conn, [person.id], now)
    if standings.covered(person.id, kind, until):
        return []
    detail = {"body": str(Body.REPLY)} if kind is Standing.COMPLAINT else {}
    by = clock(person, kind, now, detail)
    fact = Fact(kind, ACTOR, "reply", now, until, answer_by=by, detail=detail)
    kept = standings.keep(person.id, fact)
    await standings.write(conn)
    return [teller.event(EventKind.STANDING_SET, kept[1])] if kept else []


_FAILED = {FailureClass.HARD: "dead_at", FailureClass.OPTED_OUT: "opted_out_at"}


async def point_failed(
    conn: Connection, row: asyncpg.Record, failure: FailureClass, now: datetime
) -> list[Entry]:
    """A carrier says the address is dead or has refused us: only these two speak of the address."""
    mark = _FAILED.get(failure)
    if not mark or not await debtors.mark_point(conn, row["contact_point_id"], mark, now):
        return []
    data: dict[str, object] = {"point": str(row["contact_point_id"]), "mark": mark}
    return [prepare(notice_event(row, EventKind.CONTACT_CHANGED, now, data, actor=ACTOR))]
