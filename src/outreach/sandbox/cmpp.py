"""An operator's gateway on loopback that speaks CMPP: log-in, window, rate, reports, replies.

It checks in the order real ones do and answers with the specification's results (CMPP 3.0,
7.4.3.2). How it behaves beyond that is its ``Manner``, which tests change as they go: late, doubled
and lost answers, reports too early, twice or on another connection, and what some do wrong.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import cast

from outreach.channels.cmpp_pdu import (
    RECIPIENTS,
    ActiveTest,
    ActiveTestResp,
    BadFrame,
    Connect,
    ConnectResp,
    Deliver,
    DeliverResp,
    Frames,
    MessageId,
    Pdu,
    Report,
    Submit,
    SubmitResp,
    Terminate,
    TerminateResp,
    Unknown,
    Version,
    answer_digests,
    connect_digest,
    decode,
    encode,
)
from outreach.channels.cmpp_text import BEIJING, Format, read_part, split
from outreach.clock import Clock, monotonic
from outreach.sandbox.courier import Courier

OK, STRUCTURE, LENGTH, CONTENT, SERVICE, THROTTLED = 0, 1, 4, 6, 7, 8
SOURCE, ACCOUNT, RECIPIENT = 10, 11, 13
"""Results of a SUBMIT."""
BAD_SOURCE, BAD_SECRET, BAD_VERSION, TOO_MANY = 2, 3, 4, 5
"""Statuses of a CONNECT."""

_NUMBER = re.compile(r"(?:\+?86)?1[3-9]\d{9}")
_ASCII_OCTETS, _OCTETS = 159, 140
_GATEWAY = 90001


@dataclass(frozen=True, slots=True)
class Line:
    """What was agreed with one sender."""

    source: str
    secret: str
    numbers: Collection[str]  # Src_Id begins with one of them
    services: Collection[str] = ("",)
    version: Version = Version.V2
    window: int = 16
    rate: int | None = None  # messages a second
    connections: int = 10


def _delivered(_: Submit) -> str | None:
    return "DELIVRD"


@dataclass(slots=True)
class Manner:
    """How the gateway behaves; ``stat`` gives a report's word, or None for no report.

    ``carry`` is what is done about each SUBMIT that was taken, in the place of a report at once.
    """

    result: Callable[[Submit], int] = lambda _: OK
    stat: Callable[[Submit], str | None] = _delivered
    carry: "Callable[[CmppSandbox, int, Submit, Session], None] | None" = None
    login: int = 0  # the status of every CONNECT
    answers: bool = True  # SUBMITs at all
    answer_after: float = 0.0  # seconds
    answer_twice: bool = False
    report_after: float = 0.0
    report_first: bool = False  # before the SUBMIT_RESP
    report_twice: bool = False
    report_elsewhere: bool = False  # on another connection of the same sender
    report_length: int | None = None  # 60 or 71 octets, whatever the version
    four_octets: bool = False  # a status of four in the log-in's digest, in 2.0 too
    tests: bool = True  # answers ACTIVE_TEST
    repeat_after: float = 60.0  # an unanswered DELIVER


@dataclass(slots=True)
class _Unanswered:
    """A DELIVER on its way: what to write again, and when."""

    deliver: Deliver
    due: float


@dataclass(slots=True)
class CmppSandbox:
    """Listens once ``open``; ``taken`` are the SUBMITs it said 0 to, with the ids it gave."""

    line: Line
    clock: Clock
    courier: Courier
    host: str = "127.0.0.1"
    port: int = 0
    manner: Manner = field(default_factory=Manner)
    taken: list[tuple[int, Submit]] = field(default_factory=list)
    sessions: "list[Session]" = field(default_factory=list)
    delivered: list[Deliver] = field(default_factory=list)  # whose DELIVER_RESP came
    _server: asyncio.Server | None = None
    _recent: deque[float] = field(default_factory=deque)  # when SUBMITs were taken, a second back
    _number: int = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for session in list(self.sessions):
                session.hang_up()
            await self._server.wait_closed()

    def id(self) -> int:
        now = self.clock.now().astimezone(BEIJING)
        self._number = self._number + 1 & 0xFFFF
        moment = (now.month, now.day, now.hour, now.minute, now.second)
        return int(MessageId(*moment, _GATEWAY, self._number))

    def too_fast(self) -> bool:
        """Whether one more goes over the rate; if not it counts."""
        if self.line.rate is None:
            return False
        now = monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= self.line.rate:
            return True
        self._recent.append(now)
        return False

    def logged_in(self) -> "list[Session]":
        return [session for session in self.sessions if session.logged_in]

    # ------------------------------------------------------------------- what telephones send

    def report(self, message_id: int, submit: Submit, session: "Session") -> None:
        """Send the status reports of one SUBMIT, as ``manner`` has it."""
        stat = self.manner.stat(submit)
        if stat is None or not submit.report:
            return
        now = f"{self.clock.now().astimezone(BEIJING):%y%m%d%H%M}"
        length = self.manner.report_length or (60 if self.line.version is Version.V2 else 71)
        content = Report(message_id, stat, now, now, submit.recipients[0]).content(length)
        deliver = Deliver(self.id(), submit.source, submit.recipients[0], 1, content)
        for _ in range(2 if self.manner.report_twice else 1):
            self.send(deliver, session)

    def say(self, number: str, to: str, text: str, format_: Format = Format.UCS2) -> None:
        """A telephone writes ``text`` to our number ``to``; in parts where it is long."""
        contents = split(text, format_, self.id())
        for content in contents:
            self.send(
                Deliver(
                    self.id(), to, number, 0, content, format=format_, udhi=int(len(contents) > 1)
                )
            )

    def send(self, deliver: Deliver, session: "Session | None" = None) -> None:
        """On this connection, on another one where ``manner`` says so, or on any that there is."""
        ready = self.logged_in()
        others = [each for each in ready if each is not session]
        if self.manner.report_elsewhere and others:
            others[0].deliver(deliver)
        elif session in ready:
            assert session is not None
            session.deliver(deliver)
        elif ready:
            ready[0].deliver(deliver)


class Session(asyncio.Protocol):
    """One connection, from the gateway's side."""

    def __init__(self, gateway: CmppSandbox) -> None:
        self.logged_in = False
        self._gateway = gateway
        self._frames = Frames()
        self._sequence = 0
        self._busy = 0  # SUBMITs taken and not answered yet
        self._unanswered: dict[int, _Unanswered] = {}
        self._transport: asyncio.Transport | None = None
        self._again: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._gateway.sessions.append(self)
        self._again = asyncio.create_task(self._repeat())

    def connection_lost(self, _: Exception | None) -> None:
        self.logged_in = False
        self._gateway.sessions.remove(self)
        if self._again is not None:
            self._again.cancel()

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def write(self, octets: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def ask(self, pdu: Pdu) -> int:
        """Send a request of ours; its sequence number."""
        self._sequence += 1
        self._answer(pdu, self._sequence)
        return self._sequence

    def _answer(self, pdu: Pdu, sequence: int) -> None:
        self.write(encode(pdu, sequence, self._gateway.line.version))

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                sequence, pdu = decode(frame, self._gateway.line.version)
                self._take(sequence, pdu)
        except BadFrame:
            self.hang_up()

    def _take(self, sequence: int, pdu: Pdu | Unknown) -> None:
        if isinstance(pdu, Connect):
            self._log_in(sequence, pdu)
        elif not self.logged_in:
            self.hang_up()
        elif isinstance(pdu, Submit):
            self._submit(sequence, pdu)
        elif isinstance(pdu, DeliverResp):
            if known := self._unanswered.pop(sequence, None):
                self._gateway.delivered.append(known.deliver)
        elif isinstance(pdu, ActiveTest) and self._gateway.manner.tests:
            self._answer(ActiveTestResp(), sequence)
        elif isinstance(pdu, Terminate):
            self._answer(TerminateResp(), sequence)
            assert self._transport is not None
            self._transport.close()

    def _log_in(self, sequence: int, pdu: Connect) -> None:
        line, manner = self._gateway.line, self._gateway.manner
        status = manner.login or self._status(pdu)
        one, four = answer_digests(status, pdu.digest, line.secret)
        digest = four if line.version is Version.V3 or manner.four_octets else one
        answer = ConnectResp(status, bytes(16) if status else digest, line.version.value)
        self._answer(answer, sequence)
        self.logged_in = not status

    def _status(self, pdu: Connect) -> int:
        line = self._gateway.line
        if pdu.source != line.source:
            return BAD_SOURCE
        if pdu.digest != connect_digest(pdu.source, line.secret, pdu.timestamp):
            return BAD_SECRET
        if pdu.version > line.version.value + 0x0F:
            return BAD_VERSION
        if len(self._gateway.logged_in()) >= line.connections:
            return TOO_MANY
        return 0

    # ------------------------------------------------------------------------------------- SUBMIT

    def _submit(self, sequence: int, submit: Submit) -> None:
        manner = self._gateway.manner
        result = next(self._objections(submit), 0) or manner.result(submit)
        message_id = 0
        if result == OK:
            message_id = self._gateway.id()
            self._gateway.taken.append((message_id, submit))
        self._busy += 1
        if result == OK and manner.report_first:
            self._gateway.report(message_id, submit, self)
        if manner.answer_after or manner.report_after:
            self._gateway.courier.later(self._later(sequence, submit, message_id, result))
        else:
            self._finish(sequence, message_id, result)
            self._report(submit, message_id, result)

    async def _later(self, sequence: int, submit: Submit, message_id: int, result: int) -> None:
        manner = self._gateway.manner
        await asyncio.sleep(manner.answer_after)
        self._finish(sequence, message_id, result)
        await asyncio.sleep(manner.report_after)
        self._report(submit, message_id, result)

    def _finish(self, sequence: int, message_id: int, result: int) -> None:
        manner = self._gateway.manner
        if not manner.answers:
            return
        self._busy -= 1
        for _ in range(2 if manner.answer_twice else 1):
            self._answer(SubmitResp(message_id, result), sequence)

    def _report(self, submit: Submit, message_id: int, result: int) -> None:
        manner = self._gateway.manner
        if result == OK and manner.carry is not None:
            manner.carry(self._gateway, message_id, submit, self)
        elif result == OK and not manner.report_first:
            self._gateway.report(message_id, submit, self)

    def _objections(self, submit: Submit) -> Iterator[int]:
        line = self._gateway.line
        if self._busy >= line.window or self._gateway.too_fast():
            yield THROTTLED
        if submit.account != line.source:
            yield ACCOUNT
        if not submit.source.startswith(tuple(line.numbers)) or len(submit.source) > 20:
            yield SOURCE
        if submit.service not in line.services:
            yield SERVICE
        if not 1 <= len(submit.recipients) <= RECIPIENTS:
            yield STRUCTURE
        if not all(map(_NUMBER.fullmatch, submit.recipients)):
            yield RECIPIENT
        if len(submit.content) > (_ASCII_OCTETS if submit.format == Format.ASCII else _OCTETS):
            yield CONTENT
        if submit.udhi:
            part = read_part(submit.content, has_header=True)
            if (part.total, part.number) != (submit.parts, submit.part):
                yield STRUCTURE

    # ------------------------------------------------------------------------------------ DELIVER

    def deliver(self, deliver: Deliver) -> None:
        due = monotonic() + self._gateway.manner.repeat_after
        self._unanswered[self.ask(deliver)] = _Unanswered(deliver, due)

    async def _repeat(self) -> None:
        """Send again what was not answered, under a new number."""
        while True:
            await asyncio.sleep(0.02)
            now = monotonic()
            due = [number for number, each in self._unanswered.items() if each.due <= now]
            for number in due:
                self.deliver(self._unanswered.pop(number).deliver)
