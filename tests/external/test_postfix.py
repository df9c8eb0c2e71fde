"""Our mail through a real Postfix: relayed, refused, deferred, bounced and answered.

make test-external ARGS=tests/external/test_postfix.py
"""

import asyncio
import base64
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path

import aiosmtplib
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))

import postfix
from aiosmtpd.smtp import SMTP, Envelope
from carrier_rigs import EMAIL, NOTICE, TOKENS

from outreach.channels.base import (
    Accepted,
    Callback,
    DeliveryFact,
    Fact,
    Inbound,
    Message,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.channels.dkim_signer import signer
from outreach.channels.smtp import Smtp
from outreach.clock import Clock
from outreach.domain.states import Delivery, FailureClass
from outreach.mailbox import open_mailbox
from outreach.settings import SmtpSettings

pytestmark = [
    pytest.mark.timeout(120),
    # Postfix keeps its sessions with our doors for a while; a loop that ends leaves them open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(bool(postfix.missing()), reason=f"not here: {postfix.missing()}"),
]

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

ACCESS = {
    "dead@refused.test": "550 5.1.1 user unknown",
    "gone@refused.test": "550 5.1.6 moved, no forwarding",
    "full@refused.test": "552 5.2.2 mailbox full",
    "spam@refused.test": "554 5.7.1 rejected as spam",
    "bare@refused.test": "550 user unknown in local table",
    "grey@refused.test": "450 4.7.1 greylisted, come back in 300 seconds",
    "busy@refused.test": "451 4.3.2 try again later",
}
_attempts = count(1)
"""Over all tests: what comes late is of another."""

BEYOND = {
    "nobody.test": "550 5.1.1 no such mailbox",
    "overfull.test": "552 5.2.2 mailbox is full",
    "policy.test": "554 5.7.1 refused by policy",
    "waits.test": "451 4.4.1 try again later",
}
"""What the debtor's own mail system says, after the relay has taken the mail."""


def transport(sink: int, door: int) -> dict[str, str]:
    return {
        **dict.fromkeys(("fine.test", *BEYOND), f"smtp:[127.0.0.1]:{sink}"),
        "bounce.bank.test": f"smtp:[127.0.0.1]:{door}",
        "bank.test": f"smtp:[127.0.0.1]:{door}",
    }


@dataclass
class House:
    """Our adapter before Postfix, our mail door behind it, and a debtor's mailbox."""

    carrier: Smtp
    port: int
    tls: ssl.SSLContext
    came: list[Callback] = field(default_factory=list)
    mailbox: list[Envelope] = field(default_factory=list)

    def message(self, to: str, **more: object) -> Message:
        attempt = next(_attempts)
        token = TOKENS.mint(NOTICE, attempt)
        return replace(EMAIL, to=to, attempt=attempt, token=token, **more)  # type: ignore[arg-type]

    async def fact(self, message: Message, delivery: Delivery) -> DeliveryFact:
        """What came back of a message, once it says so."""
        for each in await self.facts(message, lambda fact: _is(fact, delivery)):
            if isinstance(each, DeliveryFact) and each.delivery is delivery:
                return each
        raise AssertionError("unreachable")

    async def facts(
        self, message: Message, wanted: Callable[[Fact], bool]
    ) -> list[DeliveryFact | Inbound]:
        """All that came back of a message, once what is wanted is among it."""
        for _ in range(600):
            found = [
                fact
                for each in self.came
                for fact in self.carrier.parse(each)
                if fact.token == message.token
            ]
            if any(map(wanted, found)):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError("nothing came back")

    async def arrived(self, message: Message) -> Envelope:
        for _ in range(400):
            for each in self.mailbox:
                if message.token in str(each.mail_from):
                    return each
            await asyncio.sleep(0.05)
        raise AssertionError("nothing arrived")


def _is(fact: Fact, delivery: Delivery) -> bool:
    return isinstance(fact, DeliveryFact) and fact.delivery is delivery


class _Sink:
    """The debtor's own mail system: takes what ``BEYOND`` does not refuse."""

    def __init__(self, mailbox: list[Envelope]) -> None:
        self._mailbox = mailbox

    async def handle_RCPT(
        self, _server: SMTP, _session: object, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if refusal := BEYOND.get(address.partition("@")[2]):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:
        self._mailbox.append(envelope)
        return "250 2.0.0 taken"


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return postfix._free_port(), postfix._free_port()


@pytest.fixture(scope="module")
def relay(ports: tuple[int, int]) -> Iterator[tuple[int, Path]]:
    with postfix.running(ACCESS, transport(*ports)) as found:
        yield found


@pytest.fixture
async def house(relay: tuple[int, Path], ports: tuple[int, int]) -> AsyncIterator[House]:
    port, certificate = relay
    tls = ssl.create_default_context(cafile=str(certificate))
    settings = SmtpSettings(
        kind="smtp",
        name="relay",
        host="localhost",
        port=port,
        security="starttls",
        from_address="notice@bank.test",
        reply_to="reply@bank.test",
        bounce_domain="bounce.bank.test",
        success_reports=True,
        timeout_seconds=10,
    )
    sign = signer("s1", "bank.test", PEM, "relay")
    carrier = Smtp(settings, tokens=TOKENS, clock=Clock(), tls=tls, sign=sign)
    house = House(carrier, port, tls)

    async def deliver(callback: Callback) -> None:
        carrier.verify(callback)
        house.came.append(callback)

    boxes = {"@bounce.bank.test": "relay", "reply@bank.test": "relay"}
    door = await open_mailbox("127.0.0.1", ports[1], deliver, boxes)
    loop = asyncio.get_running_loop()
    sink = await loop.create_server(
        lambda: SMTP(_Sink(house.mailbox), enable_SMTPUTF8=True, loop=loop), "127.0.0.1", ports[0]
    )
    yield house
    await carrier.close()
    for server in (door, sink):
        server.close()
        await server.wait_closed()


# ------------------------------------------------------------------------ at the relay's own door


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        ("dead@refused.test", PermanentFailure(FailureClass.HARD, "5.1.1")),
        ("gone@refused.test", PermanentFailure(FailureClass.HARD, "5.1.6")),
        ("full@refused.test", PermanentFailure(FailureClass.SOFT, "5.2.2")),
        ("spam@refused.test", PermanentFailure(FailureClass.REJECTED, "5.7.1")),
        # Postfix adds its own 5.7.1 to a bare 550: not sure that nobody is there
        ("bare@refused.test", PermanentFailure(FailureClass.REJECTED, "5.7.1")),
        ("grey@refused.test", TemporaryFailure("4.7.1")),
        ("busy@refused.test", TemporaryFailure("4.3.2")),
    ],
)
async def test_what_it_refuses_is_what_it_says(house: House, to: str, outcome: Outcome) -> None:
    assert await house.carrier.send(house.message(to)) == outcome
    assert isinstance(await house.carrier.send(house.message("a@fine.test")), Accepted)


async def test_a_mail_too_big_for_it(house: House) -> None:
    outcome = await house.carrier.send(house.message("a@fine.test", html="<p>长</p>" * 9000))
    assert isinstance(outcome, PermanentFailure)
    assert (outcome.kind, outcome.code) == (FailureClass.REJECTED, "5.3.4")


# ------------------------------------------------------------------------------- after it took it


@pytest.mark.parametrize(
    ("domain", "failure", "code"),
    [
        ("nobody.test", FailureClass.HARD, "5.1.1"),
        ("overfull.test", FailureClass.SOFT, "5.2.2"),
        ("policy.test", FailureClass.REJECTED, "5.7.1"),
    ],
)
async def test_what_it_bounces(house: House, domain: str, failure: FailureClass, code: str) -> None:
    message = house.message(f"person@{domain}")
    assert isinstance(await house.carrier.send(message), Accepted)
    fact = await house.fact(message, Delivery.UNDELIVERED)
    assert (fact.failure, fact.code) == (failure, code)


async def test_what_it_defers_and_gives_up_is_soft(house: House) -> None:
    message = house.message("person@waits.test")
    assert isinstance(await house.carrier.send(message), Accepted)
    assert (await house.fact(message, Delivery.DEFERRED)).failure is None
    assert (await house.fact(message, Delivery.UNDELIVERED)).failure is FailureClass.SOFT


async def test_what_it_relays_arrives_as_it_was_written(house: House) -> None:
    message = house.message("张三@fine.test", subject="账户提醒：请查看", text="您好。\n.\n..点\n")
    assert isinstance(await house.carrier.send(message), Accepted)
    envelope = await house.arrived(message)
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Subject"] == "账户提醒：请查看"
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n").rstrip("\n") == "您好。\n.\n..点"
    assert envelope.mail_from == f"bounces+{message.token}@bounce.bank.test"
    await house.fact(message, Delivery.SENT)  # the next host sends no reports


async def test_its_signature_verifies_by_opendkim(house: House, tmp_path: Path) -> None:
    message = house.message("a@fine.test")
    await house.carrier.send(message)
    content = (await house.arrived(message)).content
    assert isinstance(content, bytes)
    public = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    (tmp_path / "keys").write_text(f"s1._domainkey.bank.test {record}\n", "utf-8")
    (tmp_path / "conf").write_text(f"TestPublicKeys {tmp_path}/keys\nMode v\n", "utf-8")
    (tmp_path / "good").write_bytes(content)
    (tmp_path / "bad").write_bytes(content.replace(b"Subject: ", b"Subject: x", 1))
    verdicts = [_opendkim(tmp_path, name) for name in ("good", "bad")]
    assert ["verification (s=s1, d=bank.test, 2048-bit key) succeeded" in v for v in verdicts] == [
        True,
        False,
    ], verdicts


def _opendkim(folder: Path, name: str) -> str:
    done = subprocess.run(
        ["opendkim", "-x", str(folder / "conf"), "-t", str(folder / name)],
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.stdout.decode() + done.stderr.decode()


# --------------------------------------------------------------------------------- and is answered


async def test_an_answer_comes_back_to_its_notice(house: House) -> None:
    """Written by another's library, from the mail that arrived, as a mail program does it."""
    message = house.message("person@fine.test")
    await house.carrier.send(message)
    envelope = await house.arrived(message)
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    answer = EmailMessage()
    answer["From"] = "张三 <person@fine.test>"
    answer["To"] = str(mail["Reply-To"])
    answer["Subject"] = f"回复：{mail['Subject']}"
    answer["In-Reply-To"] = answer["References"] = str(mail["Message-ID"])
    plain = mail.get_body(("plain",))
    assert plain is not None
    quoted = "".join(f"> {line}\n" for line in plain.get_content().splitlines())
    answer.set_content(
        f"下周五还\n\n在 2026年11月27日，示例银行写道：\n{quoted}", charset="gb18030"
    )
    await aiosmtplib.send(
        answer, hostname="localhost", port=house.port, start_tls=True, tls_context=house.tls
    )
    facts = await house.facts(message, lambda fact: isinstance(fact, Inbound))
    (reply,) = [fact for fact in facts if isinstance(fact, Inbound)]
    assert (reply.text, reply.sender, reply.automatic) == ("下周五还", "person@fine.test", False)
    assert reply.in_reply_to == (message.token,)
