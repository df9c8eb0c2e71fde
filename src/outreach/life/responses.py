"""Responses: match what a debtor wrote to who they are, understand it, act on it, record it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from outreach.channels.base import Inbound
from outreach.db import debtors, receipts, responses, tasks
from outreach.db.pool import Connection
from outreach.domain.contact import Channel, normalize_email
from outreach.domain.events import EventKind
from outreach.domain.response import ResponseKind, Understood
from outreach.domain.states import FailureClass
from outreach.domain.task import TaskKind
from outreach.ids import new_id
from outreach.ledger.envelope import Entry, prepare
from outreach.life.effects import CARRIER, Effects
from outreach.life.parts import Parts
from outreach.life.telling import notice_event
from outreach.replies.reading import read_reply

ACTOR = "job:responses"
TAIL_LASTS = timedelta(days=30)
"""How old a notice may be whose number's last digits a reply names: they come again."""
UNMATCHED = "unmatched"
"""Of a reply whose writer nobody knows, or who may be one of several people at one number."""

_READ_BY_A_PERSON = frozenset(
    {
        ResponseKind.WRONG_PERSON,
        ResponseKind.DISPUTED,
        ResponseKind.HARDSHIP,
        ResponseKind.COMPLAINED,
        ResponseKind.WANTS_PERSON,
        ResponseKind.ASKS_GENUINE,
        ResponseKind.ABUSE,
    }
)
"""What wants an answer or an eye, however sure we are of it."""


async def take(
    conn: Connection, parts: Parts, carrier: str, inbound: Inbound, callback_id: UUID
) -> None:
    """Apply one inbound message. An automatic reply is nobody's word and changes nothing."""
    if inbound.automatic:
        return
    channel = parts.carriers[carrier].channel
    now = parts.clock.now()
    value_hash = hash_of_sender(parts, channel, inbound)
    point, notice_id = await _match(conn, parts, channel, inbound, value_hash, now)
    if point is None:
        await _unmatched(conn, channel, callback_id, now)
        return
    effects = await Effects.open(
        conn, parts, point["debtor_id"], point, notice_id, channel, ACTOR, now
    )
    # our mail may have been passed on: then it is another who answers
    await record(effects, inbound, callback_id, sure=point["value_hash"] == value_hash)
    await effects.write()


async def _unmatched(conn: Connection, channel: Channel, callback_id: UUID, now: datetime) -> None:
    reply_id = new_id()
    row = (new_id(), None, None, None, callback_id, channel, UNMATCHED, None, False, now, reply_id)
    await responses.insert(conn, [(*row, None, None, None, ACTOR)])
    await tasks.add(conn, new_id(), TaskKind.REPLY, reply_id, None, None, None, now)


async def record(
    effects: Effects, inbound: Inbound, callback_id: UUID, *, sure: bool = True
) -> UUID:
    """Read a message of a known writer and act on it; the reply's id, its event's.

    ``sure``: it is certainly of whoever was written to.
    """
    found = read_reply(inbound.text, effects.day(inbound.at))
    if not sure:
        found = tuple(replace(each, sure=False) for each in found)
    if inbound.carrier_opt_out:
        found = (*(each for each in found if each.kind not in _REFUSED_INSTEAD), _REFUSED)
    return await act(effects, inbound.text, found, callback_id, ACTOR, {})


async def act(
    effects: Effects,
    text: str,
    found: Sequence[Understood],
    callback_id: UUID | None,
    said_by: str,
    more: dict[str, object],
) -> UUID:
    """Tell a reply, do what it asks for, and have a person read what we are not sure of or what
    wants an answer; the reply's id.
    """
    said = effects.tell(
        EventKind.REPLIED,
        {"understood": [str(u.kind) for u in found], "sure": all(u.sure for u in found), **more},
        {"text": text, "because": [each.words for each in found]},
    )
    for each in found:
        await effects.take(said.id, callback_id, each, CARRIER if each is _REFUSED else said_by)
    if any(not each.sure or each.kind in _READ_BY_A_PERSON for each in found):
        await effects.open_task(TaskKind.REPLY, said.id)
    return said.id


_REFUSED = Understood(ResponseKind.OPTED_OUT, "")
_REFUSED_INSTEAD = (ResponseKind.OPTED_OUT, ResponseKind.EMPTY)


async def _match(
    conn: Connection,
    parts: Parts,
    channel: Channel,
    inbound: Inbound,
    value_hash: bytes | None,
    now: datetime,
) -> tuple[asyncpg.Record | None, UUID | None]:
    """Whose word it is: by our token if it came back, by the number that was written to together
    with the one it is from, else by the number or mailbox it is from.
    """
    for token in (inbound.token, *inbound.in_reply_to):
        place = parts.tokens.read(token) if token else None
        if place:
            for notice in await receipts.lock(conn, [place[0]]):
                return await debtors.point(conn, notice["contact_point_id"]), notice["id"]
    if value_hash is None:
        return None, None
    if inbound.tail and (
        sent := await responses.notice_of_tail(conn, value_hash, inbound.tail, now - TAIL_LASTS)
    ):
        return await debtors.point(conn, sent["contact_point_id"]), sent["id"]
    points = await debtors.points_with_value(conn, value_hash)
    if len({point["debtor_id"] for point in points}) != 1:
        return None, None
    point = points[0]
    return point, await responses.latest_notice(conn, point["debtor_id"], channel, now)


def hash_of_sender(parts: Parts, channel: Channel, inbound: Inbound) -> bytes | None:
    """The number or mailbox it is from, as contact points are found by; None if it is none."""
    if channel is not Channel.EMAIL:
        return parts.lookup.hash("phone", inbound.sender)
    try:
        return parts.lookup.hash("email", normalize_email(inbound.sender))
    except ValueError:
        return None


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
