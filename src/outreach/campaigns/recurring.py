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
    assert campaign.notices is not None
    place = ZoneInfo(HOME_ZONE[parts.creditor(campaign.creditor_id).jurisdiction])
    day = f"{campaign.starts_at.astimezone(place):%Y-%m-%d}"
    run = await campaigns.insert(
        conn,
        replace(
            campaign,
            id=new_id(),
            name=f"{campaign.name} {day}",
            created_at=now,
            repeats=None,
            run_of=campaign.id,
        ),
    )
    if run.listed is not None:
        await campaigns.copy_list(conn, campaign.id, run.id)
    notices = await reached(conn, run, now)
    grown = notices > campaign.notices * GROWTH
    told: dict[str, object] = {"run_of": campaign.number, "notices": notices}
    await tell(conn, run, EventKind.DRAFTED, ACTOR, now, told)
    if not notices:
        run = await move(
            conn, run, CampaignState.CANCELLED, EventKind.CANCELLED, ACTOR, now,
            {"reason": "it reaches nobody"}, ended_at=now,
        )  # fmt: skip
    elif grown:
        told["approved"] = campaign.notices
        run = await campaigns.update(
            conn, run.id, state=CampaignState.SUBMITTED, submitted_by=ACTOR, notices=notices
        )
        await tell(conn, run, EventKind.SUBMITTED, ACTOR, now, told)
    else:
        assert campaign.templates is not None
        await campaigns.pin(conn, run.id, campaign.templates)
        run = await campaigns.update(
            conn,
            run.id,
            submitted_by=campaign.submitted_by,
            approved_by=campaign.approved_by,
            notices=notices,
        )
    await plan(parts, conn, campaign, now, ACTOR)
    return run


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
