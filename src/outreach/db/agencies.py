"""Agencies (委托机构): who works the accounts a creditor placed with them."""

import asyncpg

from outreach.db.pool import Connection


async def all_agencies(conn: Connection) -> list[asyncpg.Record]:
    """Every agency, those whose contract has ended too."""
    return await conn.fetch("select * from agencies order by creditor_id, id")
