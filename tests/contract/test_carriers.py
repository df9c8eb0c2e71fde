"""What every carrier of short messages and mail does, whatever its protocol."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from carrier_rigs import LONG_AGO, TOKEN, CmppRig, SmtpRig, TwilioRig
from scripted_peers import SmtpPeer, Trouble

from outreach.channels.base import (
    Accepted,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.domain.errors import ConfigurationError
from outreach.domain.states import FailureClass

Rig = TwilioRig | CmppRig | SmtpRig


@pytest.fixture(params=[TwilioRig, CmppRig, SmtpRig], ids=["twilio", "cmpp", "smtp"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    rig = request.param()
    await rig.open()
    yield rig
    await rig.close()


async def test_what_is_taken_comes_with_its_ids(rig: Rig) -> None:
    outcome = await rig.carrier().send(rig.message)
    assert isinstance(outcome, Accepted)
    assert outcome.message_ids
    assert all(outcome.message_ids)
    assert outcome.parts == 1


async def test_the_evidence_kept_holds_neither_address_nor_text(rig: Rig) -> None:
    outcome = await rig.carrier().send(rig.message)
    assert isinstance(outcome, Accepted)
    assert outcome.raw
    assert rig.message.to not in outcome.raw
    assert "示例银行" not in outcome.raw


async def test_a_refused_recipient_says_whether_the_address_is_dead(rig: Rig) -> None:
    rig.refuse()
    outcome = await rig.carrier().send(rig.message)
    assert isinstance(outcome, PermanentFailure)
    assert outcome.kind is rig.refusal
    assert outcome.code


async def test_a_refused_account_is_our_own_trouble(rig: Rig) -> None:
    rig.refuse_account()
    outcome = await rig.carrier().send(rig.message)
    assert isinstance(outcome, PermanentFailure)
    assert outcome.kind is FailureClass.ACCOUNT


async def test_too_fast_is_temporary_and_says_so(rig: Rig) -> None:
    rig.throttle()
    outcome = await rig.carrier().send(rig.message)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.throttled


@pytest.mark.parametrize("trouble", ["silent", "hang_up", "garble"])
async def test_a_lost_answer_is_an_unknown_outcome(rig: Rig, trouble: str) -> None:
    getattr(rig, trouble)()
    assert isinstance(await rig.carrier().send(rig.message), OutcomeUnknown)


async def test_a_closed_door_is_temporary(rig: Rig) -> None:
    await rig.peer.close()
    assert await rig.carrier().send(rig.message) == TemporaryFailure("connect")


@pytest.mark.parametrize(
    "trouble", ["refuse", "refuse_account", "throttle", "silent", "hang_up", "garble"]
)
async def test_the_next_message_goes_after_any_trouble(rig: Rig, trouble: str) -> None:
    await rig.carrier().send(rig.message)
    getattr(rig, trouble)()
    await rig.carrier().send(rig.message)
    rig.accept()
    assert isinstance(await rig.carrier().send(rig.message), Accepted)


async def test_more_at_once_than_the_carrier_has_sessions(rig: Rig) -> None:
    many = rig.carrier().concurrency * 3
    outcomes = await asyncio.gather(*(rig.carrier().send(rig.message) for _ in range(many)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_a_cancelled_send_leaves_the_carrier_usable(rig: Rig) -> None:
    rig.silent()
    sends = [
        asyncio.create_task(rig.carrier().send(rig.message))
        for _ in range(rig.carrier().concurrency)
    ]
    await asyncio.wait(sends, timeout=0.05)
    for send in sends:
        send.cancel()
    await asyncio.gather(*sends, return_exceptions=True)
    rig.accept()
    assert isinstance(await rig.carrier().send(rig.message), Accepted)


async def test_nothing_private_is_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for trouble in ("accept", "refuse", "refuse_account", "throttle", "silent", "hang_up"):
        getattr(rig, trouble)()
        await rig.carrier().send(rig.message)
    await rig.carrier().look_up(rig.message, LONG_AGO)
    for private in (*rig.private, rig.message.text):
        assert private not in caplog.text


async def test_the_token_travels_with_the_message(rig: Rig) -> None:
    """Where it fits; by CMPP the notice's own number does, behind ours."""
    await rig.carrier().send(rig.message)
    match rig:
        case CmppRig():
            assert [submit.source for _, submit in rig.peer.taken] == ["10690000" + "000042"]
            return
        case TwilioRig():
            seen = b"".join(body for *_, body in rig.peer.requests)
        case SmtpRig():
            seen = " ".join(rig.peer.commands).encode()
    assert TOKEN.encode() in seen or TOKEN.encode().hex("%").encode() in seen


async def test_a_carrier_on_loopback_is_not_real(rig: Rig) -> None:
    assert not rig.carrier().real


async def test_the_doctor_hears_that_nobody_answers(rig: Rig) -> None:
    await rig.peer.close()
    with pytest.raises(ConfigurationError, match=rig.carrier().name):
        await rig.carrier().check()


async def test_the_doctor_hears_that_all_is_well(rig: Rig) -> None:
    if isinstance(rig, TwilioRig):
        rig.answer(200, "{}")
    assert rig.carrier().name in await rig.carrier().check()


async def test_what_cannot_be_looked_up_is_not_found(rig: Rig) -> None:
    rig.hang_up()
    assert not await rig.carrier().look_up(rig.message, LONG_AGO)


# what only one protocol can show


PIPELINING = "250-peer.test\r\n250-PIPELINING\r\n250-DSN\r\n250 SMTPUTF8"
IN_TURN_OR_AT_ONCE = pytest.mark.parametrize(
    "ehlo", [SmtpPeer.REPLIES["EHLO"], PIPELINING], ids=["in turn", "at once"]
)


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioRig]:
    rig = TwilioRig()
    await rig.open()
    yield rig
    await rig.close()


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpRig]:
    rig = SmtpRig()
    await rig.open()
    yield rig
    await rig.close()


async def test_twilio_waits_as_long_as_it_is_told(twilio: TwilioRig) -> None:
    twilio.throttle()
    outcome = await twilio.carrier().send(twilio.message)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.retry_after is not None
    assert outcome.retry_after.total_seconds() == 7


async def test_twilio_is_never_asked_twice(twilio: TwilioRig) -> None:
    twilio.answer(503, "")
    assert await twilio.carrier().send(twilio.message) == OutcomeUnknown("http-503")
    assert len(twilio.peer.requests) == 1


@pytest.mark.parametrize(
    "step", ["220", "EHLO", "MAIL", "RCPT", "DATA"], ids=lambda step: f"at {step}"
)
@pytest.mark.parametrize("trouble", list(Trouble), ids=lambda trouble: trouble.name.lower())
@IN_TURN_OR_AT_ONCE
async def test_mail_that_has_not_left_may_be_tried_again(
    smtp: SmtpRig, step: str, trouble: Trouble, ehlo: str
) -> None:
    smtp.peer.script = {"EHLO": ehlo, step: trouble}
    assert isinstance(await smtp.carrier().send(smtp.message), TemporaryFailure)


@IN_TURN_OR_AT_ONCE
@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
async def test_an_answer_out_of_turn_sends_no_content(smtp: SmtpRig, ehlo: str, step: str) -> None:
    smtp.peer.script = {"EHLO": ehlo, step: "354 go on"}
    assert await smtp.carrier().send(smtp.message) == TemporaryFailure("garbage")
    assert not smtp.peer.mails


async def test_a_relay_that_pipelines_takes_mail_after_mail(smtp: SmtpRig) -> None:
    smtp.peer.script = {"EHLO": PIPELINING}
    for _ in range(3):
        assert isinstance(await smtp.carrier().send(smtp.message), Accepted)
    assert [command.split()[0] for command in smtp.peer.commands] == [
        "EHLO",
        *["MAIL", "RCPT", "DATA"] * 3,
    ]
    assert len(smtp.peer.mails) == 3


async def test_refused_at_once_leaves_the_session_usable(smtp: SmtpRig) -> None:
    smtp.peer.script = {"EHLO": PIPELINING, "RCPT": "550 5.1.1 nobody", "DATA": "503 5.5.1 no"}
    refused = await smtp.carrier().send(smtp.message)
    assert refused == PermanentFailure(FailureClass.HARD, "5.1.1")
    smtp.peer.script = {}
    assert isinstance(await smtp.carrier().send(smtp.message), Accepted)
    assert smtp.peer.sessions == 1
    assert "RSET" in smtp.peer.commands


async def test_a_relay_that_waits_for_content_for_nobody_gets_none(smtp: SmtpRig) -> None:
    smtp.peer.script = {"EHLO": PIPELINING, "RCPT": "550 5.1.1 nobody"}
    refused = await smtp.carrier().send(smtp.message)
    assert refused == PermanentFailure(FailureClass.HARD, "5.1.1")
    smtp.peer.script = {"EHLO": PIPELINING}
    assert isinstance(await smtp.carrier().send(smtp.message), Accepted)
    assert smtp.peer.sessions == 2
    assert len(smtp.peer.mails) == 1


async def test_a_relay_that_refuses_and_goes_has_refused(smtp: SmtpRig) -> None:
    smtp.peer.script = {"EHLO": PIPELINING, "MAIL": "421 4.3.2 closing", "RCPT": Trouble.DROP}
    assert await smtp.carrier().send(smtp.message) == TemporaryFailure("4.3.2", throttled=True)


async def test_mail_sessions_are_kept(smtp: SmtpRig) -> None:
    for _ in range(5):
        await smtp.carrier().send(smtp.message)
    assert smtp.peer.sessions == 1


async def test_a_refused_mail_leaves_its_session_usable(smtp: SmtpRig) -> None:
    smtp.refuse()
    await smtp.carrier().send(smtp.message)
    smtp.accept()
    await smtp.carrier().send(smtp.message)
    assert smtp.peer.sessions == 1
    assert "RSET" in smtp.peer.commands


async def test_mail_carries_its_three_marks(smtp: SmtpRig) -> None:
    await smtp.carrier().send(smtp.message)
    mail, rcpt = (next(c for c in smtp.peer.commands if c.startswith(v)) for v in ("MAIL", "RCPT"))
    assert mail == f"MAIL FROM:<bounces+{TOKEN}@bounce.bank.test> RET=HDRS ENVID={TOKEN}"
    assert rcpt == f"RCPT TO:<{smtp.message.to}> NOTIFY=FAILURE,DELAY"
    assert f"Message-ID: <{TOKEN}@bounce.bank.test>".encode() in smtp.peer.mails[0]


async def test_reports_are_not_asked_of_a_relay_that_does_not_offer_them(smtp: SmtpRig) -> None:
    smtp.peer.script = {"EHLO": "250 peer.test"}
    await smtp.carrier().send(smtp.message)
    assert f"MAIL FROM:<bounces+{TOKEN}@bounce.bank.test>" in smtp.peer.commands


@pytest.mark.parametrize("field", ["subject", "sender_name", "to"])
@pytest.mark.parametrize("injected", ["\r\nBcc: a@b.test", "\n", "\r", "\x00"])
async def test_a_line_break_never_reaches_the_wire(
    smtp: SmtpRig, field: str, injected: str
) -> None:
    message = replace(smtp.message, **{field: "x" + injected})
    outcome = await smtp.carrier().send(message)
    assert outcome == PermanentFailure(FailureClass.REJECTED, "unsafe-header")
    assert smtp.peer.commands == []


async def test_an_address_beyond_ascii_needs_a_relay_that_can(smtp: SmtpRig) -> None:
    message = replace(smtp.message, to="张三@debtor.test")
    assert isinstance(await smtp.carrier().send(message), Accepted)
    assert any(c.startswith("MAIL") and c.endswith("SMTPUTF8") for c in smtp.peer.commands)


async def test_an_address_beyond_ascii_is_refused_by_one_that_cannot(smtp: SmtpRig) -> None:
    smtp.peer.script = {"EHLO": "250 peer.test"}
    outcome = await smtp.carrier().send(replace(smtp.message, to="张三@debtor.test"))
    assert outcome == PermanentFailure(FailureClass.REJECTED, "smtputf8")
