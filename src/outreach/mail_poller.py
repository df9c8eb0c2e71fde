"""Fetches answers from an IMAP mailbox, where our own mail door cannot be reached from outside.

A mail is moved out of the folder only once ``deliver`` has stored it, and the same mail twice is
seen by its digest: one that is fetched again, because we fell in between, changes nothing.
"""

import asyncio
import imaplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email import message_from_bytes
from email.message import Message as Mail
from email.utils import getaddresses

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from outreach.channels.returns import BOUNCES
from outreach.domain.errors import CallbackRejected, ConfigurationError
from outreach.logs import Log
from outreach.mailbox import KEPT, Deliver, cut, mailed
from outreach.settings import ImapSettings, SmtpSettings

BATCH = 100
_DELIVERED_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")

log = Log(__name__)


class MailPoller:
    """One carrier's mailbox. ``tls`` replaces the system's trust for a private certificate."""

    def __init__(
        self,
        carrier: SmtpSettings,
        password: str,
        deliver: Deliver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        assert carrier.imap is not None
        self._carrier = carrier
        self._imap: ImapSettings = carrier.imap
        self._password = password
        self._deliver = deliver
        self._tls = tls

    async def poll(self) -> int:
        """Take in what is there, oldest first, at most ``BATCH``; how many that were.

        Raises ``OSError`` while the server cannot be reached, ``ConfigurationError`` where it will
        not have us.
        """
        session = await asyncio.to_thread(self._open)
        try:
            uids = await asyncio.to_thread(self._uids, session)
            for uid in uids:
                content = await asyncio.to_thread(_fetch, session, uid)
                folder = await self._take(content) if content is not None else None
                if folder:
                    await asyncio.to_thread(session.move, uid, folder)
            return len(uids)
        except (ImapToolsError, imaplib.IMAP4.error) as error:
            raise ConnectionError(f"{self._imap.host}: {type(error).__name__}") from None
        finally:
            await asyncio.to_thread(_close, session)

    def _open(self) -> BaseMailBox:
        imap = self._imap
        try:
            session = self._connect()
        except (ImapToolsError, imaplib.IMAP4.error) as error:
            raise ConnectionError(f"{imap.host}: {type(error).__name__}") from None
        try:
            session.login(imap.username, self._password, None)
            if "ID" in session.client.capabilities:  # some will not let us in before they know it
                session.client.xatom("ID", '("name" "outreach")')
            for folder in (imap.done_folder, imap.refused_folder):
                if not session.folder.exists(folder):
                    session.folder.create(folder)
            session.folder.set(imap.folder)
        except (ImapToolsError, imaplib.IMAP4.error):
            _close(session)
            raise ConfigurationError(
                f"carrier {self._carrier.name}: the mailbox at {imap.host} will not have us",
                f"check [imap] username, folder and the variable {imap.password_env}",
            ) from None
        return session

    def _connect(self) -> BaseMailBox:
        imap, tls = self._imap, self._tls or ssl.create_default_context()
        match imap.security:
            case "tls":
                return MailBox(imap.host, imap.port, imap.timeout_seconds, ssl_context=tls)
            case "starttls":
                return MailBoxStartTls(imap.host, imap.port, imap.timeout_seconds, tls)
            case _:
                return MailBoxUnencrypted(imap.host, imap.port, imap.timeout_seconds)

    def _uids(self, session: BaseMailBox) -> Sequence[str]:
        return session.uids("ALL", None)[:BATCH]

    async def _take(self, content: bytes) -> str:
        """Hand one mail on; the folder it belongs in then."""
        headers: Mail = message_from_bytes(content.partition(b"\r\n\r\n")[0])
        sender = str(headers.get("Return-Path", "")).strip(" <>")
        try:
            await self._deliver(
                mailed(self._carrier.name, sender, self._addressee(headers), content)
            )
        except CallbackRejected as error:
            log.warning("mail_refused", carrier=self._carrier.name, error=error)
            return self._imap.refused_folder
        return self._imap.done_folder

    def _addressee(self, headers: Mail) -> str:
        """Which of our addresses it came to: hosts write it down in one header or another."""
        named = [str(value) for name in _DELIVERED_TO for value in headers.get_all(name, [])]
        bounces, replies = f"@{self._carrier.bounce_domain}".lower(), self._carrier.reply_to.lower()
        found = (address.lower() for _, address in getaddresses(named))
        ours = (a for a in found if a == replies or (a.startswith(BOUNCES) and a.endswith(bounces)))
        return next(ours, replies)


def _fetch(session: BaseMailBox, uid: str) -> bytes | None:
    """The mail's first ``KEPT`` octets; None if it has gone meanwhile."""
    _, found = session.client.uid("FETCH", uid, f"(BODY.PEEK[]<0.{KEPT + 1}>)")
    content = next((each[1] for each in found if isinstance(each, tuple)), None)
    return cut(content) if isinstance(content, bytes) else None


def _close(session: BaseMailBox) -> None:
    """Say goodbye, if anybody still listens."""
    with suppress(ImapToolsError, imaplib.IMAP4.error, OSError):
        session.logout()
    with suppress(OSError):
        session.client.shutdown()
