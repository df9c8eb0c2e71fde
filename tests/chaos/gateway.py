"""An operator's gateway that misbehaves by lot: CMPP 2.0, by its octets and by nothing of ours.

It knows a message by the number it comes from, which ends with the notice's own last digits: in
the log that number stands where a token would. A message is taken when its first part is.
"""

import asyncio
import hashlib
import random
import struct
from collections.abc import Iterator
from itertools import count
from typing import cast

from world import AGAIN, LATE, PATIENCE, Lot, Stories, World

FATES = {
    "taken": 912,
    "slow": 30,
    "late": 8,  # taken, and answered when nobody waits any more
    "silent": 8,  # taken, never answered
    "cut": 4,  # taken, and the connection breaks off
    "vanished": 4,  # not taken, the connection breaks off
    "throttled": 10,
    "no_such_number": 12,
    "refused": 12,
}
TAKEN = {"taken", "slow", "late", "silent", "cut"}
RESULTS = {"throttled": 8, "no_such_number": 13, "refused": 6}
TOO_LATE = 2.2  # seconds until the answer of a late one

STORIES: Stories = [
    (480, []),
    (240, [("delivered", 0.05)]),
    (60, [("delivered", 0.05), ("delivered", 0.06)]),
    (60, [("delivered", -1)]),
    (60, [("delivered", LATE)]),
    (50, [("undelivered:UNDELIV", 0.1)]),
    (30, [("undelivered:UNDELIV", 0.05), ("delivered", 0.3)]),
    (20, [("undelivered:MK:0001", 0.1), ("undelivered:MK:0001", 0.12)]),
]
REPORTED = TAKEN  # of those never answered nobody has the ids that a report names

HEADER = struct.Struct(">III")
REPORT = struct.Struct(">Q7s10s10s21sI")
DELIVER = struct.Struct(">Q21s10sBBB21sBB")
CONNECT, TERMINATE, SUBMIT, DELIVERING, TEST = 1, 2, 4, 5, 8
ANSWER = 0x80000000


class Gateway:
    """What its connections share."""

    def __init__(self, world: World, secret: str) -> None:
        self.world = world
        self.secret = secret
        self.sessions: set[Session] = set()
        self.lots: dict[str, Lot] = {}
        self.ids: dict[str, list[int]] = {}
        self._numbers = count(1)

    def new_id(self) -> int:
        return 11 << 60 | 27 << 55 | next(self._numbers)

    def session(self) -> "Session":
        return Session(self)

    async def tell(self, source: str, to: str, word: str, delay: float) -> None:
        """Report on every part until each was answered; and what came of it in the log."""
        await asyncio.sleep(delay)
        world, ids = self.world, list(self.ids[source])
        world.write(carrier="cmpp", telling=word, token=source)
        for _ in range(PATIENCE):
            for id_ in ids.copy():
                if self.sessions and await random.choice(list(self.sessions)).report(
                    id_, source, to, word
                ):
                    ids.remove(id_)
            if not ids:
                world.write(carrier="cmpp", told=word, token=source)
                return
            await asyncio.sleep(AGAIN)
        world.write(carrier="cmpp", unheard=word, token=source)


class Session(asyncio.Protocol):
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._read = b""
        self._sequences = count(1)
        self._asked: dict[int, asyncio.Future[bool]] = {}
        self._gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._gone = True
        self._gateway.sessions.discard(self)
        for asked in self._asked.values():
            if not asked.done():
                asked.set_result(False)

    def data_received(self, data: bytes) -> None:
        self._read += data
        for command, sequence, body in self._frames():
            if self._gone or self._transport.is_closing():
                return
            match command:
                case 1:  # CONNECT
                    proof = hashlib.md5(
                        b"\0" + body[6:22] + self._gateway.secret.encode(), usedforsecurity=False
                    )
                    self._say(CONNECT, sequence, b"\0" + proof.digest() + b"\x20")
                    self._gateway.sessions.add(self)
                case 2:  # TERMINATE
                    self._gateway.sessions.discard(self)
                    self._say(TERMINATE, sequence, b"")
                    self._transport.close()
                case 4:
                    self._submit(sequence, body)
                case 8:
                    self._say(TEST, sequence, b"\0")
                case 0x80000005:  # DELIVER_RESP
                    asked = self._asked.pop(sequence, None)
                    if asked is not None and not asked.done():
                        asked.set_result(True)

    def _frames(self) -> Iterator[tuple[int, int, bytes]]:
        while len(self._read) >= HEADER.size:
            length, command, sequence = HEADER.unpack_from(self._read)
            if len(self._read) < length:
                return
            body, self._read = self._read[HEADER.size : length], self._read[length:]
            yield command, sequence, body

    def _say(self, command: int, sequence: int, body: bytes) -> None:
        self._write(ANSWER | command, sequence, body)

    def _write(self, command: int, sequence: int, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(HEADER.pack(12 + len(body), command, sequence) + body)

    # -------------------------------------------------------------------------------- messages

    def _submit(self, sequence: int, body: bytes) -> None:
        parts, part = body[8], body[9]
        source = body[95:116].rstrip(b"\0").decode()
        to = body[117:138].rstrip(b"\0").decode()
        gateway = self._gateway
        if part == 1:
            lot = gateway.world.draw(source, FATES, STORIES, TAKEN)
            gateway.lots[source], gateway.ids[source] = lot, []
            gateway.world.arrived("cmpp", source, lot, f"+86{to}", body[139:])
        lot = gateway.lots[source]
        id_ = gateway.new_id() if lot.taken else 0
        gateway.ids[source].append(id_)
        answer = (sequence, struct.pack(">QB", id_, RESULTS.get(lot.fate, 0)))
        if part == parts and lot.fate in REPORTED:
            for word, delay in lot.story:
                gateway.world.later(gateway.tell(source, to, word, max(delay, 0)))
        early = any(delay < 0 for _, delay in lot.story)
        match lot.fate:
            case "silent":
                return
            case "cut" | "vanished":
                if part == parts:
                    gateway.world.write(fault="link cut")
                    self._transport.close()
            case "slow" | "late":
                wait = gateway.world.slow if lot.fate == "slow" else TOO_LATE
                asyncio.get_running_loop().call_later(wait, self._say, SUBMIT, *answer)
            case _ if early:
                asyncio.get_running_loop().call_later(0.1, self._say, SUBMIT, *answer)
            case _:
                self._say(SUBMIT, *answer)

    async def report(self, id_: int, source: str, to: str, word: str) -> bool:
        """Whether it was answered within a second."""
        sequence, asked = next(self._sequences), asyncio.get_running_loop().create_future()
        self._asked[sequence] = asked
        stat = word.partition(":")[2] or "DELIVRD"
        at = b"2611271000"
        about = REPORT.pack(id_, stat.encode(), at, at, to.encode(), 0)
        head = (self._gateway.new_id(), source.encode(), b"", 0, 0, 0, to.encode(), 1, len(about))
        self._write(DELIVERING, sequence, DELIVER.pack(*head) + about + bytes(8))
        try:
            return await asyncio.wait_for(asked, 1.0)
        except TimeoutError:
            self._asked.pop(sequence, None)
            return False
