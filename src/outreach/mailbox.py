"""The mail door: takes bounces and replies by SMTP and hands each on as a callback.

A mail is answered 250 only when ``deliver`` has stored it; otherwise the sender keeps it and tries
again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiosmtpd.smtp import SMTP, Envelope, Session

from outreach.channels.base import Callback
from outreach.domain.errors import CallbackRejected
from outreach.logs import Log

SIZE_LIMIT = 32 << 20
"""Octets of one mail; people answer with photographs of receipts."""
KEPT = 1 << 20
"""Octets of one that are kept: words come before what is attached."""

_BOUNCES = "bounces+"

log = Log(__name__)

Deliver = Callable[[Callback], Awaitable[object]]


async def open_mailbox(
    host: str, port: int, deliver: Deliver, mailboxes: Mapping[str, str]
) -> asyncio.Server:
    """Listen for mail; ``mailboxes`` maps what we accept to the carrier it belongs to.

    A key is a whole address (``reply@bank.test``) or ``@domain`` for ``bounces+<token>@domain``.
    ``deliver`` gets a ``Callback`` with path ``mailbox``, a ``smtp:`` URL, the raw mail as body and
    the headers ``x-envelope-from`` and ``x-envelope-to``. Close the server as any other.
    """
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd logs every address it sees
    handler = _Door(deliver, {address.lower(): name for address, name in mailboxes.items()})
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(
            handler,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="outreach",
            ident="ESMTP",
            loop=loop,
            timeout=60,
        )

    return await loop.create_server(session, host, port)


def mailed(carrier: str, sender: str, to: str, body: bytes) -> Callback:
    """A mail that came in, as the callback that its carrier's adapter reads."""
    headers = {"x-envelope-from": sender, "x-envelope-to": to}
    return Callback(carrier, "mailbox", "smtp:mailbox", headers, body)


def cut(content: bytes) -> bytes:
    """A mail as it is kept: of a long one its beginning, up to the end of a line."""
    if len(content) <= KEPT:
        return content
    return content[: content.rfind(b"\n", 0, KEPT) + 1 or KEPT]


class _Door:
    """Handler hooks of aiosmtpd; their names and arguments are its own."""

    def __init__(self, deliver: Deliver, mailboxes: Mapping[str, str]) -> None:
        self._deliver = deliver
        self._mailboxes = mailboxes

    def _carrier(self, address: str) -> str | None:
        local, _, domain = address.lower().rpartition("@")
        if local.startswith(_BOUNCES):
            return self._mailboxes.get(f"@{domain}")
        return self._mailboxes.get(f"{local}@{domain}")

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self._carrier(address) is None:
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
    ) -> str:
        body = cut(envelope.content) if isinstance(envelope.content, bytes) else b""
        try:
            for address in envelope.rcpt_tos:
                sender = (envelope.mail_from or "").strip("<>")
                await self._deliver(mailed(self._carrier(address) or "", sender, address, body))
        except CallbackRejected:
            return "550 5.7.1 not a mail we can take"
        except Exception as error:
            # whatever went wrong, the mail must stay with its sender; its text stays out of the log
            log.error("mail_not_stored", error=error)
            return "451 4.3.0 not stored, try again"
        return "250 2.0.0 stored"

    async def handle_exception(self, error: Exception) -> str:
        log.error("mail_session_broke", error=error)
        return "451 4.3.0 try again"
