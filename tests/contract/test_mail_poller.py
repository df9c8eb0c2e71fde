"""Mail fetched by IMAP: once, moved out of the way, nothing lost however it breaks off."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from scripted_peers import ImapPeer

from outreach.channels.base import Callback
from outreach.domain.errors import CallbackRejected, ConfigurationError
from outreach.mail_poller import MailPoller
from outreach.mailbox import KEPT
from outreach.settings import SmtpSettings

MAIL = (
    b"Return-Path: <a@debtor.test>\r\nTo: Reply <Reply@bank.test>\r\n\r\n"
    b"\xe6\x82\xa8\xe5\xa5\xbd\r\n"
)


@dataclass
class Rig:
    peer: ImapPeer = field(default_factory=ImapPeer)
    delivered: list[Callback] = field(default_factory=list)
    fails_with: Exception | None = None

    async def deliver(self, callback: Callback) -> None:
        if self.fails_with:
            raise self.fails_with
        self.delivered.append(callback)

    def poller(self) -> MailPoller:
        imap = {
            "host": "127.0.0.1",
            "port": self.peer.port,
            "security": "none",
            "username": "outreach",
            "timeout_seconds": 5,
        }
        settings = SmtpSettings.model_validate(
            {
                "kind": "smtp",
                "name": "mail",
                "host": "127.0.0.1",
                "port": 25,
                "from_address": "notice@bank.test",
                "reply_to": "reply@bank.test",
                "bounce_domain": "bounce.bank.test",
                "imap": imap,
            }
        )
        return MailPoller(settings, "secret", self.deliver)

    def inside(self) -> dict[str, int]:
        return {name: len(mails) for name, mails in self.peer.folders.items()}


@pytest.fixture(params=[True, False], ids=["move", "copy"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    rig = Rig(ImapPeer(move=request.param))
    await rig.peer.open()
    yield rig
    await rig.peer.close()


async def test_what_was_taken_in_is_moved_away(rig: Rig) -> None:
    rig.peer.put(MAIL)
    rig.peer.put(MAIL.replace(b"Reply@bank", b"bounces+TOKEN@bounce.bank"))
    assert await rig.poller().poll() == 2
    assert rig.inside() == {"INBOX": 0, "Outreach": 2, "Outreach-Refused": 0}
    first, second = rig.delivered
    assert first == Callback(
        carrier="mail",
        path="mailbox",
        url="smtp:mailbox",
        headers={"x-envelope-from": "a@debtor.test", "x-envelope-to": "reply@bank.test"},
        body=MAIL,
    )
    assert second.headers["x-envelope-to"] == "bounces+token@bounce.bank.test"
    assert await rig.poller().poll() == 0
    assert len(rig.delivered) == 2


@pytest.mark.parametrize(
    ("header", "to"),
    [
        (b"X-Original-To: bounces+t@bounce.bank.test", "bounces+t@bounce.bank.test"),
        (b"Delivered-To: someone@hoster.test", "reply@bank.test"),
        (b"Envelope-To: bounces+t@elsewhere.test", "reply@bank.test"),
        (b"X-Nothing: x", "reply@bank.test"),
    ],
)
async def test_whom_it_came_to_is_told_by_one_header_or_another(
    rig: Rig, header: bytes, to: str
) -> None:
    rig.peer.put(header + b"\r\n" + MAIL)
    await rig.poller().poll()
    assert rig.delivered[0].headers["x-envelope-to"] == to


async def test_what_we_cannot_take_is_put_aside(rig: Rig) -> None:
    rig.peer.put(MAIL)
    rig.fails_with = CallbackRejected("no such mailbox")
    await rig.poller().poll()
    assert rig.inside() == {"INBOX": 0, "Outreach": 0, "Outreach-Refused": 1}


async def test_what_was_not_stored_stays(rig: Rig) -> None:
    rig.peer.put(MAIL)
    rig.fails_with = OSError("database away")
    with pytest.raises(OSError, match="away"):
        await rig.poller().poll()
    assert rig.inside()["INBOX"] == 1
    rig.fails_with = None
    assert await rig.poller().poll() == 1
    assert rig.inside()["INBOX"] == 0


@pytest.mark.parametrize("verb", ["SEARCH", "FETCH", "the move"])
async def test_a_connection_that_breaks_loses_nothing(rig: Rig, verb: str) -> None:
    if verb == "the move":
        verb = "MOVE" if rig.peer._move else "COPY"
    rig.peer.put(MAIL)
    rig.peer.drops_at = verb
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        await rig.poller().poll()
    assert rig.inside()["INBOX"] == 1
    rig.peer.drops_at = ""
    await rig.poller().poll()
    assert rig.inside() == {"INBOX": 0, "Outreach": 1, "Outreach-Refused": 0}


@pytest.mark.parametrize("verb", ["LOGIN", "SELECT", "CREATE"])
async def test_who_is_not_let_in_hears_what_to_mend(rig: Rig, verb: str) -> None:
    rig.peer.refuses = {verb}
    with pytest.raises(ConfigurationError, match="will not have us") as refused:
        await rig.poller().poll()
    assert "OUTREACH_IMAP_PASSWORD" in str(refused.value.remedy)
    assert "secret" not in str(refused.value)


async def test_of_a_long_mail_the_beginning_is_kept(rig: Rig) -> None:
    rig.peer.put(MAIL + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * (2 * KEPT // 72))
    await rig.poller().poll()
    body = rig.delivered[0].body
    assert len(MAIL) < len(body) <= KEPT
    assert body.endswith(b"\r\n")


async def test_a_server_that_is_away_is_said_to_be(rig: Rig) -> None:
    await rig.peer.close()
    with pytest.raises(ConnectionRefusedError):
        await rig.poller().poll()
