"""What every carrier makes of the words that come back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from carrier_rigs import RECORDED, SID, TOKEN, CmppRig, MailHouseRig, SmtpRig, TwilioRig
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.base import DeliveryFact, Inbound
from outreach.channels.twilio_codes import FAILURES
from outreach.domain.errors import CallbackRejected
from outreach.domain.events import EventKind
from outreach.domain.states import Delivery, FailureClass

Rig = TwilioRig | CmppRig | SmtpRig | MailHouseRig


@pytest.fixture(params=["twilio", "cmpp", "smtp", "mailhouse"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    made: dict[str, Rig] = {
        "twilio": TwilioRig(),
        "cmpp": CmppRig(),
        "smtp": SmtpRig(),
        "mailhouse": MailHouseRig(tmp_path),
    }
    chosen = made[request.param]
    await chosen.open()
    yield chosen
    await chosen.close()


async def test_the_carriers_own_word_is_believed(rig: Rig) -> None:
    callback = rig.genuine()
    rig.carrier().verify(callback)
    (fact,) = rig.carrier().parse(callback)
    assert isinstance(fact, DeliveryFact)
    assert fact.message_id
    assert fact.at is not None
    assert fact.at.tzinfo is not None


async def test_a_forged_word_is_not(rig: Rig) -> None:
    for callback in rig.forged():
        with pytest.raises(CallbackRejected):
            rig.carrier().verify(callback)


async def test_every_word_of_the_tables_maps(rig: Rig) -> None:
    for callback, delivery in rig.words():
        rig.carrier().verify(callback)
        (fact,) = rig.carrier().parse(callback)
        assert isinstance(fact, DeliveryFact)
        assert fact.delivery is delivery
        assert (fact.failure is None) == (delivery is not Delivery.UNDELIVERED)


async def test_an_unknown_word_is_kept_and_moves_nothing(rig: Rig) -> None:
    (fact,) = rig.carrier().parse(rig.unknown_word())
    assert isinstance(fact, DeliveryFact)
    assert fact.delivery is Delivery.NONE
    assert fact.code
    assert fact.failure is None


async def test_the_same_callback_twice_is_the_same_fact(rig: Rig) -> None:
    assert rig.carrier().parse(rig.genuine()) == rig.carrier().parse(rig.genuine())


async def test_what_cannot_be_read_is_rejected(rig: Rig) -> None:
    for callback in rig.broken():
        with pytest.raises(CallbackRejected):
            rig.carrier().parse(callback)


async def test_refusals_and_facts_tell_nothing_private(rig: Rig) -> None:
    for callback in rig.forged():
        with pytest.raises(CallbackRejected) as refusal:
            rig.carrier().verify(callback)
        assert not any(private in str(refusal.value) for private in rig.private)
    for callback, _ in rig.words():
        (fact,) = rig.carrier().parse(callback)
        assert not any(private in repr(fact) for private in rig.private)


# Twilio


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioRig]:
    rig = TwilioRig()
    await rig.open()
    yield rig
    await rig.close()


async def test_twilio_says_when_it_was_done_and_of_which_attempt(twilio: TwilioRig) -> None:
    (fact,) = twilio.carrier().parse(twilio.genuine())
    assert fact == DeliveryFact(
        message_id=SID,
        token=TOKEN,
        delivery=Delivery.DELIVERED,
        at=datetime(2026, 11, 23, 9, 15, tzinfo=UTC),
        code="delivered",
    )


async def test_twilio_is_believed_under_the_previous_secret_too(twilio: TwilioRig) -> None:
    real = twilio.callback({"MessageSid": SID}, "inbound", "older-9f-secret-9f")
    twilio.carrier().verify(real)


async def test_twilios_error_codes_say_what_failed(twilio: TwilioRig) -> None:
    for code, failure in FAILURES.items():
        (fact,) = twilio.carrier().parse(twilio.status("undelivered", ErrorCode=code))
        assert isinstance(fact, DeliveryFact)
        assert (fact.failure, fact.code) == (failure, code)


async def test_an_unknown_error_code_is_a_soft_failure(twilio: TwilioRig) -> None:
    (fact,) = twilio.carrier().parse(twilio.status("failed", ErrorCode="39999"))
    assert isinstance(fact, DeliveryFact)
    assert (fact.failure, fact.code) == (FailureClass.SOFT, "39999")


async def test_a_reply_by_text(twilio: TwilioRig) -> None:
    form = {"MessageSid": SID, "From": "+8617000000001", "To": "+85200000000", "Body": "已还款"}
    (fact,) = twilio.carrier().parse(twilio.callback(form, "inbound"))
    assert fact == Inbound("+8617000000001", "+85200000000", "已还款", None, SID)


async def test_an_opt_out_the_carrier_understood_itself(twilio: TwilioRig) -> None:
    form = {"MessageSid": SID, "From": "+1", "To": "+2", "Body": "STOP", "OptOutType": "STOP"}
    (fact,) = twilio.carrier().parse(twilio.callback(form, "inbound"))
    assert isinstance(fact, Inbound)
    assert fact.carrier_opt_out


# mail


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpRig]:
    rig = SmtpRig()
    await rig.open()
    yield rig
    await rig.close()


async def test_a_bounce_finds_its_notice_by_any_of_three_marks(smtp: SmtpRig) -> None:
    whole = smtp.genuine()
    elsewhere = replace(
        whole, headers=whole.headers | {"x-envelope-to": "bounces+x@bounce.bank.test"}
    )
    without_envelope_id = replace(
        elsewhere, body=elsewhere.body.replace(b"Original-Envelope-Id:", b"X-Gone:")
    )
    for callback in (whole, elsewhere, without_envelope_id):
        smtp.carrier().verify(callback)
        (fact,) = smtp.carrier().parse(callback)
        assert isinstance(fact, DeliveryFact)
        assert fact.token == TOKEN
        assert fact.message_id == f"{TOKEN}@bounce.bank.test"


@pytest.mark.parametrize(
    ("status", "said", "failure", "code"),
    [
        ("5.1.1", "", FailureClass.HARD, "5.1.1"),
        ("5.2.2", "552 5.2.2 mailbox full", FailureClass.SOFT, "5.2.2"),
        ("5.0.0", "550 host x said: 550 5.1.1 unknown", FailureClass.HARD, "5.1.1"),
        ("5.7.1", "550 5.7.1 refused", FailureClass.REJECTED, "5.7.1"),
        ("4.4.7", "delivery time expired", FailureClass.SOFT, "4.4.7"),
        ("5.0.0", "550 no such user here", FailureClass.HARD, "5.0.0"),
        ("5.0.0", "554 something else", FailureClass.REJECTED, "5.0.0"),
    ],
)
async def test_a_bounce_says_what_failed(
    smtp: SmtpRig, status: str, said: str, failure: FailureClass, code: str
) -> None:
    (fact,) = smtp.carrier().parse(smtp.report("failed", status, said))
    assert isinstance(fact, DeliveryFact)
    assert (fact.failure, fact.code) == (failure, code)


async def test_a_reply_is_its_own_words_only(smtp: SmtpRig) -> None:
    callback = smtp.recorded("reply-quoted.eml", "Reply@bank.test", "zhang.test@debtor.test")
    smtp.carrier().verify(callback)
    (fact,) = smtp.carrier().parse(callback)
    assert fact == Inbound(
        sender="zhang.test@debtor.test",
        recipient="Reply@bank.test",
        text="下周五还，谢谢。",
        at=datetime(2026, 11, 23, 12, 1, tzinfo=UTC),
        message_id="tencent_1@debtor.test",
        token=TOKEN,
        in_reply_to=(TOKEN,),
    )


async def test_an_absence_note_is_not_a_reply(smtp: SmtpRig) -> None:
    note = smtp.recorded("absence-note.eml")
    smtp.carrier().verify(note)
    assert smtp.carrier().parse(note) == []


async def test_a_complaint_is_a_complaint(smtp: SmtpRig) -> None:
    (fact,) = smtp.carrier().parse(smtp.recorded("complaint.eml"))
    assert isinstance(fact, DeliveryFact)
    assert fact.event is EventKind.COMPLAINED
    assert fact.token == TOKEN


_FRAGMENTS = st.sampled_from(
    [
        *(b + b"\r\n" for b in (RECORDED / "dsn-failed.eml").read_bytes().splitlines()),
        *(b + b"\r\n" for b in (RECORDED / "reply-quoted.eml").read_bytes().splitlines()),
        b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"Content-Type: text/plain; charset=utf-7\r\n",
        b"Content-Type: text/plain; charset=no-such\r\n",
        b"Date: Mon, 99 Foo\r\n",
        b"From: =?x?q?=ff?= <\r\n",
        b"\r\n",
    ]
)


@given(st.lists(_FRAGMENTS | st.binary(max_size=40), max_size=30))
def test_no_mail_is_so_damaged_that_it_breaks_us(lines: list[bytes]) -> None:
    rig = SmtpRig()
    rig.peer.port = 25
    carrier = rig.unopened()
    try:
        facts = carrier.parse(rig.mail(b"".join(lines)))
    except CallbackRejected:
        return
    assert all(isinstance(fact, DeliveryFact | Inbound) for fact in facts)


# letters


@pytest.fixture
async def letters(tmp_path: Path) -> MailHouseRig:
    rig = MailHouseRig(tmp_path)
    await rig.open()
    return rig


async def test_a_letter_signed_for_says_by_whom(letters: MailHouseRig) -> None:
    (fact,) = letters.carrier().parse(letters.genuine())
    assert isinstance(fact, DeliveryFact)
    assert fact.event is EventKind.SIGNED_FOR
    assert fact.message_id == "XA123456785CN"
    assert fact.detail == {"mail_no": "XA123456785CN", "state": "303", "signer": "other"}
    assert fact.at == datetime(2026, 11, 23, 1, 15, tzinfo=UTC)


async def test_delivered_back_is_returned_never_delivered(letters: MailHouseRig) -> None:
    param = (RECORDED / "tracking-returned.json").read_text(encoding="utf-8")
    (fact,) = letters.carrier().parse(letters.push(param))
    assert isinstance(fact, DeliveryFact)
    assert (fact.delivery, fact.event) == (Delivery.UNDELIVERED, EventKind.RETURNED)
    assert (fact.code, fact.failure) == ("unknown_person", FailureClass.HARD)


@pytest.mark.parametrize(
    ("state", "words", "reason", "failure"),
    [
        ("4", "因地址欠详退回", "bad_address", FailureClass.HARD),
        ("4", "逾期未领", "unclaimed", FailureClass.SOFT),
        ("14", "", "refused", FailureClass.REJECTED),
        ("4", "", "returned", FailureClass.SOFT),
    ],
)
async def test_a_return_says_why(
    letters: MailHouseRig, state: str, words: str, reason: str, failure: FailureClass
) -> None:
    (fact,) = letters.carrier().parse(letters.tracked(state, words))
    assert isinstance(fact, DeliveryFact)
    assert (fact.code, fact.failure, fact.detail["reason"]) == (reason, failure, reason)


async def test_a_locker_is_not_a_hand(letters: MailHouseRig) -> None:
    (waiting,) = letters.carrier().parse(letters.tracked("0", "已投柜", "501"))
    (taken,) = letters.carrier().parse(letters.tracked("3", "", "304"))
    assert isinstance(waiting, DeliveryFact)
    assert isinstance(taken, DeliveryFact)
    assert waiting.delivery is Delivery.SENT
    assert (taken.delivery, taken.detail["signer"]) == (Delivery.DELIVERED, "locker")


async def test_posted_letters_bring_their_numbers(letters: MailHouseRig) -> None:
    text = (
        "\ufeffletter_id,mail_no,office,posted_at,sheets\r\n"
        "L1,XA123456785CN,示例邮局,2026-11-23T09:15:00+08:00,1\r\n"
        "L2,1136281381675,示例邮局,2026-11-23 09:16:00,2\r\n"
        "L3,RR473124820CN,示例邮局,,1\r\n"
    )
    good, domestic, wrong = letters.carrier().parse(letters.file("posted-1.csv", text))
    assert isinstance(good, DeliveryFact)
    assert isinstance(domestic, DeliveryFact)
    assert isinstance(wrong, DeliveryFact)
    assert (good.message_id, good.delivery, good.event) == ("L1", Delivery.SENT, EventKind.POSTED)
    assert good.at == datetime(2026, 11, 23, 1, 15, tzinfo=UTC)
    assert good.detail["mail_no"] == "XA123456785CN"
    assert (domestic.code, domestic.detail["mail_no"]) == ("", "1136281381675")
    assert wrong.code == "mail-no-check-digit"


async def test_a_rejected_letter_says_why_in_a_code(letters: MailHouseRig) -> None:
    text = (
        "letter_id,result,reason,sha256\r\n"
        "L1,rejected,sha256_mismatch,00\r\nL2,rejected,张三的地址不对,00\r\n"
    )
    coded, worded = letters.carrier().parse(letters.file("ack-1.csv", text))
    assert isinstance(coded, DeliveryFact)
    assert isinstance(worded, DeliveryFact)
    assert (coded.code, coded.failure) == ("sha256_mismatch", FailureClass.REJECTED)
    assert worded.code == "rejected"
