"""Writes the mails a mail system and its users send back: delivery reports and replies."""

import base64
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.utils import format_datetime, parseaddr

from outreach.ids import new_id

HOST = "mx.sandbox.test"


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail we accepted, with its envelope (RFC 3461)."""

    sender: str
    recipient: str
    envelope_id: str
    wants_success: bool
    mail: Message

    @property
    def reply_to(self) -> str:
        return parseaddr(str(self.mail.get("Reply-To") or self.mail.get("From", "")))[1]


def report(taken: Taken, action: str, status: str, said: str, at: datetime) -> bytes:
    """A delivery status notification (RFC 3464) that returns the headers (RFC 6522)."""
    edge = f"report-{new_id().hex}"
    named = [f"Original-Envelope-Id: {taken.envelope_id}"] if taken.envelope_id else []
    return _octets(
        f"From: MAILER-DAEMON@{HOST}",
        f"To: {taken.sender}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: <{new_id().hex}@{HOST}>",
        f"Subject: Delivery status: {action}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f' boundary="{edge}"',
        "",
        f"--{edge}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"Your message: {action} ({said}).",
        "",
        f"--{edge}",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; {HOST}",
        *named,
        "",
        f"Final-Recipient: rfc822; {taken.recipient}",
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {said}",
        "",
        f"--{edge}",
        "Content-Type: text/rfc822-headers",
        "",
        *(f"{name}: {value}" for name, value in taken.mail.items()),
        "",
        f"--{edge}--",
    )


def reply(taken: Taken, text: str, at: datetime) -> bytes:
    """What the debtor answers, above a quotation, as mail programs do."""
    quoted = f"{text}\r\n\r\n在 {at:%Y-%m-%d} 您写道：\r\n> 原信\r\n"
    subject = base64.b64encode("回复".encode()).decode()
    return _octets(
        f"From: <{taken.recipient}>",
        f"To: <{taken.reply_to}>",
        f"Date: {format_datetime(at)}",
        f"Message-ID: <{new_id().hex}@debtor.test>",
        f"In-Reply-To: {taken.mail.get('Message-ID', '')}",
        f"Subject: =?utf-8?B?{subject}?=",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        *base64.encodebytes(quoted.encode()).decode().splitlines(),
    )


def _octets(*lines: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode(errors="replace")
