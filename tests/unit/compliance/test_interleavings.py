"""No interleaving of campaigns, one-offs and workers exceeds a cap: ten thousand schedules.

A model of what the database does: workers take due notices, lock their debtors and then the phones,
mailboxes and addresses they go to, skipping what another holds, read the contacts, ask the gate and
commit their intents. A schedule decides who moves next and how the clock goes on. An oracle that
only counts looks at what went out; it sees the caps broken where the model's locks are left out.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from gate_cases import MONDAY, ZONES, at, facts
from rule_cases import ALWAYS, ANSWERS, COLLECTS, STATUTORY

from outreach.compliance.facts import Contact
from outreach.compliance.gate import Decision, judge
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.notice import Purpose

MAINLAND = Jurisdiction.MAINLAND
SMS, EMAIL, LETTER = Channel
SCHEDULES = 3400
"""For each of three places."""
DEBTORS = ("debtor-1", "debtor-2")
LASTS = timedelta(days=4)
DEMANDS = frozenset({Purpose.DEMAND_LETTER, Purpose.LAWYER_LETTER})
WANTED = (
    (Purpose.OVERDUE_NOTICE, SMS),
    (Purpose.OVERDUE_NOTICE, SMS),
    (Purpose.PAYMENT_REMINDER, EMAIL),
    (Purpose.DEMAND_LETTER, LETTER),
    (Purpose.PLAN_REMINDER, SMS),
    (Purpose.ASSIGNMENT_NOTICE, SMS),
    (Purpose.ASSIGNMENT_NOTICE, EMAIL),
    (Purpose.COMPLAINT_REPLY, SMS),
)


@dataclass(slots=True, eq=False)
class Notice:
    """One of a campaign, or a one-off: to the model they are the same."""

    debtor: str
    purpose: Purpose
    channel: Channel
    due: datetime

    @property
    def value(self) -> str:
        """The two debtors share a phone, and nothing else."""
        return "phone" if self.channel is SMS else f"{self.channel} of {self.debtor}"


@dataclass(slots=True, eq=False)
class Sent:
    notice: Notice
    at: datetime


@dataclass(slots=True)
class World:
    place: Jurisdiction
    now: datetime
    due: list[Notice]
    sent: list[Sent]
    before: int  # how many of them went before the schedule began
    locks: set[str] = field(default_factory=set)
    held: int = 0


def worker(world, pack, chance, locking) -> Iterator[None]:
    """One worker's endless round; it can be interrupted at each ``yield``."""
    ordinary = facts(world.place, balance_max_age=ALWAYS)
    while True:
        chunk, mine = _claim(world, chance.randint(1, 3), locking)
        yield
        seen, now, intents = list(world.sent), world.now, []
        for notice in chunk:
            yield
            verdict = judge(_facts(ordinary, notice, now, seen + intents), pack)
            if verdict.decision is Decision.ALLOW:
                intents.append(Sent(notice, now))
            else:
                world.held += 1
                notice.due = verdict.until
                world.due.append(notice)
        yield
        world.sent += intents
        world.locks -= mine
        yield
        for each in intents:
            if chance.random() < 0.1:  # it is known not to have gone: it counts no longer
                world.sent.remove(each)
                each.notice.due = world.now
                world.due.append(each.notice)


def _claim(world, size, locking):
    """Due notices and the locks they need; what another holds is left for later."""
    chunk, mine = [], set()
    for notice in [each for each in world.due if each.due <= world.now]:
        keys = {each for each in (notice.debtor, notice.value) if locking(each)}
        if len(chunk) < size and not keys & (world.locks - mine):
            mine |= keys
            world.locks |= keys
            world.due.remove(notice)
            chunk.append(notice)
    return chunk, mine


def _facts(ordinary, notice, now, seen):
    return replace(
        ordinary,
        now=now,
        purpose=notice.purpose,
        channel=notice.channel,
        contacts=tuple(_contact(each) for each in seen if each.notice.debtor == notice.debtor),
        value_contacts=tuple(_contact(each) for each in seen if each.notice.value == notice.value),
    )


def _contact(sent):
    return Contact(sent.at, sent.notice.channel, sent.notice.purpose)


def _history(chance, start) -> Iterator[Sent]:
    """What went out before: sometimes so much that a week or month is nearly full."""
    for debtor in DEBTORS:
        for _ in range(chance.choice((0, 0, 1, 2))):
            gap = timedelta(hours=chance.randint(30, 160))
            notice = Notice(debtor, Purpose.OVERDUE_NOTICE, chance.choice((SMS, EMAIL)), start)
            yield Sent(notice, start - gap)
        if chance.random() < 0.4:
            notice = Notice(debtor, Purpose.DEMAND_LETTER, LETTER, start)
            yield Sent(notice, start - timedelta(days=chance.randint(25, 35)))


def play(place, pack, seed, locking) -> World:
    """One schedule to its end: everything sent, or four days over."""
    chance = random.Random(seed)
    start = at(MONDAY, ZONES[place])
    wanted = [(*chance.choice(WANTED), chance.choice(DEBTORS)) for _ in range(chance.randint(4, 9))]
    due = [Notice(debtor, purpose, channel, start) for purpose, channel, debtor in wanted]
    sent = list(_history(chance, start))
    world = World(place, start, due, sent, len(sent))
    workers = [worker(world, pack, chance, locking) for _ in range(3)]
    while world.now < start + LASTS:
        next(chance.choice(workers))
        if chance.random() < 0.2:
            world.now += timedelta(seconds=chance.randint(1, 90))
        idle = not world.locks and not any(each.due <= world.now for each in world.due)
        if idle and chance.random() < 0.3:  # nothing to do: on to what is due next
            world.now = min((each.due for each in world.due), default=start + LASTS)
    for _ in range(40):  # and let everybody finish
        next(chance.choice(workers))
    return world


# ---------------------------------------------------------------- the oracle


def exceeded(world: World) -> Counter[str]:
    """How often each cap was exceeded (``over``) or just reached (``full``), by what went out."""
    found: Counter[str] = Counter()
    for number, sent in enumerate(world.sent[world.before :], world.before):
        for cap, before, limit in _counts(world, sent, world.sent[:number]):
            if before >= limit:
                found[f"over {cap}"] += 1
            elif before == limit - 1:
                found[f"full {cap}"] += 1
    return found


def _counts(world, sent, earlier) -> Iterator[tuple[str, int, int]]:
    """By cap: how many went before that count together with this one, and the limit for it."""
    zone, purpose, channel = ZoneInfo(ZONES[world.place]), sent.notice.purpose, sent.notice.channel
    if purpose in ANSWERS:
        return
    mine = [each for each in earlier if each.notice.debtor == sent.notice.debtor]
    here = [each for each in earlier if each.notice.value == sent.notice.value]
    today = sent.at.astimezone(zone).date()

    def on_the_day(some):
        return sum(each.at.astimezone(zone).date() == today for each in some)

    def within(some, days):
        return sum(sent.at - each.at < timedelta(days=days) for each in some)

    limit = 3 if purpose in STATUTORY else 2
    yield "day", on_the_day(mine), limit
    yield "value's day", on_the_day(here), limit
    if purpose in STATUTORY:
        return
    own = [each for each in mine if each.notice.channel is channel]
    if channel is not LETTER:
        yield f"{channel} day", on_the_day(own), 1
    if channel is SMS:
        yield "sms week", within(own, 7), 3
    if channel is EMAIL and world.place is MAINLAND:
        yield "email week", within(own, 7), 2
    if channel is LETTER and purpose in COLLECTS:
        counted = DEMANDS if world.place is MAINLAND else COLLECTS
        letters = [each for each in own if each.notice.purpose in counted]
        yield "letters", within(letters, 30), 1 if world.place is MAINLAND else 2


def total(place, pack, schedules, locking) -> tuple[Counter[str], int, int]:
    found, sent, held = Counter[str](), 0, 0
    for seed in range(schedules):
        world = play(place, pack, seed, locking)
        found += exceeded(world)
        sent, held = sent + len(world.sent), held + world.held
    return found, sent, held


def everything(_: str) -> bool:
    return True


def nothing(_: str) -> bool:
    return False


def over(found: Counter[str]) -> set[str]:
    return {cap for cap in found if cap.startswith("over")}


@pytest.mark.parametrize("place", Jurisdiction)
def test_no_interleaving_exceeds_a_cap(packs, place):
    found, sent, held = total(place, packs[place], SCHEDULES, everything)
    assert over(found) == set()
    # each cap is reached, or the schedules would not show that it holds
    reached = {"day", "value's day", "sms day", "email day", "sms week", "letters"}
    reached |= {"email week"} if place is MAINLAND else set()
    assert {cap.removeprefix("full ") for cap in found} == reached
    assert min(found.values()) > SCHEDULES // 100
    assert sent > 4 * SCHEDULES
    assert held > SCHEDULES


def test_without_locks_the_model_exceeds_them(packs):
    found, _, _ = total(MAINLAND, packs[MAINLAND], 300, nothing)
    assert {"over day", "over value's day", "over sms day", "over sms week"} <= over(found)


def test_without_the_locks_of_phones_only_theirs_is_exceeded(packs):
    found, _, _ = total(MAINLAND, packs[MAINLAND], 1000, lambda key: key in DEBTORS)
    assert over(found) == {"over value's day"}
