"""The work list: what waits for a person, how they close it, and what a correction takes back."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import aiosmtplib
import asyncpg
import pytest
from life_rig import ZONE, House, Person

from outreach.db import tasks as table
from outreach.domain.contact import Channel
from outreach.domain.errors import Conflict, InvalidInput, NotFound
from outreach.domain.events import EventKind
from outreach.domain.response import ResponseKind
from outreach.domain.task import TaskKind
from outreach.life import reconcile, review, worklist
from outreach.life.review import Meaning
from outreach.proof.verify import verify

pytestmark = pytest.mark.timeout(60)

OUT, WRONG, PROMISE, DISPUTE, OTHER = (
    ResponseKind.OPTED_OUT,
    ResponseKind.WRONG_PERSON,
    ResponseKind.PROMISED,
    ResponseKind.DISPUTED,
    ResponseKind.OTHER,
)


@pytest.fixture
async def house(open_doors: House) -> House:
    return open_doors


async def told(house: House, person: Person, text: str) -> None:
    assert await house.post(house.reply(person, text)) == [200]
    await house.apply()


async def waiting(house: House) -> list[asyncpg.Record]:
    async with house.parts.pool.acquire() as conn:
        return await table.listed(conn, limit=None)


async def task(house: House) -> int:
    """The number of the only task."""
    (row,) = await waiting(house)
    number: int = row["number"]
    return number


async def asked(house: House, text: str) -> tuple[Person, UUID]:
    """Somebody who was written to and answered so."""
    person, notice = await house.a_notice()
    await house.dispatch()
    await told(house, person, text)
    return person, notice


async def standing(house: House) -> list[str]:
    rows = await house.fetch("select kind from standings where ended_at is null order by since")
    return [row["kind"] for row in rows]


async def marks(house: House, person: Person) -> set[str]:
    point = await house.fetchrow(
        "select * from contact_points where id = $1", (await house.row(person))["point_id"]
    )
    assert point is not None
    return {name for name in ("opted_out_at", "wrong_person_at") if point[name]}


# -------------------------------------------------------------------------------- what is listed


@pytest.mark.parametrize("text", ["退订", "明天还", "已还款", "???", "好的，收到，谢谢！"])
async def test_what_our_rules_settle_asks_for_nobody(house: House, text: str) -> None:
    await asked(house, text)
    assert await waiting(house) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("金额不对", [DISPUTE]),
        ("不是本人", [WRONG]),
        ("几点关门", [OTHER]),
        ("转人工", [ResponseKind.WANTS_PERSON]),
        ("尽快还", [PROMISE]),
    ],
)
async def test_what_wants_an_answer_or_is_not_sure(
    house: House, text: str, kinds: list[ResponseKind]
) -> None:
    _, notice = await asked(house, text)
    (row,) = await waiting(house)
    number = (await house.look(notice))["number"]
    assert (row["kind"], row["understood"], row["notice"]) == (TaskKind.REPLY, kinds, number)
    async with house.parts.pool.acquire() as conn:
        reply = await review.open_reply(conn, house.parts, row["number"])
    assert reply.text == text
    assert [each["kind"] for each in reply.rows] == kinds
    assert all(words in text for words in reply.because)


async def test_uncertain_notices_come_and_go_with_their_matter(house: House) -> None:
    person, notice = await house.a_notice()
    await house.execute("update notices set state = 'sending', attempt = 1 where id = $1", notice)
    await house.execute("delete from due")
    await house.execute("update notices set state = 'uncertain' where id = $1", notice)
    await house.execute(
        """insert into uncertain (notice_id, attempt, since)
           values ($1, 1, clock_timestamp() - interval '1 day')""",
        notice,
    )
    for _ in range(2):
        await worklist.follow(house.parts)
    number = await task(house)
    with pytest.raises(Conflict, match=r"matter is settled\n?.*") as refused:
        await worklist.close(house.parts, number, "user:kim", "done")
    assert refused.value.remedy == "run: outreach uncertain resolve"
    await reconcile.resolve(house.parts, str(notice), True, "user:kim", "bill")
    await worklist.follow(house.parts)
    assert await waiting(house) == []
    row = await house.fetchrow("select * from tasks")
    assert row is not None
    assert (row["outcome"], row["closed_by"], row["debtor_id"]) == (
        "settled",
        "job:tasks",
        (await house.row(person))["debtor_id"],
    )


async def test_a_complaint_is_due_as_its_clock_says(house: House) -> None:
    await asked(house, "我要投诉你们")
    await worklist.follow(house.parts)
    first, second = await waiting(house)
    assert (first["kind"], second["kind"]) == (TaskKind.HOLD, TaskKind.REPLY)
    assert first["due_by"] == await house.fetchval("select answer_by from standings")
    later = first["due_by"] + timedelta(days=15)
    await house.execute("update standings set answer_by = $1", later)
    await worklist.follow(house.parts)
    assert (await waiting(house))[0]["due_by"] == later
    await house.execute("update standings set ended_at = $1", house.now)
    await worklist.follow(house.parts)
    assert [row["kind"] for row in await waiting(house)] == [TaskKind.REPLY]


# -------------------------------------------------------------------------------- broken promises


@pytest.mark.parametrize(
    ("text", "paid", "came_of_it"),
    [
        ("明天还", 0, "broken"),
        ("明天还", 1, "kept"),
        ("明天还500", 49_999, "kept_in_part"),
        ("明天还500", 50_000, "kept"),
    ],
)
async def test_a_promise_is_kept_or_somebody_hears_of_it(
    house: House, text: str, paid: int, came_of_it: str
) -> None:
    person, _ = await asked(house, text)
    if paid:
        await pay(house, person, paid)
    house.at(house.now + timedelta(days=2))
    await worklist.follow(house.parts)
    assert await standing(house) == ["promise"]  # its payment may not be in the books yet
    house.at(house.now + timedelta(days=1))
    await worklist.follow(house.parts)
    await worklist.follow(house.parts)
    assert await standing(house) == []
    events = await house.history(person)
    ended = [event for event in events if event.kind is EventKind.STANDING_ENDED]
    assert [event.data["reason"] for event in ended] == [came_of_it]
    kinds = [row["kind"] for row in await waiting(house)]
    assert kinds == ([] if came_of_it == "kept" else [TaskKind.BROKEN_PROMISE])
    if kinds:
        await worklist.close(house.parts, await task(house), "user:kim", "called")
        assert await waiting(house) == []
        last = (await house.history(person))[-1]
        assert (last.kind, last.actor) == (EventKind.TASK_DONE, "user:kim")
        assert last.data["about_task"] == "broken_promise"


async def test_a_reversed_payment_keeps_no_promise(house: House) -> None:
    person, _ = await asked(house, "明天还")
    await pay(house, person, 100)
    await house.execute(
        """insert into payments select gen_random_uuid(), creditor_id, account_id, 'R', 'reversal',
               amount, currency, posted_at, reference from payments"""
    )
    house.at(house.now + timedelta(days=4))
    await worklist.follow(house.parts)
    assert [row["kind"] for row in await waiting(house)] == [TaskKind.BROKEN_PROMISE]


async def pay(house: House, person: Person, amount: int) -> None:
    row = await house.row(person)
    await house.execute(
        """insert into payments values (gen_random_uuid(), 'qinglan-bank', $1, 'P', 'payment', $2,
               'CNY', $3)""",
        row["account_id"],
        amount,
        house.now + timedelta(hours=1),
    )


# ------------------------------------------------------------------------------------ corrections


async def correct(house: House, *kinds: ResponseKind, **more: object) -> None:
    meaning = Meaning(kinds, **more)  # type: ignore[arg-type]
    await review.correct(house.parts, await task(house), meaning, "user:kim", "read")


async def reread(house: House, person: Person) -> int:
    async with house.parts.pool.acquire() as conn, conn.transaction():
        debtor_id = (await house.row(person))["debtor_id"]
        return await review.reread(conn, house.parts, debtor_id)


async def test_a_wrong_opt_out_is_taken_back_and_told(house: House) -> None:
    """And what goes to them next is no longer blocked."""
    house.two_a_day()
    person, _ = await asked(house, "退订")
    assert await marks(house, person) == {"opted_out_at"}
    assert await reread(house, person) == await task(house)
    await correct(house, ResponseKind.ASKS_GENUINE)
    assert await marks(house, person) == set()
    events = await house.history(person)
    told_so = next(event for event in events if event.kind is EventKind.CORRECTED)
    assert (told_so.data["misread"], told_so.data["understood"], told_so.actor) == (
        ["opted_out"],
        ["asks_genuine"],
        "user:kim",
    )
    following = await house.notice(person)
    await house.dispatch()
    assert (await house.look(following))["state"] == "sent"
    rows = await house.fetch("select kind, withdrawn_at, sure, said_by from responses order by id")
    assert [(row["kind"], row["withdrawn_at"] is None) for row in rows] == [
        ("opted_out", False),
        ("asks_genuine", True),
    ]
    assert (rows[1]["sure"], rows[1]["said_by"]) == (True, "user:kim")
    report = await verify(house.parts.pool, house.parts.masters)
    assert report.counts == {}


async def test_what_another_reply_says_too_stays(house: House) -> None:
    person, _ = await asked(house, "金额不对")
    await told(house, person, "盗刷")
    await told(house, person, "不是本人")
    await told(house, person, "打错了")
    assert await standing(house) == ["dispute"]
    first, *_, third, _ = sorted(row["number"] for row in await waiting(house))
    for number in (first, third):
        await review.correct(house.parts, number, Meaning((OTHER,)), "user:kim", "read")
    assert await standing(house) == ["dispute"]
    assert await marks(house, person) == {"wrong_person_at"}
    for number in [row["number"] for row in await waiting(house)]:
        await review.correct(house.parts, number, Meaning((OTHER,)), "user:kim", "read")
    assert await standing(house) == []
    assert await marks(house, person) == set()


async def test_a_promise_gets_the_day_and_the_sum_that_were_meant(house: House) -> None:
    await asked(house, "尽快还")
    day = house.now.astimezone(ZONE).date() + timedelta(days=3)
    await correct(house, PROMISE, promised_on=day, amount=Decimal("800.50"))
    (row,) = await house.fetch("select * from responses where withdrawn_at is null")
    assert (row["promised_on"], row["amount"], row["sure"]) == (day, 80_050, True)
    (stands,) = await house.fetch("select * from standings where ended_at is null")
    assert stands["expires_at"].astimezone(ZONE).date() == day + timedelta(days=1)


async def test_what_a_person_set_is_not_taken_back(house: House) -> None:
    person, _ = await house.a_notice()
    await house.dispatch()
    await house.set_standing(person, "dispute")
    await told(house, person, "金额不对")
    await correct(house, OTHER)
    assert await standing(house) == ["dispute"]


async def test_a_shorter_pause_once_the_longer_was_misread(house: House) -> None:
    person, _ = await asked(house, "明天还吧?")
    before = await house.fetchval("select expires_at from standings")
    await told(house, person, "下下周五还吧?")
    assert await house.fetchval("select expires_at from standings") > before
    number = max(row["number"] for row in await waiting(house))
    await review.correct(house.parts, number, Meaning((OTHER,)), "user:kim", "read")
    (row,) = await house.fetch("select * from standings where ended_at is null")
    assert row["expires_at"] == before


@pytest.mark.parametrize(("meant", "mark"), [(OUT, "opted_out_at"), (WRONG, "wrong_person_at")])
async def test_what_may_be_an_objection_holds_everything_until_it_is_read(
    house: House, meant: ResponseKind, mark: str
) -> None:
    """What no phrase of ours says, and reads like one: nobody is silenced, nothing more is sent."""
    house.two_a_day()
    text = {OUT: "手机都快被你们震没电了", WRONG: "他早搬走不住这儿"}[meant]
    person, _ = await asked(house, text)
    assert await standing(house) == ["unread"]
    assert await marks(house, person) == set()
    waits = await house.notice(person)
    await house.dispatch()
    assert (await house.look(waits))["state"] == "pending"
    assert (await house.events(waits))[-1].data["rules"] == ["UNREAD"]
    await review.confirm(house.parts, await task(house), "user:kim", "read")
    assert await standing(house) == []
    assert mark in await marks(house, person)
    await house.due_now(waits)
    await house.dispatch()
    assert (await house.look(waits))["state"] == "blocked"


async def test_read_and_found_harmless_the_rest_goes_on(house: House) -> None:
    house.two_a_day()
    person, _ = await asked(house, "手机都快被你们震没电了")
    await told(house, person, "他早搬走不住这儿")
    waits = await house.notice(person)
    first, second = sorted(row["number"] for row in await waiting(house))
    await review.correct(house.parts, first, Meaning((OTHER,)), "user:kim", "read")
    assert await standing(house) == ["unread"]  # the other waits still
    await review.correct(house.parts, second, Meaning((OTHER,)), "user:kim", "read")
    assert await standing(house) == []
    await house.dispatch()
    assert (await house.look(waits))["state"] == "sent"


async def test_confirming_makes_it_sure(house: House) -> None:
    person, _ = await asked(house, "尽快还")
    await review.confirm(house.parts, await task(house), "user:kim", "read")
    assert await house.fetchval("select sure from responses")
    assert (await house.history(person))[-1].data["outcome"] == "confirmed"


async def test_the_carriers_own_refusal_stays(house: House) -> None:
    """Twilio's list of refusals would send nothing anyway."""
    person, _ = await house.a_notice()
    await house.dispatch()
    form = {"MessageSid": "SM1", "From": person.e164, "To": "+85200000000", "OptOutType": "STOP"}
    assert await house.post(house.signed("inbound", form | {"Body": "stop it, 天气真好"})) == [200]
    await house.apply()
    assert await marks(house, person) == {"opted_out_at"}
    await reread(house, person)
    with pytest.raises(Conflict, match="the carrier itself has refused"):
        await correct(house, OTHER)
    assert await marks(house, person) == {"opted_out_at"}


# ------------------------------------------------------------------------------- nobody we know


async def test_a_reply_of_nobody_known_is_given_to_its_writer(house: House) -> None:
    phone = "15409999998"
    one, other = Person(shared_phone=phone), Person(shared_phone=phone)
    await house.people(one, other)
    await told(house, one, "退订")
    number = await task(house)
    async with house.parts.pool.acquire() as conn:
        reply = await review.open_reply(conn, house.parts, number)
    ids = [(await house.row(each))["debtor_id"] for each in (one, other)]
    assert reply.text == "退订"
    assert {each["debtor_id"] for each in reply.candidates} == set(ids)
    with pytest.raises(Conflict, match="nobody knows whose reply"):
        await review.confirm(house.parts, number, "user:kim", "read")
    await review.attribute(house.parts, number, ids[1], "user:kim", "read")
    assert await waiting(house) == []
    assert (await marks(house, one), await marks(house, other)) == (set(), {"opted_out_at"})
    kinds = await house.fetch("select kind from responses where withdrawn_at is null")
    assert [row["kind"] for row in kinds] == ["opted_out"]


async def test_from_a_number_that_is_not_theirs_nothing_is_marked(house: House) -> None:
    person, _ = await house.a_notice()
    await told(house, Person(), "金额不对")
    debtor_id = (await house.row(person))["debtor_id"]
    await review.attribute(house.parts, await task(house), debtor_id, "user:kim", "read")
    assert await standing(house) == ["dispute"]
    assert await marks(house, person) == set()
    (row,) = await waiting(house)
    assert row["debtor_id"] == debtor_id
    async with house.parts.pool.acquire() as conn:
        assert (await review.open_reply(conn, house.parts, row["number"])).text == "金额不对"


async def test_an_advertisement_is_nobodys(house: House) -> None:
    await told(house, Person(), "贷款找我")
    await review.nobodys(house.parts, await task(house), "user:kim", "spam")
    assert await waiting(house) == []
    assert await house.fetchval("select stream from contact_events where kind = 'task_done'") == (
        "user:kim"
    )


async def test_mail_of_another_mailbox_that_answers_ours_is_looked_at(house: House) -> None:
    """It was passed on, or they have a second one: it counts, and a person sees it."""
    person, notice = await house.a_notice(Channel.EMAIL)
    await house.dispatch("email")
    await house.mail("friend@elsewhere.test", "退订", house.parts.tokens.mint(notice, 1))
    (row,) = await house.fetch("select * from responses")
    assert (row["kind"], row["sure"]) == ("opted_out", False)
    assert await standing(house) == ["unread"]
    assert row["debtor_id"] == (await house.row(person, Channel.EMAIL))["debtor_id"]
    assert [each["kind"] for each in await waiting(house)] == [TaskKind.REPLY]


# ------------------------------------------------------------------------------- one at a time


async def test_a_task_is_one_persons(house: House) -> None:
    await asked(house, "金额不对")
    number = await task(house)
    await worklist.take(house.parts, number, "user:kim")
    await worklist.take(house.parts, number, "user:kim")
    with pytest.raises(Conflict, match="is with user:kim"):
        await worklist.take(house.parts, number, "user:lee")
    await worklist.take(house.parts, number, "user:lee", over=True)
    assert (await waiting(house))[0]["taken_by"] == "user:lee"
    with pytest.raises(Conflict, match="is a reply"):
        await worklist.close(house.parts, number, "user:lee", "done")
    await review.confirm(house.parts, number, "user:lee", "read")
    with pytest.raises(Conflict, match="was closed by user:lee: confirmed"):
        await review.confirm(house.parts, number, "user:lee", "read")
    with pytest.raises(NotFound):
        await worklist.take(house.parts, number + 1, "user:lee")


@pytest.mark.parametrize(
    ("meaning", "says"),
    [
        (Meaning(()), "no meaning"),
        (Meaning((OTHER, OUT)), "other stands alone"),
        (Meaning((OUT,), promised_on=date(2026, 12, 1)), "only a promise has a day"),
        (Meaning((DISPUTE,), amount=Decimal(1)), "only a promise or a payment has a sum"),
    ],
)
async def test_a_meaning_must_hold_together(house: House, meaning: Meaning, says: str) -> None:
    await asked(house, "金额不对")
    with pytest.raises(InvalidInput, match=says):
        await review.correct(house.parts, await task(house), meaning, "user:kim", "read")
    assert await standing(house) == ["dispute"]


async def test_a_bounce_in_words_alone_silences_nobody(house: House) -> None:
    _, notice = await house.a_notice(Channel.EMAIL)
    await house.dispatch("email")
    token = house.parts.tokens.mint(notice, 1)
    await aiosmtplib.send(
        b"From: <MAILER-DAEMON@mx.test>\r\nSubject: failure notice\r\n\r\n"
        b"Hi. This is the qmail-send program at mx.test.\r\n"
        b"This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n"
        b"<a@debtor.test>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n",
        sender="mailer-daemon@mx.test",
        recipients=[f"bounces+{token}@bounce.outreach.test"],
        hostname="127.0.0.1",
        port=house.settings.mail_port,
    )
    await house.apply()
    row = await house.look(notice)
    assert (row["delivery"], row["failure"]) == ("undelivered", "soft")
    assert (
        await house.fetchval("select count(*) from contact_points where dead_at is not null") == 0
    )
    (waits,) = await waiting(house)
    assert (waits["kind"], waits["notice"]) == (TaskKind.RETURNED, row["number"])


async def test_two_who_judge_a_promise_at_once_tell_it_once(house: House) -> None:
    person, _ = await asked(house, "明天还")
    house.at(house.now + timedelta(days=4))
    await asyncio.gather(*(worklist.follow(house.parts) for _ in range(4)))
    ended = [e for e in await house.history(person) if e.kind is EventKind.STANDING_ENDED]
    assert len(ended) == 1


async def test_a_day_that_was_misread_is_a_correction(house: House) -> None:
    await asked(house, "尽快还")
    day = house.now.astimezone(ZONE).date() + timedelta(days=3)
    await correct(house, PROMISE, promised_on=day)
    assert await house.fetchval("select outcome from tasks") == "corrected"


async def test_a_reply_whose_key_is_destroyed_has_no_words(house: House) -> None:
    person, _ = await asked(house, "金额不对")
    point = (await house.row(person))["point_id"]
    await house.execute("update sealing_keys set wrapped = null where id = $1", point)
    async with house.parts.pool.acquire() as conn:
        reply = await review.open_reply(conn, house.parts, await task(house))
    assert (reply.text, [row["kind"] for row in reply.rows]) == (None, ["disputed"])
