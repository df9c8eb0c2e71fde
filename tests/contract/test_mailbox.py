"""The mail door: what it takes, when it says so, what it leaves with the sender."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiosmtplib
import pytest

from outreach.channels.base import Callback
from outreach.domain.errors import CallbackRejected
from outreach.mailbox import SIZE_LIMIT, open_mailbox

MAIL = b"From: a@debtor.test\r\nSubject: hello\r\n\r\n\xe6\x82\xa8\xe5\xa5\xbd\r\n"


@dataclass
class Door:
    port: int = 0
    delivered: list[Callback] = field(default_factory=list)
    fails_with: Exception | None = None

    async def deliver(self, callback: Callback) -> None:
        if self.fails_with:
            raise self.fails_with
        self.delivered.append(callback)

    async def send(self, to: str, mail: bytes = MAIL, sender: str = "a@debtor.test") -> str:
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=self.port, start_tls=False, local_hostname="mx.debtor.test"
        ) as client:
            _, reply = await client.sendmail(sender, [to], mail)
        return reply


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    server = await open_mailbox(
        "127.0.0.1",
        0,
        door.deliver,
        {"reply@bank.test": "mail", "@bounce.bank.test": "mail", "@other.test": "relay-2"},
    )
    door.port = server.sockets[0].getsockname()[1]
    yield door
    server.close()
    await server.wait_closed()


async def test_a_mail_is_handed_on_as_it_came(door: Door) -> None:
    await door.send("Reply@bank.test")
    assert door.delivered == [
        Callback(
            carrier="mail",
            path="mailbox",
            url="smtp:mailbox",
            headers={"x-envelope-from": "a@debtor.test", "x-envelope-to": "Reply@bank.test"},
            body=MAIL,
        )
    ]


async def test_a_bounce_has_no_sender_and_goes_to_its_carrier(door: Door) -> None:
    await door.send("bounces+abc@other.test", sender="")
    (callback,) = door.delivered
    assert callback.carrier == "relay-2"
    assert callback.headers == {"x-envelope-from": "", "x-envelope-to": "bounces+abc@other.test"}


@pytest.mark.parametrize(
    "to", ["x@bank.test", "bounces+a@elsewhere.test", "bounces@bounce.bank.test", "reply@b.test"]
)
async def test_other_mailboxes_are_not_here(door: Door, to: str) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await door.send(to)
    assert refused.value.recipients[0].code == 550
    assert door.delivered == []


async def test_a_mail_that_was_not_stored_stays_with_its_sender(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    door.fails_with = OSError("disk full while storing a@debtor.test")
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await door.send("reply@bank.test")
    assert refused.value.code == 451
    assert "debtor.test" not in caplog.text
    assert any(r.getMessage().startswith("mail_not_stored ") for r in caplog.records)
    door.fails_with = None
    await door.send("reply@bank.test")
    assert len(door.delivered) == 1


async def test_a_forged_bounce_is_refused_for_good(door: Door) -> None:
    door.fails_with = CallbackRejected("a bounce of a mail we never sent")
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await door.send("bounces+abc@bounce.bank.test")
    assert refused.value.code == 550


async def test_a_mail_is_bounded(door: Door) -> None:
    big = MAIL + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * (SIZE_LIMIT // 72)
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await door.send("reply@bank.test", big)
    assert refused.value.code == 552
    assert door.delivered == []


async def test_no_address_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    await door.send("reply@bank.test", sender="zhang.test@debtor.test")
    assert "debtor.test" not in caplog.text
