"""Responses: what a debtor answers is kept, understood, and changes what goes to them next."""

from datetime import datetime, time, timedelta

import orjson
import pytest
from life_rig import ZONE, House, Person

from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def house(open_doors: House) -> House:
    return open_doors


async def told(house: House, person: Person, text: str) -> None:
    assert await house.post(house.reply(person, text)) == [200]
    await house.apply()


async def test_words_and_what_they_do(house: House) -> None:
    """Each answer: its kind, its event, what it marks or sets, and the next demand's fate."""
    house.two_a_day()
    # text, response, event, mark, standing, next state, rule
    table = [
        ("退订", "opted_out", EventKind.OPTED_OUT, "opted_out_at", None, "blocked", "C-12"),
        (
            "不是本人",
            "wrong_person",
            EventKind.WRONG_PERSON,
            "wrong_person_at",
            None,
            "blocked",
            "P-07",
        ),
        (
            "已还款",
            "claimed_paid",
            EventKind.CLAIMED_PAID,
            None,
            "payment_pending",
            "pending",
            "PAID-CLAIM",
        ),
        ("下周五还", "promised", EventKind.PROMISED, None, "promise", "pending", "PROMISE"),
        ("金额不对", "disputed", EventKind.DISPUTED, None, "dispute", "pending", "S-03"),
        ("我要投诉你们", "complained", EventKind.COMPLAINED, None, "complaint", "pending", "S-04"),
    ]
    people = [Person() for _ in table]
    await house.people(*people)
    first = [await house.notice(person) for person in people]
    await house.dispatch()
    for person, (text, *_) in zip(people, table, strict=True):
        await told(house, person, text)
    following = [await house.notice(person) for person in people]
    await house.dispatch()
    for person, line, asked, later in zip(people, table, first, following, strict=True):
        _, kind, event, mark, standing, state, rule = line
        row = await house.row(person)
        (response,) = await house.fetch(
            "select * from responses where debtor_id = $1", row["debtor_id"]
        )
        assert (response["kind"], response["notice_id"]) == (kind, asked)
        assert response["callback_id"] is not None
        kinds = await house.kinds(asked)
        assert {EventKind.REPLIED, event} <= set(kinds)
        point = await house.fetchrow("select * from contact_points where id = $1", row["point_id"])
        assert point is not None
        marks = {f for f in ("opted_out_at", "wrong_person_at", "dead_at") if point[f]}
        assert marks == ({mark} if mark else set())
        standings = await house.fetch(
            "select * from standings where debtor_id = $1", row["debtor_id"]
        )
        assert [each["kind"] for each in standings] == ([standing] if standing else [])
        assert (EventKind.STANDING_SET in kinds) is (standing is not None)
        assert (EventKind.CONTACT_CHANGED in kinds) is (mark is not None)
        waits = await house.look(later)
        assert waits["state"] == state
        held = (await house.events(later))[-1]
        assert held.data["rules"] == [rule]
        if state == "pending":
            assert waits["queued"] > house.now


async def test_the_reply_is_sealed_under_the_points_key(house: House) -> None:
    person, notice = await house.a_notice()
    await house.dispatch()
    await told(house, person, "下周五还，我在云溪街等")
    replied = next(e for e in await house.events(notice) if e.kind is EventKind.REPLIED)
    assert replied.payload is not None
    assert replied.payload["text"] == "下周五还，我在云溪街等"
    assert "云溪街" not in str(replied.data)
    key = await house.fetchval(
        """select p.key_id from event_payloads p join contact_events e on e.id = p.event_id
           where e.kind = 'replied'"""
    )
    assert key == (await house.row(person))["point_id"]


async def test_a_promise_lasts_through_its_day_in_the_debtors_zone(house: House) -> None:
    person, _ = await house.a_notice()
    await house.dispatch()
    await told(house, person, "下周五还")
    today = house.now.astimezone(ZONE).date()
    friday = today + timedelta(days=11 - today.weekday())
    row = await house.fetchrow("select * from standings")
    response = await house.fetchrow("select * from responses")
    assert row is not None
    assert response is not None
    assert response["promised_on"] == friday
    assert row["expires_at"] == datetime.combine(friday + timedelta(days=1), time(), ZONE)
    notice = await house.notice(person)
    await house.dispatch()
    assert (await house.look(notice))["queued"] >= row["expires_at"]


async def test_said_paid_waits_three_days(house: House) -> None:
    person, _ = await house.a_notice()
    await house.dispatch()
    before = house.now
    await told(house, person, "已还款")
    row = await house.fetchrow("select * from standings")
    assert row is not None
    assert timedelta(days=3) <= row["expires_at"] - before < timedelta(days=3, minutes=1)
    await told(house, person, "已经还了")
    assert await house.fetchval("select count(*) from responses") == 2


async def test_an_opt_out_closes_the_phone_and_not_the_mailbox(house: House) -> None:
    person, _ = await house.a_notice()
    await house.dispatch()
    await told(house, person, "退订")
    mail = await house.notice(person, Channel.EMAIL)
    await house.dispatch("email")
    assert (await house.look(mail))["state"] == "sent"


async def test_a_complaint_by_reply_has_its_clock(house: House) -> None:
    """15 days, counted from the day it came in, each to its end in the debtor's zone."""
    person, notice = await house.a_notice()
    await house.dispatch()
    await told(house, person, "我要投诉你们")
    row = await house.fetchrow("select * from standings")
    assert row is not None
    last = house.now.astimezone(ZONE).date() + timedelta(days=15)
    assert row["answer_by"] == datetime.combine(last + timedelta(days=1), time(), ZONE)
    assert (row["expires_at"], orjson.loads(row["detail"])) == (None, {"body": "reply"})
    event = (await house.events(notice))[-1]
    assert event.data["answer_by"] == row["answer_by"].astimezone(ZONE).isoformat()


async def test_a_later_promise_takes_the_place_of_the_first(house: House) -> None:
    person, _ = await house.a_notice()
    await house.dispatch()
    await told(house, person, "明天还")
    before = await house.fetchval("select expires_at from standings")
    await told(house, person, "下周五还")
    (row,) = await house.fetch("select * from standings")
    assert row["expires_at"] > before
    await told(house, person, "明天还")
    assert await house.fetchval("select expires_at from standings") == row["expires_at"]


async def test_twice_the_same_word_changes_once(house: House) -> None:
    person, _ = await house.a_notice()
    await house.dispatch()
    for _ in range(2):
        await told(house, person, "金额不对")
    assert await house.fetchval("select count(*) from responses") == 2
    assert await house.fetchval("select count(*) from standings") == 1
    assert (
        await house.fetchval("select count(*) from contact_events where kind = 'standing_set'") == 1
    )


async def test_a_strangers_message_waits_for_a_person(house: House) -> None:
    await told(house, Person(), "退订")
    (response,) = await house.fetch("select * from responses")
    assert (response["kind"], response["debtor_id"], response["sure"]) == ("unmatched", None, False)
    assert response["callback_id"] is not None
    assert await house.fetchval("select count(*) from contact_events where kind = 'replied'") == 0


async def test_one_phone_of_two_debtors_is_nobodys_word(house: House) -> None:
    """Unless a token says whose: then it is theirs, and not the other's."""
    phone = "15409999999"
    one, other = Person(shared_phone=phone), Person(shared_phone=phone)
    await house.people(one, other)
    await house.notice(one)
    mail = await house.notice(one, Channel.EMAIL)
    await house.dispatch()
    await house.dispatch("email")
    await told(house, one, "退订")
    assert await house.fetchval("select kind from responses") == "unmatched"
    assert (
        await house.fetchval("select count(*) from contact_points where opted_out_at is not null")
        == 0
    )
    await house.mail("somebody@elsewhere.test", "退订", house.parts.tokens.mint(mail, 1))
    row = await house.fetchrow("select * from responses where kind = 'opted_out'")
    assert row is not None
    assert row["debtor_id"] == (await house.row(one))["debtor_id"]
    assert row["notice_id"] == mail


async def test_a_reply_by_mail(house: House) -> None:
    person, notice = await house.a_notice(Channel.EMAIL)
    await house.dispatch("email")
    await house.mail(person.email.upper().replace("PERSON", "person"), "金额不对")
    row = await house.fetchrow("select * from responses")
    assert row is not None
    assert (row["kind"], row["notice_id"], row["channel"]) == ("disputed", notice, "email")


async def test_a_machines_answer_is_nobodys_word(house: House) -> None:
    person, notice = await house.a_notice(Channel.EMAIL)
    await house.dispatch("email")
    token = house.parts.tokens.mint(notice, 1)
    await house.mail(person.email, "退订", token, "Auto-Submitted: auto-replied\r\n")
    assert await house.fetchval("select count(*) from responses") == 0
    assert await house.fetchval("select count(*) from callbacks_due") == 0


async def test_what_answers_a_complaint_may_still_go(house: House) -> None:
    """A complaint stops demands, not the confirmation that all is paid."""
    house.two_a_day()
    person, _ = await house.a_notice()
    await house.dispatch()
    await told(house, person, "投诉")
    await house.execute("update accounts set balance = 0, principal = 0")
    receipt = await house.notice(person, purpose=Purpose.SETTLEMENT_RECEIPT)
    await house.dispatch()
    assert (await house.look(receipt))["state"] == "sent"


async def test_an_erased_point_still_has_its_response(house: House) -> None:
    """Without its key the words cannot be kept, but what they meant is acted on."""
    person, _ = await house.a_notice()
    await house.dispatch()
    point = (await house.row(person))["point_id"]
    await house.execute("update sealing_keys set wrapped = null where id = $1", point)
    await told(house, person, "退订")
    assert await house.fetchval("select kind from responses") == "opted_out"
    assert await house.fetchval("select opted_out_at from contact_points where id = $1", point)
    assert await house.fetchval("select count(*) from callbacks_due") == 0
