"""The stop switch: scopes in which nothing may leave."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.campaign import CampaignState


def covered(creditor: str, channel: str) -> str:
    """The SQL for: a stop covers this creditor or this channel (SQL themselves)."""
    return f"""exists (select from stops
        where scope in ('all', 'creditor:' || {creditor}, 'channel:' || {channel}))"""


async def put(conn: Connection, scope: str, actor: str, reason: str, now: datetime) -> bool:
    """Set a stop; False if it already stood."""
    status = await conn.execute(
        """insert into stops (scope, actor, reason, at) values ($1, $2, $3, $4)
           on conflict (scope) do nothing""",
        scope,
        actor,
        reason,
        now,
    )
    return status.endswith(" 1")


async def lift(conn: Connection, scope: str) -> bool:
    status = await conn.execute("delete from stops where scope = $1", scope)
    return status.endswith(" 1")


async def all_stops(conn: Connection) -> list[asyncpg.Record]:
    return await conn.fetch("select scope, actor, reason, at from stops order by at")


async def scopes(conn: Connection) -> Sequence[str]:
    """What is stopped: also each campaign that is paused, or cancelled a moment ago."""
    rows = await conn.fetch(
        f"""select scope from stops union all
            select 'campaign:' || id from campaigns
            where state = '{CampaignState.PAUSED}'
                or state = '{CampaignState.CANCELLED}' and started_at is not null
                    and settled_at is null"""
    )
    return [row["scope"] for row in rows]
