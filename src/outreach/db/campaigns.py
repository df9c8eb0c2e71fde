"""Campaigns as rows: each move is written with who made it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from outreach.db.pool import Connection
from outreach.domain.campaign import Campaign, CampaignState, Late
from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.notice import Purpose

Pinned = Mapping[tuple[Channel, Locale, str], str]
"""Digests of template versions by channel, locale and variant."""

_LIVE = f"""(state = '{CampaignState.RUNNING}'
    or state = '{CampaignState.APPROVED}' and starts_at <= $1
    or state = '{CampaignState.CANCELLED}' and started_at is not null and settled_at is null)"""


async def insert(conn: Connection, campaign: Campaign) -> Campaign:
    """Keep a draft; its number is given here."""
    row = await conn.fetchrow(
        """insert into campaigns (id, name, creditor_id, purpose, channels, audience, state,
               created_by, created_at, pace_minute, pace_day, lifetime, late, variants,
               control_percent, repeats, run_of, corrects, listed)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
               $19)
           returning *""",
        campaign.id,
        campaign.name,
        campaign.creditor_id,
        campaign.purpose,
        campaign.channels,
        campaign.audience,
        campaign.state,
        campaign.created_by,
        campaign.created_at,
        campaign.pace_minute,
        campaign.pace_day,
        campaign.lifetime,
        campaign.late,
        campaign.variants,
        campaign.control_percent,
        campaign.repeats,
        campaign.run_of,
        campaign.corrects,
        campaign.listed,
    )
    assert row is not None
    return _campaign(row)


async def keep_list(conn: Connection, campaign_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Keep the accounts that a campaign's audience is within."""
    await conn.copy_records_to_table(
        "campaign_accounts",
        columns=("campaign_id", "account_id"),
        records=((campaign_id, account_id) for account_id in account_ids),
    )


async def copy_list(conn: Connection, of: UUID, to: UUID) -> None:
    await conn.execute(
        """insert into campaign_accounts
           select $2, account_id from campaign_accounts where campaign_id = $1""",
        of,
        to,
    )


async def lock(conn: Connection, number: int) -> Campaign | None:
    """The campaign, to be moved by this transaction alone."""
    row = await conn.fetchrow("select * from campaigns where number = $1 for no key update", number)
    return _campaign(row) if row else None


async def take(conn: Connection, number: int, now: datetime) -> Campaign | None:
    """Lock a campaign that something is to be done for, unless somebody has it in hand."""
    row = await conn.fetchrow(
        f"""select * from campaigns where number = $2 and {_LIVE}
            for no key update skip locked""",
        now,
        number,
    )
    return _campaign(row) if row else None


async def find(conn: Connection, number: int) -> Campaign | None:
    row = await conn.fetchrow("select * from campaigns where number = $1", number)
    return _campaign(row) if row else None


async def by_id(conn: Connection, campaign_id: UUID) -> Campaign:
    row = await conn.fetchrow("select * from campaigns where id = $1", campaign_id)
    assert row is not None
    return _campaign(row)


async def newest(conn: Connection, limit: int) -> list[Campaign]:
    rows = await conn.fetch("select * from campaigns order by number desc limit $1", limit)
    return [_campaign(row) for row in rows]


async def live(conn: Connection, now: datetime) -> list[int]:
    """The numbers of those something may have to be done for."""
    rows = await conn.fetch(f"select number from campaigns where {_LIVE} order by number", now)
    return [row["number"] for row in rows]


async def update(conn: Connection, campaign_id: UUID, **fields: object) -> Campaign:
    """Write fields of a locked campaign; their names are columns."""
    names = ", ".join(f"{name} = ${place}" for place, name in enumerate(fields, 2))
    row = await conn.fetchrow(
        f"update campaigns set {names} where id = $1 returning *", campaign_id, *fields.values()
    )
    assert row is not None
    return _campaign(row)


async def pin(conn: Connection, campaign_id: UUID, templates: Pinned) -> Campaign:
    """Keep which template versions it is to use."""
    kept = [[*key, digest] for key, digest in sorted(templates.items())]
    return await update(conn, campaign_id, templates=orjson.dumps(kept).decode())


def _pinned(kept: str | None) -> Pinned | None:
    if kept is None:
        return None
    rows: Sequence[Sequence[str]] = orjson.loads(kept)
    return {
        (Channel(channel), Locale(locale), variant): digest
        for channel, locale, variant, digest in rows
    }


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
        pace_minute=row["pace_minute"],
        pace_day=row["pace_day"],
        lifetime=row["lifetime"],
        late=Late(row["late"]),
        variants=tuple(row["variants"]),
        control_percent=row["control_percent"],
        listed=row["listed"],
        repeats=row["repeats"],
        run_of=row["run_of"],
        corrects=row["corrects"],
        notices=row["notices"],
        submitted_by=row["submitted_by"],
        approved_by=row["approved_by"],
        templates=_pinned(row["templates"]),
        starts_at=row["starts_at"],
        started_at=row["started_at"],
        frozen_at=row["frozen_at"],
        ended_at=row["ended_at"],
        frozen_to=row["frozen_to"],
        paced_to=row["paced_to"],
        counted_from=orjson.loads(row["counted_from"]),
        released_on=row["released_on"],
        released_that_day=row["released_that_day"],
    )
