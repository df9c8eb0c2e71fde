"""A session reads its replies however the network cuts them, and none that nobody asked for."""

import asyncio

import pytest
from aiosmtplib import SMTPResponse, SMTPResponseException, SMTPServerDisconnected
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.smtp_session import Session

REPLIES = b"250-first\r\n250 second \r\n550 5.1.1 \xe6\x97\xa0\r\n354\r\n"
READ = [(250, "first\nsecond"), (550, "5.1.1 无"), (354, "")]


class Wire:
    """Stands in for a transport, and for the library's object that opened it."""

    def __init__(self) -> None:
        self.transport = self
        self.sent: list[bytes] = []
        self.closing = False

    def set_protocol(self, _: object) -> None: ...

    def is_closing(self) -> bool:
        return self.closing

    def write(self, octets: bytes) -> None:
        self.sent.append(octets)

    def close(self) -> None:
        self.closing = True


def session(timeout: float = 5) -> tuple[Session, Wire]:
    wire = Wire()
    return Session(wire, timeout), wire


@given(cuts=st.lists(st.integers(0, len(REPLIES)), max_size=8).map(sorted))
def test_replies_come_in_any_pieces(cuts: list[int]) -> None:
    async def talk() -> list[SMTPResponse]:
        talking, wire = session()
        talking.send(b"A\r\nB\r\nC\r\n", 3)
        assert wire.sent == [b"A\r\nB\r\nC\r\n"]
        reading = asyncio.create_task(_three(talking))
        for begin, end in zip([0, *cuts], [*cuts, len(REPLIES)], strict=True):
            talking.data_received(REPLIES[begin:end])
            await asyncio.sleep(0)
        return await reading

    assert asyncio.run(talk()) == READ


async def _three(talking: Session) -> list[SMTPResponse]:
    return [await talking.reply() for _ in range(3)]


async def test_what_nobody_asked_for_answers_nothing() -> None:
    talking, _ = session()
    talking.data_received(b"421 4.4.2 idle for too long\r\n")
    talking.send(b"NOOP\r\n")
    talking.data_received(b"250 ok\r\n250 and more\r\n")
    assert await talking.reply() == (250, "ok")
    talking.send(b"NOOP\r\n")
    talking.data_received(b"250 again\r\n")
    assert await talking.reply() == (250, "again")


async def test_what_came_before_the_end_is_read_before_it() -> None:
    talking, _ = session()
    talking.send(b"A\r\nB\r\n", 2)
    talking.data_received(b"421 closing\r\n")
    talking.connection_lost(ConnectionResetError())
    assert await talking.reply() == (421, "closing")
    with pytest.raises(SMTPServerDisconnected):
        await talking.reply()


@pytest.mark.parametrize("said", [b"\xff\xfe\r\n", b"ok\r\n", b"250-" + b"x" * 40_000])
async def test_what_is_no_reply_is_refused(said: bytes) -> None:
    talking, _ = session()
    talking.send(b"A\r\n")
    talking.data_received(said)
    with pytest.raises(SMTPResponseException):
        await talking.reply()


async def test_a_wait_ends() -> None:
    talking, wire = session(timeout=0.01)
    talking.send(b"A\r\n")
    with pytest.raises(TimeoutError):
        await talking.reply()
    talking.close()
    assert wire.closing
    with pytest.raises(SMTPServerDisconnected):
        talking.send(b"B\r\n")
