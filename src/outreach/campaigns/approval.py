"""A campaign's way to approval: drafted, submitted, approved by a second person or sent back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from outreach.campaigns.forecast import first_of
from outreach.campaigns.moves import found, locked, move, said, tell
from outreach.campaigns.pace import takes
from outreach.campaigns.pinned import pin, require_filed, templates_of
from outreach.campaigns.ways import hours_of
from outreach.db import audience, campaigns, members
from outreach.db.filters import Where, where
from outreach.db.pool import Connection
from outreach.domain.account import DEFAULT_STAGES
from outreach.domain.audience import BY_NAME, Condition, Every, Filter, Op
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.contact import KIND_FOR
from outreach.domain.errors import Conflict, InvalidInput
from outreach.domain.events import EventKind
from outreach.domain.filter_text import parse
from outreach.domain.notice import Purpose
from outreach.ids import new_id
from outreach.life.parts import Parts

NAME_LENGTH = 60


async def draft(
    parts: Parts, conn: Connection, asked: Campaign, listed: Sequence[UUID] | None = None
) -> Campaign:
    """Keep a draft, ``listed`` being the accounts its audience is within.

    Raises ``InvalidInput`` or ``NotFound`` for what can never be sent.
    """
    campaign = replace(
        asked, name=asked.name.strip(), listed=None if listed is None else len(listed)
    )
    if not 0 < len(campaign.name) <= NAME_LENGTH or not campaign.name.isprintable():
        raise InvalidInput(f"a campaign's name has 1 to {NAME_LENGTH} characters", "shorten it")
    if not campaign.channels or len(set(campaign.channels)) < len(campaign.channels):
        raise InvalidInput("channels: each at most once, and at least one", "--channel sms")
    _require_no_withholding(parts, campaign)
    templates_of(parts, campaign)
    campaign = await campaigns.insert(conn, campaign)
    if listed is not None:
        await campaigns.keep_list(conn, campaign.id, listed)
    data: dict[str, object] = {
        "number": campaign.number,
        "purpose": campaign.purpose,
        "channels": list(campaign.channels),
        "audience": campaign.audience,
        "listed": campaign.listed,
        "pace_minute": campaign.pace_minute,
        "pace_day": campaign.pace_day,
        "variants": list(campaign.variants),
        "control_percent": campaign.control_percent,
        "repeats": campaign.repeats,
    }
    now = campaign.created_at
    await tell(conn, campaign, EventKind.DRAFTED, campaign.created_by, now, data)
    return campaign


def _require_no_withholding(parts: Parts, campaign: Campaign) -> None:
    """What the law has us tell, and what answers somebody, goes to everybody it concerns."""
    creditor = parts.creditor(campaign.creditor_id)
    groups = parts.policies.of(creditor.id, creditor.jurisdiction).groups
    owed = {*groups["statutory"], *groups["answers"], Purpose.SETTLEMENT_RECEIPT}
    if campaign.control_percent and campaign.purpose in owed:
        raise InvalidInput(
            f"{campaign.purpose} is owed to everybody it concerns: no control group",
            "leave --control out",
        )


async def draft_correction(
    parts: Parts, conn: Connection, number: int, name: str, actor: str
) -> Campaign:
    """Draft an apology to exactly those whom a campaign has reached, by the way that reached them.

    It is submitted, approved and started as any other.
    """
    wrong = await found(conn, number)
    if wrong.started_at is None:
        raise Conflict(f"campaign {number} has reached nobody: it never started", "campaign show")
    given = Campaign(
        id=new_id(),
        number=0,
        name=name,
        creditor_id=wrong.creditor_id,
        purpose=Purpose.CORRECTION_NOTICE,
        channels=wrong.channels,
        audience=wrong.audience,
        state=CampaignState.DRAFT,
        created_by=actor,
        created_at=parts.clock.now(),
        corrects=wrong.id,
    )
    return await draft(parts, conn, given)


def filter_of(campaign: Campaign) -> Filter:
    """Its filter, of its creditor's accounts."""
    own = Condition(BY_NAME["creditor"], Op.IS, (campaign.creditor_id,))
    return Every((own, parse(campaign.audience)) if campaign.audience else (own,))


def audience_of(campaign: Campaign, at: datetime) -> Where:
    """Whom it means: of its creditor's accounts those its filter and its list choose."""
    listed = None if campaign.listed is None else campaign.id
    return where(filter_of(campaign), at, DEFAULT_STAGES, listed)


async def submit(parts: Parts, conn: Connection, number: int, actor: str) -> Campaign:
    """Put a draft before a second person; below ``approve_from`` notices it needs none.

    Raises ``InvalidInput`` for an audience that nobody of can be reached, for templates that are
    not filed with carriers that want it, or for a pace that takes longer than its notices live.
    """
    campaign, now = await locked(conn, number), parts.clock.now()
    campaign.require_move(CampaignState.SUBMITTED)
    notices = await reached(conn, campaign, now)
    if not notices:
        raise InvalidInput(
            f"campaign {number} reaches nobody: nothing is submitted",
            f"see whom it means: outreach segment count --filter '{campaign.audience}'",
        )
    needed = takes(campaign, notices, hours_of(parts, campaign)[0])
    if needed > campaign.lifetime:
        raise InvalidInput(
            f"at its pace {notices:,} notices take {needed.days + 1} days, "
            f"and each expires after {campaign.lifetime.days}",
            "create it with a faster --pace-day or more --days",
        )
    await require_filed(conn, parts, campaign, now)
    alone = notices < parts.settings.approve_from
    told: Mapping[str, object] = {"notices": notices, "alone": alone}
    submitted = await move(
        conn,
        campaign,
        CampaignState.APPROVED if alone else CampaignState.SUBMITTED,
        EventKind.SUBMITTED,
        actor,
        now,
        told,
        submitted_by=actor,
        notices=notices,
    )
    return await pin(conn, parts, submitted, now) if alone else submitted


async def reached(conn: Connection, campaign: Campaign, now: datetime) -> int:
    """How many notices it would be at ``now``."""
    if campaign.corrects is not None:
        return await members.reached(conn, campaign.corrects)
    counts = await audience.count(conn, audience_of(campaign, now))
    return sum(
        row["notices"]
        for row in counts
        if first_of(campaign.channels, {kind: row[kind] for kind in KIND_FOR.values()})
    )


async def approve(parts: Parts, conn: Connection, number: int, actor: str) -> Campaign:
    """Say yes to what somebody else submitted: it will send the words as they are now."""
    campaign, now = await locked(conn, number), parts.clock.now()
    if campaign.state is not CampaignState.SUBMITTED:
        campaign.require_move(CampaignState.APPROVED)
        raise Conflict(f"campaign {number} was not submitted", "outreach campaign submit")
    campaign.require_second_person(actor)
    await require_filed(conn, parts, campaign, now)
    told: Mapping[str, object] = {"notices": campaign.notices}
    approved = await move(
        conn,
        campaign,
        CampaignState.APPROVED,
        EventKind.APPROVED,
        actor,
        now,
        told,
        approved_by=actor,
    )
    return await pin(conn, parts, approved, now)


async def send_back(
    parts: Parts, conn: Connection, number: int, actor: str, reason: str
) -> Campaign:
    """Make a draft of what was submitted, for its author to change."""
    data = said(reason)
    return await move(
        conn,
        await locked(conn, number),
        CampaignState.DRAFT,
        EventKind.SENT_BACK,
        actor,
        parts.clock.now(),
        data,
        submitted_by=None,
    )
