"""SMS by CMPP beside what every carrier does: parts, late answers, reports, replies, links."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from carrier_rigs import MESSAGE_ID, SMS, TOKEN, CmppRig

from outreach.channels import cmpp
from outreach.channels.base import (
    Accepted,
    DeliveryFact,
    Inbound,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.channels.cmpp_pdu import Deliver, MessageId, Submit
from outreach.channels.cmpp_text import Format, decoded, joined, read_part, split
from outreach.clock import Clock
from outreach.domain.errors import ConfigurationError
from outreach.domain.states import Delivery, FailureClass

LONG = replace(SMS, text="【示例银行】" + "您的账户已逾期，请尽快还款。" * 12, number=42)


@pytest.fixture(params=["2.0", "3.0"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[CmppRig]:
    rig = CmppRig(request.param)
    await rig.open()
    yield rig
    await rig.close()


async def until(true: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - of another task's doing
            await asyncio.sleep(0.005)


def facts(rig: CmppRig) -> list[DeliveryFact]:
    found = [fact for callback in rig.kept for fact in rig.carrier().parse(callback)]
    assert all(isinstance(fact, DeliveryFact) for fact in found)
    return found  # type: ignore[return-value]


# ------------------------------------------------------------------------------------------- parts


async def test_a_long_message_goes_in_parts_each_with_its_id(rig: CmppRig) -> None:
    rig.peer.manner.stat = lambda _: "DELIVRD"
    outcome = await rig.carrier().send(LONG)
    submits = [submit for _, submit in rig.peer.taken]
    assert isinstance(outcome, Accepted)
    assert outcome.parts == len(outcome.message_ids) == len(submits) == 3
    parts = [read_part(submit.content, has_header=bool(submit.udhi)) for submit in submits]
    assert decoded(joined(parts), Format.UCS2) == LONG.text
    assert [(submit.part, submit.parts) for submit in submits] == [(1, 3), (2, 3), (3, 3)]
    await until(lambda: len(rig.kept) == 3)
    assert {fact.message_id for fact in facts(rig)} == set(outcome.message_ids)
    assert {fact.delivery for fact in facts(rig)} == {Delivery.DELIVERED}


async def test_two_long_messages_share_no_reference(rig: CmppRig) -> None:
    await asyncio.gather(*(rig.carrier().send(LONG) for _ in range(4)))
    references = [
        read_part(submit.content, has_header=True).reference for _, submit in rig.peer.taken
    ]
    assert len(references) == 12
    assert len(set(references)) == 4


async def test_a_part_refused_for_haste_is_tried_again_once_others_have_gone(
    rig: CmppRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cmpp, "SLOWER", (0.01, 0.01, 0.01))
    refusals = iter([0, 8, 8, 8, 0])
    rig.peer.manner.result = lambda _: next(refusals, 0)
    outcome = await rig.carrier().send(LONG)
    assert isinstance(outcome, Accepted)
    assert sorted(submit.part for _, submit in rig.peer.taken) == [1, 2, 3]


async def test_a_message_none_of_which_was_taken_may_go_again(rig: CmppRig) -> None:
    rig.throttle()
    outcome = await rig.carrier().send(LONG)
    assert outcome == TemporaryFailure("result:8", throttled=True)
    assert rig.peer.taken == []


async def test_half_a_message_is_sent_and_never_delivered(rig: CmppRig) -> None:
    rig.peer.manner.result = lambda submit: 6 if submit.part == 2 else 0
    outcome = await rig.carrier().send(LONG)
    assert isinstance(outcome, Accepted)
    assert len(outcome.message_ids) == 3
    await until(lambda: rig.kept)
    told = {fact.part: fact for fact in facts(rig)}
    assert [told[part].delivery for part in range(3)] == [
        Delivery.ACCEPTED,
        Delivery.UNDELIVERED,
        Delivery.ACCEPTED,
    ]
    assert [told[part].message_id for part in range(3)] == list(outcome.message_ids)
    assert {fact.token for fact in told.values()} == {TOKEN}


async def test_a_part_without_an_answer_leaves_the_message_unknown_and_the_rest_told(
    rig: CmppRig,
) -> None:
    def result(submit: Submit) -> int:
        rig.peer.manner.answers = submit.part != 3
        return 0

    rig.peer.manner.result = result
    assert isinstance(await rig.carrier().send(LONG), OutcomeUnknown)
    await until(lambda: rig.kept)
    told = {fact.part: fact for fact in facts(rig)}
    assert [told[part].delivery for part in range(3)] == [
        Delivery.ACCEPTED,
        Delivery.ACCEPTED,
        Delivery.NONE,
    ]


@pytest.mark.parametrize("refused", [0, 2], ids=["none answered", "one refused"])
async def test_of_a_message_none_of_which_is_known_to_be_taken_nothing_is_told(
    rig: CmppRig, refused: int
) -> None:
    """Whatever is told of a message says that it went."""

    def result(submit: Submit) -> int:
        rig.peer.manner.answers = submit.part == refused
        return 6

    rig.peer.manner.result = result
    assert isinstance(await rig.carrier().send(LONG), OutcomeUnknown)
    await asyncio.sleep(0.05)
    assert not rig.kept


async def test_a_duplicate_sequence_is_nobody_s_guess(rig: CmppRig) -> None:
    rig.answer(3)
    assert isinstance(await rig.carrier().send(SMS), OutcomeUnknown)


async def test_what_cannot_be_counted_is_refused(rig: CmppRig) -> None:
    outcome = await rig.carrier().send(replace(SMS, text="款" * 67 * 256))
    assert outcome == PermanentFailure(FailureClass.REJECTED, "too_long")
    assert rig.peer.taken == []


# ------------------------------------------------------------------------------------- late answers


async def test_a_late_answer_is_kept_under_the_message_s_token(rig: CmppRig) -> None:
    rig.peer.manner.answer_after = 1.0
    outcome = await rig.carrier().send(SMS)
    assert outcome == OutcomeUnknown("unanswered")
    await until(lambda: rig.kept)
    [fact] = facts(rig)
    [(message_id, _)] = rig.peer.taken
    assert (fact.token, fact.delivery) == (TOKEN, Delivery.ACCEPTED)
    assert fact.message_id == cmpp._name(message_id, Clock().now())


async def test_of_a_message_in_parts_the_others_are_told_as_unanswered(rig: CmppRig) -> None:
    """Or one part that arrived would make the message delivered."""

    def result(submit: Submit) -> int:
        rig.peer.manner.answers = submit.part == 1
        return 0

    rig.peer.manner.answer_after = 1.0
    rig.peer.manner.result = result
    assert await rig.carrier().send(LONG) == OutcomeUnknown("unanswered")
    rig.peer.manner.answers = True
    await until(lambda: rig.kept)
    [first, *_] = [rig.carrier().parse(kept) for kept in rig.kept]
    assert [fact.part for fact in first if isinstance(fact, DeliveryFact)] == [0, 1, 2]
    told = [fact.delivery for fact in first if isinstance(fact, DeliveryFact)]
    assert sorted(told) == sorted([Delivery.ACCEPTED, Delivery.NONE, Delivery.NONE])


async def test_a_late_refusal_is_for_a_person(rig: CmppRig) -> None:
    rig.peer.manner.answer_after = 1.0
    rig.answer(6)
    assert await rig.carrier().send(SMS) == OutcomeUnknown("unanswered")
    await asyncio.sleep(1.0)
    assert not rig.kept


# --------------------------------------------------------------------------------- reports, replies


async def test_what_comes_again_is_the_same_octets(rig: CmppRig) -> None:
    rig.peer.manner.stat = lambda _: "DELIVRD"
    rig.peer.manner.report_twice = True
    await rig.carrier().send(SMS)
    await until(lambda: len(rig.kept) == 2)
    assert rig.kept[0] == rig.kept[1]


async def test_a_report_says_when_and_how(rig: CmppRig) -> None:
    [fact] = rig.carrier().parse(rig.stat("MK:0012"))
    now = Clock().now()
    assert fact == DeliveryFact(
        message_id=cmpp._name(MESSAGE_ID, now),
        token=None,
        delivery=Delivery.UNDELIVERED,
        at=datetime(2026, 11, 23, 1, 15, tzinfo=UTC),
        code="MK:0012",
        failure=FailureClass.HARD,
        tail="000042",
        to="+8617000000001",
    )


@pytest.mark.parametrize("done", ["", "0000000000", "9999999999"])
async def test_a_report_without_a_time(rig: CmppRig, done: str) -> None:
    [fact] = rig.carrier().parse(rig.stat("DELIVRD", done))
    assert isinstance(fact, DeliveryFact)
    assert fact.at is None


async def test_a_word_never_seen_raises_an_alarm_and_keeps_its_code(
    rig: CmppRig, caplog: pytest.LogCaptureFixture
) -> None:
    [fact] = rig.carrier().parse(rig.stat("ZZ-9"))
    assert isinstance(fact, DeliveryFact)
    assert fact.code == "ZZ-9"
    assert "cmpp_unknown_stat" in caplog.text
    [fact] = rig.carrier().parse(rig.stat("<b>!"))
    assert isinstance(fact, DeliveryFact)
    assert fact.code == "unreadable"


@pytest.mark.parametrize(
    ("octets", "named", "says"),
    [
        ("退订".encode("utf-16-be"), 8, "退订"),
        ("退订".encode("gbk"), 15, "退订"),
        ("退订T".encode("gbk"), 8, "退订T"),
        (b"TD", 0, "TD"),
    ],
)
async def test_a_reply_whatever_its_charset(
    rig: CmppRig, octets: bytes, named: int, says: str
) -> None:
    deliver = Deliver(9, "10690000000042", "8617000000001", 0, octets, format=named)
    [fact] = rig.carrier().parse(rig.deliver(deliver))
    assert fact == Inbound(
        "+8617000000001", "10690000000042", says, None, f"{9:016x}", tail="000042"
    )


@pytest.mark.parametrize("recipient", ["10690000", "1069000042", "95588000042", "10690000x00042"])
async def test_a_number_that_came_back_otherwise_names_no_notice(
    rig: CmppRig, recipient: str
) -> None:
    deliver = Deliver(9, recipient, "17000000001", 0, b"TD")
    [fact] = rig.carrier().parse(rig.deliver(deliver))
    assert isinstance(fact, Inbound)
    assert fact.tail == ""


async def test_a_part_of_a_reply_is_read_without_its_header(rig: CmppRig) -> None:
    first, *_ = split("已经还了" * 30, Format.UCS2, 7)
    for bit in (1, 0x40):
        deliver = Deliver(9, "10690000", "17000000001", 0, first, format=8, udhi=bit)
        [fact] = rig.carrier().parse(rig.deliver(deliver))
        assert isinstance(fact, Inbound)
        assert ("已经还了" * 30).startswith(fact.text)


# --------------------------------------------------------------------------------------- ids, times


@pytest.mark.parametrize(
    ("now", "year"),
    [
        (datetime(2026, 11, 23, 4, tzinfo=UTC), 2026),
        (datetime(2026, 11, 22, 15, tzinfo=UTC), 2026),  # their clock is a little before ours
        (datetime(2027, 1, 1, 4, tzinfo=UTC), 2026),  # a report that comes in the new year
        (datetime(2027, 11, 24, 4, tzinfo=UTC), 2027),  # the same id, a year later
    ],
)
def test_an_id_is_named_with_its_year(now: datetime, year: int) -> None:
    id_ = int(MessageId(11, 23, 12, 0, 0, 90001, 7))
    assert cmpp._name(id_, now) == f"{year}-{id_:016x}"


def test_an_id_that_holds_no_date() -> None:
    assert cmpp._name(1, datetime(2026, 1, 1, tzinfo=UTC)) == f"{1:016x}"


async def test_how_long_the_gateway_may_try(rig: CmppRig) -> None:
    await rig.carrier().send(replace(SMS, valid_for=timedelta(hours=100)))
    await rig.carrier().send(replace(SMS, valid_for=None))
    [first, second] = [submit.valid_until for _, submit in rig.peer.taken]
    assert len(first) == 16
    assert first.endswith("032+")
    assert second == ""


# ------------------------------------------------------------------------------------------- links


async def test_links_come_back(rig: CmppRig) -> None:
    await until(lambda: len(rig.peer.logged_in()) == 2)
    old = list(rig.peer.sessions)
    for session in old:
        session.hang_up()
    await until(lambda: len(set(rig.peer.logged_in()) - set(old)) == 2)
    assert isinstance(await rig.carrier().send(SMS), Accepted)


async def test_a_refused_log_in_is_not_repeated_in_a_storm(
    rig: CmppRig, caplog: pytest.LogCaptureFixture
) -> None:
    await until(lambda: len(rig.peer.logged_in()) == 2)
    rig.peer.manner.login = 3
    for session in list(rig.peer.sessions):
        session.hang_up()
    await until(lambda: caplog.text.count("cmpp_login_refused") == 2)
    await asyncio.sleep(0.3)
    assert caplog.text.count("cmpp_login_refused") == 2
    assert await rig.carrier().send(SMS) == TemporaryFailure("connect")


async def test_listening_again_leaves_no_old_links(rig: CmppRig) -> None:
    rig._listening.cancel()
    rig._listening = asyncio.create_task(rig.carrier().listen(rig.keep, lambda: None))
    await until(lambda: len(rig.peer.logged_in()) == 2)
    await asyncio.sleep(0.05)
    assert len(rig.peer.sessions) == 2
    assert isinstance(await rig.carrier().send(SMS), Accepted)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(2, "lists the address"), (3, "secret and the clock"), (4, 'version = "2')],
)
async def test_the_doctor_says_why_a_log_in_is_refused(
    rig: CmppRig, status: int, remedy: str
) -> None:
    assert "logs us in" in await rig.carrier().check()
    rig.peer.manner.login = status
    with pytest.raises(ConfigurationError) as error:
        await rig.carrier().check()
    assert f"status {status}" in error.value.message
    assert remedy in str(error.value.remedy)
