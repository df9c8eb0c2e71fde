"""Notices as receipts change them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.states import Delivery, FailureClass


async def lock(conn: Connection, notice_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """The notices, locked in id order."""
    return await conn.fetch(
        """select id, creditor_id, debtor_id, contact_point_id, channel, purpose, state, delivery,
               attempt, code
           from notices where id = any($1::uuid[]) order by id for no key update""",
        notice_ids,
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
