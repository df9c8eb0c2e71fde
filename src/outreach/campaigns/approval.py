"""A campaign's way to approval: drafted, submitted, approved by a second person or sent back.

Each move is an event in the campaign's own stream, with who and why.
"""

from datetime import datetime

from outreach.campaigns.forecast import first_of
from outreach.db import audience, campaigns, events
from outreach.db.filters import where
from outreach.db.pool import Connection
from outreach.domain.account import DEFAULT_STAGES
from outreach.domain.audience import BY_NAME, Condition, Every, Filter, Op
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import Event, EventKind, campaign_stream
from outreach.domain.filter_text import parse, spell
from outreach.domain.notice import Purpose
from outreach.ids import new_id
from outreach.ledger.envelope import prepare
from outreach.life.parts import Parts

NAME_LENGTH = 60


async def draft(
    parts: Parts,
    conn: Connection,
    *,
    name: str,
    creditor_id: str,
    purpose: Purpose,
    channels: tuple[Channel, ...],
    asked: Filter,
    actor: str,
) -> Campaign:
    """Keep a draft; raises ``InvalidInput`` or ``NotFound`` for what can never be sent."""
    name = name.strip()
    if not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
        raise InvalidInput(f"a campaign's name has 1 to {NAME_LENGTH} characters", "shorten it")
    if not channels or len(set(channels)) < len(channels):
        raise InvalidInput("channels: each at most once, and at least one", "--channel sms")
    parts.creditor(creditor_id)
    now = parts.clock.now()
    given = Campaign(
        id=new_id(),
        number=0,
        name=name,
        creditor_id=creditor_id,
        purpose=purpose,
        channels=channels,
        audience=spell(asked),
        state=CampaignState.DRAFT,
        created_by=actor,
        created_at=now,
    )
    campaign = await campaigns.insert(conn, given)
    data: dict[str, object] = {
        "number": campaign.number,
        "purpose": purpose,
        "channels": list(channels),
        "audience": campaign.audience,
    }
    await _tell(conn, campaign, EventKind.DRAFTED, actor, now, data)
    return campaign


def audience_of(campaign: Campaign) -> Filter:
    """Whom it means: of its creditor's accounts those its filter chooses."""
    own = Condition(BY_NAME["creditor"], Op.IS, (campaign.creditor_id,))
    return Every((own, parse(campaign.audience)))


async def submit(parts: Parts, conn: Connection, number: int, actor: str) -> Campaign:
    """Put a draft before a second person; below ``approve_from`` notices it needs none.

    Raises ``InvalidInput`` for an audience that nobody of can be reached.
    """
    campaign, now = await _locked(conn, number), parts.clock.now()
    campaign.require_move(CampaignState.SUBMITTED)
    notices = await _reached(conn, campaign, now)
    if not notices:
        raise InvalidInput(
            f"campaign {number} reaches nobody: nothing is submitted",
            f"see whom it means: outreach segment count --filter '{campaign.audience}'",
        )
    alone = notices < parts.settings.approve_from
    to = CampaignState.APPROVED if alone else CampaignState.SUBMITTED
    moved = await campaigns.move(conn, campaign, to, now, submitted_by=actor, notices=notices)
    data: dict[str, object] = {"notices": notices, "alone": alone}
    await _tell(conn, campaign, EventKind.SUBMITTED, actor, now, data)
    return moved


async def _reached(conn: Connection, campaign: Campaign, now: datetime) -> int:
    counts = await audience.count(conn, where(audience_of(campaign), now, DEFAULT_STAGES))
    return sum(
        row["notices"]
        for row in counts
        if first_of(campaign.channels, {kind: row[kind] for kind in KIND_FOR.values()})
    )


async def approve(parts: Parts, conn: Connection, number: int, actor: str) -> Campaign:
    """Say yes to what somebody else submitted."""
    campaign, now = await _locked(conn, number), parts.clock.now()
    if campaign.state is not CampaignState.SUBMITTED:
        campaign.require_move(CampaignState.APPROVED)
        raise Conflict(f"campaign {number} was not submitted", "outreach campaign submit")
    campaign.require_second_person(actor)
    moved = await campaigns.move(conn, campaign, CampaignState.APPROVED, now, approved_by=actor)
    data: dict[str, object] = {"notices": campaign.notices}
    await _tell(conn, campaign, EventKind.APPROVED, actor, now, data)
    return moved


async def send_back(
    parts: Parts, conn: Connection, number: int, actor: str, reason: str
) -> Campaign:
    """Make a draft of what was submitted, for its author to change."""
    return await _move(parts, conn, number, CampaignState.DRAFT, EventKind.SENT_BACK, actor, reason)


async def cancel(parts: Parts, conn: Connection, number: int, actor: str, reason: str) -> Campaign:
    """End it for good."""
    return await _move(
        parts, conn, number, CampaignState.CANCELLED, EventKind.CANCELLED, actor, reason
    )


async def _move(
    parts: Parts,
    conn: Connection,
    number: int,
    to: CampaignState,
    kind: EventKind,
    actor: str,
    reason: str,
) -> Campaign:
    if not reason.strip():
        raise InvalidInput("say why", "--reason")
    campaign, now = await _locked(conn, number), parts.clock.now()
    campaign.require_move(to)
    moved = await campaigns.move(conn, campaign, to, now)
    await _tell(conn, campaign, kind, actor, now, {"reason": reason.strip()})
    return moved


async def _locked(conn: Connection, number: int) -> Campaign:
    return _known(number, await campaigns.lock(conn, number))


async def found(conn: Connection, number: int) -> Campaign:
    """The campaign of this number; raises ``NotFound``."""
    return _known(number, await campaigns.find(conn, number))


def _known(number: int, campaign: Campaign | None) -> Campaign:
    if campaign is None:
        raise NotFound(f"no campaign {number}", "outreach campaign list")
    return campaign


async def _tell(
    conn: Connection,
    campaign: Campaign,
    kind: EventKind,
    actor: str,
    now: datetime,
    data: dict[str, object],
) -> None:
    event = Event(
        kind=kind,
        at=now,
        stream=campaign_stream(campaign.id),
        creditor_id=campaign.creditor_id,
        actor=actor,
        data=data,
    )
    await events.append(conn, [prepare(event)])
