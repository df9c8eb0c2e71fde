"""Erasure: what is known of a person, and taking it away for good.

What each column of personal data becomes is told in docs/erasure.md; a test holds the list against
the schema.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from outreach.clock import random_bytes
from outreach.db.pool import Connection
from outreach.domain.debtor import Standing
from outreach.domain.states import State

OPEN = (
    Standing.DISPUTE,
    Standing.COMPLAINT,
    Standing.PLAN,
    Standing.LAWSUIT,
    Standing.BANKRUPTCY,
    Standing.ARRANGEMENT,
    Standing.REHABILITATION,
    Standing.LIQUIDATION,
    Standing.PRESERVATION,
    Standing.NEGOTIATION,
)
"""Standings that forbid erasing while they stand."""
MOVING = (State.PENDING, State.SENDING, State.UNCERTAIN)


async def whom(conn: Connection, debtor_id: UUID, now: datetime) -> asyncpg.Record | None:
    """``creditor_id, jurisdiction, erased, last_at, owing, moving, standings`` of a debtor."""
    return await conn.fetchrow(
        """select d.creditor_id, d.jurisdiction, k.wrapped is null as erased,
               (select max(at) from contact_events where debtor_id = d.id) as last_at,
               (select count(*) from accounts a join parties y on y.account_id = a.id
                where y.debtor_id = d.id and a.balance > 0) as owing,
               (select count(*) from notices where debtor_id = d.id
                and state = any($3::text[])) as moving,
               (select array_agg(distinct kind) from standings s where s.debtor_id = d.id
                and s.ended_at is null and (s.expires_at is null or s.expires_at > $2)
                and kind = any($4::text[])) as standings
           from debtors d left join sealing_keys k on k.id = d.id where d.id = $1""",
        *(debtor_id, now, list(MOVING), list(OPEN)),
    )


async def point(conn: Connection, point_id: UUID) -> asyncpg.Record | None:
    """A contact point, whose it is, and its wrapped key."""
    return await conn.fetchrow(
        """select p.id, p.debtor_id, p.creditor_id, p.kind, p.wrong_person_at, p.sealed,
               k.wrapped, k.master_version,
               (select count(*) from notices where contact_point_id = p.id
                and state = any($2::text[])) as moving
           from contact_points p left join sealing_keys k on k.id = p.id where p.id = $1""",
        *(point_id, list(MOVING)),
    )


async def points(conn: Connection, debtor_id: UUID) -> list[asyncpg.Record]:
    return await conn.fetch(
        """select p.id, p.sealed, k.wrapped, k.master_version
           from contact_points p left join sealing_keys k on k.id = p.id where p.debtor_id = $1""",
        debtor_id,
    )


async def payloads(conn: Connection, key_ids: Sequence[UUID]) -> list[UUID]:
    """The events whose payloads these keys seal."""
    rows = await conn.fetch(
        "select event_id from event_payloads where key_id = any($1::uuid[])", key_ids
    )
    return [row["event_id"] for row in rows]


async def payloads_of_notice(conn: Connection, notice_id: UUID) -> list[UUID]:
    rows = await conn.fetch(
        """select p.event_id from event_payloads p join contact_events e on e.id = p.event_id
           where e.notice_id = $1""",
        notice_id,
    )
    return [row["event_id"] for row in rows]


async def letters(
    conn: Connection,
    *,
    debtor: UUID | None = None,
    point: UUID | None = None,
    notice: UUID | None = None,
) -> list[asyncpg.Record]:
    """``id, batch_id, carrier`` of letters that were handed to a mail house: of a debtor, to an
    address, or the one of a notice.
    """
    return await conn.fetch(
        """select n.id, n.batch_id, b.carrier from notices n
           join letter_batches b on b.id = n.batch_id
           where n.debtor_id = $1 or n.contact_point_id = $2 or n.id = $3""",
        *(debtor, point, notice),
    )


async def message_ids(conn: Connection, debtor_id: UUID) -> list[str]:
    """What carriers call this person's messages."""
    rows = await conn.fetch(
        """select c.message_id from carriage c join notices n on n.id = c.notice_id
           where n.debtor_id = $1""",
        debtor_id,
    )
    return [row["message_id"] for row in rows]


# ------------------------------------------------------------------------------------ taking away


async def destroy_keys(conn: Connection, ids: Sequence[UUID], now: datetime) -> None:
    await conn.execute(
        "update sealing_keys set wrapped = null, destroyed_at = $2 where id = any($1::uuid[])",
        *(ids, now),
    )


async def drop_payloads(conn: Connection, event_ids: Sequence[UUID]) -> None:
    """With their salts: without one nobody can guess at what a digest was made of."""
    await conn.execute("delete from event_payloads where event_id = any($1::uuid[])", event_ids)


async def blank_stranger(conn: Connection, point_id: UUID) -> None:
    """All but the keyed hash of the value: by it an import knows not to take the number back."""
    await conn.execute(
        "update contact_points set tail_hash = null, sealed = '', document = null where id = $1",
        point_id,
    )


async def blank_points(conn: Connection, ids: Sequence[UUID]) -> None:
    """Their values are found by nobody any more; who shares a value keeps it."""
    for point_id in ids:
        fresh = random_bytes(32)
        await conn.execute("insert into contact_values (hash) values ($1)", fresh)
        old = await conn.fetchval(
            """with old as (select value_hash from contact_points where id = $1),
                   done as (update contact_points set value_hash = $2, tail_hash = null,
                       sealed = '', document = null where id = $1)
               select value_hash from old""",
            *(point_id, fresh),
        )
        await conn.execute(
            """delete from contact_values v where hash = $1
               and not exists (select from contact_points where value_hash = v.hash)""",
            old,
        )


_NOBODY_ELSES = """select m.account_id as id from parties m where m.debtor_id = $1 and not exists (
    select from parties y join sealing_keys k on k.id = y.debtor_id
    where y.account_id = m.account_id and y.debtor_id <> $1 and k.wrapped is not null)"""
"""Their accounts in which nobody has a part who is still known: a guarantor's debt goes on."""


async def blank_debtor(conn: Connection, debtor_id: UUID) -> None:
    """All but the keyed hash of the ID number: by it an import knows not to take them back."""
    await conn.execute(
        """update debtors set name_hash = $2, id_tail_hash = $3, sealed = '' where id = $1""",
        *(debtor_id, random_bytes(32), random_bytes(32)),
    )
    accounts = [row["id"] for row in await conn.fetch(_NOBODY_ELSES, debtor_id)]
    for account_id in accounts:
        await conn.execute(
            "update accounts set number_hash = $2, number_tail = '', sealed = '' where id = $1",
            *(account_id, random_bytes(32)),
        )
    await conn.execute(
        """update payments set reference = id::text, reverses = null
           where account_id = any($1::uuid[])""",
        accounts,
    )
    await conn.execute(
        "update interruptions set evidence = '' where account_id = any($1::uuid[])", accounts
    )
    await conn.execute(
        """update standings set reference = null, evidence = null, reason = '', detail = '{}'
           where debtor_id = $1""",
        debtor_id,
    )
    await conn.execute("update tasks set reason = '' where debtor_id = $1", debtor_id)
    await conn.execute("delete from tags where debtor_id = $1", debtor_id)
    await conn.execute("update disclosures set evidence = '' where debtor_id = $1", debtor_id)


# --------------------------------------------------------------------------------- raw callbacks


async def readable_callbacks(
    conn: Connection, after: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """The next kept callbacks that were applied and can still be opened, with their keys."""
    return await conn.fetch(
        """select r.id, r.key_id, r.sealed, k.wrapped, k.master_version
           from raw_callbacks r join sealing_keys k on k.id = r.key_id
           where k.wrapped is not null and r.sealed <> '' and ($1::uuid is null or r.id > $1)
             and not exists (select from callbacks_due where callback_id = r.id)
           order by r.id limit $2""",
        *(after, limit),
    )


async def blank_callbacks(conn: Connection, ids: Sequence[UUID]) -> None:
    await conn.execute("update raw_callbacks set sealed = '' where id = any($1::uuid[])", ids)


async def old_days(conn: Connection, before: datetime) -> list[UUID]:
    """Keys of raw callbacks that are all applied and all older."""
    rows = await conn.fetch(
        """select r.key_id from raw_callbacks r join sealing_keys k on k.id = r.key_id
           where k.wrapped is not null
           group by r.key_id
           having max(r.received_at) < $1 and not bool_or(exists (
               select from callbacks_due where callback_id = r.id))""",
        before,
    )
    return [row["key_id"] for row in rows]


# ------------------------------------------------------------------------------------- retention


async def settled(
    conn: Connection, jurisdiction: str, before: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """The next debtors, by id, who owe nothing and to whom nothing happened since ``before``."""
    rows = await conn.fetch(
        """select d.id from debtors d join sealing_keys k on k.id = d.id
           where d.jurisdiction = $1 and k.wrapped is not null
             and ($3::uuid is null or d.id > $3) and d.created_at < $2
             and not exists (select from accounts a join parties y on y.account_id = a.id
                 where y.debtor_id = d.id and a.balance > 0)
             and not exists (select from contact_events where debtor_id = d.id and at >= $2)
           order by d.id limit $4""",
        *(jurisdiction, before, after, limit),
    )
    return [row["id"] for row in rows]


async def strangers(
    conn: Connection, before: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """The next contact points that were said to be somebody else's before that, not erased yet."""
    rows = await conn.fetch(
        """select p.id from contact_points p join sealing_keys k on k.id = p.id
           where p.wrong_person_at < $1 and k.wrapped is not null
             and ($2::uuid is null or p.id > $2)
           order by p.id limit $3""",
        *(before, after, limit),
    )
    return [row["id"] for row in rows]
