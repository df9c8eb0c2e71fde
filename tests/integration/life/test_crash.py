"""A process dies between two steps: what it left is uncertain, and only evidence settles it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from life_rig import House, Person

from outreach.channels.base import Accepted, Message, Outcome, OutcomeUnknown, TemporaryFailure
from outreach.clock import monotonic
from outreach.db import eras, facts, uncertain
from outreach.db.pool import LOST, Connection
from outreach.domain.contact import Channel
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.ids import new_id
from outreach.life import reconcile, rescue

pytestmark = pytest.mark.timeout(60)


async def lease_over(house: House) -> int:
    """The lease of whatever is in flight runs out, and reconcile comes by."""
    await house.execute("update claims set lease_until = clock_timestamp() - interval '1 second'")
    return await reconcile.expire_leases(house.parts)


async def test_death_before_the_wire(house: House) -> None:
    """Nobody can know that nothing left: uncertain, listed, and not sent again."""
    _, notice = await house.a_notice()
    await house.worker().intend()
    assert (await house.look(notice))["state"] == "sending"
    assert await reconcile.expire_leases(house.parts) == 0, "the lease still runs"
    assert await lease_over(house) == 1
    row = await house.look(notice)
    assert (row["state"], row["code"]) == ("uncertain", "lease")
    assert row["uncertain_since"] is not None
    assert await house.kinds(notice) == [EventKind.SENDING, EventKind.UNCERTAIN]
    assert await lease_over(house) == 0, "told once"
    assert await house.dispatch() == 0
    assert house.book() == []


async def test_death_after_the_wire_is_found_by_looking_up(house: House) -> None:
    _, notice = await house.a_notice()
    worker = house.worker()
    await worker.send(await worker.intend())
    await lease_over(house)
    assert await reconcile.look_up(house.parts) == 0, "not before the grace period is over"
    await house.execute("update uncertain set since = since - interval '1 minute'")
    assert await reconcile.look_up(house.parts) == 1
    assert await house.state(notice) == ("sent", "accepted")
    (entry,) = house.book()
    assert await house.fetchval("select message_id from carriage") == entry.message_id
    resolved = (await house.events(notice))[-1]
    assert (resolved.kind, resolved.data["by"]) == (EventKind.RESOLVED, "look_up")
    assert await reconcile.look_up(house.parts) == 0
    assert await house.fetchval("select count(*) from uncertain") == 0
    assert await house.dispatch() == 0


async def test_the_carrier_that_carried_it_is_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the route has been changed meanwhile."""
    _, notice = await house.a_notice()
    worker = house.worker()
    await worker.send(await worker.intend())
    await lease_over(house)
    await house.execute("update uncertain set since = since - interval '1 minute'")
    changed = house.parts.routes["sms"].model_copy(update={"carriers": {"another": 1}})
    monkeypatch.setitem(house.parts.routes, "sms", changed)  # type: ignore[arg-type]
    assert await reconcile.look_up(house.parts) == 1
    assert await house.state(notice) == ("sent", "accepted")


async def test_a_recovered_database_does_not_trust_what_it_finds(house: House) -> None:
    """Another notice, which it forgot, may have said the same to the same person."""
    _, notice = await house.a_notice()
    worker = house.worker()
    await worker.send(await worker.intend())
    await lease_over(house)
    await house.execute("update uncertain set since = since - interval '1 minute'")
    async with house.parts.pool.acquire() as conn:
        here = await eras.server(conn)
        assert here is not None
        await eras.end(conn)
        await eras.begin(conn, new_id(), here, None, "user:op", "recovered")
    assert await reconcile.look_up(house.parts) == 0
    assert (await house.look(notice))["state"] == "uncertain"
    await house.execute("update eras set at = at - interval '1 hour'")
    assert await reconcile.look_up(house.parts) == 1
    assert await house.state(notice) == ("sent", "accepted")


async def test_not_found_is_not_not_sent(house: House) -> None:
    _, notice = await house.a_notice()
    await house.worker().intend()
    await lease_over(house)
    await house.execute("update uncertain set since = since - interval '1 minute'")
    assert await reconcile.look_up(house.parts) == 0
    assert (await house.look(notice))["state"] == "uncertain"


@pytest.mark.parametrize("both", [False, True])
async def test_the_same_words_sent_for_another_notice_prove_nothing(
    house: House, both: bool
) -> None:
    """Only when the carrier has one message for each of them is it certain that all went."""
    house.two_a_day()
    person = Person()
    await house.people(person)
    first, second = await house.notice(person), await house.notice(person)
    house.set(chunk=1)
    worker = house.worker()
    chunks = [await worker.intend(), await worker.intend()]
    await worker.record(await worker.send(chunks[0]))
    if both:
        await worker.send(chunks[1])
    await lease_over(house)
    await house.execute("update uncertain set since = since - interval '1 minute'")
    assert await reconcile.look_up(house.parts) == both
    assert await house.state(first) == ("sent", "accepted")
    assert (await house.look(second))["state"] == ("sent" if both else "uncertain")


async def test_two_uncertain_ones_and_one_message_stay_uncertain(house: House) -> None:
    """Whose it is nobody can tell: the callback's path can, or a person."""
    house.without_codes()
    house.two_a_day()
    person = Person()
    await house.people(person)
    for _ in range(2):
        await house.notice(person)
    house.set(chunk=1)
    worker = house.worker()
    await worker.send(await worker.intend())
    await worker.intend()
    await lease_over(house)
    await house.execute("update uncertain set since = since - interval '1 minute'")
    assert await reconcile.look_up(house.parts) == 0
    assert await house.fetchval("select count(*) from uncertain") == 2


async def test_of_two_of_the_same_words_nobody_guesses_which_is_whose(open_doors: House) -> None:
    """Both went, that is certain; each message's receipt then finds its own notice."""
    house = open_doors
    house.without_codes()
    first, second = await twins_in_doubt(house)
    for _ in range(2):
        await reconcile.look_up(house.parts)
    assert await house.state(first) == await house.state(second) == ("sent", "accepted")
    assert await house.fetchval("select count(*) from carriage") == 0
    await house.post(house.status(first, 1, "delivered"), house.status(second, 1, "undelivered"))
    await house.apply()
    assert await house.state(first) == ("sent", "delivered")
    assert await house.state(second) == ("sent", "undelivered")


async def test_by_their_codes_each_finds_its_own(open_doors: House) -> None:
    house = open_doors
    notices = await twins_in_doubt(house)
    await reconcile.look_up(house.parts)
    for notice in notices:
        assert await house.state(notice) == ("sent", "accepted")
        assert await house.fetchval(COUNT_IDS, notice) == 1


async def test_a_receipt_that_comes_while_we_ask_leaves_the_other_its_message(
    open_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_doors
    house.without_codes()
    first, second = await twins_in_doubt(house)
    carrier = house.parts.carriers["twilio"]
    ask = carrier.look_up

    async def asked(message: Message, since: datetime) -> Sequence[Accepted]:
        found = await ask(message, since)
        await house.post(house.status(first, 1, "delivered"))
        await house.apply()
        return found

    monkeypatch.setattr(carrier, "look_up", asked)
    await reconcile.look_up(house.parts)
    monkeypatch.setattr(carrier, "look_up", ask)
    await house.post(house.status(second, 1, "delivered"))
    await house.apply()
    for notice in (first, second):
        assert await house.state(notice) == ("sent", "delivered")
        assert await house.fetchval(COUNT_IDS, notice) == 1


COUNT_IDS = "select count(*) from carriage where notice_id = $1"


async def twins_in_doubt(house: House) -> list[UUID]:
    """Two notices of the same words to one person: both went, and nobody recorded it."""
    house.two_a_day()
    person = Person()
    await house.people(person)
    notices = [await house.notice(person) for _ in range(2)]
    house.set(chunk=1)
    worker = house.worker()
    for _ in notices:
        await worker.send(await worker.intend())
    await lease_over(house)
    await house.execute("update uncertain set since = since - interval '1 minute'")
    return notices


async def test_those_nobody_can_tell_of_do_not_hide_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail cannot be looked up; however much of it is uncertain, the SMS behind it is asked for."""
    monkeypatch.setattr(reconcile, "BATCH", 2)
    people = [Person() for _ in range(4)]
    await house.people(*people)
    for person in people:
        await house.notice(person, Channel.EMAIL)
    await house.worker("email").intend()
    await lease_over(house)
    _, notice = await house.a_notice()
    worker = house.worker()
    await worker.send(await worker.intend())
    await lease_over(house)
    await house.execute("update uncertain set since = since - interval '1 minute'")
    for _ in range(200):
        await reconcile.look_up(house.parts)
    assert await house.state(notice) == ("sent", "accepted")


async def test_a_person_is_asked_when_evidence_had_its_time(house: House) -> None:
    for _ in range(2):
        await house.a_notice()
    await house.worker().intend()
    await lease_over(house)
    await house.execute(
        """update uncertain set since = since - interval '1 hour'
           where notice_id = (select min(notice_id::text)::uuid from uncertain)"""
    )
    async with house.parts.pool.acquire() as conn:
        listed = await uncertain.list_uncertain(conn, house.settings.uncertain_minutes * 60)
    assert [row["open"] for row in listed] == [True, False], "the oldest first"


async def test_the_late_workers_result_settles_it(house: House) -> None:
    _, notice = await house.a_notice()
    worker = house.worker()
    sent = await worker.send(await worker.intend())
    await lease_over(house)
    assert (await house.look(notice))["state"] == "uncertain"
    await worker.record(sent)
    row = await house.look(notice)
    assert (row["state"], row["delivery"], row["uncertain_since"]) == ("sent", "accepted", None)
    assert await house.fetchval("select count(*) from carriage") == 1
    assert house.booked(notice) == 1


async def test_a_late_worker_does_not_write(house: House) -> None:
    """A lease that ran out belongs to reconcile: nothing goes to the wire after it."""
    _, notice = await house.a_notice()
    worker = house.worker()
    chunk = await worker.intend()
    chunk = replace(chunk, deadline=monotonic() - 1)
    sent = await worker.send(chunk)
    assert [result.row.code for result in sent.results] == ["not_written"]
    assert house.book() == []
    await lease_over(house)
    await worker.record(sent)
    row = await house.look(notice)
    assert (row["state"], row["attempt"]) == ("pending", 0), "proven not sent by who knows it"
    await house.due_now(notice)
    assert await house.dispatch() == 1
    assert house.booked(notice) == 1


@pytest.mark.parametrize(
    "late", [Accepted(("SM1",)), OutcomeUnknown("timeout"), TemporaryFailure("451")]
)
async def test_a_result_after_a_person_spoke_is_an_observation(house: House, late: Outcome) -> None:
    """It is fenced by its attempt: told, and its ids kept, but the state stays the person's."""
    _, notice = await house.a_notice()
    worker = house.worker()
    chunk = await worker.intend()
    await lease_over(house)
    await reconcile.resolve(house.parts, str(notice), True, "user:wei", "seen at the carrier")
    before = len(await house.events(notice))
    await worker.record(worker.answered(chunk, late))
    row = await house.look(notice)
    assert (row["state"], row["queued"], row["uncertain_since"]) == ("sent", None, None)
    assert len(await house.events(notice)) == before + 1
    kept = await house.fetchval("select count(*) from carriage")
    assert kept == (1 if isinstance(late, Accepted) else 0)


async def test_an_answer_in_hand_outlives_the_connection(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server drops us between intent and result: what the carrier answered is recorded."""
    _, notice = await house.a_notice()
    worker = house.worker()
    sent = await worker.send(await worker.intend())
    claim, falls = facts.claim, [1]

    async def dropped(conn: Connection, *args: Any) -> list[asyncpg.Record]:
        if falls:
            falls.pop()
            await drop_connection(house, conn)
        return await claim(conn, *args)

    monkeypatch.setattr(facts, "claim", dropped)
    with pytest.raises(LOST):
        await worker.record_and_claim(sent)
    assert await house.state(notice) == ("sent", "accepted")
    assert await house.kinds(notice) == [EventKind.SENDING, EventKind.SENT]
    assert await house.fetchval("select count(*) from claims") == 0


async def drop_connection(house: House, conn: Connection) -> None:
    pid = conn.get_server_pid()
    await house.execute("select pg_terminate_backend($1, 5000)", pid)


@pytest.mark.parametrize("stands", [True, False])
async def test_a_commit_whose_answer_is_lost(house: House, stands: bool) -> None:
    """Whether it stands or not: what was sent is told once, what was not sent is due again."""
    people = [Person(), Person()]
    await house.people(*people)
    house.set(chunk=1)
    first, second = [await house.notice(person) for person in people]
    worker = house.worker()
    sent = await worker.send(await worker.intend())
    if stands:
        await worker.record(sent)
        begun = await worker.intend()
        assert (await house.look(second))["state"] == "sending"
    else:
        begun = await worker.intend_and_lose()
        assert (await house.look(second))["state"] == "pending"
    for unsent in (begun, None):
        await rescue.record(house.parts, sent, unsent)
        assert await house.state(first) == ("sent", "accepted")
        assert await house.kinds(first) == [EventKind.SENDING, EventKind.SENT]
        row = await house.look(second)
        assert (row["state"], row["attempt"]) == ("pending", 0)
        assert row["queued"] is not None
    told = [EventKind.SENDING, EventKind.DEFERRED] if stands else []
    assert await house.kinds(second) == told
    assert await house.dispatch() == 1
    assert house.booked(second) == 1


async def test_a_person_settles_it(house: House) -> None:
    people = [Person(), Person()]
    await house.people(*people)
    gone, back = [await house.notice(person) for person in people]
    await house.worker().intend()
    await lease_over(house)
    number = str((await house.look(gone))["number"])
    with pytest.raises(InvalidInput, match="reason"):
        await reconcile.resolve(house.parts, number, True, "user:wei", "  ")
    with pytest.raises(NotFound, match="no notice"):
        await reconcile.resolve(house.parts, "999999", True, "user:wei", "x")
    assert await reconcile.resolve(house.parts, number, True, "user:wei", "carrier says so") == gone
    await reconcile.resolve(house.parts, str(back), False, "user:wei", "carrier never had it")
    assert (await house.look(gone))["state"] == "sent"
    row = await house.look(back)
    assert row["state"] == "pending"
    assert row["queued"] is not None
    for notice, becomes in ((gone, "sent"), (back, "pending")):
        event = (await house.events(notice))[-1]
        assert (event.kind, event.actor) == (EventKind.RESOLVED, "user:wei")
        assert (event.data["by"], event.data["as"]) == ("person", becomes)
        assert event.data["reason"]
        with pytest.raises(Conflict, match="not uncertain"):
            await reconcile.resolve(house.parts, str(notice), True, "user:wei", "again")
    assert await house.fetchval("select count(*) from uncertain") == 0
    assert await house.dispatch() == 1
    assert (await house.look(back))["attempt"] == 2
    assert (house.booked(gone), house.booked(back)) == (0, 1)


async def test_a_receipt_settles_it(open_doors: House) -> None:
    house = open_doors
    _, notice = await house.a_notice()
    worker = house.worker()
    await worker.send(await worker.intend())
    await lease_over(house)
    failed = house.status(notice, 1, "undelivered", ErrorCode="30003")
    assert await house.post(failed) == [200]
    await house.apply()
    row = await house.look(notice)
    assert (row["state"], row["delivery"]) == ("sent", "undelivered")
    assert (row["failure"], row["code"], row["uncertain_since"]) == ("soft", "30003", None)
    kinds = await house.kinds(notice)
    assert kinds[:2] == [EventKind.SENDING, EventKind.UNCERTAIN]
    assert set(kinds[2:]) == {EventKind.RESOLVED, EventKind.UNDELIVERED}


async def test_a_receipt_before_the_death_settles_at_the_leases_end(open_doors: House) -> None:
    house = open_doors
    _, notice = await house.a_notice()
    worker = house.worker()
    await worker.send(await worker.intend())
    assert await house.post(house.status(notice, 1, "delivered")) == [200]
    await house.apply()
    assert await house.state(notice) == ("sending", "delivered")
    await lease_over(house)
    assert await house.state(notice) == ("sent", "delivered")
    assert await house.fetchval("select count(*) from uncertain") == 0
    resolved = (await house.events(notice))[-1]
    assert (resolved.kind, resolved.data["by"]) == (EventKind.RESOLVED, "receipt")


async def test_expiry_and_a_late_record_at_once(house: House) -> None:
    """They meet in the same rows; neither loses, and the carrier's answer stands."""
    people = [Person() for _ in range(12)]
    await house.people(*people)
    notices = [await house.notice(person) for person in people]
    house.set(chunk=3)
    worker = house.worker()
    chunks = [await worker.intend() for _ in range(4)]
    sent = [await worker.send(chunk) for chunk in chunks]
    await house.execute("update claims set lease_until = clock_timestamp() - interval '1 second'")
    await asyncio.gather(
        reconcile.expire_leases(house.parts),
        *(worker.record(each) for each in sent),
        reconcile.expire_leases(house.parts),
    )
    for notice in notices:
        assert await house.state(notice) == ("sent", "accepted")
    assert await house.fetchval("select count(*) from uncertain") == 0
    assert await house.fetchval("select count(*) from claims") == 0


async def test_a_receipt_after_a_person_said_not_sent_keeps_it_from_going_again(
    open_doors: House,
) -> None:
    house = open_doors
    _, notice = await house.a_notice()
    worker = house.worker()
    await worker.send(await worker.intend())
    await lease_over(house)
    await reconcile.resolve(house.parts, str(notice), False, "user:wei", "not in their portal")
    assert (await house.look(notice))["queued"] is not None
    assert await house.post(house.status(notice, 1, "delivered")) == [200]
    await house.apply()
    assert await house.state(notice) == ("sent", "delivered")
    assert (await house.look(notice))["queued"] is None
    assert await house.dispatch() == 0
    assert house.booked(notice) == 1
