"""A mail system on loopback: takes, refuses and defers mail, sends real bounces and replies."""

import asyncio
import logging
import re
from collections.abc import Callable
from email import message_from_bytes
from hashlib import sha256

from aiosmtpd.smtp import SMTP, Envelope, Session

from outreach.clock import Clock
from outreach.ids import new_id
from outreach.sandbox.book import Book
from outreach.sandbox.config import SandboxConfig
from outreach.sandbox.courier import Courier
from outreach.sandbox.postmaster import HOST, Taken, reply, report
from outreach.sandbox.script import ARRIVES, Fate, Plan, plan

BOUNCES: dict[Fate, tuple[str, str]] = {
    Fate.BOUNCED: ("5.1.1", "550 5.1.1 mailbox unknown"),
    Fate.UNREACHABLE: ("5.2.2", "552 5.2.2 mailbox full"),
}
"""Status and diagnostic of what is returned after it was taken."""

_SIZE_LIMIT = 10 << 20
_DSN_OPTION = re.compile(r"\s(ENVID|RET|NOTIFY|ORCPT)=(\S*)", re.IGNORECASE)


class _Relay(SMTP):
    """aiosmtpd with the delivery report options (RFC 3461), which it does not know itself."""

    envelope_id = ""
    notify = ""

    async def smtp_MAIL(self, arg: str | None) -> None:
        self.envelope_id, self.notify = _dsn_options(arg).get("ENVID", ""), ""
        await super().smtp_MAIL(_DSN_OPTION.sub("", arg) if arg else arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        self.notify = _dsn_options(arg).get("NOTIFY", "").upper()
        await super().smtp_RCPT(_DSN_OPTION.sub("", arg) if arg else arg)


class SmtpSandbox:
    """Also the handler of aiosmtpd: the ``handle_`` names and arguments are its own."""

    def __init__(self, config: SandboxConfig, clock: Clock, book: Book, courier: Courier) -> None:
        self._config = config
        self._clock = clock
        self._book = book
        self._courier = courier
        self._greylisted: set[str] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # it logs every address it sees
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._sessions(loop), self._config.host, self._config.smtp_port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _sessions(self, loop: asyncio.AbstractEventLoop) -> Callable[[], SMTP]:
        return lambda: _Relay(
            self, data_size_limit=_SIZE_LIMIT, enable_SMTPUTF8=True, hostname=HOST, loop=loop
        )

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*lines[:-1], "250-DSN", "250-ENHANCEDSTATUSCODES", lines[-1]]

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        token = _token(envelope)
        fate = self._plan(token).fate
        person = sha256(address.encode()).hexdigest()
        if fate is Fate.DEAD:
            self._note(token, "", address, b"", fate, accepted=False)
            return "550 5.1.1 mailbox unknown"
        if fate is Fate.GREYLISTED and person not in self._greylisted:
            self._greylisted.add(person)
            self._note(token, "", address, b"", fate, accepted=False)
            return "451 4.7.1 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        body = envelope.content if isinstance(envelope.content, bytes) else b""
        token, queue_id = _token(envelope), new_id().hex[-12:]
        fate = self._plan(token)
        for address in envelope.rcpt_tos:
            self._note(token, queue_id, address, body, fate.fate, accepted=True)
        relay = server if isinstance(server, _Relay) else None
        taken = Taken(
            sender=envelope.mail_from or "",
            recipient=envelope.rcpt_tos[0],
            envelope_id=relay.envelope_id if relay else "",
            wants_success=bool(relay and "SUCCESS" in relay.notify),
            mail=message_from_bytes(body),
        )
        self._courier.later(self._carry(fate, taken))
        return f"250 2.0.0 Ok: queued as {queue_id}"

    async def handle_exception(self, error: Exception) -> str:
        return f"451 4.3.0 {type(error).__name__}"

    def _plan(self, token: str) -> Plan:
        config = self._config
        return plan(config.seed, token, config.mail, config.replies)

    def _note(
        self, token: str, queue_id: str, to: str, body: bytes, fate: Fate, *, accepted: bool
    ) -> None:
        self._book.write(
            token=token,
            message_id=queue_id,
            to=to,
            body=body,
            outcome=fate,
            accepted=accepted,
        )

    async def _carry(self, fate: Plan, taken: Taken) -> None:
        await self._courier.pause(fate.paces[0])
        now = self._clock.now()
        if fate.fate in BOUNCES:
            status, said = BOUNCES[fate.fate]
            await self._deliver("", taken.sender, report(taken, "failed", status, said, now))
        elif taken.wants_success:
            good = report(taken, "delivered", "2.0.0", "250 2.0.0 delivered", now)
            await self._deliver("", taken.sender, good)
        if fate.fate in ARRIVES and fate.reply:
            await self._courier.pause(fate.paces[1])
            answer = reply(taken, fate.reply, self._clock.now())
            await self._deliver(taken.recipient, taken.reply_to, answer)

    async def _deliver(self, sender: str, recipient: str, octets: bytes) -> None:
        await self._courier.mail(
            self._config.mail_host, self._config.mail_port, sender, recipient, octets
        )


def _dsn_options(arg: str | None) -> dict[str, str]:
    return {name.upper(): value for name, value in _DSN_OPTION.findall(arg or "")}


def _token(envelope: Envelope) -> str:
    """From the VERP sender: ``bounces+<token>@domain``."""
    return (envelope.mail_from or "").partition("@")[0].partition("+")[2].lower()
