"""A carrier wired to a scripted peer, with the same levers whatever the carrier.

Every person, number and address here is invented (an unassigned prefix, ``.test`` domains).
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web
from scripted_peers import HttpPeer, SmtpPeer, Trouble
from twilio.request_validator import RequestValidator

from outreach.channels import mailhouse, tracking
from outreach.channels.base import Callback, Carrier, MailHouse, Message
from outreach.channels.cmpp import Cmpp
from outreach.channels.cmpp_pdu import (
    ActiveTest,
    Deliver,
    MessageId,
    Report,
    Submit,
    Version,
    encode,
)
from outreach.channels.mailhouse import FolderMailHouse
from outreach.channels.smtp import Smtp
from outreach.channels.token import Tokens
from outreach.channels.twilio import Twilio
from outreach.channels.twilio_codes import STATUSES
from outreach.clock import Clock
from outreach.domain.states import Delivery, FailureClass
from outreach.sandbox.cmpp import CmppSandbox, Line, Session
from outreach.sandbox.courier import Courier
from outreach.settings import CmppSettings, MailHouseSettings, SmtpSettings, TwilioSettings

RECORDED = Path(__file__).parent / "recorded"
PUBLIC = "https://outreach.bank.test"
TOKENS = Tokens(b"k" * 32)
NOTICE = UUID("01890000-0000-7000-8000-000000000001")
TOKEN = TOKENS.mint(NOTICE, 1)
SECRET = "9f-secret-9f"
TEXT = "【示例银行】尊敬的客户，您尾号1234的账户最低还款额为1,234.56元。"
SID = "SM" + "a" * 32
MESSAGE_ID = int(MessageId(11, 23, 9, 14, 0, 90001, 7))
ACCOUNT = "AC" + "0" * 32
TIMEOUT = 0.2  # seconds: short, so that waiting for it costs nothing

SMS = Message(
    notice_id=NOTICE,
    attempt=1,
    token=TOKEN,
    to="+8617000000001",
    sender_name="",
    text=TEXT,
    valid_for=timedelta(hours=1),
)
EMAIL = replace(
    SMS,
    to="zhang.test@debtor.test",
    sender_name="示例银行",
    subject="账户还款提醒",
    html="<p>您好，请查看账户。</p>",
)


class Receiving(Protocol):
    """What every rig can do: genuine and forged callbacks."""

    private: tuple[str, ...]

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    def carrier(self) -> Carrier | MailHouse: ...
    def genuine(self) -> Callback: ...
    def forged(self) -> list[Callback]: ...
    def words(self) -> list[tuple[Callback, Delivery]]: ...
    def unknown_word(self) -> Callback: ...
    def broken(self) -> list[Callback]: ...


class TwilioRig:
    message = SMS
    refusal = FailureClass.HARD
    private = (SECRET, SMS.to, "示例银行", "17000000001")

    def __init__(self) -> None:
        self.peer = HttpPeer()

    async def open(self) -> None:
        await self.peer.open()
        self.accept()
        self._carrier = Twilio(
            TwilioSettings(
                kind="twilio",
                name="sms-hk",
                account_sid=ACCOUNT,
                messaging_service_sid="MG" + "1" * 32,
                base_url=self.peer.url,
                timeout_seconds=TIMEOUT,
                concurrency=4,
            ),
            public_url=PUBLIC,
            token=SECRET,
            previous_token="older-" + SECRET,
        )
        await self._carrier.open()

    async def close(self) -> None:
        await self._carrier.close()
        await self.peer.close()

    def carrier(self) -> Twilio:
        return self._carrier

    def accept(self) -> None:
        self.answer(201, (RECORDED / "twilio-created.json").read_text())

    def refuse(self) -> None:
        self.answer(400, (RECORDED / "twilio-invalid-number.json").read_text())

    def refuse_account(self) -> None:
        self.answer(401, '{"code":20003,"message":"Authenticate","status":401}')

    def throttle(self) -> None:
        self.answer(429, (RECORDED / "twilio-too-many.json").read_text(), {"Retry-After": "7"})

    def silent(self) -> None:
        self.peer.answer = Trouble.HANG

    def hang_up(self) -> None:
        self.peer.answer = Trouble.DROP

    def garble(self) -> None:
        self.peer.answer = Trouble.GARBAGE

    def answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.peer.answer = lambda: web.Response(
            status=status, text=text, headers=headers, content_type="application/json"
        )

    def callback(self, form: dict[str, str], path: str, secret: str = SECRET) -> Callback:
        url = f"{PUBLIC}/callbacks/sms-hk/{path}"
        signature = RequestValidator(secret).compute_signature(url, form)
        return Callback(
            carrier="sms-hk",
            path=path,
            url=url,
            headers={"x-twilio-signature": signature},
            body=urlencode(form).encode(),
        )

    def status(self, word: str, **more: str) -> Callback:
        form = {"MessageSid": SID, "MessageStatus": word, "AccountSid": ACCOUNT, "To": SMS.to}
        return self.callback(form | more, f"status/{TOKEN}")

    def genuine(self) -> Callback:
        return self.status("delivered", RawDlrDoneDate="2611230915")

    def forged(self) -> list[Callback]:
        real = self.genuine()
        return [
            self.callback({"MessageSid": SID, "MessageStatus": "delivered"}, "status/x", "guess"),
            replace(real, body=real.body.replace(b"delivered", b"read")),
            replace(real, url=real.url + "x"),
            replace(real, headers={}),
            replace(
                real,
                headers={
                    **real.headers,
                    "x-twilio-webhooks-signature-settings": "key=k,algorithm=NONE",
                },
            ),
            replace(real, body=b"\xff\xfe"),
        ]

    def words(self) -> list[tuple[Callback, Delivery]]:
        return [(self.status(word), delivery) for word, delivery in STATUSES.items()]

    def unknown_word(self) -> Callback:
        return self.status("teleported")

    def broken(self) -> list[Callback]:
        return [
            self.callback({"MessageStatus": "sent"}, f"status/{TOKEN}"),
            self.callback({"MessageSid": SID}, f"status/{TOKEN}"),
            self.callback({"MessageSid": SID}, "inbound"),
            self.callback({"MessageSid": SID}, "elsewhere"),
        ]


class CmppRig:
    message = replace(SMS, number=7_000_042)
    refusal = FailureClass.REJECTED  # the number may have been carried to another operator
    private = (SECRET, SMS.to, "示例银行", "17000000001")

    def __init__(self, version: str = "2.0") -> None:
        layouts = Version.V3 if version == "3.0" else Version.V2
        self._courier = Courier((0, 0), 5)
        line = Line("900001", SECRET, ("10690000",), version=layouts)
        self.peer = CmppSandbox(line, Clock(), self._courier)
        self.peer.manner.stat = lambda _: None
        self._version = version
        self.kept: list[Callback] = []

    async def open(self) -> None:
        await self.peer.open()
        self._carrier = self.unopened()
        await self._carrier.open()
        self._listening = asyncio.create_task(self._carrier.listen(self.keep, lambda: None))

    def unopened(self, **settings: Any) -> Cmpp:
        return Cmpp(
            CmppSettings(
                kind="cmpp",
                name="sms-cn",
                host="127.0.0.1",
                port=self.peer.port,
                version=self._version,
                account="900001",
                number="10690000",
                extension=6,
                links=2,
                concurrency=4,
                timeout_seconds=TIMEOUT,
                **settings,
            ),
            clock=Clock(),
            secret=SECRET,
        )

    async def keep(self, came: Sequence[Callback]) -> None:
        self.kept += came

    async def close(self) -> None:
        self._listening.cancel()
        await self._carrier.close()
        await self._courier.close()
        await self.peer.close()

    def carrier(self) -> Cmpp:
        return self._carrier

    def accept(self) -> None:
        self.peer.manner.answers = True
        self.answer(0)

    def refuse(self) -> None:
        self.answer(13)

    def refuse_account(self) -> None:
        self.answer(11)

    def throttle(self) -> None:
        self.answer(8)

    def silent(self) -> None:
        self.peer.manner.answers = False

    def hang_up(self) -> None:
        self._at_submit(lambda session: session.hang_up())

    def garble(self) -> None:
        self._at_submit(lambda session: session.write(b"HTTP/1.1 200 OK\r\n\r\n"))

    def answer(self, result: int) -> None:
        self.peer.manner.result = lambda _: result

    def _at_submit(self, do: Callable[[Session], None]) -> None:
        def result(_: Submit) -> int:
            for session in self.peer.logged_in():
                do(session)
            return 0

        self.peer.manner.result = result

    def deliver(self, deliver: Deliver) -> Callback:
        layouts = self.peer.line.version
        return Callback(
            carrier="sms-cn",
            path="deliver",
            url=f"cmpp:{self._version}",
            headers={},
            body=encode(deliver, 0, layouts),
        )

    def stat(self, word: str, done: str = "2611230915", length: int = 60) -> Callback:
        report = Report(MESSAGE_ID, word, "2611230914", done, "17000000001")
        return self.deliver(Deliver(9, "10690000000042", "17000000001", 1, report.content(length)))

    def genuine(self) -> Callback:
        return self.stat("DELIVRD")

    def forged(self) -> list[Callback]:
        real = self.genuine()
        return [
            replace(real, url=f"{PUBLIC}/callbacks/sms-cn/deliver"),
            replace(real, url=f"{PUBLIC}/callbacks/sms-cn/deliver?cmpp:2.0"),
            replace(real, url=""),
        ]

    def words(self) -> list[tuple[Callback, Delivery]]:
        return [
            (self.stat("DELIVRD"), Delivery.DELIVERED),
            (self.stat("EXPIRED", length=71), Delivery.UNDELIVERED),
            (self.stat("MK:0001"), Delivery.UNDELIVERED),
            (self.stat("MC:0055"), Delivery.NONE),
            (self.stat("ACCEPTD"), Delivery.NONE),
        ]

    def unknown_word(self) -> Callback:
        return self.stat("XX:YY")

    def broken(self) -> list[Callback]:
        real = self.genuine()
        return [
            replace(real, body=real.body[:-30]),
            replace(real, body=b""),
            self.deliver(Deliver(9, "10690000", "17000000001", 1, b"short")),
            replace(real, body=encode(ActiveTest(), 0, self.peer.line.version)),
        ]


class SmtpRig:
    message = EMAIL
    refusal = FailureClass.HARD
    private = (SECRET, EMAIL.to, "示例银行", "zhang.test")

    def __init__(self) -> None:
        self.peer = SmtpPeer()

    async def open(self) -> None:
        await self.peer.open()
        self._carrier = self.unopened()
        await self._carrier.open()

    def unopened(self) -> Smtp:
        return Smtp(
            SmtpSettings(
                kind="smtp",
                name="mail",
                host="127.0.0.1",
                port=self.peer.port,
                security="none",
                from_address="notice@bank.test",
                reply_to="reply@bank.test",
                bounce_domain="bounce.bank.test",
                timeout_seconds=TIMEOUT,
                concurrency=4,
            ),
            tokens=TOKENS,
            clock=Clock(),
        )

    async def close(self) -> None:
        await self._carrier.close()
        await self.peer.close()

    def carrier(self) -> Smtp:
        return self._carrier

    def accept(self) -> None:
        self.peer.script = {}

    def refuse(self) -> None:
        self.peer.script = {"RCPT": f"550 5.1.1 <{EMAIL.to}> no such user"}

    def refuse_account(self) -> None:
        self.peer.script = {"MAIL": "530 5.7.0 authentication required"}

    def throttle(self) -> None:
        self.peer.script = {"MAIL": "421 4.7.0 too many, slow down"}

    def silent(self) -> None:
        self.peer.script = {".": Trouble.HANG}

    def hang_up(self) -> None:
        self.peer.script = {".": Trouble.DROP}

    def garble(self) -> None:
        self.peer.script = {".": Trouble.GARBAGE}

    def mail(self, body: bytes, to: str = "", sender: str = "") -> Callback:
        return Callback(
            carrier="mail",
            path="mailbox",
            url="smtp:mailbox",
            headers={
                "x-envelope-from": sender,
                "x-envelope-to": to or f"bounces+{TOKEN}@bounce.bank.test",
            },
            body=body,
        )

    def recorded(self, name: str, to: str = "", sender: str = "") -> Callback:
        text = (RECORDED / name).read_text(encoding="utf-8").replace("@TOKEN@", TOKEN)
        return self.mail(text.replace("\n", "\r\n").encode(), to, sender)

    def report(self, action: str, status: str = "5.1.1", said: str = "") -> Callback:
        found = self.recorded("dsn-failed.eml")
        body = found.body.replace(b"Action: failed", f"Action: {action}".encode())
        body = body.replace(b"Status: 5.1.1", f"Status: {status}".encode())
        if said:
            body = body.replace(b"smtp; 550 5.1.1 user unknown", f"smtp; {said}".encode())
        return replace(found, body=body)

    def genuine(self) -> Callback:
        return self.recorded("dsn-failed.eml")

    def forged(self) -> list[Callback]:
        real = self.genuine()
        other = Tokens(b"z" * 32).mint(NOTICE, 1)
        body = real.body.replace(TOKEN.encode(), other.encode())
        return [
            self.mail(body, f"bounces+{other}@bounce.bank.test"),
            self.mail(body, "bounces+@bounce.bank.test"),
            self.mail(real.body, "somebody@bank.test"),
            self.mail(real.body, f"bounces+{TOKEN}@elsewhere.test"),
            replace(real, url="https://outreach.bank.test/callbacks/mail/mailbox"),
        ]

    def words(self) -> list[tuple[Callback, Delivery]]:
        return [
            (self.report("failed"), Delivery.UNDELIVERED),
            (self.report("delayed", "4.4.1"), Delivery.DEFERRED),
            (self.report("delivered", "2.0.0"), Delivery.DELIVERED),
            (self.report("relayed", "2.0.0"), Delivery.SENT),
            (self.report("expanded", "2.0.0"), Delivery.SENT),
        ]

    def unknown_word(self) -> Callback:
        return self.report("teleported")

    def broken(self) -> list[Callback]:
        return []  # any octets are a mail


class MailHouseRig:
    private = (SECRET, "张三", "示例路")

    def __init__(self, folder: Path) -> None:
        self.settings = MailHouseSettings(
            kind="mailhouse",
            name="letters",
            outbox=folder / "outbox",
            inbox=folder / "inbox",
            sender_code="BANK1",
        )

    async def open(self) -> None:
        self._house = FolderMailHouse(self.settings, salt=SECRET)
        await self._house.open()

    async def close(self) -> None:
        await self._house.close()

    def carrier(self) -> FolderMailHouse:
        return self._house

    def push(self, param: str, salt: str = SECRET) -> Callback:
        form = {"sign": tracking.sign(param, salt), "param": param}
        return Callback(
            carrier="letters",
            path="tracking",
            url=f"{PUBLIC}/callbacks/letters/tracking",
            headers={},
            body=urlencode(form).encode(),
        )

    def tracked(self, state: str, words: str = "", fine: str = "") -> Callback:
        entry = {"ftime": "2026-11-23 09:15:00", "context": words, "statusCode": fine}
        result = {"state": state, "nu": "XA123456785CN", "data": [entry]}
        return self.push(json.dumps({"status": "polling", "lastResult": result}))

    def file(self, name: str, text: str) -> Callback:
        return Callback(
            carrier="letters",
            path=f"file/{name}",
            url=f"file:///inbox/{name}",
            headers={},
            body=text.encode(),
        )

    def genuine(self) -> Callback:
        return self.push((RECORDED / "tracking-signed.json").read_text(encoding="utf-8"))

    def forged(self) -> list[Callback]:
        real = self.genuine()
        posted = self.file("ack-1.csv", "letter_id,result,reason,sha256\r\nL1,accepted,,\r\n")
        return [
            self.push('{"lastResult":{"nu":"1","state":"3"}}', salt="guess"),
            replace(real, body=real.body.replace(b"sign=", b"sign=0")),
            replace(real, body=b"param=1"),
            replace(real, body=b"\xff"),
            replace(posted, url=f"{PUBLIC}/callbacks/letters/file/ack-1.csv"),
        ]

    def words(self) -> list[tuple[Callback, Delivery]]:
        head = "letter_id,result,reason,sha256\r\n"
        acknowledged = [
            (self.file("ack-1.csv", f"{head}L1,{word},,\r\n"), delivery)
            for word, (delivery, _) in mailhouse.ACKNOWLEDGED.items()
        ]
        return acknowledged + [
            (self.tracked(code), step.delivery) for code, step in tracking.STATES.items()
        ]

    def unknown_word(self) -> Callback:
        return self.tracked("9999")

    def broken(self) -> list[Callback]:
        return [
            self.push("not json"),
            self.push("[]"),
            self.push('{"lastResult":{"state":"3"}}'),
            self.push('{"lastResult":{"nu":7,"state":"3"}}'),
            self.file("ack-1.csv", "letter_id,reason\r\nL1,\r\n"),
            self.file("ack-1.csv", 'letter_id,result,reason,sha256\r\n"L1,accepted,,\r\n'),
            self.file("ack-1.csv", "letter_id,result,reason,sha256\r\n,accepted,,\r\n"),
            self.file("posted-1.csv", ""),
            self.file("other.csv", ""),
            replace(self.file("ack-1.csv", ""), body=b"\xff\xfe"),
        ]


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
