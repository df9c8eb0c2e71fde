"""Notices as receipts change them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.states import Delivery, FailureClass


async def lock(conn: Connection, notice_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """The notices, locked in id order, with the wrapped keys of their contact points."""
    return await conn.fetch(
        """select n.id, n.creditor_id, n.debtor_id, n.contact_point_id, n.channel, n.purpose,
               n.state, n.delivery, n.attempt, n.code, k.wrapped as point_wrapped,
               k.master_version as point_master
           from notices n left join sealing_keys k on k.id = n.contact_point_id
           where n.id = any($1::uuid[]) order by n.id for no key update of n""",
        notice_ids,
    )


async def lock_if_free(conn: Connection, notice_id: UUID) -> bool:
    """Lock one notice; False while somebody else has it."""
    return bool(
        await conn.fetchval(
            "select true from notices where id = $1 for no key update skip locked", notice_id
        )
    )


async def set_delivery(
    conn: Connection,
    notice_id: UUID,
    delivery: Delivery,
    failure: FailureClass | None,
    code: str | None,
    conflict: bool,
) -> None:
    """The carriers' word; ``conflict`` marks a delivery that came after a final failure."""
    await conn.execute(
        """update notices set delivery = $2, failure = $3, code = $4, conflict = conflict or $5
           where id = $1""",
        notice_id,
        delivery,
        failure,
        code,
        conflict,
    )


async def first_time(conn: Connection, notice_id: UUID, kind: str) -> bool:
    """Whether the history does not yet have an event of this kind for this notice."""
    new: bool = await conn.fetchval(
        "select not exists (select from contact_events where notice_id = $1 and kind = $2)",
        notice_id,
        kind,
    )
    return new
