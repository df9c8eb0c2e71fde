"""Whom the demo writes to: a small ladder by stage, over all three channels."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from outreach.db import audience
from outreach.domain.account import DEFAULT_STAGES, Bucket, days_past_due
from outreach.domain.contact import KIND_FOR, Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import InvalidInput
from outreach.domain.money import Currency
from outreach.domain.notice import Lane, NoticeRequest, Purpose
from outreach.life import intake
from outreach.life.parts import Parts
from outreach.life.words import local_day

ACTOR = "user:demo"
CAMPAIGN = ("qinglan-bank", Bucket.M1)
"""These are a campaign's, see ``campaign``."""
SUBMIT = 500

_LADDER: dict[Bucket, tuple[Purpose, tuple[Channel, ...]]] = {
    Bucket.M0: (Purpose.PAYMENT_REMINDER, (Channel.SMS, Channel.EMAIL)),
    Bucket.M1: (Purpose.OVERDUE_NOTICE, (Channel.SMS, Channel.EMAIL)),
    Bucket.M2: (Purpose.OVERDUE_NOTICE, (Channel.EMAIL, Channel.SMS)),
}
_LATE = (Purpose.DEMAND_LETTER, (Channel.LETTER, Channel.EMAIL))
_LATE_ELSEWHERE = (Purpose.OVERDUE_NOTICE, (Channel.EMAIL, Channel.SMS))


def plan(row: asyncpg.Record, now: datetime) -> NoticeRequest | None:
    """One debtor's notice by stage, on the first channel they can be reached by, or None."""
    bucket = DEFAULT_STAGES.bucket(
        days_past_due(row["oldest_unpaid_due_date"], local_day(now, row["zone"]))
    )
    if (row["creditor_id"], bucket) == CAMPAIGN:
        return None
    late = _LATE if row["locale"] == Locale.ZH_CN else _LATE_ELSEWHERE
    purpose, channels = _LADDER.get(bucket, late)
    points = orjson.loads(row["points"] or "{}")
    for channel in channels:
        point = points.get(KIND_FOR[channel])
        if point:
            return NoticeRequest(
                creditor_id=row["creditor_id"],
                debtor_id=row["debtor_id"],
                account_ids=tuple(row["account_ids"]),
                purpose=purpose,
                channel=channel,
                currency=Currency(row["currency"]),
                contact_point_id=UUID(point),
                idempotency_key=f"demo:{row['debtor_id']}:{row['currency']}",
                lane=Lane.LETTERS if channel is Channel.LETTER else Lane.BULK,
                due_at=now,
                expires_at=now + intake.LIFETIME,
            )
    return None


async def submit_all(parts: Parts, requests: Sequence[NoticeRequest]) -> None:
    for start in range(0, len(requests), SUBMIT):
        async with parts.pool.acquire() as conn, conn.transaction():
            await intake.submit(conn, parts, requests[start : start + SUBMIT], ACTOR)


async def receipts_for_settled(parts: Parts) -> list[NoticeRequest]:
    """A confirmation by SMS to everybody whose payment settled an account."""
    found = []
    async with parts.pool.acquire() as conn:
        for row in await audience.settled_by_payment(conn):
            account = row["account_id"]
            key = f"demo:settled:{account}"
            try:
                found.append(
                    await intake.request_for(
                        conn,
                        account,
                        Purpose.SETTLEMENT_RECEIPT,
                        Channel.SMS,
                        key=key,
                        lane=Lane.URGENT,
                        now=parts.clock.now(),
                    )
                )
            except InvalidInput:
                continue  # no phone: nothing is owed, so nothing need be said
    return found
