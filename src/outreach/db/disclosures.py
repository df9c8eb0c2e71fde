"""What debtors were told of their accounts, and what made their limitation periods begin anew."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from outreach.db.pool import Connection

_DISCLOSURES = [
    "id",
    "account_id",
    "debtor_id",
    "purpose",
    "agency_id",
    "told_on",
    "evidence",
    "actor",
    "at",
]
_INTERRUPTIONS = (
    "id",
    "account_id",
    "kind",
    "happened_on",
    "evidence",
    "actor",
    "at",
)


async def told(conn: Connection, account_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        "select * from disclosures where account_id = any($1::uuid[])", account_ids
    )


async def add_told(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """``(id, account_id, debtor_id, purpose, agency_id, told_on, evidence, actor, at)``"""
    if rows:
        await conn.copy_records_to_table("disclosures", records=rows, columns=_DISCLOSURES)


async def interruptions(conn: Connection, account_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        "select * from interruptions where account_id = any($1::uuid[])", account_ids
    )


async def add_interruptions(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """``(id, account_id, kind, happened_on, evidence, actor, at)``"""
    if rows:
        await conn.copy_records_to_table("interruptions", records=rows, columns=_INTERRUPTIONS)
