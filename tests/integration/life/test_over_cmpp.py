"""The whole life over a gateway: sent, delivered, answered, matched to the right person."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from life_rig import House, Person

from outreach.channels.base import Callback
from outreach.channels.cmpp import Cmpp
from outreach.clock import Clock
from outreach.domain.events import EventKind
from outreach.life import callbacks, receipts
from outreach.sandbox.cmpp import CmppSandbox, Line
from outreach.sandbox.courier import Courier
from outreach.settings import CmppSettings

SECRET, NUMBER = "888888", "10690000"


@pytest.fixture
async def gateway(house: House) -> AsyncIterator[CmppSandbox]:
    """A gateway in the place of the house's carrier of SMS."""
    courier = Courier((0, 0), 5)
    gateway = CmppSandbox(Line("900001", SECRET, (NUMBER,)), Clock(), courier)
    await gateway.open()
    settings = CmppSettings(
        kind="cmpp",
        name="twilio",
        host="127.0.0.1",
        port=gateway.port,
        account="900001",
        number=NUMBER,
        extension=8,
        timeout_seconds=2,
    )
    carrier = Cmpp(settings, clock=house.parts.clock, secret=SECRET)
    house.use(carrier)

    async def keep(came: Sequence[Callback]) -> None:
        await callbacks.accept_all(house.parts, came)

    listening = asyncio.create_task(carrier.listen(keep, lambda: None))
    yield gateway
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening
    await carrier.close()
    await courier.close()
    await gateway.close()


async def settled(house: House, gateway: CmppSandbox, count: int) -> None:
    """Everything the gateway has to say was kept, and is applied."""
    async with asyncio.timeout(10):
        while len(gateway.delivered) < count:  # noqa: ASYNC110 - the gateway's doing
            await asyncio.sleep(0.01)
    await house.apply()


async def test_sent_in_parts_and_delivered_once_all_of_them_are(
    house: House, gateway: CmppSandbox
) -> None:
    gateway.manner.stat = lambda submit: "DELIVRD" if submit.part == 1 else None
    _, notice = await house.a_notice()
    assert await house.dispatch() == 1
    parts = len(gateway.taken)
    assert parts >= 2
    await settled(house, gateway, 1)
    assert await house.state(notice) == ("sent", "partial")
    for message_id, submit in gateway.taken[1:]:
        gateway.manner.stat = lambda _: "DELIVRD"
        gateway.report(message_id, submit, gateway.sessions[0])
    await settled(house, gateway, parts)
    assert await house.state(notice) == ("sent", "delivered")
    [sending, sent, *_] = await house.events(notice)
    assert (sending.kind, sent.kind) == (EventKind.SENDING, EventKind.SENT)
    assert sent.data["parts"] == parts


async def test_a_report_before_the_answer_counts_and_one_that_comes_twice_counts_once(
    house: House, gateway: CmppSandbox
) -> None:
    gateway.manner.report_first = gateway.manner.report_twice = True
    _, notice = await house.a_notice()
    await house.dispatch()
    await settled(house, gateway, 2 * len(gateway.taken))
    assert await house.state(notice) == ("sent", "delivered")
    kinds = await house.kinds(notice)
    assert kinds.count(EventKind.DELIVERED) == 1


async def test_without_an_answer_it_is_uncertain_until_a_late_one_comes(
    house: House, gateway: CmppSandbox
) -> None:
    gateway.manner.stat = lambda _: None
    gateway.manner.answer_after = 3.0
    _, notice = await house.a_notice()
    await house.dispatch()
    assert (await house.state(notice))[0] == "uncertain"
    async with asyncio.timeout(10):
        while (await house.state(notice))[0] == "uncertain":
            await asyncio.sleep(0.05)
            await house.apply()
    assert await house.state(notice) == ("sent", "accepted")
    assert len({submit.part for _, submit in gateway.taken}) == len(gateway.taken)


async def test_a_reply_to_a_shared_telephone_finds_the_person_it_was_for(
    house: House, gateway: CmppSandbox
) -> None:
    """The number they answer ends with the notice's own."""
    gateway.manner.stat = lambda _: None
    first = Person()
    second = Person(shared_phone=first.phone)
    await house.people(first, second)
    notice = await house.notice(second)
    await house.dispatch()
    source = gateway.taken[0][1].source
    assert source.startswith(NUMBER)
    gateway.say(first.phone, source, "不是本人")
    await settled(house, gateway, 1)
    [response] = await house.fetch("select * from responses")
    assert response["notice_id"] == notice
    assert response["debtor_id"] == (await house.row(second))["debtor_id"]
    gateway.say(first.phone, NUMBER, "你们打错了")  # without it nobody can tell
    await settled(house, gateway, 2)
    [unmatched] = await house.fetch("select * from responses where debtor_id is null")
    assert unmatched["kind"] == "unmatched"


async def tried_long_enough(house: House) -> None:
    """Ids that nobody knows are asked for no longer."""
    await house.execute("update callbacks_due set tries = $1", receipts.RETRIES)
    while await house.apply():
        pass


async def test_reports_settle_what_was_never_answered_by_the_digits_behind_our_number(
    house: House, gateway: CmppSandbox
) -> None:
    gateway.manner.answers = False
    _, notice = await house.a_notice()
    await house.dispatch()
    assert await house.state(notice) == ("uncertain", "none")
    parts = len(gateway.taken)
    assert parts >= 2
    await settled(house, gateway, parts)
    assert (await house.state(notice))[0] == "uncertain", "an id may yet become known"
    await tried_long_enough(house)
    assert await house.state(notice) == ("sent", "delivered")
    assert await house.fetchval("select count(*) from callbacks_due") == 0
    [resolved] = [e for e in await house.events(notice) if e.kind is EventKind.RESOLVED]
    assert (resolved.data["by"], resolved.data["as"]) == ("receipt", "sent")


async def test_one_part_that_is_reported_makes_no_message_that_arrived(
    house: House, gateway: CmppSandbox
) -> None:
    gateway.manner.answers = False
    gateway.manner.stat = lambda submit: "DELIVRD" if submit.part == 2 else None
    _, notice = await house.a_notice()
    await house.dispatch()
    await settled(house, gateway, 1)
    await tried_long_enough(house)
    assert await house.state(notice) == ("sent", "partial")


async def test_a_report_waits_while_its_sender_may_yet_say(
    house: House, gateway: CmppSandbox
) -> None:
    """Its worker died: until the lease ends nobody knows whether it is at it."""
    gateway.manner.answers = False
    _, notice = await house.a_notice()
    await house.dispatch()
    await house.execute("update notices set state = 'sending' where id = $1", notice)
    await settled(house, gateway, len(gateway.taken))
    await house.execute("update callbacks_due set tries = $1", receipts.RETRIES)
    await house.apply()
    assert await house.fetchval("select count(*) from callbacks_due") == len(gateway.taken)
    assert (await house.state(notice))[0] == "sending"
    await house.execute("update notices set state = 'uncertain' where id = $1", notice)
    await tried_long_enough(house)
    assert (await house.state(notice))[0] == "sent"


async def test_a_report_to_another_telephone_settles_nothing(
    house: House, gateway: CmppSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.manner.answers = False
    gateway.manner.stat = lambda _: None
    _, notice = await house.a_notice()
    await house.dispatch()
    [(message_id, submit), *_] = gateway.taken
    gateway.manner.stat = lambda _: "DELIVRD"
    other = replace(submit, recipients=("15499999999",))
    gateway.report(message_id, other, gateway.sessions[0])
    await settled(house, gateway, 1)
    await tried_long_enough(house)
    assert (await house.state(notice))[0] == "uncertain"
    assert "callback_unmatched" in caplog.text
