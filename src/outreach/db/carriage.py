"""What carriers said of each message and part: the ground a notice's delivery is merged from."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.frozen import frozen
from outreach.domain.states import RANK, Delivery, FailureClass


@frozen
class CarriageRow:
    carrier: str
    message_id: str
    notice_id: UUID
    attempt: int
    part: int
    delivery: Delivery
    failure: FailureClass | None = None
    code: str | None = None


# The rank of the domain's table, spelled for SQL, so that a lower word never overwrites a higher.
_RANK = "case {0} " + " ".join(f"when '{d}' then {r}" for d, r in RANK.items()) + " end"


async def merge(conn: Connection, rows: Sequence[CarriageRow]) -> None:
    """Add parts, or raise the delivery of known ones; order and repetition do not matter."""
    if not rows:
        return
    unique = {(r.carrier, r.message_id): r for r in sorted(rows, key=lambda r: RANK[r.delivery])}
    kept = list(unique.values())
    await conn.execute(
        f"""insert into carriage (carrier, message_id, notice_id, attempt, part, delivery, failure,
                code)
            select * from unnest($1::text[], $2::text[], $3::uuid[], $4::smallint[],
                $5::smallint[], $6::text[], $7::text[], $8::text[])
            on conflict (carrier, message_id) do update set delivery = excluded.delivery,
                failure = excluded.failure, code = excluded.code
            where {_RANK.format("excluded.delivery")} > {_RANK.format("carriage.delivery")}""",
        [r.carrier for r in kept],
        [r.message_id for r in kept],
        [r.notice_id for r in kept],
        [r.attempt for r in kept],
        [r.part for r in kept],
        [r.delivery for r in kept],
        [r.failure for r in kept],
        [r.code for r in kept],
    )


async def find(
    conn: Connection, carrier: str, message_ids: Sequence[str]
) -> dict[str, tuple[UUID, int]]:
    """Notice and attempt of each message id this carrier gave us."""
    rows = await conn.fetch(
        """select message_id, notice_id, attempt from carriage
           where carrier = $1 and message_id = any($2::text[])""",
        carrier,
        message_ids,
    )
    return {row["message_id"]: (row["notice_id"], row["attempt"]) for row in rows}


async def parts(conn: Connection, notice_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        """select notice_id, attempt, part, delivery, failure, code, carrier, message_id
           from carriage where notice_id = any($1::uuid[]) order by attempt, part, message_id""",
        notice_ids,
    )
