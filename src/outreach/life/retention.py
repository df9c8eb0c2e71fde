"""Retention: what is past its time goes, class by class, one at a time and each on record.

Broken off, it goes on where it was: what is gone is not found again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from outreach.compliance.retention import Retention, Retentions
from outreach.db import erasure
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import Conflict
from outreach.life.erasing import destroy_old_days, erase_debtor, erase_point
from outreach.life.parts import Parts
from outreach.logs import Log

ACTOR = "job:retention"
REASON = "retention"
REVIEW = timedelta(days=30)
"""A person may first look at who says that a number is not theirs; by hand it goes at once."""
PAGE = 200

Progress = Callable[[int, int], None]

log = Log(__name__)


@dataclass(slots=True)
class Due:
    """What is past its time: debtors by place, strangers' contact points, days of callbacks."""

    debtors: dict[Jurisdiction, int]
    points: int
    days: int

    @property
    def total(self) -> int:
        return sum(self.debtors.values()) + self.points


async def due(parts: Parts, retentions: Retentions, now: datetime) -> Due:
    """Count; nothing is changed."""
    by_place = dict.fromkeys(Jurisdiction, 0)
    for place, rule in retentions.places.items():
        async for _ in _debtors(parts, rule, now):
            by_place[place] += 1
    points = 0
    async for _ in _strangers(parts, now):
        points += 1
    async with parts.pool.acquire() as conn:
        days = await erasure.old_days(conn, _callbacks_before(parts, now))
    return Due(by_place, points, len(days))


async def run(parts: Parts, retentions: Retentions, now: datetime, watch: Progress) -> Due:
    """Erase what is due. A debtor in whose way something stands is left, and counted by nobody."""
    total = (await due(parts, retentions, now)).total
    done = Due(dict.fromkeys(Jurisdiction, 0), 0, 0)
    async for point_id in _strangers(parts, now):
        if await _tried(erase_point(parts, point_id, REASON, ACTOR)):
            done.points += 1
            watch(done.total, total)
    for place, rule in retentions.places.items():
        async for debtor_id in _debtors(parts, rule, now):
            if await _tried(erase_debtor(parts, retentions, debtor_id, REASON, ACTOR)):
                done.debtors[place] += 1
                watch(done.total, total)
    done.days = await destroy_old_days(parts, _callbacks_before(parts, now), ACTOR)
    log.info("retention_done", debtors=sum(done.debtors.values()), points=done.points)
    return done


async def _tried(erased: Awaitable[object]) -> bool:
    """Whether it went; what something stands in the way of goes another time."""
    try:
        await erased
    except Conflict as error:
        log.info("retention_left", why=error.message)
        return False
    return True


async def _debtors(parts: Parts, rule: Retention, now: datetime) -> AsyncIterator[UUID]:
    after: UUID | None = None
    before = rule.begins(now)
    while True:
        async with parts.pool.acquire() as conn:
            ids = await erasure.settled(conn, rule.place, before, after, PAGE)
        if not ids:
            return
        for debtor_id in ids:
            yield debtor_id
        after = ids[-1]


async def _strangers(parts: Parts, now: datetime) -> AsyncIterator[UUID]:
    after: UUID | None = None
    while True:
        async with parts.pool.acquire() as conn:
            ids = await erasure.strangers(conn, now - REVIEW, after, PAGE)
        if not ids:
            return
        for point_id in ids:
            yield point_id
        after = ids[-1]


def _callbacks_before(parts: Parts, now: datetime) -> datetime:
    return now - timedelta(days=parts.settings.callback_days)
