"""Receipts: kept before they are answered, applied once, whatever the order they come in."""

import asyncio
import base64
from dataclasses import replace
from itertools import permutations

import aiosmtplib
import orjson
import pytest
from life_rig import House
from peers import Faulty

from outreach.channels.base import Accepted, DeliveryFact
from outreach.db import carriage
from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, FailureClass
from outreach.ledger import places
from outreach.ledger.keys import WrappedKey
from outreach.life import receipts
from outreach.life.receipts import Matched, apply_facts

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def house(open_doors: House) -> House:
    return open_doors


async def test_the_same_callback_twice_counts_once(house: House) -> None:
    _, notice = await house.a_notice()
    await house.dispatch()
    push = house.status(notice, 1, "delivered")
    assert await house.post(push, push) == [200, 200]
    assert await house.fetchval("select count(*) from raw_callbacks") == 1
    await house.apply()
    assert await house.post(push) == [200]
    assert await house.apply() == 0
    assert await house.state(notice) == ("sent", "delivered")
    kinds = await house.kinds(notice)
    assert kinds == [EventKind.SENDING, EventKind.SENT, EventKind.DELIVERED]


async def test_what_is_kept_is_sealed_and_whole(house: House) -> None:
    person, notice = await house.a_notice()
    push = house.status(notice, 1, "delivered", To=person.e164)
    await house.post(push)
    row = await house.fetchrow(
        """select r.*, k.wrapped, k.master_version from raw_callbacks r
           join sealing_keys k on k.id = r.key_id"""
    )
    assert row is not None
    assert person.phone.encode() not in row["sealed"]
    stored = WrappedKey(row["key_id"], row["wrapped"], row["master_version"])
    key = house.parts.masters.unwrap(stored)
    fields = orjson.loads(key.open(row["sealed"], places.callback(row["id"])))
    assert base64.b64decode(fields["body"]) == push.body
    assert fields["url"] == push.url
    assert fields["headers"]["x-twilio-signature"] == push.headers["X-Twilio-Signature"]


async def test_a_forged_callback_leaves_nothing(house: House) -> None:
    _, notice = await house.a_notice()
    await house.dispatch()
    real = house.status(notice, 1, "delivered")
    forged = [
        replace(real, headers={"X-Twilio-Signature": "AAAA"}),
        replace(real, headers={}),
        replace(real, body=real.body.replace(b"delivered", b"undelivered")),
        replace(real, url=real.url.replace("/status/", "/status/x")),
    ]
    assert await house.post(*forged) == [403] * 4
    unknown = real.url.replace("/twilio/", "/nobody/")
    assert await house.post(replace(real, url=unknown)) == [404]
    assert await house.fetchval("select count(*) from raw_callbacks") == 0
    assert await house.state(notice) == ("sent", "accepted")


@pytest.mark.parametrize("together", [True, False])
async def test_order_does_not_matter(house: House, together: bool) -> None:
    """Whatever order four words come in, together or one by one: they come to the same."""
    words = ("queued", "sent", "undelivered", "delivered")
    orders = list(permutations(words))[::4]
    made = [(await house.a_notice())[1] for _ in orders]
    await house.dispatch()
    for notice, order in zip(made, orders, strict=True):
        for word in order:
            assert await house.post(house.status(notice, 1, word)) == [200]
            if not together:
                await house.apply()
    if together:
        assert await house.apply() == len(orders) * len(words)
    for notice in made:
        assert await house.state(notice) == ("sent", "delivered")
    assert await house.fetchval("select count(*) from carriage where delivery <> 'delivered'") == 0


async def test_delivered_after_a_failure_wins_and_is_flagged(house: House) -> None:
    _, apart = await house.a_notice()
    _, together = await house.a_notice()
    _, plain = await house.a_notice()
    await house.dispatch()
    await house.post(house.status(apart, 1, "undelivered", ErrorCode="30003"))
    await house.apply()
    row = await house.look(apart)
    assert (row["delivery"], row["failure"], row["conflict"]) == ("undelivered", "soft", False)
    await house.post(
        house.status(apart, 1, "delivered"),
        house.status(together, 1, "undelivered", ErrorCode="30003"),
        house.status(together, 1, "delivered"),
        house.status(plain, 1, "delivered"),
    )
    await house.apply()
    for notice, flagged in ((apart, True), (together, True), (plain, False)):
        row = await house.look(notice)
        assert (row["delivery"], row["conflict"]) == ("delivered", flagged)
        assert (row["failure"], row["code"]) == (None, None)
        assert (await house.events(notice))[-1].data["conflict"] is flagged


async def test_the_event_carries_the_word_it_tells(house: House) -> None:
    """A late ``sent`` beside ``delivered`` does not lend the event its code."""
    _, notice = await house.a_notice()
    await house.dispatch()
    await house.post(
        house.status(notice, 1, "delivered", RawDlrDoneDate="2611230915"),
        house.status(notice, 1, "sent"),
    )
    await house.apply()
    delivered = (await house.events(notice))[-1]
    assert delivered.kind is EventKind.DELIVERED
    assert delivered.data["code"] == "delivered"
    assert delivered.data["carrier_time"] == "2026-11-23T09:15:00+00:00"


async def test_only_a_dead_number_kills_the_point(house: House) -> None:
    off, unreachable = await house.a_notice()
    dead, gone = await house.a_notice()
    refused, opted = await house.a_notice()
    await house.dispatch()
    await house.post(
        house.status(unreachable, 1, "undelivered", ErrorCode="30003"),
        house.status(gone, 1, "undelivered", ErrorCode="30005"),
        house.status(opted, 1, "undelivered", ErrorCode="21610"),
    )
    await house.apply()
    marks = {}
    for person in (off, dead, refused):
        row = await house.fetchrow(
            "select dead_at, opted_out_at from contact_points where id = $1",
            (await house.row(person))["point_id"],
        )
        assert row is not None
        marks[person] = (row["dead_at"] is not None, row["opted_out_at"] is not None)
    assert marks == {off: (False, False), dead: (True, False), refused: (False, True)}
    assert EventKind.CONTACT_CHANGED in await house.kinds(gone)
    assert EventKind.CONTACT_CHANGED not in await house.kinds(unreachable)
    following = [await house.notice(person) for person in (off, dead, refused)]
    await house.dispatch()
    codes = [(await house.look(notice))["code"] for notice in following]
    assert codes == [None, "P-07", "C-12"]


async def test_a_bounce_by_mail_finds_its_notice(house: House) -> None:
    """The envelope sender alone brings it home (VERP)."""
    person, notice = await house.a_notice(Channel.EMAIL)
    await house.dispatch("email")
    token = house.parts.tokens.mint(notice, 1)
    bounce = (
        "From: mailer@mx.test\r\nTo: x\r\nSubject: failed\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nno\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n"
        f"Final-Recipient: rfc822; {person.email}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        "--b--\r\n"
    )
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=house.settings.mail_port) as session:
        await session.execute_command(b"MAIL", b"FROM:<>")
        await session.rcpt(f"bounces+{token}@bounce.outreach.test")
        assert (await session.data(bounce)).code == 250
    await house.apply()
    row = await house.look(notice)
    assert (row["state"], row["delivery"], row["failure"]) == ("sent", "undelivered", "hard")
    following = await house.notice(person, Channel.EMAIL)
    await house.dispatch("email")
    assert (await house.look(following))["code"] == "P-07"


async def test_what_speaks_of_nothing_we_know_waits_and_is_let_go(house: House) -> None:
    _, notice = await house.a_notice()
    await house.dispatch()
    form = {"MessageSid": "SMunknown", "MessageStatus": "delivered"}
    stranger = house.signed("status/not-a-token-of-ours", form)
    assert await house.post(stranger) == [200]
    await house.apply()
    row = await house.fetchrow(
        "select tries, retry_at > clock_timestamp() as later from callbacks_due"
    )
    assert row is not None
    assert (row["tries"], row["later"]) == (1, True)
    await house.execute("update callbacks_due set tries = $1", receipts.RETRIES)
    await house.apply()
    assert await house.fetchval("select count(*) from callbacks_due") == 0
    assert await house.fetchval("select count(*) from raw_callbacks") == 1
    assert await house.state(notice) == ("sent", "accepted")


async def test_an_early_receipt_waits_for_our_commit(house: House) -> None:
    """It comes by its message id alone, before the id is known: tried again, then applied."""
    _, notice = await house.a_notice()
    worker = house.worker()
    chunk = await worker.intend()
    sent = await worker.send(chunk)
    (entry,) = house.book()
    form = {"MessageSid": entry.message_id, "MessageStatus": "delivered"}
    await house.post(house.signed("status/x", form))
    await house.apply()
    assert await house.state(notice) == ("sending", "none")
    await worker.record(sent)
    await house.apply()
    assert await house.state(notice) == ("sent", "delivered")
    assert await house.fetchval("select count(*) from callbacks_due") == 0


async def test_an_early_failure_is_not_forgotten_at_our_commit(house: House) -> None:
    """The result comes after the receipt: it makes the notice sent and leaves the failure."""
    _, notice = await house.a_notice()
    worker = house.worker()
    chunk = await worker.intend()
    sent = await worker.send(chunk)
    (entry,) = house.book()
    failed = house.status(notice, 1, "undelivered", ErrorCode="30005", sid=entry.message_id)
    await house.post(failed)
    await house.apply()
    assert await house.state(notice) == ("sending", "undelivered")
    await worker.record(sent)
    row = await house.look(notice)
    assert (row["state"], row["delivery"]) == ("sent", "undelivered")
    assert (row["failure"], row["code"]) == ("hard", "30005")
    assert await house.fetchval("select count(*) from carriage") == 1


async def test_a_long_message_arrives_when_all_its_parts_have(house: House) -> None:
    _, notice = await house.a_notice()
    worker = house.worker()
    chunk = await worker.intend()
    three = Accepted(("P1", "P2", "P3"), parts=3)
    await worker.record(worker.answered(chunk, three))
    seen = []
    for message_id, delivery in (
        ("P2", Delivery.DELIVERED),
        ("P1", Delivery.DELIVERED),
        ("P1", Delivery.DELIVERED),
        ("P3", Delivery.UNDELIVERED),
        ("P3", Delivery.DELIVERED),
    ):
        fact = DeliveryFact(message_id, None, delivery, None, failure=_soft(delivery))
        async with house.parts.pool.acquire() as conn, conn.transaction():
            await apply_facts(conn, house.parts, [Matched("twilio", fact, notice, 1, b"")])
        seen.append((await house.state(notice))[1])
    assert seen == ["partial", "partial", "partial", "partial", "delivered"]
    async with house.parts.pool.acquire() as conn:
        assert len(await carriage.parts(conn, [notice])) == 3


def _soft(delivery: Delivery) -> FailureClass | None:
    return FailureClass.SOFT if delivery is Delivery.UNDELIVERED else None


async def test_a_batch_that_fails_in_the_middle_loses_nothing(own_house: House) -> None:
    house = own_house
    _, notice = await house.a_notice()
    await house.dispatch()
    await house.post(house.status(notice, 1, "delivered"))
    await house.execute("alter table carriage rename to away")
    assert await house.apply() == 1
    assert await house.state(notice) == ("sent", "accepted")
    assert await house.kinds(notice) == [EventKind.SENDING, EventKind.SENT]
    await house.execute("alter table away rename to carriage")
    assert await house.apply() == 1
    assert await house.state(notice) == ("sent", "delivered")
    assert await house.fetchval("select count(*) from callbacks_due") == 0


async def test_one_callback_nobody_can_apply_holds_up_no_other(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A character PostgreSQL takes in no JSON, from a carrier that signs it: set aside, alone."""
    _, bad = await house.a_notice()
    _, good = await house.a_notice()
    await house.dispatch()
    await house.post(
        house.status(bad, 1, "undelivered", ErrorCode="\0"), house.status(good, 1, "delivered")
    )
    await house.apply()
    assert await house.state(good) == ("sent", "delivered")
    assert await house.state(bad) == ("sent", "accepted")
    rows = await house.fetch("select * from callbacks_due where retry_at > clock_timestamp()")
    assert [row["tries"] for row in rows] == [1], "kept for a version that can"
    assert str(rows[0]["callback_id"]) in caplog.text


async def test_an_adapters_fault_in_reading_is_logged_and_let_go(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    _, notice = await house.a_notice()
    await house.dispatch()
    await house.post(house.status(notice, 1, "delivered"))
    carrier = house.parts.carriers["twilio"]
    house.use(Faulty())
    await house.apply()
    assert "ZeroDivisionError" in caplog.text
    house.use(carrier)
    assert await house.fetchval("select count(*) from raw_callbacks") == 1


async def test_two_appliers_share_the_work(house: House) -> None:
    made = [(await house.a_notice())[1] for _ in range(12)]
    await house.dispatch()
    for notice in made:
        words = ("sent", "delivered")
        await house.post(*(house.status(notice, 1, word) for word in words))
    await asyncio.gather(*(receipts.apply_batch(house.parts) for _ in range(3)))
    await house.apply()
    for notice in made:
        assert await house.state(notice) == ("sent", "delivered")
        assert (await house.kinds(notice)).count(EventKind.DELIVERED) == 1


async def test_receipts_while_results_are_recorded(house: House) -> None:
    """They lock the same notices, in the same order: nobody waits in a ring."""
    house.set(chunk=10)
    made = [(await house.a_notice())[1] for _ in range(40)]

    async def call_back() -> None:
        for notice in reversed(made):
            await house.post(house.status(notice, 1, "delivered"))
            await receipts.apply_batch(house.parts)

    await asyncio.gather(house.dispatch(), call_back(), house.dispatch())
    await house.apply()
    for notice in made:
        assert await house.state(notice) == ("sent", "delivered")
    assert await house.fetchval("select count(*) from claims") == 0
