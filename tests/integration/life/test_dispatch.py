"""Dispatch: the gate, the words, intent before the wire, and one fault stopping one notice."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from life_rig import ZONE, House, Person, working_day

from outreach.clock import Clock
from outreach.domain.contact import Channel
from outreach.domain.errors import InvalidInput
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.life.seal import seal_all
from outreach.proof.verify import verify

pytestmark = pytest.mark.timeout(60)


async def test_what_is_allowed_goes_once_and_is_told(house: House) -> None:
    person, notice = await house.a_notice()
    assert await house.dispatch() == 1
    assert await house.state(notice) == ("sent", "accepted")
    sending, sent = await house.events(notice)
    assert (sending.kind, sent.kind) == (EventKind.SENDING, EventKind.SENT)
    assert sending.payload is not None
    assert sending.payload["to"] == person.e164
    words = sending.payload["text"]
    assert isinstance(words, str)
    assert "青岚银行" in words
    assert sending.policy_version
    assert sending.data["decision"] == "allow"
    assert person.phone not in str(sending.data) + str(sent.data)
    (entry,) = house.book()
    assert entry.token == house.parts.tokens.mint(notice, 1)
    assert entry.to_sha256 == sha256(person.e164.encode()).hexdigest()
    assert entry.body_sha256 == sha256(words.encode()).hexdigest()
    (carried,) = await house.fetch("select * from carriage")
    assert (carried["message_id"], carried["notice_id"]) == (entry.message_id, notice)
    assert (carried["attempt"], carried["delivery"]) == (1, "accepted")
    assert await house.fetchval("select count(*) from claims") == 0
    assert await house.fetchval("select count(*) from due") == 0
    kept = await house.fetchval("select source from template_versions")
    assert isinstance(kept, str)
    assert await house.dispatch() == 0
    await seal_all(house.parts.pool)
    assert not (await verify(house.parts.pool, house.parts.masters)).problems


async def test_mail_goes_by_the_same_way(house: House) -> None:
    person, notice = await house.a_notice(Channel.EMAIL)
    assert await house.dispatch("email") == 1
    assert await house.state(notice) == ("sent", "accepted")
    assert house.booked(notice, "smtp") == 1
    sending = (await house.events(notice))[0]
    assert sending.payload is not None
    assert sending.payload["to"] == person.email
    assert sending.payload["subject"]


async def test_a_night_hold_is_spread_and_told_once(house: House) -> None:
    people = [Person() for _ in range(12)]
    await house.people(*people)
    night = working_day(Clock().now(), 23)
    house.at(night)
    notices = [await house.notice(person) for person in people]
    for _ in range(2):
        assert await house.dispatch() == 0
        rows = [await house.look(notice) for notice in notices]
        for row in rows:
            local = row["queued"].astimezone(ZONE)
            assert local.date() == night.date() + timedelta(days=1)
            assert 8 * 60 + 30 <= local.hour * 60 + local.minute < 11 * 60 + 30
            assert row["state"] == "pending"
            assert row["due_at"] == row["queued"]
            await house.due_now(row["id"])
    assert len({row["due_at"] for row in rows}) > 6  # not all at one second
    for notice in notices:
        (held,) = await house.events(notice)
        assert held.kind is EventKind.HELD
        assert "T-01" in str(held.data["rules"])
    assert house.book() == []
    # by day the same rows go, and the hold stands in the history before them
    house.at(working_day(Clock().now()) + timedelta(days=7))
    await house.execute("update accounts set balance_as_of = $1", house.now)
    await house.execute("update notices set expires_at = $1", house.now + timedelta(days=1))
    assert await house.dispatch() == len(people)


async def test_another_reason_to_hold_is_told(house: House) -> None:
    person, notice = await house.a_notice()
    await house.set_standing(person, "dispute")
    await house.dispatch()
    await house.execute("update standings set ended_at = now()")
    await house.set_standing(person, "complaint")
    await house.due_now(notice)
    await house.dispatch()
    first, second = await house.events(notice)
    assert (first.data["rules"], second.data["rules"]) == (["S-03"], ["S-04"])
    assert (await house.look(notice))["queued"] > house.now


async def test_blocks(house: House) -> None:
    """Each reason stops its own notice, under its rule; nobody else is held up."""
    people = {rule: Person() for rule in ("LIST", "C-12", "P-07", "S-05", "S-09", "P-08", "go")}
    borrower = people["go"]
    extra = Person(role="附属卡持卡人", of=borrower)
    await house.people(*people.values(), extra)
    await house.set_standing(people["LIST"], "do_not_contact")
    await house.set_standing(people["S-05"], "deceased")
    await house.mark(people["C-12"], "opted_out_at")
    await house.mark(people["P-07"], "dead_at")
    for rule, change in (("S-09", "verified = false"), ("P-08", "origin = 'unknown'")):
        point = (await house.row(people[rule]))["point_id"]
        await house.execute(f"update contact_points set {change} where id = $1", point)
    made = {rule: await house.notice(person) for rule, person in people.items()}
    made["P-01"] = await house.notice(extra)
    assert await house.dispatch() == 1
    for rule, notice in made.items():
        row = await house.look(notice)
        if rule == "go":
            assert row["state"] == "sent"
            continue
        assert (row["state"], row["code"], row["queued"]) == ("blocked", rule, None)
        (event,) = await house.events(notice)
        assert event.kind is EventKind.BLOCKED
        assert event.data["rules"] == [rule]
        assert event.policy_version
    assert len(house.book()) == 1


async def test_what_is_too_old_expires(house: House) -> None:
    person = Person()
    await house.people(person)
    notice = await house.notice(person, expires_at=house.now)
    await house.dispatch()
    assert (await house.look(notice))["state"] == "expired"
    assert await house.kinds(notice) == [EventKind.EXPIRED]
    assert house.book() == []


async def test_a_day_holds_two_contacts(house: House) -> None:
    """Two notices of one debtor in one chunk, then across chunks and channels."""
    house.two_a_day()
    person = Person()
    await house.people(person)
    house.set(chunk=2)
    first = [await house.notice(person) for _ in range(3)]
    mail = await house.notice(person, Channel.EMAIL)
    assert await house.dispatch() == 2
    assert await house.dispatch("email") == 0
    states = [(await house.look(notice))["state"] for notice in first]
    assert Counter(states) == {"sent": 2, "pending": 1}
    waits = (await house.look(mail))["queued"].astimezone(ZONE)
    assert waits.date() > house.now.astimezone(ZONE).date()
    (held,) = await house.events(mail)
    assert held.data["rules"] == ["F-04"]


async def test_an_open_chunk_counts_for_the_day(house: House) -> None:
    """What is on the wire, or uncertain, has been said as far as anybody knows."""
    house.two_a_day()
    person = Person()
    await house.people(person)
    house.set(chunk=1)
    three = [await house.notice(person) for _ in range(3)]
    worker = house.worker()
    for _ in range(2):
        assert len((await worker.intend()).going) == 1
    await house.execute("update notices set state = 'uncertain' where id = $1", three[0])
    assert await house.dispatch() == 0


async def test_yesterday_does_not_count(house: House) -> None:
    """The day is the debtor's: what went late in the evening leaves the next morning free."""
    house.two_a_day()
    person = Person()
    await house.people(person)
    house.at(working_day(Clock().now(), 20))
    for _ in range(2):
        await house.notice(person)
    assert await house.dispatch() == 2
    house.at(house.now + timedelta(hours=14))
    await house.execute("update accounts set balance_as_of = $1", house.now)
    late = await house.notice(person)
    await house.execute("update debtors set zone = 'Pacific/Honolulu'")
    assert await house.dispatch() == 0
    await house.execute("update debtors set zone = 'Asia/Shanghai'")
    await house.due_now(late)
    assert await house.dispatch() == 1


async def test_two_workers_share_the_work(house: House) -> None:
    """200 notices of 80 debtors, two dispatchers: nothing twice, and the day's cap exact."""
    house.two_a_day()
    people = [Person() for _ in range(80)]
    await house.people(*people)
    house.set(chunk=8)
    requests = [await house.request(people[n % 80]) for n in range(200)]
    await house.submit(*requests)

    async def work() -> None:
        dispatcher = house.dispatcher()
        while await house.fetchval("select count(*) from due where due_at <= $1", house.now):
            await dispatcher.run("bulk", "sms")

    await asyncio.gather(work(), work())
    tokens = Counter(entry.token for entry in house.book())
    assert set(tokens.values()) == {1}
    by_person = Counter(entry.to_sha256 for entry in house.book())
    assert by_person == {sha256(p.e164.encode()).hexdigest(): 2 for p in people}
    states = await house.fetch("select state, count(*) from notices group by 1")
    assert {row["state"]: row["count"] for row in states} == {"sent": 160, "pending": 40}
    assert await house.fetchval("select count(*) from claims") == 0


async def test_four_workers_keep_one_debtors_day(house: House) -> None:
    """However their claims fall together, the day holds two."""
    house.two_a_day()
    person = Person()
    await house.people(person)
    house.set(chunk=1)
    for _ in range(4):
        await house.notice(person)
    workers = [house.dispatcher() for _ in range(4)]
    sent = await asyncio.gather(*(worker.run("bulk", "sms") for worker in workers))
    assert sum(sent) + await house.dispatch() == 2
    assert len(house.book()) == 2


async def test_a_value_that_breaks_a_line_fails_its_notice_alone(house: House) -> None:
    """As an import that checks less might leave it: the notice says so, the next one goes."""
    bad, good = Person(), Person()
    await house.people(bad, good)
    wrong, right = await house.notice(bad), await house.notice(good)
    account = (await house.row(bad))["account_id"]
    broken = "卡\r\n【别的银行】"
    await house.execute("update accounts set product = $2 where id = $1", account, broken)
    assert await house.dispatch() == 1
    assert (await house.state(right))[0] == "sent"
    row = await house.look(wrong)
    assert (row["state"], row["code"], row["queued"]) == ("failed", "template", None)
    (event,) = await house.events(wrong)
    assert event.kind is EventKind.FAILED
    assert "U+000D" in str(event.data["error"])
    assert "别的银行" not in str(event.data)


@pytest.mark.parametrize("name", ["\r\nBcc: other@debtor.test", "云小满\r\nBcc: other@debtor.test"])
async def test_a_name_cannot_write_a_header(house: House, name: str) -> None:
    """Where it enters the words the notice fails alone; where it is masked nothing of it leaves."""
    _, notice = await house.a_notice(Channel.EMAIL)
    bad, wrong = await house.a_notice(Channel.EMAIL)
    await house.rename(bad, name)
    await house.dispatch("email")
    assert (await house.state(notice))[0] == "sent"
    events = await house.events(wrong)
    if events[-1].kind is EventKind.FAILED:
        assert "control character" in str(events[-1].data["error"])
        assert house.booked(wrong, "smtp") == 0
    else:
        assert events[0].payload is not None
        assert "other@debtor.test" not in str(events[0].payload)


async def test_an_erased_person_is_not_written_to(house: House) -> None:
    person, notice = await house.a_notice()
    point = (await house.row(person))["point_id"]
    await house.execute("update sealing_keys set wrapped = null where id = $1", point)
    await house.dispatch()
    row = await house.look(notice)
    assert (row["state"], row["code"]) == ("blocked", "erased")
    assert house.book() == []


async def test_a_zone_nobody_knows_blocks_its_notice_alone(house: House) -> None:
    bad, good = Person(), Person()
    await house.people(bad, good)
    lost, fine = await house.notice(bad), await house.notice(good)
    debtor = (await house.row(bad))["debtor_id"]
    await house.execute("update debtors set zone = 'Mars/Olympus' where id = $1", debtor)
    assert await house.dispatch() == 1
    assert (await house.state(fine))[0] == "sent"
    row = await house.look(lost)
    assert (row["state"], row["code"]) == ("blocked", "T-04")


async def test_a_point_of_another_kind_fails_alone(house: House) -> None:
    """An address cannot take an SMS: intake refuses it, and a row that says so stops no other."""
    bad, good = Person(), Person()
    await house.people(bad, good)
    address = (await house.row(bad, Channel.LETTER))["point_id"]
    with pytest.raises(InvalidInput, match="another kind"):
        await house.submit(replace(await house.request(bad), contact_point_id=address))
    wrong, right = await house.notice(bad), await house.notice(good)
    await house.execute("update notices set contact_point_id = $1 where id = $2", address, wrong)
    assert await house.dispatch() == 1
    assert (await house.state(right))[0] == "sent"
    row = await house.look(wrong)
    assert (row["state"], row["code"]) == ("failed", "contact_kind")


async def test_only_listed_recipients_outside_production(house: House) -> None:
    listed, other = Person(), Person()
    await house.people(listed, other)
    house.set(allow_recipients=(listed.e164.replace("+", r"\+"),))
    goes, stays = await house.notice(listed), await house.notice(other)
    assert await house.dispatch() == 1
    assert (await house.state(goes))[0] == "sent"
    assert (await house.look(stays))["code"] == "allow_list"
    part = listed.e164[1:-1].replace("+", r"\+")
    house.set(allow_recipients=(part,))
    await house.notice(listed)
    assert await house.dispatch() == 0, "a part of the number is not the number"


async def test_a_stop_in_mid_chunk_keeps_the_rest_back(house: House) -> None:
    people = [Person() for _ in range(6)]
    await house.people(*people)
    made = [await house.notice(person) for person in people]
    worker = house.worker()
    chunk = await worker.intend()
    assert len(chunk.going) == 6
    await house.execute("insert into stops values ('channel:sms', 'user:test', 'test', now())")
    await house.stops.refresh(house.parts.pool)
    sent = await worker.send(chunk)
    await worker.record(sent)
    assert house.book() == []
    for notice in made:
        row = await house.look(notice)
        assert (row["state"], row["attempt"]) == ("pending", 0)
        assert row["queued"] <= house.now
        assert await house.kinds(notice) == [EventKind.SENDING, EventKind.DEFERRED]
    assert await house.dispatch() == 0
    await house.execute("delete from stops")
    await house.stops.refresh(house.parts.pool)
    assert await house.dispatch() == 6
    assert [house.booked(notice) for notice in made] == [1] * 6


async def test_a_stop_covers_its_creditor_only(house: House) -> None:
    _, notice = await house.a_notice()
    await house.execute("insert into stops values ('creditor:hk-harbour-bank', 'u', 'r', now())")
    await house.execute("insert into stops values ('channel:email', 'u', 'r', now())")
    await house.stops.refresh(house.parts.pool)
    assert await house.dispatch() == 1
    assert (await house.state(notice))[0] == "sent"


async def test_a_closing_window_stops_what_waits_for_a_place(house: House) -> None:
    """The verdict's last moment is asked before each write, not only at the gate."""
    _, notice = await house.a_notice()
    worker = house.worker()
    chunk = await worker.intend()
    house.at(working_day(Clock().now(), 22))
    late = house.worker()
    await late.record(await late.send(chunk))
    assert house.book() == []
    assert (await house.state(notice))[0] == "pending"
    assert await house.dispatch() == 0
    assert (await house.look(notice))["queued"] > house.now


async def test_a_settled_account_is_left_out_and_all_settled_block(house: House) -> None:
    person, notice = await house.a_notice()
    await house.execute("update accounts set balance = 0, principal = 0")
    await house.dispatch()
    row = await house.look(notice)
    assert (row["state"], row["code"]) == ("blocked", "S-02")
    receipt = await house.notice(person, purpose=Purpose.SETTLEMENT_RECEIPT)
    assert await house.dispatch() == 1
    assert (await house.state(receipt))[0] == "sent"


async def test_the_earliest_due_go_first(house: House) -> None:
    people = [Person() for _ in range(6)]
    await house.people(*people)
    house.set(chunk=2)
    made = [await house.notice(person) for person in people]
    for place, notice in enumerate(reversed(made)):
        due = house.now - timedelta(minutes=10 - place)
        await house.execute("update due set due_at = $2 where notice_id = $1", notice, due)
    assert await house.dispatch() == 6
    order = [house.parts.tokens.read(entry.token) for entry in house.book()]
    chunks = [{place[0] for place in order[n : n + 2] if place} for n in (0, 2, 4)]
    assert chunks == [set(made[4:6]), set(made[2:4]), set(made[0:2])]
