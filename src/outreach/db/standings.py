"""Standings (状态, 名单): what stands in the way of writing to a person, and by what it shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection

Row = tuple[Any, ...]

COLUMNS = (
    "id",
    "debtor_id",
    "kind",
    "account_id",
    "reference",
    "owner",
    "reason",
    "evidence",
    "since",
    "expires_at",
    "answer_by",
    "detail",
)
"""What a new standing is made of, in order; ``detail`` as JSON text."""

STANDS = "s.ended_at is null and (s.expires_at is null or s.expires_at > {now})"
"""Of a standing ``s``: it has not ended by ``now`` (SQL itself)."""


async def standing(
    conn: Connection, debtor_ids: Sequence[UUID], now: datetime
) -> list[asyncpg.Record]:
    """All that stands of these persons, oldest first; lock them first to change any of it."""
    return await conn.fetch(
        f"""select {", ".join(f"s.{name}" for name in COLUMNS)} from standings s
            where s.debtor_id = any($1::uuid[]) and {STANDS.format(now="$2")}
            order by s.since, s.id""",
        debtor_ids,
        now,
    )


async def add(conn: Connection, rows: Sequence[Row]) -> None:
    """New standings, their values in the order of ``COLUMNS``."""
    if rows:
        await conn.copy_records_to_table("standings", records=rows, columns=COLUMNS)


async def change(conn: Connection, rows: Sequence[Row]) -> None:
    """``(id, owner, reason, evidence, since, expires_at, answer_by, detail)``"""
    await conn.executemany(
        """update standings set owner = $2, reason = $3, evidence = $4, since = $5,
               expires_at = $6, answer_by = $7, detail = $8 where id = $1""",
        rows,
    )


async def end(conn: Connection, standing_ids: Sequence[UUID], now: datetime) -> None:
    await conn.execute(
        "update standings set ended_at = $2 where id = any($1::uuid[])", standing_ids, now
    )


async def of_debtor(conn: Connection, debtor_id: UUID) -> list[asyncpg.Record]:
    """All that ever stood of a person, with the tail of the account's number where it has one."""
    return await conn.fetch(
        """select s.*, a.number_tail from standings s left join accounts a on a.id = s.account_id
           where s.debtor_id = $1 order by s.since, s.id""",
        debtor_id,
    )


async def listed(
    conn: Connection,
    now: datetime,
    *,
    creditor_id: str | None = None,
    debtor_id: UUID | None = None,
    kind: str | None = None,
    clocks: bool = False,
    limit: int | None,
) -> list[asyncpg.Record]:
    """What stands, clocks that run out first; with ``clocks`` nothing without one."""
    return await conn.fetch(
        f"""select s.*, d.creditor_id, d.zone, a.number_tail from standings s
            join debtors d on d.id = s.debtor_id left join accounts a on a.id = s.account_id
            where {STANDS.format(now="$1")}
                and ($2::text is null or d.creditor_id = $2)
                and ($3::text is null or s.kind = $3)
                and ($4::uuid is null or s.debtor_id = $4)
                and (s.answer_by is not null or not $5)
            order by s.answer_by nulls last, s.since, s.id limit $6""",
        now,
        creditor_id,
        kind,
        debtor_id,
        clocks,
        limit,
    )
