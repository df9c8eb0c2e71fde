"""Tend: the steps that a campaign under way takes by itself, each in one transaction.

It is frozen (every member becomes a notice or an exclusion), released at its pace, falls back to
the next channel where an address is dead, pauses when an alarm rings, and is finished when nothing
more can come. Whoever does a step holds the campaign's row, and what is done is written with it: a
process may die at any point, and another goes on from there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from outreach.campaigns.alarms import alarms_of
from outreach.campaigns.approval import audience_of
from outreach.campaigns.moves import ACTOR, move, tell
from outreach.campaigns.pace import allowance
from outreach.campaigns.recurring import occur, plan
from outreach.campaigns.running import begin
from outreach.campaigns.ways import hours_of, ways_of
from outreach.db import campaigns, members, release, responses, tallies
from outreach.db.pool import Connection, about_data
from outreach.db.tallies import Tally
from outreach.domain.campaign import Campaign, CampaignState, Late
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, State
from outreach.life.parts import Parts
from outreach.logs import Log

SPAN = 5_000
"""Debtors looked at in one step of freezing."""
DEPTH = 5_000
"""Of one creditor no more are kept due by a route: what waits there can still be paused at once."""
MISSED = timedelta(hours=1)
"""A start is missed when nothing ran for so long after its hour."""
RECEIPTS = timedelta(hours=72)
"""How long after the last release receipts may still send somebody to the next channel."""

log = Log(__name__)


async def tend(parts: Parts) -> int:
    """One step of every campaign under way; how many of them have more to do at once."""
    async with parts.pool.acquire() as conn:
        numbers = await campaigns.live(conn, parts.clock.now())
    more = 0
    for number in numbers:
        try:
            async with parts.pool.acquire() as conn, conn.transaction():
                now = parts.clock.now()
                campaign = await campaigns.take(conn, number, now)
                more += campaign is not None and await _step(parts, conn, campaign, now)
        except Exception as error:  # one campaign's fault must not keep the others waiting
            if not about_data(error):
                raise
            log.error("campaign_stuck", campaign=number, error=error)
    return more


async def _step(parts: Parts, conn: Connection, campaign: Campaign, now: datetime) -> bool:
    """Take it; whether there is more to do at once."""
    match campaign.state:
        case CampaignState.APPROVED:
            return await _due(parts, conn, campaign, now)
        case CampaignState.CANCELLED:
            return await _cancel(conn, campaign, now)
    if campaign.frozen_at is None:
        return await _freeze(parts, conn, campaign, now)
    return await _run(parts, conn, campaign, now)


async def _due(parts: Parts, conn: Connection, campaign: Campaign, now: datetime) -> bool:
    """Its hour has come, or passed while nothing ran."""
    assert campaign.starts_at is not None
    if now - campaign.starts_at < MISSED or campaign.late is Late.SEND:
        run = campaign
        if campaign.repeats is not None:
            run = await occur(parts, conn, campaign, now)
        if run.state is CampaignState.APPROVED:
            await begin(conn, run, ACTOR, now)
        return True
    told = {"at": campaign.starts_at.isoformat(), "late": campaign.late}
    if campaign.repeats is not None and campaign.late is Late.SKIP:
        await tell(conn, campaign, EventKind.MISSED, ACTOR, now, told)
        await plan(parts, conn, campaign, now, ACTOR)
        return False
    if campaign.late is Late.ASK:
        waiting = await campaigns.update(conn, campaign.id, starts_at=None)
        await tell(conn, waiting, EventKind.MISSED, ACTOR, now, told)
        return False
    await move(
        conn, campaign, CampaignState.CANCELLED, EventKind.MISSED, ACTOR, now, told,
        starts_at=None, ended_at=now,
    )  # fmt: skip
    return False


async def _freeze(parts: Parts, conn: Connection, campaign: Campaign, now: datetime) -> bool:
    """Make the notices of the next debtors; the audience is that of the moment it started."""
    assert campaign.started_at is not None
    # a worker's plans are made for small questions asked often: this is neither
    await conn.execute(
        "set local plan_cache_mode = force_custom_plan; set local enable_seqscan = off"
    )
    upto = await members.span(conn, campaign, SPAN)
    if upto is None:
        counts = await tallies.of_campaign(conn, campaign.id)
        total = sum(each.notices for each in counts if each.state != tallies.EXCLUDED)
        excluded = {
            str(each.failure): each.notices for each in counts if each.state == tallies.EXCLUDED
        }
        frozen = await campaigns.update(conn, campaign.id, frozen_at=now, notices=total)
        told: dict[str, object] = {"notices": total, "excluded": excluded}
        await tell(conn, frozen, EventKind.FROZEN, ACTOR, now, told)
        await tallies.sum_up(conn, campaign.id)
        return True
    chosen = audience_of(campaign, campaign.started_at) if campaign.corrects is None else None
    await members.make(
        conn,
        campaign,
        chosen,
        ways_of(parts, campaign),
        upto,
        now,
    )
    return True


async def _run(parts: Parts, conn: Connection, campaign: Campaign, now: datetime) -> bool:
    await tallies.sum_up(conn, campaign.id)
    counts = await tallies.of_campaign(conn, campaign.id)
    answers = await responses.of_campaign(conn, campaign.id)
    rung = alarms_of(counts, answers).rung(parts.settings, campaign.counted_from)
    if rung:
        log.warning("campaign_paused", campaign=campaign.number, why=str(rung["reason"]))
        await move(conn, campaign, CampaignState.PAUSED, EventKind.PAUSED, ACTOR, now, rung)
        return False
    fell = await _fall_back(parts, conn, campaign, now)
    released = await _release(parts, conn, campaign, now)
    if not fell and not released:
        await _finish(conn, campaign, counts, now)
    return fell or released


async def _fall_back(parts: Parts, conn: Connection, campaign: Campaign, now: datetime) -> bool:
    missed = await members.misses(conn, campaign.id, SPAN)
    if not missed:
        return False
    again = await members.fall_back(conn, campaign, missed, ways_of(parts, campaign), now)
    told = {"missed": len(missed), "again": again}
    await tell(conn, campaign, EventKind.FELL_BACK, ACTOR, now, told)
    return True


async def _release(parts: Parts, conn: Connection, campaign: Campaign, now: datetime) -> bool:
    window, zone = hours_of(parts, campaign)
    allowed = allowance(campaign, now, window, zone)
    routes = [way.route for way in ways_of(parts, campaign)]
    room = DEPTH - await release.queued(conn, campaign.creditor_id, routes, now, DEPTH)
    most = room if allowed.count is None else min(room, allowed.count)
    if most <= 0:
        return False
    done, more = await release.some(conn, campaign.id, most)
    if done:
        await campaigns.update(
            conn,
            campaign.id,
            paced_to=allowed.used_to(done),
            released_on=now.astimezone(zone).date(),
            released_that_day=allowed.that_day + done,
        )
    return more


async def _finish(
    conn: Connection, campaign: Campaign, counts: Sequence[Tally], now: datetime
) -> None:
    """finished, once every notice is in a state that nothing more comes of."""
    if any(each.state in _OPEN for each in counts):
        return
    awaited = any(each.state == State.SENT and each.delivery in _AWAITED for each in counts)
    last = campaign.paced_to or now
    if awaited and len(campaign.channels) > 1 and now - last < RECEIPTS:
        return  # a dead number may yet be reported, and there is another channel
    ends: dict[str, int] = {}
    for each in counts:
        name = str(each.failure) if each.state == tallies.EXCLUDED else each.state
        ends[name] = ends.get(name, 0) + each.notices
    await move(
        conn,
        campaign,
        CampaignState.FINISHED,
        EventKind.FINISHED,
        ACTOR,
        now,
        {"ends": ends},
        ended_at=now,
    )


_OPEN = frozenset({State.PENDING, State.SENDING, State.UNCERTAIN})
_AWAITED = frozenset({Delivery.NONE, Delivery.ACCEPTED, Delivery.DEFERRED, Delivery.SENT})


async def _cancel(conn: Connection, campaign: Campaign, now: datetime) -> bool:
    """Take back what has not gone; settled once nothing of it waits or is on the wire."""
    walked = await release.cancel(conn, campaign.id)
    if walked.looked_at:
        return True
    await tallies.sum_up(conn, campaign.id)
    counts = await tallies.of_campaign(conn, campaign.id)
    if any(each.state in (State.PENDING, State.SENDING) for each in counts):
        await release.rewind(conn, campaign.id)
        return False
    await campaigns.update(conn, campaign.id, settled_at=now, ended_at=now)
    return False
