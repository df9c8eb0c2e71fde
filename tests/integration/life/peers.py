"""Carriers that answer as told: a Twilio of canned answers, and an adapter with a fault."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl

from aiohttp import web

from outreach.channels.base import Callback, Fact, Message, Outcome
from outreach.domain.contact import Channel


@dataclass
class Switchboard:
    """``answer`` makes the answer to each request from its form; None drops the connection."""

    answer: Callable[[dict[str, str]], web.Response | None]
    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0


def answered(status: int, code: int, **headers: str) -> Callable[..., web.Response]:
    """An error of Twilio's."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"code": code, "message": "no", "status": status}
    return lambda _form: web.json_response(body, status=status, headers=named)


def taken(form: dict[str, str]) -> web.Response:
    """Twilio takes the message; its id is drawn from our token, so that tests can name it."""
    body = {"sid": sid(form), "status": "accepted", "num_segments": "3", "body": form["Body"]}
    return web.json_response(body, status=201)


def sid(form: dict[str, str]) -> str:
    return "SM" + form["StatusCallback"].rpartition("/")[2]


@asynccontextmanager
async def switchboard() -> AsyncIterator[Switchboard]:
    board = Switchboard(taken)

    async def handle(request: web.Request) -> web.StreamResponse:
        form = dict(parse_qsl((await request.read()).decode()))
        board.forms.append(form)
        board.at_once += 1
        board.most_at_once = max(board.most_at_once, board.at_once)
        answer = board.answer(form)
        await asyncio.sleep(0)  # others that are under way come in meanwhile
        board.at_once -= 1
        if answer is None:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return answer

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    board.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield board
    finally:
        await runner.cleanup()


class Faulty:
    """An adapter in the place of ``twilio`` that breaks the protocol's promise: it raises."""

    name = "twilio"
    channel = Channel.SMS
    concurrency = 4
    real = False

    def __init__(self) -> None:
        self.asked = 0

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, message: Message) -> Outcome:
        self.asked += 1
        await asyncio.sleep(0)
        raise KeyError(message.to)

    def verify(self, callback: Callback) -> None: ...

    def parse(self, callback: Callback) -> list[Fact]:  # noqa: ARG002
        raise ZeroDivisionError

    async def look_up(self, message: Message, since: datetime) -> Outcome | None:  # noqa: ARG002
        return None

    async def check(self) -> str:
        return "faulty"
