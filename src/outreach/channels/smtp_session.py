"""One kept SMTP session after its EHLO: commands out, replies back, several at once if need be.

aiosmtplib opens the connection (greeting, STARTTLS, AUTH), but knows one command at a time. A mail
is three before its content; a relay that offers PIPELINING (RFC 2920) takes them on one way there
and back. Whatever goes wrong is raised as aiosmtplib would: ``SMTPException`` or ``OSError``.
"""

import asyncio
from collections import deque
from typing import cast

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
)

_LONGEST = 32_768  # octets of one reply, over all its lines


class Session(asyncio.Protocol):
    """Takes a connected session's transport over; every wait is bounded by ``timeout`` seconds."""

    def __init__(self, opened: SMTP, timeout: float) -> None:
        self._opened = opened
        self._timeout = timeout
        self._read = b""
        self._owed = 0  # replies to what was sent that have not come in yet
        self._replies: deque[SMTPResponse] = deque()
        self._broken: SMTPException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport = cast(asyncio.Transport, opened.transport)
        self._transport.set_protocol(self)

    @property
    def is_connected(self) -> bool:
        return not self._transport.is_closing()

    def offers(self, extension: str) -> bool:
        return self._opened.supports_extension(extension)

    async def ask(self, command: bytes) -> SMTPResponse:
        self.send(command + b"\r\n")
        return await self.reply()

    def send(self, octets: bytes, replies: int = 1) -> None:
        """Put on the wire what is answered by so many replies."""
        if self._transport.is_closing():
            raise SMTPServerDisconnected("gone before the command")
        self._owed += replies
        self._transport.write(octets)

    async def reply(self) -> SMTPResponse:
        """The next reply, in the order of what was sent."""
        while not self._replies:
            if self._broken is not None:
                raise self._broken
            self._waiter = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(self._timeout):
                await self._waiter
        return self._replies.popleft()

    def close(self) -> None:
        """At once, whatever is on the wire."""
        self._transport.close()
        self._opened.close()

    def data_received(self, data: bytes) -> None:
        self._read += data
        try:
            while self._owed and (reply := self._whole_reply()):
                self._replies.append(reply)
                self._owed -= 1
        except SMTPResponseException as error:
            self._break(error)
        if not self._owed:
            self._read = b""  # nobody asked: a relay says goodbye before it goes
        self._wake()

    def _whole_reply(self) -> SMTPResponse | None:
        """Take one reply of one or several lines (RFC 5321 section 4.2), once it is all there."""
        if len(self._read) > _LONGEST:
            raise SMTPResponseException(-1, "a reply without end")
        said: list[bytes] = []
        rest = self._read
        while b"\n" in rest:
            line, _, rest = rest.partition(b"\n")
            if not line[:3].isdigit():
                raise SMTPResponseException(-1, "no reply")
            said.append(line[4:].strip())
            if line[3:4] != b"-":
                self._read = rest
                return SMTPResponse(
                    int(line[:3]), b"\n".join(said).decode("utf-8", "surrogateescape")
                )
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(SMTPServerDisconnected("the connection was lost"))
        if self._broken is not None and exc is not None:
            self._broken.__cause__ = exc
        self._wake()

    def _break(self, error: SMTPException) -> None:
        """The first thing that went wrong is what is told."""
        self._broken = self._broken or error

    def _wake(self) -> None:
        told = self._replies or self._broken is not None
        if told and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
