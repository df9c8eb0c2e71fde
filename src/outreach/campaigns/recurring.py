"""Campaigns that recur: each occurrence is a campaign of its own, under the approval of the first.

An occurrence that would write to many more than were approved waits for a second person instead.
"""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from outreach.campaigns.approval import reached
from outreach.campaigns.moves import ACTOR, move, tell
from outreach.campaigns.timetable import parse
from outreach.campaigns.workdays import UnknownDay
from outreach.db import campaigns
from outreach.db.pool import Connection
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.debtor import HOME_ZONE
from outreach.domain.events import EventKind
from outreach.ids import new_id
from outreach.life.parts import Parts

GROWTH = 1.5
"""An audience may grow to so many times what was approved."""


def next_run(parts: Parts, campaign: Campaign, now: datetime) -> datetime:
    """When it runs next; raises ``UnknownDay`` where the calendar does not reach so far."""
    assert campaign.repeats is not None
    place = parts.creditor(campaign.creditor_id).jurisdiction
    return parse(campaign.repeats).next_after(now, ZoneInfo(HOME_ZONE[place]), place)


async def occur(parts: Parts, conn: Connection, campaign: Campaign, now: datetime) -> Campaign:
    """Make the occurrence that is due, as a campaign of its own, and plan the next."""
    assert campaign.starts_at is not None
    place = ZoneInfo(HOME_ZONE[parts.creditor(campaign.creditor_id).jurisdiction])
    day = f"{campaign.starts_at.astimezone(place):%Y-%m-%d}"
    run = await campaigns.insert(
        conn,
        replace(
            campaign,
            id=new_id(),
            name=f"{campaign.name} {day}",
            state=CampaignState.DRAFT,
            created_at=now,
            repeats=None,
            run_of=campaign.id,
        ),
    )
    if run.listed is not None:
        await campaigns.copy_list(conn, campaign.id, run.id)
    told: dict[str, object] = {"run_of": campaign.number}
    await tell(conn, run, EventKind.DRAFTED, ACTOR, now, told)
    run = await _approved_or_not(conn, campaign, run, await reached(conn, run, now), now)
    await plan(parts, conn, campaign, now, ACTOR)
    return run


async def _approved_or_not(
    conn: Connection, campaign: Campaign, run: Campaign, notices: int, now: datetime
) -> Campaign:
    """An occurrence under the approval of its campaign, as far as that goes."""
    assert campaign.notices is not None
    assert campaign.templates is not None
    if not notices:
        told: dict[str, object] = {"reason": "it reaches nobody"}
        to, kind = CampaignState.CANCELLED, EventKind.CANCELLED
        return await move(conn, run, to, kind, ACTOR, now, told, ended_at=now)
    told = {"notices": notices, "approved": campaign.notices, "run_of": campaign.number}
    if notices > campaign.notices * GROWTH:
        to, kind = CampaignState.SUBMITTED, EventKind.SUBMITTED
        return await move(
            conn, run, to, kind, ACTOR, now, told, submitted_by=ACTOR, notices=notices
        )
    await campaigns.pin(conn, run.id, campaign.templates)
    return await move(
        conn,
        run,
        CampaignState.APPROVED,
        EventKind.APPROVED,
        ACTOR,
        now,
        told,
        submitted_by=campaign.submitted_by,
        approved_by=campaign.approved_by,
        notices=notices,
    )


async def plan(
    parts: Parts, conn: Connection, campaign: Campaign, now: datetime, actor: str
) -> Campaign:
    """Set when it runs next; where that is not known, a person plans it once it is."""
    try:
        at = next_run(parts, campaign, now)
    except UnknownDay as error:
        waiting = await campaigns.update(conn, campaign.id, starts_at=None)
        told: dict[str, object] = {"reason": error.message, "remedy": error.remedy}
        await tell(conn, waiting, EventKind.MISSED, actor, now, told)
        return waiting
    planned = await campaigns.update(conn, campaign.id, starts_at=at)
    await tell(conn, planned, EventKind.SCHEDULED, actor, now, {"at": at.isoformat()})
    return planned
