"""Peers that answer as told: for the outcomes no well-behaved server gives."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import ClassVar

from aiohttp import web


class Trouble(Enum):
    HANG = auto()  # never answers
    DROP = auto()  # closes the connection
    GARBAGE = auto()  # answers what is no answer


class HttpPeer:
    """``answer`` makes the answer to every request, or is the trouble that befalls it."""

    def __init__(self) -> None:
        self.answer: Callable[[], web.Response] | Trouble = Trouble.DROP
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self._over = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def open(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        self._over.set()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((request.method, request.path_qs, dict(request.headers), body))
        match self.answer:
            case Trouble.HANG:
                await self._over.wait()
                return web.Response(status=503)
            case Trouble.DROP:
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case Trouble.GARBAGE:
                return web.Response(status=201, text="<html>not what you asked for")
            case make:
                return make()


class SmtpPeer:
    """A relay in a page; ``script`` maps a verb ("." for the end of the content, "220" for the
    greeting) to a reply or a trouble."""

    REPLIES: ClassVar[dict[str, str]] = {
        "220": "220 peer.test ESMTP",
        "EHLO": "250-peer.test\r\n250-DSN\r\n250 SMTPUTF8",
        "MAIL": "250 2.1.0 ok",
        "RCPT": "250 2.1.5 ok",
        "DATA": "354 go on",
        ".": "250 2.0.0 Ok: queued as 4F1",
        "RSET": "250 2.0.0 ok",
        "QUIT": "221 bye",
    }

    def __init__(self) -> None:
        self.script: dict[str, str | Trouble] = {}
        self.commands: list[str] = []
        self.mails: list[bytes] = []
        self.sessions = 0
        self._over = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._over.set()
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        self.sessions += 1
        try:
            await self._say(writer, "220")
            while line := await reader.readline():
                self.commands.append(line.decode().strip())
                verb = line.split()[0].upper().decode()
                await self._say(writer, verb)
                if verb == "DATA" and "DATA" not in self.script:
                    self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    await self._say(writer, ".")
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._talks.discard(talk)

    async def _say(self, writer: asyncio.StreamWriter, verb: str) -> None:
        match self.script.get(verb, self.REPLIES.get(verb, "502 5.5.1 no")):
            case Trouble.HANG:
                await self._over.wait()
                raise ConnectionError
            case Trouble.DROP:
                raise ConnectionError
            case Trouble.GARBAGE:
                writer.write(b"\xff\xfe no reply at all\r\n")
            case str(reply):
                writer.write(reply.encode() + b"\r\n")
        await writer.drain()


class ImapPeer:
    """A mailbox server in a page (RFC 3501, RFC 6851): folders of mails, one user.

    ``refuses`` are commands it answers NO to; ``drops_at`` one at which it closes the connection.
    """

    def __init__(self, *, move: bool = True) -> None:
        self.folders: dict[str, dict[int, bytes]] = {"INBOX": {}}
        self.refuses: set[str] = set()
        self.drops_at = ""
        self.commands: list[str] = []
        self.port = 0
        self._move = move
        self._next = 1
        self._server: asyncio.Server | None = None

    def put(self, mail: bytes) -> None:
        self.folders["INBOX"][self._next] = mail
        self._next += 1

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            tag, _, command = line.partition(" ")
            verb = command.removeprefix("UID ").partition(" ")[0].upper()
            self.commands.append(verb)
            if verb == self.drops_at:
                break
            if verb in self.refuses:
                writer.write(f"{tag} NO not now\r\n".encode())
                continue
            for answer in self._answer(verb, command.replace('"', "")):
                writer.write(b"* " + answer + b"\r\n")
            writer.write(f"{tag} OK done\r\n".encode())
            if verb == "LOGOUT":
                break
        writer.close()

    def _answer(self, verb: str, command: str) -> list[bytes]:
        words, inbox = command.split(), self.folders["INBOX"]
        match verb:
            case "CAPABILITY":
                return [b"CAPABILITY IMAP4rev1 ID" + (b" MOVE" if self._move else b"")]
            case "LIST":
                return [f'LIST () "/" {words[-1]}'.encode()] if words[-1] in self.folders else []
            case "CREATE":
                self.folders[words[1]] = {}
            case "SELECT":
                return [f"{len(inbox)} EXISTS".encode()]
            case "SEARCH":
                return [f"SEARCH {' '.join(map(str, inbox))}".rstrip().encode()]
            case "FETCH":
                uid = int(words[2])
                most = int(words[3].partition("<0.")[2].partition(">")[0])
                mail = inbox[uid][:most]
                head = f"1 FETCH (UID {uid} BODY[]<0> {{{len(mail)}}}\r\n".encode()
                return [head + mail + b")"]
            case "MOVE":
                self.folders[words[3]][int(words[2])] = inbox.pop(int(words[2]))
            case "COPY":
                self.folders[words[3]][int(words[2])] = inbox[int(words[2])]
            case "STORE":
                inbox.pop(int(words[2]))
        return []
