"""A campaign under way: frozen, released, paused, resumed, cancelled, and brought to its end."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from life_rig import ZONE, House, Person, working_day

from outreach.campaigns import approval, running
from outreach.campaigns import tend as tending
from outreach.campaigns.moves import found
from outreach.campaigns.progress import Progress, progress
from outreach.campaigns.tend import tend
from outreach.campaigns.workdays import UnknownDay, is_workday
from outreach.db import facts, release, tallies
from outreach.db.events import stream_events
from outreach.domain.campaign import Campaign, CampaignState, Late
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction
from outreach.domain.errors import Conflict, InvalidInput
from outreach.domain.events import EventKind, campaign_stream
from outreach.domain.notice import Purpose
from outreach.domain.states import State
from outreach.ids import new_id
from outreach.life import recover
from outreach.life.letters import LettersOut, close_batch
from outreach.templating.catalog import Catalog

ACTOR = "user:mei"


async def drafted(house: House, **fields: object) -> Campaign:
    given = Campaign(
        id=new_id(),
        number=0,
        name="十一月",
        creditor_id="qinglan-bank",
        purpose=Purpose.OVERDUE_NOTICE,
        channels=(Channel.SMS,),
        audience="dpd > 0",
        state=CampaignState.DRAFT,
        created_by=ACTOR,
        created_at=house.now,
    )
    async with house.parts.pool.acquire() as conn, conn.transaction():
        return await approval.draft(house.parts, conn, replace(given, **fields))  # type: ignore[arg-type]


async def approved(house: House, **fields: object) -> int:
    """The number of a campaign that may start."""
    campaign = await drafted(house, **fields)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        moved = await approval.submit(house.parts, conn, campaign.number, ACTOR)
        if moved.state is CampaignState.SUBMITTED:
            await approval.approve(house.parts, conn, campaign.number, "user:lin")
    return campaign.number


async def started(house: House, **fields: object) -> int:
    number = await approved(house, **fields)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.start(house.parts, conn, number, ACTOR)
    return number


async def tended(house: House) -> None:
    """Everything that campaigns do by themselves now."""
    while await tend(house.parts):
        pass


async def seen(house: House, number: int) -> Progress:
    async with house.parts.pool.acquire() as conn:
        return await progress(conn, await found(conn, number), house.now)


async def told(house: House, number: int) -> list[str]:
    async with house.parts.pool.acquire() as conn:
        campaign = await found(conn, number)
        return [row["kind"] for row in await stream_events(conn, campaign_stream(campaign.id))]


async def pause(house: House, number: int) -> None:
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.pause(house.parts, conn, number, ACTOR, "wait")
    await house.stops.refresh(house.parts.pool)


async def resume(house: House, number: int) -> None:
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.resume(house.parts, conn, number, ACTOR, "go on")
    await house.stops.refresh(house.parts.pool)


async def cancel(house: House, number: int) -> None:
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.cancel(house.parts, conn, number, ACTOR, "enough")
    await house.stops.refresh(house.parts.pool)


async def reached(house: House, carrier: str = "twilio") -> list[UUID]:
    """The debtors that the carrier's own book says it took something for."""
    found = []
    for entry in house.book(carrier):
        place = house.parts.tokens.read(entry.token)
        assert place is not None
        found.append((await house.look(place[0]))["debtor_id"])
    return sorted(found)


async def debtors(house: House, *people: Person) -> list[UUID]:
    return sorted([(await house.row(person))["debtor_id"] for person in people])


async def texts(house: House) -> list[str]:
    """The words of every notice that went."""
    found = []
    for row in await house.fetch("select id from notices where state = 'sent'"):
        for event in await house.events(row["id"]):
            if event.kind is EventKind.SENDING and event.payload:
                found.append(str(event.payload["text"]))
    return found


async def test_everybody_gets_one_and_it_ends(house: House) -> None:
    people = [Person() for _ in range(40)]
    await house.people(*people)
    gone = people[0]
    await house.mark(gone, "dead_at")
    number = await started(house)
    assert (await seen(house, number)).total == 0
    await tended(house)
    shown = await seen(house, number)
    assert shown.states == {State.PENDING: 39}
    assert shown.excluded == {"unreachable": 1}
    assert await house.dispatch() == 39
    await tended(house)
    shown = await seen(house, number)
    assert shown.campaign.state is CampaignState.FINISHED
    assert shown.states == {State.SENT: 39}
    assert await reached(house) == await debtors(house, *people[1:])
    assert await told(house, number) == ["drafted", "submitted", "started", "frozen", "finished"]


async def test_who_comes_in_after_its_start_is_not_written_to(house: House) -> None:
    await house.people(Person(), Person())
    number = await started(house)
    house.at(house.now + timedelta(minutes=1))
    await house.people(Person())
    await tended(house)
    assert (await seen(house, number)).total == 2


async def test_paused_nothing_leaves_and_resumed_the_rest_does(house: House) -> None:
    people = [Person() for _ in range(50)]
    await house.people(*people)
    house.set(chunk=8)
    number = await started(house)
    await tended(house)
    worker = house.worker()
    first = await worker.intend()
    await worker.record(await worker.send(first))
    second = await worker.intend()  # on its way when the pause comes
    await pause(house, number)
    sent = await worker.send(second)
    await worker.record(sent)
    assert len(house.book()) == len(first.going)
    assert await house.dispatch() == 0
    assert await house.fetchval("select count(*) from due") == 0
    shown = await seen(house, number)
    assert shown.states == {State.PENDING: 42, State.SENT: 8}
    await tended(house)
    assert await house.fetchval("select count(*) from due") == 0
    await resume(house, number)
    await tended(house)
    assert await house.dispatch() == 42
    assert await reached(house) == await debtors(house, *people)
    await tended(house)
    assert (await seen(house, number)).campaign.state is CampaignState.FINISHED


async def test_cancelled_nothing_more_leaves(house: House) -> None:
    people = [Person() for _ in range(30)]
    await house.people(*people)
    house.set(chunk=8)
    number = await started(house)
    await tended(house)
    worker = house.worker()
    await worker.record(await worker.send(await worker.intend()))
    second = await worker.intend()
    await cancel(house, number)
    await tended(house)
    assert (await seen(house, number)).states == {
        State.CANCELLED: 14,
        State.SENDING: 8,
        State.SENT: 8,
    }
    await worker.record(await worker.send(second))
    await tended(house)
    assert await house.dispatch() == 0
    shown = await seen(house, number)
    assert shown.states == {State.CANCELLED: 22, State.SENT: 8}
    assert len(house.book()) == 8
    assert await house.fetchval("select settled_at is not null from campaigns") is True
    await tended(house)
    assert await house.dispatch() == 0


async def test_it_is_quiet_only_when_no_claim_from_before_is_left(house: House) -> None:
    """What a worker has claimed and not committed shows nowhere, and may yet leave."""
    await house.people(Person(), Person())
    number = await started(house)
    await tended(house)
    async with house.parts.pool.acquire() as conn:
        claim = conn.transaction()
        await claim.start()
        rows = await facts.claim(conn, "bulk", "sms", "sms", house.now, 10)
        assert {row["campaign_state"] for row in rows} == {"running"}
        await pause(house, number)
        assert not await running.quiet(house.parts, number, 0.5)
        await claim.rollback()
    assert await running.quiet(house.parts, number, 20)
    await resume(house, number)
    await tended(house)
    worker = house.worker()
    chunk = await worker.intend()
    await cancel(house, number)
    assert not await running.quiet(house.parts, number, 0.5)
    await worker.record(await worker.send(chunk))
    await tended(house)
    assert await running.quiet(house.parts, number, 20)


async def test_claimed_before_the_cancel_was_seen_it_is_dropped(house: House) -> None:
    """A worker that claims from the queue before the campaign's notices were taken out of it."""
    await house.people(Person(), Person())
    number = await started(house)
    await tended(house)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.cancel(house.parts, conn, number, ACTOR, "enough")
    assert await house.dispatch() == 0
    assert (await seen(house, number)).states == {State.CANCELLED: 2}
    assert not house.book()


async def test_who_pays_is_not_written_to(house: House) -> None:
    payer, other = Person(), Person()
    await house.people(payer, other)
    number = await started(house)
    await tended(house)
    await house.execute(
        "update accounts set balance = 0, overdue = 0 where id = $1",
        (await house.row(payer))["account_id"],
    )
    await house.dispatch()
    assert await reached(house) == await debtors(house, other)
    await tended(house)
    shown = await seen(house, number)
    assert shown.states == {State.SENT: 1, State.BLOCKED: 1}
    assert shown.campaign.state is CampaignState.FINISHED


async def test_a_dead_number_falls_back_to_the_next_channel(open_doors: House) -> None:
    house, lost, fine = open_doors, Person(), Person()
    await house.people(lost, fine)
    house.set(chunk=1)
    number = await started(house, channels=(Channel.SMS, Channel.EMAIL))
    await tended(house)
    await house.dispatch()
    [notice] = await house.fetch(
        "select id from notices where debtor_id = $1", (await house.row(lost))["debtor_id"]
    )
    gone = house.status(notice["id"], 1, "undelivered", ErrorCode="30005")
    assert await house.post(gone, gone) == [200, 200]
    await house.apply()
    await tended(house)
    shown = await seen(house, number)
    assert shown.campaign.state is CampaignState.RUNNING  # the other's receipt is still awaited
    assert shown.states == {State.PENDING: 1, State.SENT: 2}
    assert await house.dispatch("email") == 1
    assert await reached(house, "smtp") == await debtors(house, lost)
    await tended(house)
    assert await house.fetchval("select count(*) from notices") == 3
    house.at(house.now + tending.RECEIPTS + timedelta(hours=1))
    await tended(house)
    assert (await seen(house, number)).campaign.state is CampaignState.FINISHED


async def test_an_address_lost_since_the_start_falls_back_too(house: House) -> None:
    lost = Person()
    await house.people(lost)
    number = await started(house, channels=(Channel.SMS, Channel.EMAIL))
    await tended(house)
    await house.mark(lost, "dead_at")
    assert await house.dispatch() == 0
    await tended(house)
    assert await house.dispatch("email") == 1
    assert (await seen(house, number)).states == {State.BLOCKED: 1, State.SENT: 1}


async def test_it_pauses_by_itself_and_goes_on_from_there(house: House) -> None:
    await house.people(*(Person() for _ in range(20)))
    house.set(alarm_after=10, alarm_bounced=0.2, chunk=10)
    number = await started(house)
    await tended(house)
    worker = house.worker()
    await worker.record(await worker.send(await worker.intend()))
    await house.execute(
        """update notices set delivery = 'undelivered', failure = 'hard'
           where id in (select id from notices where state = 'sent' limit 3)"""
    )
    await tended(house)
    shown = await seen(house, number)
    assert shown.campaign.state is CampaignState.PAUSED
    [*_, last] = await house.fetch(
        "select data, actor from contact_events where kind = 'paused' order by at"
    )
    assert last["actor"] == "job:campaigns"
    await resume(house, number)
    await tended(house)
    assert (await seen(house, number)).campaign.state is CampaignState.RUNNING
    assert await house.dispatch() == 10


async def test_opt_outs_pause_it(open_doors: House) -> None:
    house, people = open_doors, [Person() for _ in range(10)]
    await house.people(*people)
    house.set(alarm_after=5, alarm_opted_out=0.1, chunk=5)
    number = await started(house)
    await tended(house)
    worker = house.worker()
    chunk = await worker.intend()
    await worker.record(await worker.send(chunk))
    written_to = chunk.going[0].row["debtor_id"]
    [objector] = [p for p in people if (await house.row(p))["debtor_id"] == written_to]
    await house.post(house.reply(objector, "退订"))
    await house.apply()
    await tended(house)
    shown = await seen(house, number)
    assert shown.campaign.state is CampaignState.PAUSED
    assert shown.responses == {"opted_out": 1}


async def test_the_approved_words_go_whatever_the_files_say_later(
    house: House, tmp_path: Path
) -> None:
    await house.people(Person(), Person())
    number = await approved(house)
    folder = tmp_path / "templates" / "sms" / "overdue_notice"
    folder.mkdir(parents=True)
    (folder / "zh-CN.txt").write_text("【{{ creditor.signature }}】别的字句。", encoding="utf-8")
    house.parts = replace(house.parts, catalog=Catalog(tmp_path / "templates"))
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.start(house.parts, conn, number, ACTOR)
    await tended(house)
    assert await house.dispatch() == 2
    words = await texts(house)
    assert len(words) == 2
    assert not any("别的字句" in text for text in words)
    assert await house.fetchval("select count(distinct template_digest) from notices") == 1


async def test_its_pace_is_kept_and_a_night_lets_nothing_go(house: House) -> None:
    await house.people(*(Person() for _ in range(10)))
    await started(house, pace_minute=60)
    await tended(house)
    assert await house.fetchval("select count(*) from due") == 1
    house.at(house.now + timedelta(seconds=3))
    await tended(house)
    assert await house.fetchval("select count(*) from due") == 4
    house.at(house.now + timedelta(minutes=30))  # an outage: no burst after it
    await tended(house)
    assert await house.fetchval("select count(*) from due") == 9
    house.at(working_day(house.now, 23))
    await tended(house)
    assert await house.fetchval("select count(*) from due") == 9


async def test_so_many_a_day_and_no_more(house: House) -> None:
    await house.people(*(Person() for _ in range(6)))
    await started(house, pace_day=4)
    for quarter in range(4 * 12):
        house.at(working_day(house.now, 8) + timedelta(minutes=30 + 15 * quarter))
        await tended(house)
    assert await house.fetchval("select count(*) from due") == 4
    house.at(working_day(house.now + timedelta(days=1), 12))
    await tended(house)
    assert await house.fetchval("select count(*) from due") == 5


async def test_too_slow_for_its_notices_to_live_it_is_refused(house: House) -> None:
    await house.people(*(Person() for _ in range(20)))
    campaign = await drafted(house, pace_day=2)
    with pytest.raises(InvalidInput, match="expires after 5"):
        async with house.parts.pool.acquire() as conn, conn.transaction():
            await approval.submit(house.parts, conn, campaign.number, ACTOR)


async def test_a_start_in_the_past_is_refused(house: House) -> None:
    await house.people(Person())
    number = await approved(house)
    with pytest.raises(InvalidInput, match="has passed"):
        async with house.parts.pool.acquire() as conn:
            await running.start(house.parts, conn, number, ACTOR, house.now - timedelta(hours=1))


@pytest.mark.parametrize(
    ("late", "state"),
    [
        (Late.SEND, CampaignState.RUNNING),
        (Late.SKIP, CampaignState.CANCELLED),
        (Late.ASK, CampaignState.APPROVED),
    ],
)
async def test_a_start_that_was_missed(house: House, late: Late, state: CampaignState) -> None:
    await house.people(Person())
    number = await approved(house, late=late)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.start(house.parts, conn, number, ACTOR, house.now + timedelta(hours=1))
    await tended(house)
    assert (await seen(house, number)).campaign.state is CampaignState.APPROVED
    house.at(house.now + timedelta(hours=5))
    await tended(house)
    campaign = (await seen(house, number)).campaign
    assert campaign.state is state
    assert campaign.starts_at is None
    assert ("missed" in await told(house, number)) is (late is not Late.SEND)


async def test_at_its_hour_it_starts_by_itself(house: House) -> None:
    await house.people(Person())
    number = await approved(house, late=Late.SKIP)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.start(house.parts, conn, number, ACTOR, house.now + timedelta(hours=1))
    house.at(house.now + timedelta(hours=1, seconds=2))
    await tended(house)
    assert await house.dispatch() == 1
    await tended(house)
    assert (await seen(house, number)).campaign.state is CampaignState.FINISHED


async def test_only_what_failed_is_tried_again(house: House) -> None:
    people = [Person() for _ in range(4)]
    await house.people(*people)
    number = await started(house)
    await tended(house)
    await house.dispatch()
    ids = [row["id"] for row in await house.fetch("select id from notices order by id limit 3")]
    change = "update notices set state = $2, delivery = $3, failure = $4 where id = $1"
    await house.execute(change, ids[0], "failed", "none", None)
    await house.execute(change, ids[1], "sent", "undelivered", "soft")
    await house.execute(change, ids[2], "sent", "undelivered", "hard")
    await tended(house)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        campaign, again = await running.retry(house.parts, conn, number, ACTOR, "carrier was down")
    assert again == 2
    assert campaign.state is CampaignState.RUNNING
    await tended(house)
    before = len(house.book())
    await house.execute("delete from contact_events where kind = 'sending'")  # no cap in the way
    assert await house.dispatch() == 2
    assert len(house.book()) == before + 2
    await tended(house)
    with pytest.raises(InvalidInput, match="nobody"):
        async with house.parts.pool.acquire() as conn, conn.transaction():
            await running.retry(house.parts, conn, number, ACTOR, "again")


async def test_two_campaigns_on_one_debtor_the_second_waits_and_says_so(house: House) -> None:
    house.two_a_day()
    await house.people(Person())
    ids = [await started(house, name=f"number {n}") for n in range(3)]
    await tended(house)
    await house.dispatch()
    await house.dispatch()
    assert len(house.book()) == 2
    waiting = [n for n in ids if (await seen(house, n)).states == {State.PENDING: 1}]
    assert len(waiting) == 1
    campaign = (await seen(house, waiting[0])).campaign
    async with house.parts.pool.acquire() as conn:
        held = await tallies.waiting(conn, campaign.id, house.now)
        rules = await tallies.held_by(conn, campaign.id, house.now, 10)
    assert held.held == 1
    assert ("F-04", 1) in rules


async def test_a_correction_goes_to_exactly_those_reached(house: House) -> None:
    people = [Person() for _ in range(4)]
    await house.people(*people)
    number = await started(house)
    await tended(house)
    await house.dispatch()
    missed: UUID = (await house.row(people[0]))["debtor_id"]
    await house.execute(
        "update notices set delivery = 'undelivered', failure = 'soft' where debtor_id = $1", missed
    )
    await tended(house)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        correction = await approval.draft_correction(house.parts, conn, number, "更正", ACTOR)
        submitted = await approval.submit(house.parts, conn, correction.number, ACTOR)
        await running.start(house.parts, conn, correction.number, ACTOR)
    assert submitted.notices == 3
    await tended(house)
    assert await house.dispatch() == 3
    twice = await debtors(house, *people[1:], *people)
    assert await reached(house) == twice


async def test_a_rewound_database_lets_no_campaign_go_on(house: House) -> None:
    """How far it got, and whether it began at all, is lost with the rest."""
    house.at(KNOWN_DAY)
    people = [Person() for _ in range(4)]
    await house.people(*people)
    number = await started(house, pace_minute=1)
    waiting = await approved(house, repeats="workdays 10:30")
    async with house.parts.pool.acquire() as conn, conn.transaction():
        await running.start(house.parts, conn, waiting, ACTOR)
    await tended(house)
    assert await house.fetchval("select count(*) from due") == 1
    plan = recover.Plan(house.now, house.now, None, "rewound", ())
    doubted, _ = await recover.recover(house.parts, plan, ACTOR, "disk lost")
    assert doubted == 4
    shown = await seen(house, number)
    assert shown.campaign.state is CampaignState.PAUSED
    assert shown.states == {State.UNCERTAIN: 4}
    assert (await seen(house, waiting)).campaign.starts_at is None
    assert (await told(house, number))[-1] == "paused"
    assert (await told(house, waiting))[-1] == "missed"
    house.at(working_day(house.now + timedelta(days=1), 12))
    await resume(house, number)
    await tended(house)
    assert await house.dispatch() == 0


async def test_a_control_group_gets_nothing_and_is_counted(house: House) -> None:
    await house.people(*(Person() for _ in range(60)))
    number = await started(house, control_percent=30)
    await tended(house)
    shown = await seen(house, number)
    control = shown.excluded["control"]
    assert 5 <= control <= 32
    assert shown.total == 60 - control


async def test_nobody_is_left_out_of_what_the_law_has_us_tell(house: House) -> None:
    await house.people(Person())
    with pytest.raises(InvalidInput, match="owed to everybody"):
        await drafted(house, control_percent=10, purpose=Purpose.CORRECTION_NOTICE)


async def test_within_a_list(house: House) -> None:
    people = [Person() for _ in range(5)]
    await house.people(*people)
    listed = [(await house.row(person))["account_id"] for person in people[:2]]
    campaign = await drafted(house, audience="")
    async with house.parts.pool.acquire() as conn, conn.transaction():
        given = replace(campaign, id=new_id(), name="of a list")
        campaign = await approval.draft(house.parts, conn, given, listed)
        await approval.submit(house.parts, conn, campaign.number, ACTOR)
        await running.start(house.parts, conn, campaign.number, ACTOR)
    await tended(house)
    assert await house.dispatch() == 2
    assert await reached(house) == await debtors(house, *people[:2])


KNOWN_DAY = datetime(2026, 6, 9, 10, tzinfo=ZONE)
"""The calendar of working days reaches so far, whenever this is run."""


async def test_one_that_recurs_runs_each_working_day(house: House) -> None:
    house.at(KNOWN_DAY)
    await house.people(Person())
    number = await approved(house, repeats="workdays 10:30")
    async with house.parts.pool.acquire() as conn, conn.transaction():
        campaign = await running.start(house.parts, conn, number, ACTOR)
    assert campaign.starts_at is not None
    house.at(campaign.starts_at + timedelta(seconds=5))
    await tended(house)
    [run] = await house.fetch("select number, name, state from campaigns where run_of is not null")
    assert run["name"].startswith("十一月 20")
    assert await house.dispatch() == 1
    await tended(house)
    assert (await seen(house, run["number"])).campaign.state is CampaignState.FINISHED
    following = (await seen(house, number)).campaign
    assert following.state is CampaignState.APPROVED
    assert following.starts_at is not None
    assert following.starts_at > campaign.starts_at


async def test_grown_out_of_what_was_approved_it_asks_again(house: House) -> None:
    house.at(KNOWN_DAY)
    await house.people(Person(), Person())
    number = await approved(house, repeats="workdays 10:30")
    async with house.parts.pool.acquire() as conn, conn.transaction():
        campaign = await running.start(house.parts, conn, number, ACTOR)
    await house.people(Person(), Person())
    assert campaign.starts_at is not None
    house.at(campaign.starts_at + timedelta(seconds=5))
    await tended(house)
    [run] = await house.fetch("select number, state from campaigns where run_of is not null")
    assert run["state"] == "submitted"
    assert await house.fetchval("select count(*) from notices") == 0


async def test_variants_are_shared_out(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "sms" / "overdue_notice"
    folder.mkdir(parents=True)
    plain = house.parts.catalog.directory / "sms" / "overdue_notice" / "zh-CN.txt"
    words = plain.read_text(encoding="utf-8")
    (folder / "zh-CN.txt").write_text(words, encoding="utf-8")
    (folder / "zh-CN@b.txt").write_text(words + "\n请留意。", encoding="utf-8")
    house.parts = replace(house.parts, catalog=Catalog(tmp_path / "templates"))
    await house.people(*(Person() for _ in range(40)))
    await started(house, variants=("", "b"))
    await tended(house)
    assert await house.dispatch() == 40
    with_b = sum("请留意" in text for text in await texts(house))
    assert 8 <= with_b <= 32
    with pytest.raises(InvalidInput, match="variant 'c'"):
        await drafted(house, variants=("c",))


def last_known_workday() -> datetime:
    """The last whose calendar is at hand, at 10:30."""
    day = KNOWN_DAY.date()
    with suppress(UnknownDay):
        while True:
            if is_workday(day, Jurisdiction.MAINLAND):
                known = day
            day += timedelta(days=1)
    return datetime.combine(known, time(10, 30), ZONE)


async def test_beyond_the_calendar_it_waits_for_a_person_and_says_so(house: House) -> None:
    """No day is guessed to be a working day."""
    house.at(KNOWN_DAY)
    await house.people(Person())
    number = await approved(house, repeats="workdays 10:30")
    last = last_known_workday()
    await house.execute("update campaigns set starts_at = $2 where number = $1", number, last)
    house.at(last + timedelta(seconds=5))
    await tended(house)
    assert (await seen(house, number)).campaign.starts_at is None
    assert (await told(house, number))[-1] == "missed"
    with pytest.raises(Conflict, match=str(last.year + 1)):
        async with house.parts.pool.acquire() as conn:
            await running.start(house.parts, conn, number, ACTOR)
    at = last + timedelta(days=7)
    async with house.parts.pool.acquire() as conn, conn.transaction():
        campaign = await running.start(house.parts, conn, number, ACTOR, at)
    assert campaign.starts_at == at


async def test_resumed_between_a_claim_and_its_parking_nobody_is_lost(house: House) -> None:
    """The claim saw it paused; by the time it takes them out of the queue it runs again."""
    await house.people(*(Person() for _ in range(3)))
    number = await started(house)
    await tended(house)
    await pause(house, number)
    async with house.parts.pool.acquire() as conn:
        claim = conn.transaction()
        await claim.start()
        rows = await facts.claim(conn, "bulk", "sms", "sms", house.now, 10)
        assert {row["campaign_state"] for row in rows} == {"paused"}
        await resume(house, number)
        await tended(house)
        await release.park(conn, [row["id"] for row in rows])
        await claim.commit()
    assert await house.dispatch() == 3
    await tended(house)
    assert (await seen(house, number)).campaign.state is CampaignState.FINISHED


async def test_a_letter_whose_batch_closes_in_a_pause_goes_after_it(house: House) -> None:
    person = Person()
    await house.people(person)
    number = await started(
        house, channels=(Channel.LETTER,), purpose=Purpose.DEMAND_LETTER, name="letters"
    )
    await tended(house)
    letters = LettersOut(house.parts)
    assert await letters.collect("letters") == 1
    await pause(house, number)
    [batch] = await house.fetch("select id, carrier from letter_batches")
    mail_house = house.parts.mail_houses[batch["carrier"]]
    assert await close_batch(house.parts, batch["id"], mail_house) == 0
    assert await letters.collect("letters") == 1  # claimed, and parked
    assert await house.fetchval("select count(*) from due") == 0
    await resume(house, number)
    await tended(house)
    assert await letters.collect("letters") == 1
    batch_id = str(await house.fetchval("select id from letter_batches where closed_at is null"))
    assert await close_batch(house.parts, batch_id, mail_house) == 1
    assert (await seen(house, number)).states == {State.SENDING: 1}


async def test_slowly_paced_it_rests_between_releases(house: House) -> None:
    """However much is left: nothing to let go now is nothing to do now."""
    await house.people(*(Person() for _ in range(30)))
    number = await started(house, pace_minute=1)
    await tended(house)
    release_scan, release.SCAN = release.SCAN, 10
    try:
        house.at(house.now + timedelta(minutes=2))
        assert await tend(house.parts) == 0
    finally:
        release.SCAN = release_scan
    assert (await seen(house, number)).states == {State.PENDING: 30}


async def test_what_could_not_go_in_its_time_expires(house: House) -> None:
    """After an outage of days a reminder is not sent late: what it says is no longer true."""
    await house.people(Person(), Person())
    number = await started(house)
    await tended(house)
    house.at(working_day(house.now + timedelta(days=6), 11))
    await tended(house)
    assert await house.dispatch() == 0
    await tended(house)
    shown = await seen(house, number)
    assert shown.states == {State.EXPIRED: 2}
    assert shown.campaign.state is CampaignState.FINISHED


async def test_who_disputes_meanwhile_is_left_in_peace(house: House) -> None:
    quiet, other = Person(), Person()
    await house.people(quiet, other)
    number = await started(house)
    await tended(house)
    await house.set_standing(quiet, "dispute")
    await house.dispatch()
    assert await reached(house) == await debtors(house, other)
    assert (await seen(house, number)).states.get(State.SENT) == 1
