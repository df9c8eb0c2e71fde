"""Three hundred people's weeks at once: whatever asks for them, nobody is written to too often."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from life_rig import ZONE, House, Person
from test_caps import work

from outreach.domain.contact import Channel
from outreach.domain.notice import Lane, NoticeRequest, Purpose

pytestmark = pytest.mark.timeout(240)

PEOPLE = 300
DAYS = 4
SEED = 20260608
PURPOSES = (Purpose.OVERDUE_NOTICE, Purpose.PAYMENT_REMINDER)
LANES = ((Lane.BULK, "sms"), (Lane.BULK, "sms"), (Lane.URGENT, "sms"), (Lane.BULK, "email"))


async def asked_today(house: House, people: list[Person], chance: random.Random) -> None:
    """Campaigns and one-offs of a day: up to four notices a person, on either channel and lane."""
    requests: list[NoticeRequest] = []
    for person in people:
        for _ in range(chance.choice((0, 1, 1, 2, 3, 4))):
            channel = chance.choice((Channel.SMS, Channel.SMS, Channel.EMAIL))
            lane = chance.choice((Lane.BULK, Lane.BULK, Lane.URGENT))
            if channel is Channel.EMAIL:
                lane = Lane.BULK
            requests.append(
                await house.request(person, channel, chance.choice(PURPOSES), lane=lane)
            )
    chance.shuffle(requests)
    for start in range(0, len(requests), 200):
        await house.submit(*requests[start : start + 200])


def most_in(instants: Iterable[datetime], span: timedelta) -> int:
    """How many of them fall into the fullest stretch of that length, its end left out."""
    ordered = sorted(instants)
    return max((sum(start <= at < start + span for at in ordered) for start in ordered), default=0)


async def test_no_interleaving_exceeds_a_cap(house: House) -> None:
    """Half of them share a phone with another; four dispatchers work at a time, in small chunks."""
    chance = random.Random(SEED)
    people = [Person() for _ in range(PEOPLE // 2)]
    people += [Person(shared_phone=person.phone) for person in people]
    await house.people(*people)
    house.set(chunk=5)
    start = house.now
    for day in range(DAYS):
        house.at(start + timedelta(days=day, hours=day % 2))
        await house.execute("update accounts set balance_as_of = $1", house.now)
        await asked_today(house, people, chance)
        await house.execute("update due set due_at = $1 where due_at <= $1", house.now)
        await work(house, *LANES)
    rows = await house.fetch(
        """select n.debtor_id, n.channel, p.value_hash, e.at from contact_events e
           join notices n on n.id = e.notice_id join contact_points p on p.id = n.contact_point_id
           where e.kind = 'sending'"""
    )
    assert len(rows) == await house.fetchval("select count(*) from notices where state = 'sent'")

    def fullest_day(*fields: str, channel: str = "") -> int:
        counted = Counter(
            (*(row[field] for field in fields), row["at"].astimezone(ZONE).date())
            for row in rows
            if channel in ("", row["channel"])
        )
        return max(counted.values())

    def fullest_week(channel: str) -> int:
        people = {row["debtor_id"] for row in rows}
        return max(
            most_in(
                (r["at"] for r in rows if (r["debtor_id"], r["channel"]) == (person, channel)),
                timedelta(days=7),
            )
            for person in people
        )

    # each is reached, or the test would not show that it holds
    assert fullest_day("debtor_id") == 2
    assert fullest_day("debtor_id", channel="sms") == 1
    assert fullest_day("debtor_id", channel="email") == 1
    assert fullest_day("value_hash", channel="sms") == 2
    assert fullest_week("sms") == 3
    assert fullest_week("email") == 2
