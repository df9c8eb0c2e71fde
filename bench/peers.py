"""Carriers that cost next to nothing: a Twilio-shaped 201, a CMPP gateway and an SMTP sink.

    python -m bench.peers [--latency 0.1] [--remember]

One process. They answer correctly, at once or after ``--latency`` seconds, and so leave the
measured process as the only thing that can be slow. The first line printed is where they listen,
as JSON: ``{"twilio": port, "cmpp": port, "smtp": port}``. Any line on standard input is answered
with when each token came in by HTTP, which only ``--remember`` notes (seconds of the machine's
monotonic clock). They end when their standard input does, and so with whoever started
them.
"""

import argparse
import asyncio
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from itertools import count
from typing import Any, ClassVar, cast
from urllib.parse import unquote

import uvloop

from outreach.clock import monotonic

CMPP_SECRET = "bench"
_ACCOUNT = "AC00000000000000000000000000000000"
_SID = "SM" + "0" * 32
_CREATED = {
    "account_sid": _ACCOUNT,
    "api_version": "2010-04-01",
    "body": "【青岚银行】尊敬的客户,您的账单已逾期,请尽快还款。",
    "date_created": "Mon, 23 Nov 2026 01:15:00 +0000",
    "date_sent": None,
    "date_updated": "Mon, 23 Nov 2026 01:15:00 +0000",
    "direction": "outbound-api",
    "error_code": None,
    "error_message": None,
    "from": None,
    "messaging_service_sid": "MG00000000000000000000000000000000",
    "num_media": "0",
    "num_segments": "3",
    "price": None,
    "price_unit": None,
    "sid": _SID,
    "status": "accepted",
    "subresource_uris": {"media": f"/2010-04-01/Accounts/{_ACCOUNT}/Messages/{_SID}/Media.json"},
    "to": "+8614200000000",
    "uri": f"/2010-04-01/Accounts/{_ACCOUNT}/Messages/{_SID}.json",
}


@dataclass(frozen=True, slots=True)
class Peers:
    """The carriers from outside, in a process of their own."""

    ports: dict[str, int]
    process: subprocess.Popen[str]

    def arrivals(self) -> dict[str, float]:
        """When each token came in by SMS, in monotonic seconds."""
        return cast("dict[str, float]", self._ask("arrivals"))

    def _ask(self, what: str) -> object:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(what, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@contextmanager
def peers(latency: float = 0, *, remember: bool = False) -> Iterator[Peers]:
    """Start them; they end with the block."""
    command = [sys.executable, "-m", "bench.peers", "--latency", str(latency)]
    command += ["--remember"] * remember
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        # leaving the block closes its input, which ends it
        yield Peers(json.loads(process.stdout.readline()), process)


# --------------------------------------------------------------------------------- the process


def _created() -> tuple[bytes, ...]:
    """The whole answer, cut where the message's id goes."""
    body = json.dumps(_CREATED).encode()
    head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return tuple((head % len(body) + body).split(_SID.encode()))


class _Peer(asyncio.Protocol):
    """Answers late by ``latency``; what came in by SMS stands in ``arrived`` if that is kept."""

    latency = 0.0
    arrived: ClassVar[dict[bytes, float] | None] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._read = b""

    def _accept(self, answer: bytes) -> None:
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


class TwilioPeer(_Peer):
    """Answers every request with the same 201 but for the id, which is never given twice."""

    answer = _created()
    numbers = count(1)

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (found := _whole_request(self._read)) is not None:
            body, self._read = found
            if self.arrived is not None:
                called = body.partition(b"StatusCallback=")[2].partition(b"&")[0]
                self.arrived[called] = monotonic()
            sid = b"SM%032x" % next(self.numbers)
            self._accept(sid.join(self.answer))


def _whole_request(read: bytes) -> tuple[bytes, bytes] | None:
    """The body of the first request and what follows it; None while it is not whole."""
    head, end, body = read.partition(b"\r\n\r\n")
    if not end:
        return None
    _, found, length = head.lower().partition(b"\r\ncontent-length:")
    size = int(length.partition(b"\r\n")[0]) if found else 0
    return (body[:size], body[size:]) if len(body) >= size else None


class CmppPeer(_Peer):
    """CMPP 2.0: every log-in is good, every SUBMIT taken under an id of its own."""

    header = struct.Struct(">III")
    taken = struct.Struct(">IIIQB")
    first_id = 11 << 60 | 27 << 55  # of a day in November
    numbers = count(1)

    def data_received(self, data: bytes) -> None:
        read, at, answers = self._read + data, 0, []
        while len(read) - at >= 12:
            length, command, sequence = self.header.unpack_from(read, at)
            if len(read) - at < length:
                break
            if command == 4:
                number = self.first_id + next(self.numbers)
                answers.append(self.taken.pack(21, 0x80000004, sequence, number, 0))
            else:
                answers.append(self._other(command, sequence, read[at + 12 : at + length]))
            at += length
        self._read = read[at:]
        if answers:
            self._accept(b"".join(answers))

    def _other(self, command: int, sequence: int, body: bytes) -> bytes:
        """A log-in, a test, a goodbye: of a sender there is nothing else."""
        answer = b""
        if command == 1:
            proof = md5(b"\0" + body[6:22] + CMPP_SECRET.encode(), usedforsecurity=False).digest()
            answer = b"\0" + proof + b"\x20"
        elif command == 8:
            answer = b"\0"
        return self.header.pack(12 + len(answer), 0x80000000 | command, sequence) + answer


class SmtpPeer(_Peer):
    """Takes every mail: RFC 5321 with PIPELINING, SIZE, 8BITMIME, DSN and SMTPUTF8."""

    numbers = count(1)
    answers: ClassVar[dict[bytes, bytes]] = {
        b"EHLO": b"250-sink.test\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n"
        b"250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n",
        b"HELO": b"250 sink.test\r\n",
        b"MAIL": b"250 2.1.0 Ok\r\n",
        b"RCPT": b"250 2.1.5 Ok\r\n",
        b"RSET": b"250 2.0.0 Ok\r\n",
        b"NOOP": b"250 2.0.0 Ok\r\n",
        b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
        b"QUIT": b"221 2.0.0 Bye\r\n",
    }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._in_mail = False
        self._transport.write(b"220 sink.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._read += data
        while self._step():
            pass

    def _step(self) -> bool:
        """Take one command or one mail, if it is whole."""
        end = b"\r\n.\r\n" if self._in_mail else b"\r\n"
        taken, found, rest = self._read.partition(end)
        if not found:
            return False
        self._read = rest
        if self._in_mail:
            self._in_mail = False
            self._accept(b"250 2.0.0 Ok: queued as %010X\r\n" % next(self.numbers))
            return True
        verb = taken[:4].upper()
        self._in_mail = verb == b"DATA"
        self._transport.write(self.answers.get(verb, b"502 5.5.2 Unknown command\r\n"))
        if verb == b"QUIT":
            self._transport.close()
        return True


async def serve() -> None:
    loop = asyncio.get_running_loop()
    ports = {}
    for name, peer in (("twilio", TwilioPeer), ("cmpp", CmppPeer), ("smtp", SmtpPeer)):
        server = await loop.create_server(cast(Any, peer), "127.0.0.1", 0)
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)  # noqa: T201
    while await asyncio.to_thread(sys.stdin.readline):
        arrived = dict(_Peer.arrived or {})
        tokens = {unquote(url.decode()).rpartition("/")[2]: at for url, at in arrived.items()}
        print(json.dumps(tokens), flush=True)  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--latency", type=float, default=0)
    parser.add_argument("--remember", action="store_true")
    options = parser.parse_args()
    _Peer.latency = options.latency
    _Peer.arrived = {} if options.remember else None
    uvloop.run(serve())
