"""A short message's text as octets and back: charsets, and long messages in parts.

A part carries at most 140 octets with its header (3GPP TS 23.040, section 9.2.3.24): six octets
with a reference of one octet (9.2.3.24.1), seven with one of two (9.2.3.24.8).
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import IntEnum

BEIJING = timezone(timedelta(hours=8))
"""The zone of every time in the protocol."""

_WHOLE = 140  # octets of a message alone, or of a part with its header
_ENDS = 256  # parts one message may have, as a header counts them
_JOIN = {0x00: ">BBB", 0x08: ">HBB"}  # elements of a header that say which part this is


class Format(IntEnum):
    """Msg_Fmt. Most gateways take Chinese as UCS-2, a few as GB octets alone."""

    ASCII = 0
    BINARY = 4
    UCS2 = 8
    GB = 15


_CODECS = {Format.UCS2: "utf-16-be", Format.GB: "gb18030"}


class TooLong(ValueError):
    """More parts than a header can count."""


def split(text: str, format_: Format, reference: int, *, wide: bool = False) -> list[bytes]:
    """The contents of a message's parts, each with its header; without one if it is alone.

    ``reference`` is what a telephone joins parts by; ``wide`` makes it two octets instead of one.
    No character lies across two parts. Raises ``UnicodeEncodeError`` for what the charset lacks.
    """
    codec = _CODECS[format_]
    whole = text.encode(codec)
    if len(whole) <= _WHOLE:
        return [whole]
    header = struct.Struct(">BBBHBB" if wide else ">BBBBBB")
    bodies = list(_cut(text, codec, _WHOLE - header.size))
    if len(bodies) >= _ENDS:
        raise TooLong(f"{len(bodies)} parts")
    start = (6, 0x08, 4, reference & 0xFFFF) if wide else (5, 0x00, 3, reference & 0xFF)
    return [
        header.pack(*start, len(bodies), number) + body for number, body in enumerate(bodies, 1)
    ]


def _cut(text: str, codec: str, room: int) -> Iterator[bytes]:
    body = b""
    for char in text:
        octets = char.encode(codec)
        if len(body) + len(octets) > room:
            yield body
            body = b""
        body += octets
    yield body


@dataclass(frozen=True, slots=True)
class Part:
    """Part ``number`` of ``total``, from 1; of one part where there is no header."""

    reference: int
    total: int
    number: int
    content: bytes


def read_part(content: bytes, *, has_header: bool) -> Part:
    """Take a header off; one that cannot be is left as text, for nothing may be lost.

    A header may hold other elements than the one that joins: each is an id, a length and so many
    octets.
    """
    alone = Part(0, 1, 1, content)
    if not has_header or not content or len(content) <= content[0]:
        return alone
    at, end = 1, 1 + content[0]
    while at + 2 <= end:
        element, length = content[at], content[at + 1]
        octets = content[at + 2 : at + 2 + length]
        layout = _JOIN.get(element)
        if layout and length == struct.calcsize(layout) and at + 2 + length <= end:
            reference, total, number = struct.unpack(layout, octets)
            if 1 <= number <= total:
                return Part(reference, total, number, content[end:])
        at += 2 + length
    return Part(0, 1, 1, content[end:])


def joined(parts: Sequence[Part]) -> bytes:
    """The content of a message whose parts are all there, in whatever order they came."""
    return b"".join(part.content for part in sorted(parts, key=lambda part: part.number))


def decoded(content: bytes, format_: int) -> str:
    """The text, as far as it is one: gateways name the wrong charset now and then.

    Octets that are no text of the charset named are read as GB, which holds ASCII; what is left
    over becomes U+FFFD, never an error.
    """
    low = format_ & 0x0F  # 16 more, as some add, make it a message that is shown at once
    codec = "utf-16-be" if low == Format.UCS2 else "gb18030"
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return content.decode("gb18030" if codec != "gb18030" else codec, "replace")


def valid_until(at: datetime) -> str:
    """ValId_Time (SMPP 3.3): ``YYMMDDhhmmsstnnp``, tenths of a second and quarters of an hour."""
    return f"{at.astimezone(BEIJING):%y%m%d%H%M%S}032+"


def read_minute(text: str) -> datetime | None:
    """YYMMDDHHMM of China; None for what is none, as gateways leave it empty or all zeros."""
    try:
        return datetime.strptime(text, "%y%m%d%H%M").replace(tzinfo=BEIJING)
    except ValueError:
        return None
