"""One connection to an operator's gateway: logged in, submitting in a window, taking what comes.

The gateway counts what it has not answered, and so do we: a SUBMIT whose answer is late keeps its
place in the window until the answer comes or the connection goes, and the answer still counts.
Nothing is ever written twice; what that means for a message is its sender's to say.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from outreach.channels.cmpp_pdu import (
    LAST_SEQUENCE,
    RESPONSE,
    ActiveTest,
    ActiveTestResp,
    BadFrame,
    Connect,
    ConnectResp,
    Deliver,
    DeliverResp,
    Frames,
    Pdu,
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
from outreach.channels.cmpp_text import BEIJING
from outreach.clock import monotonic
from outreach.logs import Log

SWEEP_SECONDS = 0.5
"""How often late answers and silence are looked for."""
TESTS = 3
"""ACTIVE_TESTs without an answer after which a connection is given up (9.2, N)."""
FLOOD = 1024
"""DELIVERs not stored yet beyond which a gateway has no window of its own."""
KEEP_AGAIN_SECONDS = 1.0

log = Log(__name__)

Keep = Callable[[Sequence[bytes]], Awaitable[None]]
"""Stores DELIVERs as they came, header included, whole or not at all."""
Late = Callable[[SubmitResp], None]


class LoginRefused(Exception):
    """CONNECT was answered with another status than 0."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class NotWritten(Exception):
    """The connection was closing, or its window full for too long: nothing left."""


class Unanswered(Exception):
    """It left, and no answer came in time, or the connection went first: nobody knows."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed with the operator. Times are seconds; names of the specification in brackets.

    ``version`` is the octet of CONNECT; ``strict``: its answer's digest must be of the one form the
    specification has.
    """

    host: str
    port: int
    source: str  # Source_Addr: six characters
    secret: str
    layouts: Version = Version.V2
    version: int = 0x20
    window: int = 16  # W
    timeout: float = 60.0  # T
    idle: float = 30.0  # C: the specification's 180 are more than firewalls allow
    strict: bool = False


@dataclass(slots=True)
class _Owed:
    """An answer that has not come."""

    answer: asyncio.Future[Pdu]
    until: float
    late: Late | None = None


class Link(asyncio.Protocol):
    """Open one with ``open_link``; ``lost`` is set once it is of no use any more."""

    def __init__(self, terms: Terms, keep: Keep, name: str) -> None:
        self.terms = terms
        self.lost = asyncio.Event()
        self._keep = keep
        self._name = name
        self._frames = Frames()
        self._owed: dict[int, _Owed] = {}
        self._room = asyncio.Semaphore(terms.window)
        self._inbox: deque[tuple[int, bytes, int]] = deque()  # sequence, frame, its Msg_Id
        self._arrived = asyncio.Event()
        self._sequence = 0
        self._heard = monotonic()
        self._tested = 0
        self._closing = False
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def ready(self) -> bool:
        return not self._closing and not self.lost.is_set()

    @property
    def waiting(self) -> int:
        """Answers owed to us, late ones among them."""
        return len(self._owed)

    # ------------------------------------------------------------------------------ coming, going

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._tasks = [
            asyncio.create_task(self._store()),
            asyncio.create_task(self._sweep()),
        ]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a protocol's name
        self.lost.set()
        for task in self._tasks:
            task.cancel()
        owed, self._owed = self._owed, {}
        for each in owed.values():
            if not each.answer.done():
                each.answer.set_exception(Unanswered())
        for _ in range(self.terms.window):  # whoever waits for room need not any longer
            self._room.release()

    async def log_in(self, now: datetime) -> None:
        """Raises ``LoginRefused``, or ``Unanswered`` for silence or an answer not the gateway's."""
        terms = self.terms
        timestamp = f"{now.astimezone(BEIJING):%m%d%H%M%S}"
        digest = connect_digest(terms.source, terms.secret, timestamp)
        asked = Connect(terms.source, digest, terms.version, timestamp)
        answer = await self._ask(asked)
        if not isinstance(answer, ConnectResp):
            raise Unanswered
        if answer.status:
            raise LoginRefused(answer.status)
        one, four = answer_digests(0, digest, terms.secret)
        right = (one, four) if not terms.strict else (one if terms.layouts is Version.V2 else four,)
        if answer.digest not in right:
            log.error("cmpp_gateway_unproved", carrier=self._name)
            raise Unanswered

    async def close(self) -> None:
        """Write no more, wait for what is owed as long as it may take, say goodbye and go."""
        self._closing = True
        owed = [each.answer for each in self._owed.values()]
        if owed and not self.lost.is_set():
            await asyncio.wait(owed, timeout=self.terms.timeout)
        if not self.lost.is_set():
            with suppress(Unanswered):  # it may hang up instead
                await self._ask(Terminate())
        self.drop()

    def drop(self) -> None:
        """Go at once; what is owed is lost."""
        self._closing = True
        if self._transport is not None:
            self._flush()
            self._transport.close()

    # --------------------------------------------------------------------------------- submitting

    async def submit(self, pdu: Submit, late: Late) -> SubmitResp:
        """Write it once and wait for its answer; one that comes later yet goes to ``late``.

        Raises ``NotWritten`` or ``Unanswered``, and ``ValueError`` for what no field takes.
        """
        octets = encode(pdu, 0, self.terms.layouts)
        if self._room.locked():
            try:
                async with asyncio.timeout(self.terms.timeout):
                    await self._room.acquire()
            except TimeoutError:
                raise NotWritten from None
        else:
            await self._room.acquire()
        if not self.ready:
            self._room.release()
            raise NotWritten
        answer = await self._write(octets, late).answer
        assert isinstance(answer, SubmitResp)
        return answer

    async def _ask(self, pdu: Pdu) -> Pdu:
        return await self._write(encode(pdu, 0, self.terms.layouts)).answer

    def _write(self, octets: bytes, late: Late | None = None) -> _Owed:
        sequence = self._next()
        owed = _Owed(
            asyncio.get_running_loop().create_future(), monotonic() + self.terms.timeout, late
        )
        self._owed[sequence] = owed
        self._put(octets[:8] + sequence.to_bytes(4) + octets[12:])
        return owed

    def _put(self, octets: bytes) -> None:
        """Have it written together with what else there is to say in this turn of the loop: a
        write costs as much as all else that is done for one SUBMIT.
        """
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(octets)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(out))

    def _next(self) -> int:
        while True:
            self._sequence = self._sequence % LAST_SEQUENCE + 1
            if self._sequence not in self._owed:
                return self._sequence

    async def _sweep(self) -> None:
        """Give up on answers that are late, and on a connection that says nothing."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = monotonic()
            late = 0
            for each in self._owed.values():
                if each.until <= now:
                    late += 1
                    if not each.answer.done():
                        each.answer.set_exception(Unanswered())
            if late >= self.terms.window:
                self._give_up("unanswered")
            elif now - self._heard >= self.terms.idle + self._tested * self.terms.timeout:
                self._test()

    def _test(self) -> None:
        if self._tested == TESTS:
            self._give_up("silent")
            return
        self._tested += 1
        answer = self._write(encode(ActiveTest(), 0, self.terms.layouts)).answer
        answer.add_done_callback(asyncio.Future.exception)  # nobody waits for it

    def _give_up(self, why: str) -> None:
        log.warning("cmpp_given_up", carrier=self._name, why=why)
        self.drop()

    # ------------------------------------------------------------------------------------- taking

    def data_received(self, data: bytes) -> None:
        self._heard, self._tested = monotonic(), 0
        try:
            for frame in self._frames.feed(data):
                sequence, pdu = decode(frame, self.terms.layouts)
                self._take(sequence, pdu, frame)
        except BadFrame as error:
            log.error("cmpp_bad_frame", carrier=self._name, error=error)
            self.drop()

    def _take(self, sequence: int, pdu: Pdu | Unknown, frame: bytes) -> None:
        match pdu:
            case Deliver():
                self._inbox.append((sequence, frame, pdu.message_id))
                self._arrived.set()
                if len(self._inbox) > FLOOD:
                    self._give_up("flooded")
            case ActiveTest():
                self._answer(ActiveTestResp(), sequence)
            case Terminate():
                self._answer(TerminateResp(), sequence)
                self.drop()
            case Unknown():
                log.warning("cmpp_unknown_command", carrier=self._name, command=pdu.number)
            case _ if pdu.command & RESPONSE:
                self._settle(sequence, pdu)
            case _:  # a gateway asks nothing else of a sender
                log.warning("cmpp_unknown_command", carrier=self._name, command=int(pdu.command))

    def _settle(self, sequence: int, pdu: Pdu) -> None:
        owed = self._owed.get(sequence)
        if owed is None or isinstance(pdu, SubmitResp) != (owed.late is not None):
            log.warning("cmpp_stray_answer", carrier=self._name, command=int(pdu.command))
            return
        del self._owed[sequence]
        if isinstance(pdu, SubmitResp):
            self._room.release()
        if not owed.answer.done():
            owed.answer.set_result(pdu)
        elif owed.late is not None and isinstance(pdu, SubmitResp):
            owed.late(pdu)

    def _answer(self, pdu: Pdu, sequence: int) -> None:
        self._put(encode(pdu, sequence, self.terms.layouts))

    async def _store(self) -> None:
        """Keep what was delivered, then answer: it comes again until it is answered."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch = list(self._inbox)
            while True:
                try:
                    await self._keep([frame for _, frame, _ in batch])
                    break
                except Exception as error:
                    log.warning("cmpp_not_kept", carrier=self._name, error=error)
                    await asyncio.sleep(KEEP_AGAIN_SECONDS)
            for sequence, _, message_id in batch:
                self._answer(DeliverResp(message_id, 0), sequence)
                self._inbox.popleft()
            if self._inbox:
                self._arrived.set()


async def open_link(terms: Terms, keep: Keep, name: str, now: datetime) -> Link:
    """Connect and log in; raises ``OSError``, ``LoginRefused``, ``Unanswered`` or ``TimeoutError``.

    ``name`` is the carrier's, for the log.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(terms.timeout):
        _, link = await loop.create_connection(
            lambda: Link(terms, keep, name), terms.host, terms.port
        )
        try:
            await link.log_in(now)
        except BaseException:
            link.drop()
            raise
    return link
