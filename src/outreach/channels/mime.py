"""Writes one mail as octets: a fixed skeleton filled by hand.

``email.message.EmailMessage`` costs several times the whole SMTP conversation; this writes the few
headers a notice needs and nothing else, and refuses a value that could add another.
"""

import base64
import binascii
import re
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from outreach.domain.frozen import frozen

_WORD = 39  # octets of UTF-8 in one encoded word: 64 characters, so a header line stays under 76
_LINE = 76  # characters in one line of base64 (RFC 2045 section 6.8)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029<>]")


class UnsafeHeader(ValueError):
    """A header value holding a control character; says which header, never the value."""


@frozen
class Mail:
    """What goes into one mail; ``message_id`` without its angle brackets."""

    sender_name: str
    sender: str
    to: str
    reply_to: str
    subject: str
    text: str
    html: str | None
    message_id: str
    at: datetime


def write(mail: Mail) -> bytes:
    """RFC 5322 octets with CRLF, ready for DATA: no line begins with a dot.

    Raises ``UnsafeHeader`` (or ``UnicodeEncodeError`` for half a surrogate pair) before anything is
    on the wire.
    """
    headers = (
        f"Date: {_date(mail.at.replace(microsecond=0))}",
        f"From: {_from(mail.sender_name, mail.sender)}",
        f"To: <{_plain('To', mail.to)}>",
        f"Reply-To: <{_plain('Reply-To', mail.reply_to)}>",
        f"Subject: {_words('Subject', mail.subject)}",
        f"Message-ID: <{_plain('Message-ID', mail.message_id)}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    )
    head = "\r\n".join(headers).encode()
    if mail.html is None:
        return head + b"\r\n" + _part(b"plain", mail.text)
    edge = b"=_" + mail.message_id.partition("@")[0].encode()  # "=_" cannot occur in base64
    return b"".join(
        (
            head,
            b'\r\nContent-Type: multipart/alternative; boundary="',
            edge,
            b'"\r\n\r\n--',
            edge,
            b"\r\n",
            _part(b"plain", mail.text),
            b"--",
            edge,
            b"\r\n",
            _part(b"html", mail.html),
            b"--",
            edge,
            b"--\r\n",
        )
    )


def _part(kind: bytes, text: str) -> bytes:
    octets = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    whole = binascii.b2a_base64(octets, newline=False)
    lines = [whole[i : i + _LINE] for i in range(0, len(whole), _LINE)]
    return (
        b"Content-Type: text/" + kind + b"; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b"\r\n".join(lines) + b"\r\n"
    )


# What all mails of a second, or of a sender, have in common is worked out once.


@lru_cache(maxsize=8)
def _date(second: datetime) -> str:
    return format_datetime(second)


@lru_cache(maxsize=256)
def _from(name: str, address: str) -> str:
    return f"{_words('From', name)}\r\n <{_plain('From', address)}>"


def _plain(header: str, value: str) -> str:
    """A value that stands as it is: no control character, blank or angle bracket."""
    if not value or _UNSAFE.search(value):
        raise UnsafeHeader(header)
    return value


def _words(header: str, value: str) -> str:
    """Unstructured text as encoded words (RFC 2047), folded between them."""
    if _CONTROL.search(value):
        raise UnsafeHeader(header)
    if not value:
        return ""
    octets = value.encode()
    chunks: list[bytes] = []
    begin = 0
    while begin < len(octets):
        end = begin + _WORD
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        chunks.append(octets[begin:end])
        begin = end
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(c).decode()}?=" for c in chunks)
