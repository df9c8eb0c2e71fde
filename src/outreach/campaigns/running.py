"""A campaign under way, as people steer it: started, paused, resumed, cancelled, tried again.

Each is one row's change. What follows from it for the notices the workers do, see ``tend``.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import orjson

from outreach.campaigns.alarms import alarms_of
from outreach.campaigns.moves import found, locked, move, said, tell
from outreach.campaigns.recurring import next_run, plan
from outreach.campaigns.ways import ways_of
from outreach.clock import monotonic
from outreach.db import campaigns, members, release, responses, tallies
from outreach.db.pool import Connection
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.errors import Conflict, InvalidInput
from outreach.domain.events import EventKind
from outreach.domain.states import State
from outreach.life.parts import Parts

POLL_SECONDS = 0.2


async def start(
    parts: Parts, conn: Connection, number: int, actor: str, at: datetime | None = None
) -> Campaign:
    """Let an approved campaign go: now, ``at`` an instant to come, or by its timetable.

    One with a timetable runs ``at`` that instant next, whatever the timetable says.
    """
    campaign, now = await locked(conn, number), parts.clock.now()
    if campaign.state is not CampaignState.APPROVED:
        campaign.require_move(CampaignState.RUNNING)
        raise Conflict(f"campaign {number} has been started", f"outreach campaign show {number}")
    if campaign.repeats is not None and at is None:
        next_run(parts, campaign, now)  # an unknown calendar is told to who asks
        return await plan(parts, conn, campaign, now, actor)
    if at is None:
        return await begin(conn, campaign, actor, now)
    if at <= now:
        raise InvalidInput(f"the start {at.isoformat()} has passed", "leave --at out to start now")
    planned = await campaigns.update(conn, campaign.id, starts_at=at)
    await tell(conn, planned, EventKind.SCHEDULED, actor, now, {"at": at.isoformat()})
    return planned


async def begin(conn: Connection, campaign: Campaign, actor: str, now: datetime) -> Campaign:
    """approved -> running: from now on its audience is frozen, and then let go."""
    return await move(
        conn,
        campaign,
        CampaignState.RUNNING,
        EventKind.STARTED,
        actor,
        now,
        started_at=now,
        starts_at=None,
    )


async def pause(parts: Parts, conn: Connection, number: int, actor: str, reason: str) -> Campaign:
    """Let nothing more of it leave; what waits keeps waiting."""
    return await _move(parts, conn, number, CampaignState.PAUSED, EventKind.PAUSED, actor, reason)


async def resume(parts: Parts, conn: Connection, number: int, actor: str, reason: str) -> Campaign:
    """Let the rest of it go: what has gone is not repeated. Its alarms count from here."""
    data, campaign = said(reason), await locked(conn, number)
    if campaign.state is not CampaignState.PAUSED:
        raise Conflict(f"campaign {number} is {campaign.state}, not paused", "campaign show")
    await release.rewind(conn, campaign.id)
    counts = await tallies.of_campaign(conn, campaign.id)
    counted = alarms_of(counts, await responses.of_campaign(conn, campaign.id)).counted
    return await move(
        conn,
        campaign,
        CampaignState.RUNNING,
        EventKind.RESUMED,
        actor,
        parts.clock.now(),
        data,
        counted_from=orjson.dumps(counted).decode(),
    )


async def cancel(parts: Parts, conn: Connection, number: int, actor: str, reason: str) -> Campaign:
    """End it for good."""
    campaign = await _move(
        parts, conn, number, CampaignState.CANCELLED, EventKind.CANCELLED, actor, reason
    )
    await release.rewind(conn, campaign.id)
    return campaign


async def retry(
    parts: Parts, conn: Connection, number: int, actor: str, reason: str
) -> tuple[Campaign, int]:
    """Write anew to those whose notice failed, expired or did not arrive; how many those are."""
    data, campaign, now = said(reason), await locked(conn, number), parts.clock.now()
    if campaign.state not in (CampaignState.RUNNING, CampaignState.FINISHED):
        raise Conflict(f"campaign {number} is {campaign.state}", "retry what runs or is finished")
    again = await members.retry(conn, campaign, ways_of(parts, campaign), now)
    if not again:
        raise InvalidInput(f"nobody of campaign {number} can be tried again", "campaign show")
    told: Mapping[str, object] = {**data, "notices": again}
    if campaign.state is CampaignState.RUNNING:
        await tell(conn, campaign, EventKind.RETRIED, actor, now, told)
        return campaign, again
    moved = await move(
        conn, campaign, CampaignState.RUNNING, EventKind.RETRIED, actor, now, told, ended_at=None
    )
    return moved, again


async def quiet(parts: Parts, number: int, seconds: float) -> bool:
    """Wait until nothing of a paused or cancelled campaign is on the wire, nor can come there.

    False if something still is after so long. A claim that began before saw it running, and shows
    as ``sending`` only once it has committed: so all that had begun must have ended first.
    """
    until = monotonic() + seconds
    async with parts.pool.acquire() as conn:
        campaign = await found(conn, number)
        begun = await release.begun(conn)
    while monotonic() < until:
        async with parts.pool.acquire() as conn:
            ended = await release.ended(conn, begun)
            counts = await tallies.of_campaign(conn, campaign.id)
        if ended and not any(each.state == State.SENDING for each in counts):
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


async def _move(
    parts: Parts,
    conn: Connection,
    number: int,
    to: CampaignState,
    kind: EventKind,
    actor: str,
    reason: str,
) -> Campaign:
    data = said(reason)
    return await move(conn, await locked(conn, number), to, kind, actor, parts.clock.now(), data)
