"""The demo's campaign: those a month late, approved by two, paused and resumed in the middle."""

import asyncio
import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from outreach.campaigns import approval, running
from outreach.campaigns.moves import found
from outreach.campaigns.progress import Progress, progress
from outreach.clock import monotonic
from outreach.db import debtors, tallies
from outreach.demo.plan import ACTOR, CAMPAIGN
from outreach.demo.stage import ZONE, Files
from outreach.domain.campaign import Campaign, CampaignState
from outreach.domain.contact import Channel
from outreach.domain.errors import OutreachError
from outreach.domain.notice import Purpose
from outreach.domain.states import State
from outreach.ids import new_id
from outreach.life.parts import Parts
from outreach.portfolio.load import import_payments

CREDITOR, BUCKET = CAMPAIGN
AUDIENCE = f"bucket = {BUCKET}"
SECOND = "user:second"
LASTS = timedelta(seconds=6)
"""What its pace makes of it, however many they are: there must be a middle to pause it in."""
PATIENCE_SECONDS = 120.0
WAITING = 1_000

Say = Callable[[str], None]


async def approved(parts: Parts, say: Say) -> int:
    """Draft it, and have a second person approve it; its number."""
    given = Campaign(
        id=new_id(),
        number=0,
        name="M1 逾期通知",
        creditor_id=CREDITOR,
        purpose=Purpose.OVERDUE_NOTICE,
        channels=(Channel.SMS, Channel.EMAIL),
        audience=AUDIENCE,
        state=CampaignState.DRAFT,
        created_by=ACTOR,
        created_at=parts.clock.now(),
    )
    async with parts.pool.acquire() as conn, conn.transaction():
        many = await approval.reached(conn, given, parts.clock.now())
        paced = round(many * timedelta(minutes=1) / LASTS)
        campaign = await approval.draft(parts, conn, replace(given, pace_minute=max(60, paced)))
        campaign = await approval.submit(parts, conn, campaign.number, ACTOR)
        if campaign.state is CampaignState.SUBMITTED:
            campaign = await approval.approve(parts, conn, campaign.number, SECOND)
    say(f"campaign {campaign.number}: {campaign.notices} notices to those in {AUDIENCE}, approved")
    return campaign.number


async def play(parts: Parts, number: int, files: Files, say: Say) -> None:
    """Start it, pause it in the middle, book a payment of somebody who waits, and resume it."""
    async with parts.pool.acquire() as conn, conn.transaction():
        await running.start(parts, conn, number, ACTOR)
    before = await _middle(parts, number)
    async with parts.pool.acquire() as conn, conn.transaction():
        await running.pause(parts, conn, number, ACTOR, "demo")
    await running.quiet(parts, number, PATIENCE_SECONDS)
    say(f"campaign {number} paused: {before.total - before.waiting} of {before.total} had gone")
    await _pay(parts, number, files, say)
    async with parts.pool.acquire() as conn, conn.transaction():
        await running.resume(parts, conn, number, ACTOR, "demo")
    say(f"campaign {number} resumed")


async def how_it_went(parts: Parts, number: int) -> Progress:
    async with parts.pool.acquire() as conn:
        return await progress(conn, await found(conn, number), parts.clock.now())


async def _middle(parts: Parts, number: int) -> Progress:
    """Wait until some have gone and some have not."""
    patience = monotonic() + PATIENCE_SECONDS
    while monotonic() < patience:
        shown = await how_it_went(parts, number)
        # uncertain ones may have gone: of a worker killed again and again they are most
        gone = sum(shown.states.get(state, 0) for state in (State.SENT, State.UNCERTAIN))
        if shown.campaign.frozen_at is not None and gone * 4 >= shown.total:
            return shown
        await asyncio.sleep(0.05)
    raise OutreachError(
        f"a quarter of campaign {number} has not gone within {PATIENCE_SECONDS:.0f} s",
        "run it with --keep and look at services.log",
    )


async def _pay(parts: Parts, number: int, files: Files, say: Say) -> None:
    """One of those who wait pays all: the file a bank sends, imported as it would be."""
    with files.accounts.open(encoding="utf-8", newline="") as file:
        rows = {
            parts.lookup.hash("account", row["账号"]): row
            for row in csv.DictReader(file)
            if row["债权人"] == CREDITOR
        }
    async with parts.pool.acquire() as conn:
        campaign = await found(conn, number)
        waiting = set(await tallies.waiting_accounts(conn, campaign.id, WAITING))
        known = await debtors.accounts_with(conn, CREDITOR, list(rows))
    row = next((rows[key] for key, account in known.items() if account in waiting), None)
    if row is None:
        return
    now = f"{parts.clock.now().astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
    line = ("DEMO1", CREDITOR, row["账号"], row["币种"], row["余额"], now, "还款", "")
    paid = files.payments.with_name("payment-in-the-middle.csv")
    with paid.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("流水号", "债权人", "账号", "币种", "金额", "入账时间", "类型", "原流水号")
        )
        writer.writerow(line)
    await import_payments(parts, paid, ACTOR)
    say("one of those who wait has paid: nothing more is sent to them")
