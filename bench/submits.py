"""SUBMITs a second of the CMPP adapter, beside sockets that pipeline the same octets.

Four links with a window of sixteen, a message of one part each, and a gateway that answers at once
in a process on another core. The measured process has a core to itself; turns alternate. The bare
sockets are given frames that are ready, and write one for each answer: each by itself, or all that
came due together.

    python -m bench.submits PORT SIZE CORE     (the measured process: a line of figures a turn)
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median
from typing import cast

import uvloop
from bench.peers import CMPP_SECRET
from bench.stage import Stage, cpu, micro, say, spread

from outreach.channels.base import Accepted, Callback, Message
from outreach.channels.cmpp import Cmpp
from outreach.channels.cmpp_pdu import Connect, Version, connect_digest, encode
from outreach.clock import Clock, monotonic
from outreach.ids import new_id
from outreach.settings import CmppSettings
from outreach.worker import rarely_collect

LINKS, WINDOW = 4, 16
GOAL = 5_000
WAYS = {
    "ours": "Outreach, Cmpp.send",
    "single": "bare, one by one",
    "joined": "bare, together",
}
ANSWER = 21  # octets of a SUBMIT_RESP of 2.0
TEXT = "【青岚银行】您尾号0001的账户已逾期,应还1234.56元,请尽快还款,已还请忽略。电话400-000-0101"


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds for ``size`` messages each way, and CPU of the measured process.

    ``single``: bare sockets, a write for each frame. ``joined``: one for all that are due.
    """

    size: int
    ours: float
    ours_cpu: float
    single: float
    single_cpu: float
    joined: float
    joined_cpu: float


def settings(port: int) -> CmppSettings:
    return CmppSettings(
        kind="cmpp",
        name="cmpp",
        host="127.0.0.1",
        port=port,
        account="900001",
        number="10690000",
        extension=8,
        links=LINKS,
        window=WINDOW,
        concurrency=LINKS * WINDOW,
    )


def run(stage: Stage, size: int, rounds: int) -> None:
    port, core = stage.place.ports["cmpp"], stage.core
    command = [sys.executable, "-m", "bench.submits", str(port), str(size), str(core)]
    pipe = subprocess.PIPE
    turns, gateway = list[Turn](), list[float]()
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for turn in range(rounds + 1):  # the first warms up
            before = cpu([stage.carriers.process.pid])
            print("go", file=process.stdin, flush=True)
            said = Turn(**json.loads(process.stdout.readline()))
            if turn:
                turns.append(said)
                gateway.append(cpu([stage.carriers.process.pid]) - before)
        process.stdin.close()
    say(*table(turns, gateway), "")


def table(turns: Sequence[Turn], gateway: Sequence[float]) -> Iterator[str]:
    size = turns[0].size
    single, joined = (
        median(getattr(turn, way) / turn.ours for turn in turns) for way in ("single", "joined")
    )
    yield (
        f"CMPP, {size:,} SUBMITs a run over {LINKS} links with a window of {WINDOW}, "
        f"{len(turns)} rounds in turns, medians"
    )
    yield f"  {single:.2f} of the rate of bare sockets that write each SUBMIT by itself"
    yield f"  {joined:.3f} of the rate of bare sockets that write together what is due together"
    yield f"  {median(size / turn.ours for turn in turns) / GOAL:.2f} times {GOAL:,} a second"
    yield f"  {'':<26}{'SUBMITs/s':>10} {'(min-max)':>19}{'own CPU':>11}"
    for way, told in WAYS.items():
        rates = [size / getattr(turn, way) for turn in turns]
        own = micro(median(getattr(turn, f"{way}_cpu") for turn in turns), size)
        yield f"  {told:<26}{median(rates):>10,.0f} {spread(rates):>19}{own:>8.1f} µs"
    answering = micro(median(gateway), len(WAYS) * size)
    yield f"  the gateway takes {answering:.1f} µs of its own core a SUBMIT"


# --------------------------------------------------------------------------------- the process


async def obey(port: int, size: int) -> None:
    """Send, and then pipeline what was sent, once for each line of standard input."""
    carrier = Cmpp(settings(port), clock=Clock(), secret=CMPP_SECRET)
    listening = asyncio.create_task(carrier.listen(_nothing_comes, lambda: None))
    messages = [_message(number) for number in range(size)]
    bare = await Bare.connected(port, [_octets(carrier, message) for message in messages])
    await _linked(carrier)
    rarely_collect()
    for _ in sys.stdin:
        took: list[float] = []
        for turn in (_send(carrier, messages), bare.run(joined=False), bare.run(joined=True)):
            wall, own = monotonic(), time.process_time()
            await turn
            took += (monotonic() - wall, time.process_time() - own)
        print(json.dumps(asdict(Turn(size, *took))), flush=True)  # noqa: T201
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await carrier.close()


async def _nothing_comes(_: Sequence[Callback]) -> None:
    raise RuntimeError("this gateway reports nothing")


async def _linked(carrier: Cmpp) -> None:
    while len(carrier._links) < LINKS:  # noqa: ASYNC110 - the carrier's own affair
        await asyncio.sleep(0.01)


def _message(number: int) -> Message:
    return Message(
        notice_id=new_id(),
        attempt=1,
        token="bench",
        to=f"+86154{number:08}",
        sender_name="青岚银行",
        text=TEXT,
        number=number,
        valid_for=timedelta(hours=5),
    )


async def _send(carrier: Cmpp, messages: Sequence[Message]) -> None:
    waiting = iter(messages)

    async def place() -> None:
        for message in waiting:
            outcome = await carrier.send(message)
            if not isinstance(outcome, Accepted):
                raise RuntimeError(f"the gateway did not accept: {outcome}")

    await asyncio.gather(*(place() for _ in range(carrier.concurrency)))


# ----------------------------------------------------------------------------------- the floor


def _octets(carrier: Cmpp, message: Message) -> bytes:
    """What the adapter writes for it, but for the sequence number."""
    [submit] = carrier._submits(message)
    return encode(submit, 0, Version.V2)


class Bare(asyncio.Protocol):
    """One of several sockets that share the frames to write, a window of them unanswered each."""

    def __init__(self, share: "Share") -> None:
        self._share = share
        self._due = 0  # octets of answers that have not come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        at = "1127100000"
        asked = Connect("900001", connect_digest("900001", CMPP_SECRET, at), 0x20, at)
        self._transport.write(encode(asked, 1, Version.V2))
        self._logging_in = True

    @staticmethod
    async def connected(port: int, frames: Sequence[bytes]) -> "Share":
        share = Share(frames)
        loop = asyncio.get_running_loop()
        for _ in range(LINKS):
            _, bare = await loop.create_connection(lambda: Bare(share), "127.0.0.1", port)
            share.sockets.append(bare)
        await asyncio.sleep(0.2)  # all are logged in
        return share

    def data_received(self, data: bytes) -> None:
        if self._logging_in:
            self._logging_in = False
            return
        self._due += len(data)
        answered, self._due = divmod(self._due, ANSWER)
        self._share.answered += answered
        self.write(answered)
        if self._share.answered == len(self._share.frames):
            self._share.done.set()

    def write(self, count: int) -> None:
        share = self._share
        if frames := share.frames[share.written : share.written + count]:
            share.written += len(frames)
            for octets in (b"".join(frames),) if share.joined else frames:
                self._transport.write(octets)


class Share:
    """What the sockets share."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self.frames = frames
        self.sockets: list[Bare] = []
        self.done = asyncio.Event()
        self.written = self.answered = 0
        self.joined = False

    async def run(self, *, joined: bool) -> None:
        self.written = self.answered = 0
        self.joined = joined
        self.done.clear()
        for bare in self.sockets:
            bare.write(WINDOW)
        await self.done.wait()


if __name__ == "__main__":
    port, size, core = map(int, sys.argv[1:])
    os.sched_setaffinity(0, {core})
    uvloop.run(obey(port, size))
