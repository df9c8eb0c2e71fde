"""Email by SMTP over kept sessions, and what comes back: bounces, absence notes, replies.

SMTP has no look-up. A bounce finds its notice by three marks that survive different damage: the
envelope sender (VERP), the envelope id (RFC 3461) and the Message-ID.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from datetime import datetime

import aiosmtplib

from outreach.channels.base import (
    Accepted,
    Callback,
    Fact,
    Message,
    Outcome,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from outreach.channels.dkim_signer import Sign
from outreach.channels.mime import Mail, write
from outreach.channels.returns import BOUNCES, Returns
from outreach.channels.smtp_codes import enhanced_code, meaning, slower
from outreach.channels.smtp_session import Session
from outreach.channels.token import Tokens
from outreach.clock import Clock
from outreach.domain.contact import Channel
from outreach.domain.errors import ConfigurationError
from outreach.domain.states import FailureClass
from outreach.settings import SmtpSettings

_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")
_START_INPUT = 354


class _Refused(Exception):
    """No session could be had; carries the outcome every message then gets."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


class Smtp:
    """One relay. ``tls`` replaces the system's trust for a relay with a private certificate."""

    channel = Channel.EMAIL

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        tokens: Tokens,
        clock: Clock,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        sign: Sign | None = None,
    ) -> None:
        if settings.security == "none" and settings.real:
            raise ConfigurationError(
                f"carrier {settings.name}: security = none is allowed on loopback only",
                'set security = "starttls" or "tls"',
            )
        self.name = settings.name
        self.concurrency = settings.concurrency
        self.real = settings.real
        self._settings = settings
        self._clock = clock
        self._password = password
        self._tls = tls
        self._sign = sign
        self._domain = settings.bounce_domain.lower()
        self._returns = Returns(settings.name, self._domain, settings.reply_to.lower(), tokens)
        self._idle: list[Session] = []
        self._slots = asyncio.Semaphore(settings.concurrency)
        notify = "SUCCESS,FAILURE,DELAY" if settings.success_reports else "FAILURE,DELAY"
        self._notify = f"NOTIFY={notify}".encode()

    async def open(self) -> None:
        """Sessions are made as they are needed, and kept."""

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for session in idle:
            try:
                async with asyncio.timeout(1):
                    await session.ask(b"QUIT")
            except (aiosmtplib.SMTPException, OSError):
                pass
            session.close()

    async def send(self, message: Message) -> Outcome:
        try:
            mail = self._write(message)
            recipient = _command_address(message.to)
        except ValueError:
            return PermanentFailure(FailureClass.REJECTED, "unsafe-header")
        async with self._slots:
            try:
                session = await self._session()
            except _Refused as refused:
                return refused.outcome
            if not recipient.isascii() and not session.offers("smtputf8"):
                self._idle.append(session)
                return PermanentFailure(FailureClass.REJECTED, "smtputf8")
            return await self._converse(session, message.token, recipient, mail)

    def _write(self, message: Message) -> bytes:
        mail = write(
            Mail(
                sender_name=message.sender_name,
                sender=self._settings.from_address,
                to=message.to,
                reply_to=self._settings.reply_to,
                subject=message.subject,
                text=message.text,
                html=message.html,
                message_id=self._message_id(message.token),
                at=self._clock.now(),
            )
        )
        return self._sign(mail) if self._sign else mail

    def _message_id(self, token: str) -> str:
        return f"{token}@{self._domain}"

    async def _session(self) -> Session:
        while self._idle:
            session = self._idle.pop()
            if session.is_connected:
                return session
            session.close()
        opening = aiosmtplib.SMTP(
            hostname=self._settings.host,
            port=self._settings.port,
            username=self._settings.username,
            password=self._password if self._settings.username else None,
            use_tls=self._settings.security == "tls",
            start_tls=self._settings.security == "starttls",
            tls_context=self._tls,
            timeout=self._settings.timeout_seconds,
            local_hostname=self._domain,
        )
        try:
            await opening.connect()
            if opening.is_ehlo_or_helo_needed:
                await opening.ehlo()
            return Session(opening, self._settings.timeout_seconds)
        except BaseException as error:
            opening.close()
            if isinstance(error, (aiosmtplib.SMTPException, OSError)):
                raise _Refused(_no_session(error)) from None
            raise

    async def _converse(
        self, session: Session, token: str, recipient: bytes, mail: bytes
    ) -> Outcome:
        """One mail on one session; the session is kept unless it broke."""
        left = False
        try:
            reply = await self._envelope(session, token, recipient)
            if reply.code == _START_INPUT:
                left = True
                session.send(mail + b".\r\n")  # our mails hold no line that begins with a dot
                reply = await session.reply()
        except aiosmtplib.SMTPResponseException:  # an answer that is no SMTP reply
            session.close()
            return OutcomeUnknown("garbage") if left else TemporaryFailure("garbage")
        except (aiosmtplib.SMTPException, OSError) as error:
            session.close()
            code = "timeout" if isinstance(error, TimeoutError) else "disconnect"
            return OutcomeUnknown(code) if left else TemporaryFailure(code)
        except BaseException:
            session.close()
            raise
        outcome = self._outcome(reply, token, left)
        await self._keep(session, clean=isinstance(outcome, Accepted))
        return outcome

    async def _keep(self, session: Session, *, clean: bool) -> None:
        try:
            if not clean and session.is_connected:
                await session.ask(b"RSET")
        except (aiosmtplib.SMTPException, OSError):
            session.close()
        except BaseException:
            session.close()
            raise
        if session.is_connected:
            self._idle.append(session)

    async def _envelope(
        self, session: Session, token: str, recipient: bytes
    ) -> aiosmtplib.SMTPResponse:
        """MAIL, RCPT, DATA: the reply to the first that was refused, or to DATA."""
        reports = session.offers("dsn")
        mail = [b"MAIL", f"FROM:<{BOUNCES}{token}@{self._domain}>".encode()]
        if reports:
            mail += [b"RET=HDRS", b"ENVID=" + token.encode()]
        if not recipient.isascii():
            mail.append(b"SMTPUTF8")
        rcpt = [b"RCPT", b"TO:<" + recipient + b">"]
        if reports:
            rcpt.append(self._notify)
        commands = (b" ".join(mail), b" ".join(rcpt), b"DATA")
        if session.offers("pipelining"):
            return await self._at_once(session, commands)
        for command in commands[:-1]:
            reply = await session.ask(command)
            if not _agreed(reply):
                return reply
        return await session.ask(commands[-1])

    async def _at_once(
        self, session: Session, commands: Sequence[bytes]
    ) -> aiosmtplib.SMTPResponse:
        """The same in one way there and back; no content is on its way yet."""
        session.send(b"".join(command + b"\r\n" for command in commands), len(commands))
        refused: aiosmtplib.SMTPResponse | None = None
        for command in commands:
            try:
                reply = await session.reply()
            except (aiosmtplib.SMTPException, OSError):
                if refused is None:
                    raise
                session.close()  # it refused, and went
                return refused
            if refused is None and command is not commands[-1] and not _agreed(reply):
                refused = reply
        if refused is None:
            return reply
        if reply.code == _START_INPUT:
            session.close()  # it waits for a content that is for nobody: we have none
        return refused

    def _outcome(self, reply: aiosmtplib.SMTPResponse, token: str, left: bool) -> Outcome:
        kind = reply.code // 100
        if left and kind == 2:
            raw = f"{reply.code} {_ADDRESS.sub('<...>', reply.message)}"
            return Accepted((self._message_id(token),), raw=raw)
        if kind in (4, 5):
            return _refusal(reply.code, reply.message)
        return OutcomeUnknown(str(reply.code)) if left else TemporaryFailure(str(reply.code))

    def verify(self, callback: Callback) -> None:
        self._returns.verify(callback)

    def parse(self, callback: Callback) -> Sequence[Fact]:
        return self._returns.parse(callback)

    async def look_up(self, message: Message, since: datetime) -> Sequence[Accepted]:  # noqa: ARG002
        """SMTP cannot be asked: a bounce, a reply or a person settles it."""
        return ()

    async def check(self) -> str:
        try:
            session = await self._session()
        except _Refused as refused:
            raise ConfigurationError(
                f"carrier {self.name}: no session with {self._settings.host}:"
                f"{self._settings.port} ({getattr(refused.outcome, 'code', '')})",
                "check host, port, security, username and the password's variable",
            ) from None
        offered = "with" if session.offers("dsn") else "without"
        self._idle.append(session)
        return f"{self.name}: SMTP relay answers, {offered} delivery reports"


def _agreed(reply: aiosmtplib.SMTPResponse) -> bool:
    """Whether MAIL or RCPT was taken; what only DATA may be answered is no answer."""
    if reply.code == _START_INPUT:
        raise aiosmtplib.SMTPResponseException(reply.code, "out of turn")
    return reply.code // 100 == 2


def _command_address(address: str) -> bytes:
    if not address or _UNSAFE.search(address):
        raise ValueError("not an address that can stand in a command")
    return address.encode()


def _refusal(code: int, text: str) -> Outcome:
    if code // 100 == 4:
        return TemporaryFailure(enhanced_code(text) or str(code), throttled=slower(code, text))
    said = meaning(code, text)
    return PermanentFailure(said.failure, said.code)


def _no_session(error: Exception) -> Outcome:
    """The relay was not reached, or would not have us: no mail has left."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        if error.code // 100 == 5:
            return PermanentFailure(FailureClass.ACCOUNT, str(error.code))
        code = str(error.code) if error.code > 0 else "garbage"
        return TemporaryFailure(code, throttled=slower(error.code, str(error.message)))
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return PermanentFailure(FailureClass.ACCOUNT, "tls")
    if isinstance(error, TimeoutError):
        return TemporaryFailure("timeout")
    if isinstance(error, OSError):
        return TemporaryFailure("connect")
    return PermanentFailure(FailureClass.ACCOUNT, "not-supported")  # STARTTLS, AUTH
