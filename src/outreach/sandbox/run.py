"""Runs the three sandbox carriers together in one process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from outreach.clock import Clock
from outreach.sandbox.book import Book
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.courier import Courier
from outreach.sandbox.mailhouse import MailHouseSandbox
from outreach.sandbox.smtp import SmtpSandbox
from outreach.sandbox.twilio import TwilioSandbox


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The ports the carriers listen on."""

    twilio_port: int
    smtp_port: int


@asynccontextmanager
async def open_sandbox(config: SandboxConfig, clock: Clock) -> AsyncIterator[Sandbox]:
    """Start all carriers; stop them at the end and drop the callbacks that are not yet due.

    Their books are ``twilio.jsonl``, ``smtp.jsonl`` and ``mailhouse.jsonl`` in ``log_dir``.
    """
    async with AsyncExitStack() as stack:

        def book(name: str) -> Book:
            opened = Book(config.log_dir / f"{name}.jsonl", clock)
            stack.callback(opened.close)
            return opened

        courier = Courier(config.delay, config.patience)
        twilio = TwilioSandbox(config, clock, book("twilio"), courier)
        smtp = SmtpSandbox(config, clock, book("smtp"), courier)
        letters = MailHouseSandbox(config, clock, book("mailhouse"), courier)
        for part in (courier, twilio, smtp, letters):
            await part.open()
            stack.push_async_callback(part.close)
        yield Sandbox(twilio.port, smtp.port)


async def run(config: SandboxConfig, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Serve until ``stop`` is set; ``clock`` is the business clock, shared with the product."""
    async with open_sandbox(config, clock or Clock()):
        await stop.wait()
