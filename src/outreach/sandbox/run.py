"""Runs the sandbox carriers together in one process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from outreach.channels.cmpp_pdu import Version
from outreach.clock import Clock
from outreach.sandbox.book import Book
from outreach.sandbox.cmpp import CmppSandbox, Line
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.courier import Courier
from outreach.sandbox.handsets import Handsets
from outreach.sandbox.mailhouse import MailHouseSandbox
from outreach.sandbox.smtp import SmtpSandbox
from outreach.sandbox.twilio import TwilioSandbox


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The ports the carriers listen on."""

    twilio_port: int
    cmpp_port: int
    smtp_port: int


@asynccontextmanager
async def open_sandbox(config: SandboxConfig, clock: Clock) -> AsyncIterator[Sandbox]:
    """Start all carriers; stop them at the end and drop the callbacks that are not yet due.

    Their books in ``log_dir`` are ``twilio.jsonl``, ``cmpp.jsonl``, ``smtp.jsonl`` and
    ``mailhouse.jsonl``.
    """
    async with AsyncExitStack() as stack:

        def book(name: str) -> Book:
            opened = Book(config.log_dir / f"{name}.jsonl", clock)
            stack.callback(opened.close)
            return opened

        courier = Courier(config.delay, config.patience)
        twilio = TwilioSandbox(config, clock, book("twilio"), courier)
        handsets = Handsets(config, book("cmpp"), courier)
        cmpp = CmppSandbox(
            _line(config), clock, courier, config.host, config.cmpp_port, handsets.manner
        )
        smtp = SmtpSandbox(config, clock, book("smtp"), courier)
        letters = MailHouseSandbox(config, clock, book("mailhouse"), courier)
        for part in (courier, twilio, cmpp, smtp, letters):
            await part.open()
            stack.push_async_callback(part.close)
        yield Sandbox(twilio.port, cmpp.port, smtp.port)


def _line(config: SandboxConfig) -> Line:
    return Line(
        source=config.cmpp_account,
        secret=config.cmpp_secret.get_secret_value(),
        numbers=(config.cmpp_number,),
        services=(config.cmpp_service,),
        version=Version.named(config.cmpp_version),
        window=config.cmpp_window,
        connections=64,  # any number of workers
    )


async def run(config: SandboxConfig, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Serve until ``stop`` is set; ``clock`` is the business clock, shared with the product."""
    async with open_sandbox(config, clock or Clock()):
        await stop.wait()
