"""Erasing: a person, a stranger's number or a message's words, for good and on record.

Keys are destroyed, payloads and their salts deleted, look-ups overwritten; the chain and the log
stay as they were and still verify. What was erased, why and by whom stands in an ``erased`` event.
Nothing of a debtor goes before its time (``config/policies/retention.toml``); a number that turned
out to be somebody else's goes at once (PIPL articles 8, 46, 47).
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_to_bytes
from uuid import UUID

import asyncpg
import orjson

from outreach.compliance.retention import Retention, Retentions
from outreach.db import debtors, erasure, events
from outreach.db.pool import Connection
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import Conflict, NotFound
from outreach.domain.events import Event, EventKind, debtor_stream, user_stream
from outreach.ledger import places
from outreach.ledger.envelope import prepare
from outreach.ledger.keys import WrappedKey
from outreach.life.parts import Parts
from outreach.life.words import open_point

PAGE = 500


@dataclass(frozen=True, slots=True)
class Erasure:
    """What goes, or went: how many of each; ``obstacles`` are why it may not, in words."""

    debtor_id: UUID
    creditor_id: str
    keys: tuple[UUID, ...]
    payloads: tuple[UUID, ...]
    points: int
    letters: int
    obstacles: tuple[str, ...]
    rule: str  # by which it may go, or may not yet


# ---------------------------------------------------------------------------------- what may go


async def of_debtor(
    conn: Connection, retentions: Retentions, debtor_id: UUID, now: datetime
) -> Erasure:
    """What erasing this debtor would take, and what forbids it; raises ``NotFound``."""
    row = await erasure.whom(conn, debtor_id, now)
    if row is None:
        raise NotFound("no debtor has this id", "give a debtor's id or an account number")
    if row["erased"]:
        raise Conflict("this debtor was erased before")
    rule = retentions.places[Jurisdiction(row["jurisdiction"])]
    point_ids = [each["id"] for each in await erasure.points(conn, debtor_id)]
    keys = (debtor_id, *point_ids)
    return Erasure(
        debtor_id=debtor_id,
        creditor_id=row["creditor_id"],
        keys=keys,
        payloads=tuple(await erasure.payloads(conn, keys)),
        points=len(point_ids),
        letters=len(await erasure.letters(conn, debtor=debtor_id)),
        obstacles=tuple(_obstacles(row, rule, now)),
        rule=rule.id,
    )


def _obstacles(row: asyncpg.Record, rule: Retention, now: datetime) -> list[str]:
    found = []
    if row["owing"]:
        found.append(f"{row['owing']} accounts are not settled")
    if row["moving"]:
        found.append(f"{row['moving']} notices are on their way")
    found += [f"{kind} stands" for kind in row["standings"] or ()]
    if row["last_at"] is not None and (ends := rule.ends(row["last_at"])) > now:
        found.append(
            f"{rule.id} ({rule.source}, {rule.confidence}): {rule.years} years from the last event "
            f"end on {ends:%Y-%m-%d}"
        )
    return found


async def of_point(conn: Connection, point_id: UUID) -> tuple[Erasure, asyncpg.Record]:
    """The same of a contact point: a stranger's may go, the debtor's own goes with the debtor."""
    row = await erasure.point(conn, point_id)
    if row is None:
        raise NotFound("no contact point has this id", "outreach debtor show names them")
    if row["wrapped"] is None:
        raise Conflict("this contact point was erased before")
    found = []
    if row["wrong_person_at"] is None:
        found.append(
            "it is not marked as another person's: say so first, by a reply or outreach facts point"
        )
    if row["moving"]:
        found.append(f"{row['moving']} notices to it are on their way")
    gone = Erasure(
        debtor_id=row["debtor_id"],
        creditor_id=row["creditor_id"],
        keys=(point_id,),
        payloads=tuple(await erasure.payloads(conn, [point_id])),
        points=1,
        letters=len(await erasure.letters(conn, point=point_id)),
        obstacles=tuple(found),
        rule="P-07",
    )
    return gone, row


async def of_notice(
    conn: Connection, retentions: Retentions, notice_id: UUID, debtor_id: UUID, now: datetime
) -> Erasure:
    """The same of one message's words: when its debtor might be erased, too."""
    row = await erasure.whom(conn, debtor_id, now)
    assert row is not None
    rule = retentions.places[Jurisdiction(row["jurisdiction"])]
    return Erasure(
        debtor_id=debtor_id,
        creditor_id=row["creditor_id"],
        keys=(),
        payloads=tuple(await erasure.payloads_of_notice(conn, notice_id)),
        points=0,
        letters=len(await erasure.letters(conn, notice=notice_id)),
        obstacles=tuple(_obstacles(row, rule, now)),
        rule=rule.id,
    )


def require(gone: Erasure) -> None:
    """Raise ``Conflict`` with everything that forbids it."""
    if gone.obstacles:
        raise Conflict("nothing was erased: " + "; ".join(gone.obstacles), "wait, or settle these")


# ------------------------------------------------------------------------------- taking it away


async def erase_debtor(
    parts: Parts, retentions: Retentions, debtor_id: UUID, reason: str, actor: str
) -> Erasure:
    """Erase a debtor; raises ``Conflict`` where anything forbids it, ``NotFound``."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        await debtors.lock(conn, [debtor_id])
        gone = await of_debtor(conn, retentions, debtor_id, now)
        require(gone)
        needles = await _needles(conn, parts, debtor_id)
        letters = await erasure.letters(conn, debtor=debtor_id)
        await erasure.destroy_keys(conn, gone.keys, now)
        await erasure.drop_payloads(conn, gone.payloads)
        await erasure.blank_points(conn, [key for key in gone.keys if key != debtor_id])
        await erasure.blank_debtor(conn, debtor_id)
        await _tell(conn, gone, now, reason, actor)
        await _blank_callbacks(conn, parts, needles)
        await _forget(parts, letters)
    return gone


async def erase_point(parts: Parts, point_id: UUID, reason: str, actor: str) -> Erasure:
    """Erase a contact point that is not the debtor's; raises as above."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        await debtors.lock(conn, [(await of_point(conn, point_id))[0].debtor_id])
        gone, row = await of_point(conn, point_id)
        require(gone)
        key = parts.masters.unwrap(WrappedKey(point_id, row["wrapped"], row["master_version"]))
        value = open_point(row["sealed"], key, point_id)
        await erasure.destroy_keys(conn, gone.keys, now)
        await erasure.drop_payloads(conn, gone.payloads)
        await erasure.blank_stranger(conn, point_id)
        await _tell(conn, gone, now, reason, actor)
        if isinstance(value, str):
            await _blank_callbacks(conn, parts, {_needle(value)})
        await _forget(parts, await erasure.letters(conn, point=point_id))
    return gone


async def erase_notice(
    parts: Parts,
    retentions: Retentions,
    notice_id: UUID,
    debtor_id: UUID,
    reason: str,
    actor: str,
) -> Erasure:
    """Erase the words of one notice and what was answered to it."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        await debtors.lock(conn, [debtor_id])
        gone = await of_notice(conn, retentions, notice_id, debtor_id, now)
        require(gone)
        await erasure.drop_payloads(conn, gone.payloads)
        await _tell(conn, gone, now, reason, actor, notice_id)
        await _forget(parts, await erasure.letters(conn, notice=notice_id))
    return gone


async def _forget(parts: Parts, letters: Sequence[asyncpg.Record]) -> None:
    """Take letters out of our folders, the last thing before all of it is committed."""
    for row in letters:
        house = parts.mail_houses.get(row["carrier"])
        if house is None:
            raise Conflict(
                f"letters were handed to the mail house {row['carrier']}, which is not configured",
                "put it back into config/carriers.toml, so that its copies can be erased",
            )
        await house.forget(row["batch_id"], str(row["id"]))


async def _tell(
    conn: Connection,
    gone: Erasure,
    now: datetime,
    reason: str,
    actor: str,
    notice_id: UUID | None = None,
) -> None:
    event = Event(
        kind=EventKind.ERASED,
        at=now,
        stream=debtor_stream(gone.debtor_id),
        creditor_id=gone.creditor_id,
        actor=actor,
        debtor_id=gone.debtor_id,
        notice_id=notice_id,
        data={
            "keys": [str(key) for key in gone.keys],
            "payloads": [str(event_id) for event_id in gone.payloads],
            "reason": reason,
            "rule": gone.rule,
        },
    )
    await events.append(conn, [prepare(event)])


# --------------------------------------------------------------------------------- raw callbacks


def _needle(value: str) -> bytes:
    """What of a number or mailbox stands in a callback however it is written there."""
    return value.removeprefix("+").encode().lower()


async def _needles(conn: Connection, parts: Parts, debtor_id: UUID) -> set[bytes]:
    """What shows that a callback is of this person: their values and their messages' names."""
    found = {each.encode().lower() for each in await erasure.message_ids(conn, debtor_id)}
    for row in await erasure.points(conn, debtor_id):
        if row["wrapped"] is None:
            continue
        key = parts.masters.unwrap(WrappedKey(row["id"], row["wrapped"], row["master_version"]))
        value = open_point(row["sealed"], key, row["id"])
        if isinstance(value, str):
            found.add(_needle(value))
    return found


async def _blank_callbacks(conn: Connection, parts: Parts, needles: set[bytes]) -> None:
    """Empty what carriers sent of a person and is not past its days yet."""
    after: UUID | None = None
    while rows := await erasure.readable_callbacks(conn, after, PAGE):
        mine = [row["id"] for row in rows if _speaks_of(parts, row, needles)]
        await erasure.blank_callbacks(conn, mine)
        after = rows[-1]["id"]


def _speaks_of(parts: Parts, row: asyncpg.Record, needles: set[bytes]) -> bool:
    key = parts.masters.unwrap(WrappedKey(row["key_id"], row["wrapped"], row["master_version"]))
    fields = orjson.loads(key.open(row["sealed"], places.callback(row["id"])))
    body = base64.b64decode(fields["body"])
    said = body + unquote_to_bytes(body) + orjson.dumps(fields["headers"])  # forms are encoded
    return any(needle in said.lower() for needle in needles)


async def destroy_old_days(parts: Parts, before: datetime, actor: str) -> int:
    """Destroy the keys of raw callbacks older than that, all of which were applied; how many."""
    now = parts.clock.now()
    async with parts.pool.acquire() as conn, conn.transaction():
        days = await erasure.old_days(conn, before)
        if days:
            await erasure.destroy_keys(conn, days, now)
            event = Event(
                kind=EventKind.ERASED,
                at=now,
                stream=user_stream(actor.partition(":")[2]),
                creditor_id="",
                actor=actor,
                data={"keys": [str(day) for day in days], "reason": "raw", "rule": "R-06"},
            )
            await events.append(conn, [prepare(event)])
    return len(days)
