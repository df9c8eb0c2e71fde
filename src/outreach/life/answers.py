"""Answers given on the page where a message's code is checked: a debtor's word without a message.

Whoever has the code has the message it stood in, as whoever replies to one has it.
"""

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

import asyncpg

from outreach.db import debtors, notices, responses
from outreach.db.pool import Connection
from outreach.domain.contact import Channel
from outreach.domain.response import ResponseKind, Understood
from outreach.domain.states import COUNTS_AS_CONTACT, State
from outreach.life.effects import Effects
from outreach.life.parts import Parts
from outreach.life.responses import act
from outreach.replies.reading import read_reply

ACTOR = "job:page"
LONGEST = 1000
"""Characters of what somebody may write."""
SAME = timedelta(minutes=10)
"""The same answer within this time is a second click."""


class Choice(StrEnum):
    """What the page offers to say."""

    DISPUTE = "dispute"  # 对金额或账户有异议
    PLAN = "plan"  # 申请协商还款
    STOP = "stop"  # 不再向此号码或邮箱发送
    STRANGER = "stranger"  # 我不是收件人
    HOURS = "hours"  # 方便联系的时间
    OTHER = "other"


_MEANS = {
    Choice.DISPUTE: Understood(ResponseKind.DISPUTED, ""),
    Choice.PLAN: Understood(ResponseKind.HARDSHIP, ""),
    Choice.STOP: Understood(ResponseKind.OPTED_OUT, ""),
    Choice.STRANGER: Understood(ResponseKind.WRONG_PERSON, ""),
    # a person agrees upon hours: outside the usual ones they let messages go
    Choice.HOURS: Understood(ResponseKind.OTHER, "", sure=False),
}


async def is_ours(conn: Connection, parts: Parts, code: str) -> bool:
    """Whether a message with this code went out, or may have: all that anybody is told of it."""
    return await _notice(conn, parts, code) is not None


async def _notice(conn: Connection, parts: Parts, code: str) -> asyncpg.Record | None:
    number = parts.codes.read(code)
    row = await notices.by_number(conn, number) if number is not None else None
    went = row is not None and (State(row["state"]) in COUNTS_AS_CONTACT or row["attempt"] > 0)
    return row if went else None


async def answer(parts: Parts, code: str, choice: Choice, text: str) -> bool:
    """Take an answer to the message of this code; False if no message has it."""
    text, now = text.strip()[:LONGEST], parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        notice = await _notice(conn, parts, code)
        if notice is None:
            return False
        point = await debtors.point(conn, notice["contact_point_id"])
        effects = await Effects.open(
            conn,
            parts,
            notice["debtor_id"],
            point,
            notice["id"],
            Channel(notice["channel"]),
            ACTOR,
            now,
        )
        found = _read(choice, text, effects)
        kinds = [each.kind for each in found]
        whose = notice["debtor_id"], notice["id"]
        if await responses.said_since(conn, *whose, ACTOR, kinds, now - SAME):
            return True
        await act(effects, f"[{choice}] {text}".strip(), found, None, ACTOR, {"via": "page"})
        await effects.write()
        return True


def _read(choice: Choice, text: str, effects: Effects) -> tuple[Understood, ...]:
    """What was chosen, and what the words say beside it."""
    read = read_reply(text, effects.day(None)) if text else ()
    said = [each for each in read if each.kind not in (ResponseKind.OTHER, ResponseKind.EMPTY)]
    chosen = _MEANS.get(choice)
    if chosen is None:
        return tuple(said) or read or (Understood(ResponseKind.EMPTY, ""),)
    if chosen.kind is ResponseKind.OTHER:
        return tuple(replace(each, sure=False) for each in said if each.sure) or (chosen,)
    return (chosen, *(each for each in said if each.kind is not chosen.kind))
