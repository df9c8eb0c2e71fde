"""Carriers that misbehave by lot: Twilio's HTTP, CMPP and an SMTP relay, in one process.

    python carriers.py '{"seed": 1, "log": "carriers.jsonl", ...}'     (the fields of ``Setup``)

What happens to a message is drawn from the seed and its token, never from the order of arrival, so
that a seed is the same storm however the workers race. Everything is written to the log, a line at
a time, before any answer: what was taken, from which token, for whom, and every word told later.
The first line printed is where they listen: ``{"http": port, "cmpp": port, "smtp": port}``.
``GET /waiting`` is how much is still to be told. They end with their standard input.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import sys
from collections import defaultdict
from email.utils import formatdate
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import aiohttp
import aiosmtplib
import uvloop
from gateway import Gateway
from world import AGAIN, LATE, PATIENCE, SLOW, Lot, Setup, Stories, World

HOST = "relay.test"

# What becomes of a request: weights in thousandths.
SMS_FATES = {
    "taken": 893,
    "slow": 30,
    "silent": 15,  # taken, never answered
    "cut": 15,  # taken, the answer breaks off
    "taken_503": 5,  # taken, and then something broke over there
    "vanished": 8,  # not taken, the connection breaks off
    "busy_503": 8,  # not taken
    "throttled": 5,
    "opted_out": 8,
    "no_such_number": 8,
    "refused": 5,
}
MAIL_FATES = {
    "taken": 873,
    "slow": 30,
    "silent": 15,
    "cut": 15,
    "vanished": 8,
    "closing": 4,  # 421 to MAIL, and away
    "greylisted": 20,  # 451 to RCPT
    "full": 10,  # 452 after the content
    "throttled": 5,  # 454 to MAIL
    "no_such_mailbox": 10,  # 550 5.1.1
    "refused": 10,  # 554 after the content
}
TAKEN = {"taken", "slow", "silent", "cut", "taken_503"}

SMS_STORIES: Stories = [
    (480, []),
    (180, [("delivered", 0.05)]),
    (90, [("sent", 0.02), ("delivered", 0.1)]),
    (40, [("delivered", 0.02), ("sent", 0.15)]),
    (40, [("delivered", 0.05), ("delivered", 0.06)]),
    (40, [("sent", -1), ("delivered", 0.05)]),
    (30, [("delivered", -1)]),
    (30, [("delivered", LATE)]),
    (30, [("undelivered:30003", 0.1)]),
    (20, [("undelivered:30003", 0.05), ("delivered", 0.3)]),
    (20, [("undelivered:30005", 0.1), ("undelivered:30005", 0.12)]),
]
MAIL_STORIES: Stories = [
    (920, []),
    (30, [("failed:5.1.1", 0.1)]),
    (20, [("failed:5.2.2", 0.05), ("failed:5.2.2", 0.3)]),
    (20, [("delivered:2.0.0", 0.1)]),
    (10, [("delivered:2.0.0", LATE)]),
]

_CREATED = {
    "body": "",
    "direction": "outbound-api",
    "error_code": None,
    "from": None,
    "num_segments": "3",
    "status": "accepted",
}


# ------------------------------------------------------------------------------------------ HTTP


class TwilioPeer(asyncio.Protocol):
    """POST and GET of ``Messages.json``, one request at a time on a connection."""

    def __init__(self, world: World, taken: dict[str, list[dict[str, Any]]]) -> None:
        self._world = world
        self._taken = taken
        self._read = b""
        self._busy: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        _, found, length = head.lower().partition(b"\r\ncontent-length:")
        size = int(length.partition(b"\r\n")[0]) if found else 0
        if len(body) < size:
            return
        self._read = b""
        line = head.partition(b"\r\n")[0].decode()
        self._request(line, body[:size])

    def _request(self, line: str, body: bytes) -> None:
        method, target, _ = line.split(" ")
        url = urlsplit(target)
        if method == "GET" and url.path == "/waiting":
            self._answer(200, {"waiting": len(self._world.telling)})
        elif method == "GET":
            to = parse_qs(url.query).get("To", [""])[0]
            page = {"messages": self._taken[to][::-1], "page": 0, "next_page_uri": None}
            self._answer(200, page)
        else:
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            self._create(form)

    def _create(self, form: dict[str, str]) -> None:
        world, url = self._world, form["StatusCallback"]
        token = url.rpartition("/")[2]
        lot = world.draw(token, SMS_FATES, SMS_STORIES, TAKEN)
        sid = f"SM{lot.id[:32]}"
        world.arrived("twilio", token, lot, form["To"], form["Body"].encode())
        if lot.taken:
            date = formatdate(world.now())
            message = _CREATED | {"sid": sid, "to": form["To"], "body": form["Body"]}
            message |= {"date_created": date, "date_sent": date}
            self._taken[form["To"]].append(message)
        early = [word for word, delay in lot.story if delay < 0]
        if early or lot.fate == "slow":
            self._busy = asyncio.ensure_future(self._slowly(lot, url, sid, form["To"], early))
        else:
            self._finish(lot, sid, form["To"])
        for word, delay in lot.story:
            if delay >= 0:
                world.later(tell(world, url, token, sid, word, delay))

    async def _slowly(self, lot: Lot, url: str, sid: str, to: str, early: list[str]) -> None:
        token = url.rpartition("/")[2]
        for word in early:
            telling = asyncio.ensure_future(tell(self._world, url, token, sid, word, 0))
            self._world.later(telling)
            await asyncio.wait({telling}, timeout=SLOW)  # told before the answer, if they listen
        if lot.fate == "slow":
            await asyncio.sleep(self._world.slow)
        self._finish(lot, sid, to)

    def _finish(self, lot: Lot, sid: str, to: str) -> None:
        if self._transport.is_closing():  # they did not wait
            return
        match lot.fate:
            case "silent":
                return
            case "vanished":
                self._transport.close()
            case "cut":
                self._transport.write(b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{")
                self._transport.close()
            case "taken_503" | "busy_503":
                self._answer(503, {"code": 20503, "status": 503})
            case "throttled":
                self._answer(429, {"code": 20429, "status": 429}, b"Retry-After: 1\r\n")
            case "opted_out":
                self._answer(400, {"code": 21610, "status": 400})
            case "no_such_number":
                self._answer(400, {"code": 21211, "status": 400})
            case "refused":
                self._answer(400, {"code": 30007, "status": 400})
            case _:
                self._answer(201, _CREATED | {"sid": sid, "to": to})

    def _answer(self, status: int, body: dict[str, Any], more: bytes = b"") -> None:
        octets = json.dumps(body).encode()
        head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
        self._transport.write(head % (status, more, len(octets)) + octets)


async def tell(world: World, url: str, token: str, sid: str, word: str, delay: float) -> None:
    """A signed status callback, until it is answered with 200; and what came of it in the log."""
    await asyncio.sleep(delay)
    status, _, code = word.partition(":")
    form = {"MessageSid": sid, "MessageStatus": status, "To": "+8615400000000"}
    if code:
        form["ErrorCode"] = code
    told = url + "".join(name + form[name] for name in sorted(form))
    mac = hmac.digest(world.setup.auth_token.encode(), told.encode(), hashlib.sha1)
    headers = {"X-Twilio-Signature": base64.b64encode(mac).decode()}
    world.write(carrier="twilio", telling=word, token=token, id=sid)
    assert world.session is not None
    for _ in range(PATIENCE):
        try:
            async with (
                world.post_slots,
                world.session.post(url, data=form, headers=headers) as answer,
            ):
                if answer.status == 200:
                    world.write(carrier="twilio", told=word, token=token, id=sid)
                    return
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        await asyncio.sleep(AGAIN)
    world.write(carrier="twilio", unheard=word, token=token, id=sid)


# ------------------------------------------------------------------------------------------ SMTP


class SmtpPeer(asyncio.Protocol):
    """RFC 5321 with DSN, one mail at a time; the fate is drawn at MAIL, from the VERP token."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._read = b""
        self._in_mail = False
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._say("220 relay.test ESMTP")

    def data_received(self, data: bytes) -> None:
        self._read += data
        while not self._held and self._step():
            pass

    def _step(self) -> bool:
        end = b"\r\n.\r\n" if self._in_mail else b"\r\n"
        taken, found, rest = self._read.partition(end)
        if not found:
            return False
        self._read = rest
        if self._in_mail:
            self._in_mail = False
            self._content(taken)
            return True
        verb, _, argument = taken.decode().partition(" ")
        getattr(self, f"_{verb.lower()}", self._other)(argument)
        return True

    def _say(self, text: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(text.encode() + b"\r\n")

    def _ehlo(self, _: str) -> None:
        self._say("250-relay.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8")

    def _mail(self, argument: str) -> None:
        found = re.match(r"FROM:<([^>]*)>", argument)
        assert found is not None
        self._sender = found[1]
        self._token = self._sender.partition("@")[0].removeprefix("bounces+")
        self._lot = self._world.draw(self._token, MAIL_FATES, MAIL_STORIES, TAKEN)
        if self._lot.fate in {"closing", "throttled"}:
            self._note("", b"")
            closing = self._lot.fate == "closing"
            self._say("421 4.3.2 shutting down" if closing else "454 4.7.0 too much just now")
            if closing:
                self._transport.close()
            return
        self._say("250 2.1.0 Ok")

    def _rcpt(self, argument: str) -> None:
        found = re.match(r"TO:<([^>]*)>", argument)
        assert found is not None
        self._to = found[1]
        if self._lot.fate in {"greylisted", "no_such_mailbox"}:
            self._note(self._to, b"")
            later = self._lot.fate == "greylisted"
            self._say("451 4.7.1 come back later" if later else "550 5.1.1 no such mailbox")
            return
        self._say("250 2.1.5 Ok")

    def _data(self, _: str) -> None:
        self._in_mail = True
        self._say("354 End data with <CR><LF>.<CR><LF>")

    def _rset(self, _: str) -> None:
        self._say("250 2.0.0 Ok")

    def _noop(self, _: str) -> None:
        self._say("250 2.0.0 Ok")

    def _quit(self, _: str) -> None:
        self._say("221 2.0.0 Bye")
        self._transport.close()

    def _other(self, _: str) -> None:
        self._say("502 5.5.2 Unknown command")

    def _note(self, to: str, body: bytes) -> None:
        self._world.arrived("smtp", self._token, self._lot, to, body)

    def _content(self, mail: bytes) -> None:
        self._note(self._to, mail)
        taken = f"250 2.0.0 Ok: queued as {self._lot.id[:16]}"
        match self._lot.fate:
            case "silent":
                pass
            case "vanished":
                self._transport.close()
            case "cut":
                self._transport.write(taken[:6].encode())
                self._transport.close()
            case "full":
                self._say("452 4.2.2 mailbox full just now")
            case "refused":
                self._say("554 5.7.1 not wanted here")
            case "slow":
                self._held = True
                asyncio.get_running_loop().call_later(self._world.slow, self._release, taken)
            case _:
                self._say(taken)
        for word, delay in self._lot.story:
            self._world.later(report(self._world, self._token, self._sender, self._to, word, delay))

    def _release(self, said: str) -> None:
        self._held = False
        self._say(said)
        self.data_received(b"")


async def report(world: World, token: str, sender: str, to: str, word: str, delay: float) -> None:
    """A delivery status notification to our mailbox, until it is taken there."""
    await asyncio.sleep(delay)
    action, _, status = word.partition(":")
    lines = (
        f"From: MAILER-DAEMON@{HOST}",
        f"To: {sender}",
        "Subject: report",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=edge",
        "",
        "--edge",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; {HOST}",
        "",
        f"Final-Recipient: rfc822; {to}",
        f"Action: {action}",
        f"Status: {status}",
        "",
        "--edge--",
        "",
    )
    octets = "\r\n".join(lines).encode()
    door: dict[str, Any] = {"hostname": "127.0.0.1", "port": world.setup.mail_port}
    world.write(carrier="smtp", telling=word, token=token)
    for _ in range(PATIENCE):
        try:
            async with world.mail_slots:
                async with aiosmtplib.SMTP(**door, start_tls=False, timeout=10) as session:
                    await session.sendmail("", [sender], octets)
                world.write(carrier="smtp", told=word, token=token)
                return
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            await asyncio.sleep(AGAIN)
    world.write(carrier="smtp", unheard=word, token=token)


async def serve(setup: Setup) -> None:
    loop = asyncio.get_running_loop()
    world = World(setup)
    taken: dict[str, list[dict[str, Any]]] = defaultdict(list)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        world.session = session
        http = await loop.create_server(lambda: TwilioPeer(world, taken), "127.0.0.1", 0)
        smtp = await loop.create_server(lambda: SmtpPeer(world), "127.0.0.1", 0)
        gateway = Gateway(world, setup.cmpp_secret)
        cmpp = await loop.create_server(gateway.session, "127.0.0.1", 0)
        servers = {"http": http, "cmpp": cmpp, "smtp": smtp}
        ports = {name: each.sockets[0].getsockname()[1] for name, each in servers.items()}
        print(json.dumps(ports), flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve(Setup(**json.loads(sys.argv[1]))))
