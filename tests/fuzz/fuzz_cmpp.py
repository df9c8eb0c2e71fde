"""Broken CMPP, for as long as asked: ``python tests/fuzz/fuzz_cmpp.py --seconds 600 [--seed 1]``.

Sound messages are cut, joined, flipped, lied about and mixed with noise, in pieces of any size, and
given to the reader of frames, to the codec, to what reads a DELIVER's content, and to a whole link.
The one thing allowed is ``BadFrame``: no other error, no more than one unfinished message held, and
whatever is read as a message must come out of it again.
"""

import argparse
import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from typing import cast

from outreach.channels.base import Callback
from outreach.channels.cmpp import Cmpp
from outreach.channels.cmpp_link import Link, Terms
from outreach.channels.cmpp_pdu import (
    LARGEST,
    ActiveTest,
    ActiveTestResp,
    BadFrame,
    Cancel,
    CancelResp,
    Connect,
    ConnectResp,
    Deliver,
    DeliverResp,
    Frames,
    Pdu,
    Query,
    QueryResp,
    Report,
    Submit,
    SubmitResp,
    Terminate,
    TerminateResp,
    Unknown,
    Version,
    decode,
    encode,
)
from outreach.clock import Clock, monotonic
from outreach.domain.errors import CallbackRejected
from outreach.settings import CmppSettings

REPORT = Report(11 << 60 | 27 << 55 | 7, "DELIVRD", "2611271000", "2611271001", "15400000000")
SOUND: Sequence[Pdu] = (
    Connect("900001", bytes(range(16)), 0x20, "0102030405"),
    ConnectResp(0, bytes(16), 0x20),
    Submit(("15400000000",), bytes(range(100)), 8, "10690000", "900001", udhi=1),
    Submit(("15400000000",) * 99, bytes(140), 8, "10690000", "900001"),
    SubmitResp(1, 0),
    Deliver(1, "1069000000000042", "15400000000", 0, "退订".encode("utf-16-be"), format=8),
    Deliver(2, "10690000", "15400000000", 0, b"\5\0\3\7\2\1" + bytes(20), format=8, udhi=1),
    Deliver(3, "10690000", "15400000000", 1, REPORT.content(60)),
    Deliver(4, "10690000", "15400000000", 1, REPORT.content(71)),
    DeliverResp(1, 0),
    Query("20261127"),
    QueryResp("20261127", 0, "", (0,) * 8),
    Cancel(1),
    CancelResp(0),
    ActiveTest(),
    ActiveTestResp(),
    Terminate(),
    TerminateResp(),
)


class Transport:
    """A connection that goes nowhere."""

    def __init__(self) -> None:
        self.closed = False

    def write(self, octets: bytes) -> None:
        assert octets

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def broken(lots: random.Random, version: Version) -> bytes:
    """Several messages in a row, with something the matter with some of them."""
    stream = bytearray()
    for _ in range(lots.randint(1, 6)):
        octets = bytearray(encode(lots.choice(SOUND), lots.getrandbits(32), version))
        for _ in range(lots.choice((0, 0, 1, 1, 2, 8))):
            _harm(lots, octets)
        stream += octets
    return bytes(stream)


def _harm(lots: random.Random, octets: bytearray) -> None:
    if not octets:
        return
    at = lots.randrange(len(octets))
    match lots.randrange(7):
        case 0:
            octets[at] ^= 1 << lots.randrange(8)
        case 1:
            octets[at] = lots.choice((0, 1, 0x7F, 0x80, 0xFF))
        case 2:
            del octets[at:]
        case 3:
            octets[at:at] = lots.randbytes(lots.randint(1, 40))
        case 4:  # a length that lies
            length = lots.choice((0, 11, 12, len(octets) - 1, len(octets) + 1, LARGEST, 1 << 31))
            octets[:4] = length.to_bytes(4)
        case 5:  # another command over the same body
            command = lots.choice((5, 4, 0x80000004, 0x80000005, lots.getrandbits(32)))
            octets[4:8] = command.to_bytes(4)
        case _:
            octets[:] = lots.randbytes(lots.randint(1, 200))


def pieces(lots: random.Random, stream: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(stream):
        size = lots.choice((1, 3, 12, 100, 5000))
        found.append(stream[at : at + size])
        at += size
    return found


def codec(
    lots: random.Random, version: Version, stream: bytes, carrier: Cmpp, seen: Counter[str]
) -> None:
    frames = Frames()
    try:
        for piece in pieces(lots, stream):
            for frame in frames.feed(piece):
                _content(carrier, version, frame, seen)
                _message(frame, version, seen)
            assert frames.held <= LARGEST + 5000
    except BadFrame as error:
        seen[f"refused: {error}"] += 1


def _message(frame: bytes, version: Version, seen: Counter[str]) -> None:
    sequence, pdu = decode(frame, version)
    seen[type(pdu).__name__] += 1
    if isinstance(pdu, Unknown):
        return
    try:
        again = decode(encode(pdu, sequence, version), version)
    except ValueError:
        return  # a string that no sender could have meant: it is shown, and not sent
    assert again == (sequence, pdu)


def _content(carrier: Cmpp, version: Version, frame: bytes, seen: Counter[str]) -> None:
    """What was kept is read later, by whoever applies it."""
    name = "3.0" if version is Version.V3 else "2.0"
    try:
        for fact in carrier.parse(Callback("cmpp", "deliver", f"cmpp:{name}", {}, frame)):
            seen[f"read: {type(fact).__name__}"] += 1
    except CallbackRejected:
        seen["not read"] += 1


async def link(lots: random.Random, version: Version, stream: bytes, seen: Counter[str]) -> None:
    """A whole link: it lives, or it hangs up."""
    kept: list[bytes] = []

    async def keep(frames: Sequence[bytes]) -> None:
        kept.extend(frames)

    link = Link(Terms("127.0.0.1", 1, "900001", "s", version), keep, "fuzzed")
    transport = Transport()
    link.connection_made(cast(asyncio.Transport, transport))
    for piece in pieces(lots, stream):
        if transport.closed:
            break
        link.data_received(piece)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    seen["link lives" if link.ready else "link hangs up"] += 1
    assert link.ready is not transport.closed
    link.connection_lost(None)
    await asyncio.gather(*link._tasks, return_exceptions=True)
    assert all(decode(frame, version)[1].__class__ is Deliver for frame in kept)


async def fuzz(seconds: float, seed: int) -> Counter[str]:
    lots, seen, until = random.Random(seed), Counter[str](), monotonic() + seconds
    settings = CmppSettings(
        kind="cmpp", name="cmpp", host="127.0.0.1", account="900001", number="10690000", extension=8
    )
    carrier = Cmpp(settings, clock=Clock(), secret="s")
    while monotonic() < until:
        version = lots.choice(tuple(Version))
        stream = broken(lots, version)
        codec(lots, version, stream, carrier, seen)
        await link(lots, version, stream, seen)
        seen["streams"] += 1
    return seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable()
    for what, count in sorted(asyncio.run(fuzz(options.seconds, options.seed)).items()):
        print(f"{count:>12,}  {what}")  # noqa: T201
