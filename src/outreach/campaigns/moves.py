"""A campaign's moves: each locked, checked against the one table, and told in its own stream."""

from collections.abc import Mapping
from datetime import datetime

from outreach.db import campaigns, events
from outreach.db.pool import Connection
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.errors import InvalidInput, NotFound
from outreach.domain.events import Event, EventKind, campaign_stream
from outreach.ledger.envelope import prepare

ACTOR = "job:campaigns"


async def found(conn: Connection, number: int) -> Campaign:
    """The campaign of this number; raises ``NotFound``."""
    return _known(number, await campaigns.find(conn, number))


async def locked(conn: Connection, number: int) -> Campaign:
    """The same, for this transaction to move."""
    return _known(number, await campaigns.lock(conn, number))


def _known(number: int, campaign: Campaign | None) -> Campaign:
    if campaign is None:
        raise NotFound(f"no campaign {number}", "outreach campaign list")
    return campaign


def said(reason: str) -> Mapping[str, object]:
    """The reason as an event keeps it; raises ``InvalidInput`` for none."""
    if not reason.strip():
        raise InvalidInput("say why", "--reason")
    return {"reason": reason.strip()}


async def move(
    conn: Connection,
    campaign: Campaign,
    to: CampaignState,
    kind: EventKind,
    actor: str,
    now: datetime,
    data: Mapping[str, object] | None = None,
    **fields: object,
) -> Campaign:
    """Move a locked campaign, and tell it; ``fields`` are columns written with it."""
    campaign.require_move(to)
    moved = await campaigns.update(conn, campaign.id, state=to, moved_at=now, **fields)
    await tell(conn, moved, kind, actor, now, data)
    return moved


async def tell(
    conn: Connection,
    campaign: Campaign,
    kind: EventKind,
    actor: str,
    now: datetime,
    data: Mapping[str, object] | None = None,
) -> None:
    event = Event(
        kind=kind,
        at=now,
        stream=campaign_stream(campaign.id),
        creditor_id=campaign.creditor_id,
        actor=actor,
        data=dict(data or {}),
    )
    await events.append(conn, [prepare(event)])
