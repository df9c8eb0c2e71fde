"""What carriers said of each message and part: the ground a notice's delivery is merged from."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.events import EventKind
from outreach.domain.states import RANK, Delivery, FailureClass, State


class CarriageRow(NamedTuple):
    """A ``carriage_row``."""

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


MERGE = f"""
insert into carriage (carrier, message_id, notice_id, attempt, part, delivery, failure, code)
select * from unnest($1::carriage_row[])
on conflict (carrier, message_id) do update set delivery = excluded.delivery,
    failure = excluded.failure, code = excluded.code
where {_RANK.format("excluded.delivery")} > {_RANK.format("carriage.delivery")}
"""
"""Merges ``$1``, what ``highest`` made of some rows; for other statements to hold, too."""


def highest(rows: Iterable[CarriageRow]) -> list[CarriageRow]:
    """Of several rows about one message the one that ranks highest: a statement takes but one."""
    ranked = sorted(rows, key=lambda row: RANK[row.delivery])
    return list({(row.carrier, row.message_id): row for row in ranked}.values())


async def merge(conn: Connection, rows: Sequence[CarriageRow]) -> None:
    """Add parts, or raise the delivery of known ones; order and repetition do not matter."""
    if rows:
        await conn.execute(MERGE, highest(rows))


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


async def in_doubt(conn: Connection, notice_id: UUID) -> asyncpg.Record | None:
    """``attempt, state``, how many ``parts`` the notice was to have and which are ``known``; None
    if it is known of all that they went.
    """
    return await conn.fetchrow(
        f"""select n.attempt, n.state,
               coalesce((select (e.data->>'parts')::int from contact_events e
                   where e.notice_id = n.id and e.kind = '{EventKind.SENDING}'
                   order by e.at desc limit 1), 1) as parts,
               array(select distinct c.part from carriage c where c.notice_id = n.id
                   and c.attempt = n.attempt and c.delivery <> '{Delivery.NONE}') as known
           from notices n where n.id = $1 and (
               n.state in ('{State.SENDING}', '{State.UNCERTAIN}')
               or exists (select from carriage c where c.notice_id = n.id
                   and c.attempt = n.attempt and c.delivery = '{Delivery.NONE}'))""",
        notice_id,
    )


async def parts(conn: Connection, notice_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        """select notice_id, attempt, part, delivery, failure, code, carrier, message_id
           from carriage where notice_id = any($1::uuid[]) order by attempt, part, message_id""",
        notice_ids,
    )
