"""Outcomes: what a carrier's answer means for the notice, its point and its next attempt."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from life_rig import House, Person, open_house
from peers import Faulty, Switchboard, answered, switchboard, taken

from outreach.channels.base import Callback
from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.life import callbacks
from outreach.sandbox.script import Fate

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def board() -> AsyncIterator[Switchboard]:
    async with switchboard() as opened:
        yield opened


@pytest.fixture
async def house(
    clean_url: str, redis_url: str, tmp_path: Path, board: Switchboard
) -> AsyncIterator[House]:
    """A house whose SMS carrier is the switchboard."""
    async with open_house(clean_url, redis_url, tmp_path, twilio_url=board.url) as opened:
        yield opened


@pytest.fixture
async def strict_mail(clean_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A mail system that greylists everybody once."""
    world: dict[str, object] = {"mail": {Fate.GREYLISTED: 1.0}}
    async with open_house(clean_url, redis_url, tmp_path, world=world) as opened:
        yield opened


async def test_a_temporary_failure_waits_and_goes_again(strict_mail: House) -> None:
    house = strict_mail
    _, notice = await house.a_notice(Channel.EMAIL)
    before = house.now
    assert await house.dispatch("email") == 1
    row = await house.look(notice)
    assert (row["state"], row["attempt"], row["code"]) == ("pending", 1, "4.7.1")
    assert timedelta(seconds=30) <= row["queued"] - before <= timedelta(seconds=60)
    sending, deferred = await house.events(notice)
    assert (sending.kind, deferred.kind) == (EventKind.SENDING, EventKind.DEFERRED)
    assert deferred.data["why"] == "temporary"
    assert await house.dispatch("email") == 0, "not before its time"
    await house.due_now(notice)
    assert await house.dispatch("email") == 1
    row = await house.look(notice)
    assert (row["state"], row["attempt"], row["code"]) == ("sent", 2, None)
    assert house.booked(notice, "smtp") == 1


async def test_attempts_run_out(strict_mail: House) -> None:
    house = strict_mail
    house.set(max_attempts=1)
    _, notice = await house.a_notice(Channel.EMAIL)
    await house.dispatch("email")
    row = await house.look(notice)
    assert (row["state"], row["code"], row["queued"]) == ("failed", "4.7.1", None)
    failed = (await house.events(notice))[-1]
    assert (failed.kind, failed.data["why"]) == (EventKind.FAILED, "attempts")


async def test_throttling_uses_no_attempt(house: House, board: Switchboard) -> None:
    """However often we are told to slow down: the notice keeps all its attempts."""
    house.set(max_attempts=2)
    board.answer = answered(429, 20429, Retry_After="7")
    _, notice = await house.a_notice()
    for _ in range(4):
        before = house.now
        assert await house.dispatch() == 1
        row = await house.look(notice)
        assert (row["state"], row["attempt"]) == ("pending", 0)
        wait = row["queued"] - before
        assert timedelta(seconds=7) <= wait <= timedelta(seconds=12)
        await house.due_now(notice)
        assert await house.dispatch() == 0, "the carrier asked for a pause"
        await house.rested()
    board.answer = taken
    assert await house.dispatch() == 1
    assert (await house.look(notice))["state"] == "sent"
    deferred = [e for e in await house.events(notice) if e.kind is EventKind.DEFERRED]
    assert [e.data["why"] for e in deferred] == ["throttled"] * 4


async def test_our_own_account_refused_burns_nothing(
    house: House, board: Switchboard, caplog: pytest.LogCaptureFixture
) -> None:
    house.set(max_attempts=1)
    board.answer = answered(401, 20003)
    person, notice = await house.a_notice()
    with caplog.at_level(logging.ERROR):
        await house.dispatch()
    row = await house.look(notice)
    assert (row["state"], row["attempt"]) == ("pending", 0)
    assert row["queued"] - house.now > timedelta(minutes=14)
    assert "account_refused carrier=twilio code=20003" in caplog.text
    assert (
        await house.fetchval("select count(*) from contact_points where dead_at is not null") == 0
    )
    assert person.phone not in caplog.text


@pytest.mark.parametrize(
    ("code", "kind", "mark"),
    [(21614, "hard", "dead_at"), (21610, "opted_out", "opted_out_at"), (21617, "rejected", None)],
)
async def test_a_refusal_for_good(
    house: House, board: Switchboard, code: int, kind: str, mark: str | None
) -> None:
    """A dead number and a refusal kept by the carrier mark the point; anything else does not."""
    board.answer = answered(400, code)
    person, notice = await house.a_notice()
    await house.dispatch()
    row = await house.look(notice)
    assert (row["state"], row["failure"], row["code"]) == ("failed", kind, str(code))
    point = await house.fetchrow(
        "select * from contact_points where id = $1", (await house.row(person))["point_id"]
    )
    assert point is not None
    marks = {name for name in ("dead_at", "opted_out_at", "wrong_person_at") if point[name]}
    assert marks == ({mark} if mark else set())
    changed = [e for e in await house.events(notice) if e.kind is EventKind.CONTACT_CHANGED]
    assert [e.data["mark"] for e in changed] == ([mark] if mark else [])
    board.answer = taken
    following = await house.notice(person)
    await house.dispatch()
    expected = {"dead_at": "P-07", "opted_out_at": "C-12", None: None}[mark]
    assert (await house.look(following))["code"] == expected


async def test_no_answer_is_uncertain_and_never_sent_again(
    house: House, board: Switchboard
) -> None:
    board.answer = lambda _form: None
    _, notice = await house.a_notice()
    await house.dispatch()
    row = await house.look(notice)
    assert (row["state"], row["queued"], row["code"]) == ("uncertain", None, "disconnect")
    assert row["uncertain_since"] is not None
    assert await house.kinds(notice) == [EventKind.SENDING, EventKind.UNCERTAIN]
    board.answer = taken
    assert await house.dispatch() == 0
    assert len(board.forms) == 1


async def test_a_receipt_before_a_lost_answer_settles_it(house: House, board: Switchboard) -> None:
    """The carrier took it, told us so, and only its answer was lost."""
    _, notice = await house.a_notice()
    worker = house.worker()
    chunk = await worker.intend()
    board.answer = lambda _form: None
    sent = await worker.send(chunk)
    push = house.status(notice, 1, "sent")
    headers = {"x-twilio-signature": push.headers["X-Twilio-Signature"]}
    path = push.url.partition("/callbacks/twilio/")[2]
    assert await callbacks.accept(
        house.parts, Callback("twilio", path, push.url, headers, push.body)
    )
    await house.apply()
    await worker.record(sent)
    assert await house.state(notice) == ("sent", "sent")
    resolved = (await house.events(notice))[-1]
    assert (resolved.kind, resolved.data["by"]) == (EventKind.RESOLVED, "receipt")


async def test_an_adapters_fault_is_uncertain_and_alone(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It may have written before it failed, so its notice is not sent again."""
    people = [Person(), Person()]
    await house.people(*people)
    notices = [await house.notice(person) for person in people]
    faulty = Faulty()
    house.use(faulty)
    with caplog.at_level(logging.DEBUG):
        await house.dispatch()
    assert faulty.asked == 2
    for notice in notices:
        row = await house.look(notice)
        assert (row["state"], row["code"]) == ("uncertain", "fault:KeyError")
    assert "KeyError" in caplog.text
    assert all(person.phone not in caplog.text for person in people)


async def test_one_refused_number_stops_nobody(house: House, board: Switchboard) -> None:
    people = [Person() for _ in range(5)]
    await house.people(*people)
    notices = [await house.notice(person) for person in people]
    bad = people[2].e164
    refuse = answered(400, 21211)
    board.answer = lambda form: refuse(form) if form["To"] == bad else taken(form)
    await house.dispatch()
    states = [(await house.look(notice))["state"] for notice in notices]
    assert states == ["sent", "sent", "failed", "sent", "sent"]
    assert (await house.look(notices[0]))["parts"] == 3


async def four(house: House) -> tuple[list[Person], list[UUID]]:
    """Four people and a notice to each: one chunk."""
    people = [Person() for _ in range(4)]
    await house.people(*people)
    return people, [await house.notice(person) for person in people]


async def test_a_fault_in_one_notice_fails_it_alone(
    own_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """What no check of ours foresees breaks the whole chunk's write: it is found."""
    house = own_house
    people, notices = await four(house)
    bad = (await house.row(people[2]))["debtor_id"]
    await house.execute(
        f"alter table contact_events add check (kind <> 'sending' or debtor_id <> '{bad}')"
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await house.dispatch()
    assert await house.dispatch() == 3
    states = [await house.look(notice) for notice in notices]
    assert [row["state"] for row in states] == ["sent", "sent", "failed", "sent"]
    assert states[2]["code"] == "fault:CheckViolationError"
    assert await house.kinds(notices[2]) == [EventKind.FAILED]
    assert "CheckViolationError" in caplog.text


async def test_an_answer_that_cannot_be_kept_costs_no_other(
    own_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Only its own notice is uncertain; and nothing goes twice."""
    house = own_house
    _, notices = await four(house)
    bad = house.parts.tokens.mint(notices[1], 1)
    await house.execute(f"alter table carriage add check (notice_id <> '{notices[1]}')")
    with pytest.raises(asyncpg.CheckViolationError):
        await house.dispatch()
    states = [(await house.look(notice))["state"] for notice in notices]
    assert states == ["sent", "uncertain", "sent", "sent"]
    assert (await house.look(notices[1]))["code"] == "fault:CheckViolationError"
    assert await house.dispatch() == 0
    assert sorted(house.booked(notice) for notice in notices) == [1, 1, 1, 1]
    assert bad in [entry.token for entry in house.book()]
    assert await house.fetchval("select count(*) from claims") == 0
    assert "result_fault" in caplog.text


async def test_what_was_sent_is_recorded_though_the_next_chunk_breaks(own_house: House) -> None:
    """The results ride in the next chunk's transaction; they must not fall with it."""
    house = own_house
    first, second = Person(), Person()
    await house.people(first, second)
    one = await house.notice(first)
    two = await house.notice(second)
    house.set(chunk=1)
    lost = (await house.row(second))["debtor_id"]

    # a database error no gate can foresee, on the second chunk only
    await house.execute(
        """create function refuse() returns trigger language plpgsql as
           $$ begin if new.debtor_id = '{}'::uuid then raise 'broken'; end if; return new; end $$
        """.replace("{}", str(lost))
    )
    await house.execute(
        """create trigger refuse before insert on contact_events
           for each row when (new.kind = 'sending') execute function refuse()"""
    )
    with pytest.raises(Exception, match="broken"):
        await house.dispatch()
    assert (await house.state(one))[0] == "sent"
    assert (await house.state(two))[0] == "pending"
    assert (house.booked(one), house.booked(two)) == (1, 0)
    assert await house.fetchval("select count(*) from claims") == 0
