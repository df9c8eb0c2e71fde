"""Campaigns as rows: each move is written with who made it."""

from datetime import datetime

import asyncpg

from outreach.db.pool import Connection
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.contact import Channel
from outreach.domain.notice import Purpose


async def insert(conn: Connection, campaign: Campaign) -> Campaign:
    """Keep a draft; its number is given here."""
    row = await conn.fetchrow(
        """insert into campaigns (id, name, creditor_id, purpose, channels, audience, state,
               created_by, created_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning *""",
        campaign.id,
        campaign.name,
        campaign.creditor_id,
        campaign.purpose,
        campaign.channels,
        campaign.audience,
        campaign.state,
        campaign.created_by,
        campaign.created_at,
    )
    assert row is not None
    return _campaign(row)


async def lock(conn: Connection, number: int) -> Campaign | None:
    """The campaign, to be moved by this transaction alone."""
    row = await conn.fetchrow("select * from campaigns where number = $1 for update", number)
    return _campaign(row) if row else None


async def find(conn: Connection, number: int) -> Campaign | None:
    row = await conn.fetchrow("select * from campaigns where number = $1", number)
    return _campaign(row) if row else None


async def newest(conn: Connection, limit: int) -> list[Campaign]:
    rows = await conn.fetch("select * from campaigns order by number desc limit $1", limit)
    return [_campaign(row) for row in rows]


async def move(
    conn: Connection,
    campaign: Campaign,
    to: CampaignState,
    at: datetime,
    *,
    submitted_by: str | None = None,
    approved_by: str | None = None,
    notices: int | None = None,
) -> Campaign:
    """Write a move of a locked campaign. None leaves a field; a draft is nobody's submission."""
    row = await conn.fetchrow(
        f"""update campaigns set state = $2, moved_at = $3,
                submitted_by = case $2 when '{CampaignState.DRAFT}' then null
                    else coalesce($4, submitted_by) end,
                approved_by = coalesce($5, approved_by), notices = coalesce($6, notices)
            where id = $1 returning *""",
        campaign.id,
        to,
        at,
        submitted_by,
        approved_by,
        notices,
    )
    assert row is not None
    return _campaign(row)


def _campaign(row: asyncpg.Record) -> Campaign:
    return Campaign(
        id=row["id"],
        number=row["number"],
        name=row["name"],
        creditor_id=row["creditor_id"],
        purpose=Purpose(row["purpose"]),
        channels=tuple(map(Channel, row["channels"])),
        audience=row["audience"],
        state=CampaignState(row["state"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        notices=row["notices"],
        submitted_by=row["submitted_by"],
        approved_by=row["approved_by"],
    )
