"""CMPP 2.0 and 3.0 on the wire: what travels between a sender and an operator's gateway, and back.

Pure: octets to values and values to octets, nothing is sent here. Source: China Mobile's
specification CMPP 3.0 (QB-GF-028-2003), whose history of changes says what 2.0 had; section numbers
below are its. Integers are unsigned and big-endian; a string is ASCII of a fixed length, filled up
with NUL, and ends at its first NUL when read.

A length that cannot be cannot be recovered from either: whoever gets ``BadFrame`` drops the link.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import lru_cache
from hashlib import md5
from typing import Any, ClassVar, Self

from outreach.domain.frozen import frozen

HEADER = 12
LARGEST = 4096
"""Octets of a message; 99 recipients and 159 octets of text make 3490 in 3.0."""
LAST_SEQUENCE = 0x7FFFFFFF
"""The highest number we give; gateways that count with a sign exist. Any number is read."""
RECIPIENTS = 99
RESPONSE = 0x80000000

_HEADER = struct.Struct(">III")


class BadFrame(ValueError):
    """Octets that are no message of this protocol; says which field, never what stood in it."""


class Version(Enum):
    """A version's layouts; 2.1 and 1.2 use those of 2.0."""

    V2 = 0x20
    V3 = 0x30

    @classmethod
    def named(cls, name: str) -> Self:
        """The layouts of "2.0" or "3.0"."""
        return cls(0x30 if name == "3.0" else 0x20)

    @property
    def number_length(self) -> int:
        """Octets of a telephone number."""
        return 21 if self is Version.V2 else 32

    @property
    def status_length(self) -> int:
        """Octets of a status or result in an answer."""
        return 1 if self is Version.V2 else 4

    @property
    def tail_length(self) -> int:
        """Octets after the text: reserved in 2.0, LinkID in 3.0."""
        return 8 if self is Version.V2 else 20


class Command(IntEnum):
    CONNECT = 0x00000001
    TERMINATE = 0x00000002
    SUBMIT = 0x00000004
    DELIVER = 0x00000005
    QUERY = 0x00000006
    CANCEL = 0x00000007
    ACTIVE_TEST = 0x00000008
    CONNECT_RESP = RESPONSE | CONNECT
    TERMINATE_RESP = RESPONSE | TERMINATE
    SUBMIT_RESP = RESPONSE | SUBMIT
    DELIVER_RESP = RESPONSE | DELIVER
    QUERY_RESP = RESPONSE | QUERY
    CANCEL_RESP = RESPONSE | CANCEL
    ACTIVE_TEST_RESP = RESPONSE | ACTIVE_TEST


# ------------------------------------------------------------------------------------------ frames


class Frames:
    """Cuts a stream of octets into messages; never holds more than one unfinished message."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def held(self) -> int:
        """Octets of a message that has not come whole."""
        return len(self._held)

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """Each whole message, header included; raises ``BadFrame`` for a length that cannot be.

        To be used up before the next is fed.
        """
        self._held += octets
        held, at = self._held, 0
        try:
            while len(held) - at >= 4:
                length = int.from_bytes(held[at : at + 4])
                if not HEADER <= length <= LARGEST:
                    raise BadFrame("Total_Length")
                if len(held) - at < length:
                    break
                yield bytes(held[at : at + length])
                at += length
        finally:
            del held[:at]


def _frame(command: Command, sequence: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(HEADER + len(body), command, sequence) + body


def _string(name: str, value: str, length: int) -> bytes:
    """Raises ``ValueError`` for what does not fit, before anything is on the wire."""
    if len(value) > length or not value.isascii() or "\0" in value:
        raise ValueError(f"{name} takes at most {length} ASCII characters")
    return value.encode().ljust(length, b"\0")


@lru_cache(maxsize=64)
def _constant(name: str, value: str, length: int) -> bytes:
    """``_string`` of what the contract says, and so is the same in every message."""
    return _string(name, value, length)


def _text(octets: bytes) -> str:
    """Up to the first NUL, without blanks around it; whatever is not ASCII stays visible."""
    return octets.partition(b"\0")[0].decode("ascii", "backslashreplace").strip()


def _unpack(layout: struct.Struct, name: str, body: bytes) -> tuple[Any, ...]:
    if len(body) != layout.size:
        raise BadFrame(f"the length of {name}")
    return layout.unpack(body)


# -------------------------------------------------------------------------------- CONNECT (7.4.1)


@dataclass(frozen=True, slots=True)
class Connect:
    """``timestamp`` is MMDDHHMMSS, ten digits."""

    command: ClassVar = Command.CONNECT
    layout: ClassVar = struct.Struct(">6s16sBI")

    source: str
    digest: bytes
    version: int
    timestamp: str

    def body(self, _: Version) -> bytes:
        source = _string("Source_Addr", self.source, 6)
        return self.layout.pack(source, self.digest, self.version, int(self.timestamp))

    @classmethod
    def read(cls, body: bytes, _: Version) -> Self:
        source, digest, version, timestamp = _unpack(cls.layout, "CONNECT", body)
        return cls(_text(source), digest, version, str(timestamp).zfill(10))


def connect_digest(source: str, secret: str, timestamp: str) -> bytes:
    """AuthenticatorSource: ``timestamp`` is hashed as text, with the zero it may begin with."""
    return _md5(source.encode() + bytes(9) + secret.encode() + timestamp.encode())


@dataclass(frozen=True, slots=True)
class ConnectResp:
    """``digest`` is of 16 zeros where the login was refused."""

    command: ClassVar = Command.CONNECT_RESP
    layouts: ClassVar = {Version.V2: struct.Struct(">B16sB"), Version.V3: struct.Struct(">I16sB")}

    status: int
    digest: bytes
    version: int

    def body(self, version: Version) -> bytes:
        return self.layouts[version].pack(self.status, self.digest, self.version)

    @classmethod
    def read(cls, body: bytes, version: Version) -> Self:
        return cls(*_unpack(cls.layouts[version], "CONNECT_RESP", body))


def answer_digests(status: int, connect: bytes, secret: str) -> tuple[bytes, bytes]:
    """AuthenticatorISMG with a status of one octet and of four.

    By the specification 2.0 has one and 3.0 has four; gateways that always hash four exist.
    """
    end = connect + secret.encode()
    return _md5((status & 0xFF).to_bytes(1) + end), _md5(status.to_bytes(4) + end)


def _md5(octets: bytes) -> bytes:
    return md5(octets, usedforsecurity=False).digest()  # the protocol knows no other


# --------------------------------------------------------------------------------- SUBMIT (7.4.3)


@frozen
class Submit:
    """One part of a message to one recipient or several. ``content`` holds its own header of a long
    message where ``udhi`` says so. The names are the specification's, in words; ``message_id`` is
    for the gateway to give.
    """

    command: ClassVar = Command.SUBMIT
    layouts: ClassVar = {
        Version.V2: struct.Struct(">QBBBB10sB21sBBB6s2s6s17s17s21sB"),
        Version.V3: struct.Struct(">QBBBB10sB32sBBBB6s2s6s17s17s21sB"),
    }

    recipients: tuple[str, ...]
    content: bytes
    format: int
    source: str  # Src_Id: our number and the digits we add
    account: str  # Msg_src
    service: str = ""
    part: int = 1
    parts: int = 1
    report: int = 1  # Registered_Delivery
    level: int = 1
    fee_user: int = 2  # the sender pays
    fee_terminal: str = ""
    fee_type: str = "01"
    fee_code: str = "0"
    udhi: int = 0
    pid: int = 0
    valid_until: str = ""  # ValId_Time
    at: str = ""  # At_Time
    message_id: int = 0

    def body(self, version: Version) -> bytes:
        if not 1 <= len(self.recipients) <= RECIPIENTS:
            raise ValueError(f"a SUBMIT has 1 to {RECIPIENTS} recipients")
        if len(self.content) > 255:
            raise ValueError("Msg_Content takes at most 255 octets")
        wide = (0,) if version is Version.V3 else ()
        number = version.number_length
        head = self.layouts[version].pack(
            self.message_id,
            self.parts,
            self.part,
            self.report,
            self.level,
            _constant("Service_Id", self.service, 10),
            self.fee_user,
            _constant("Fee_terminal_Id", self.fee_terminal, number),
            *wide,
            self.pid,
            self.udhi,
            self.format,
            _constant("Msg_src", self.account, 6),
            _constant("FeeType", self.fee_type, 2),
            _constant("FeeCode", self.fee_code, 6),
            _string("ValId_Time", self.valid_until, 17),
            _constant("At_Time", self.at, 17),
            _string("Src_Id", self.source, 21),
            len(self.recipients),
        )
        to = b"".join(_string("Dest_terminal_Id", each, number) for each in self.recipients)
        text = bytes((*wide, len(self.content))) + self.content
        return head + to + text + bytes(version.tail_length)

    @classmethod
    def read(cls, body: bytes, version: Version) -> Self:
        layout, number = cls.layouts[version], version.number_length
        if len(body) < layout.size:
            raise BadFrame("the length of SUBMIT")
        fields = list(layout.unpack_from(body))
        if version is Version.V3:
            del fields[8]  # Fee_terminal_type
        count = fields.pop()
        at = layout.size + count * number
        begin = at + (2 if version is Version.V3 else 1)
        if len(body) < begin:
            raise BadFrame("DestUsr_tl")
        content = body[begin : begin + body[begin - 1]]
        if len(body) != begin + body[begin - 1] + version.tail_length:
            raise BadFrame("Msg_Length")
        to = tuple(_text(body[n : n + number]) for n in range(layout.size, at, number))
        id_, parts, part, report, level, service, fee_user, fee_terminal, *rest = fields
        pid, udhi, format_, account, fee_type, fee_code, valid_until, later, source = rest
        return cls(
            recipients=to,
            content=content,
            format=format_,
            source=_text(source),
            account=_text(account),
            service=_text(service),
            part=part,
            parts=parts,
            report=report,
            level=level,
            fee_user=fee_user,
            fee_terminal=_text(fee_terminal),
            fee_type=_text(fee_type),
            fee_code=_text(fee_code),
            udhi=udhi,
            pid=pid,
            valid_until=_text(valid_until),
            at=_text(later),
            message_id=id_,
        )


@frozen
class _Answer:
    """An id and a result of one octet in 2.0 and of four in 3.0."""

    layouts: ClassVar = {Version.V2: struct.Struct(">QB"), Version.V3: struct.Struct(">QI")}

    message_id: int
    result: int

    def body(self, version: Version) -> bytes:
        return self.layouts[version].pack(self.message_id, self.result)

    @classmethod
    def read(cls, body: bytes, version: Version) -> Self:
        return cls(*_unpack(cls.layouts[version], cls.__name__, body))


class SubmitResp(_Answer):
    """``message_id`` is the gateway's, of the first recipient; those of the others follow it."""

    command: ClassVar = Command.SUBMIT_RESP
    __slots__ = ()


@frozen
class MessageId:
    """A gateway's id taken apart (7.4.3.2); it has no year, so it comes again after one."""

    month: int
    day: int
    hour: int
    minute: int
    second: int
    gateway: int
    number: int

    WIDTHS: ClassVar = (4, 5, 5, 6, 6, 22, 16)

    @classmethod
    def read(cls, value: int) -> Self:
        fields: list[int] = []
        for width in reversed(cls.WIDTHS):
            fields.insert(0, value & (1 << width) - 1)
            value >>= width
        return cls(*fields)

    @staticmethod
    def month_day(value: int) -> tuple[int, int]:
        """Month and day alone."""
        return value >> 60, value >> 55 & 0x1F

    def __int__(self) -> int:
        value = 0
        fields = (
            self.month,
            self.day,
            self.hour,
            self.minute,
            self.second,
            self.gateway,
            self.number,
        )
        for width, field in zip(self.WIDTHS, fields, strict=True):
            value = value << width | field
        return value


# -------------------------------------------------------------------------------- DELIVER (7.4.5)


@frozen
class Deliver:
    """A telephone's message to us, or with ``report`` 1 a status report about one of ours."""

    command: ClassVar = Command.DELIVER
    layouts: ClassVar = {
        Version.V2: struct.Struct(">Q21s10sBBB21sBB"),
        Version.V3: struct.Struct(">Q21s10sBBB32sBBB"),
    }

    message_id: int
    recipient: str  # our number and the digits we added
    sender: str
    report: int
    content: bytes
    format: int = 0
    udhi: int = 0
    pid: int = 0
    service: str = ""

    def body(self, version: Version) -> bytes:
        wide = (0,) if version is Version.V3 else ()
        head = self.layouts[version].pack(
            self.message_id,
            _string("Dest_Id", self.recipient, 21),
            _string("Service_Id", self.service, 10),
            self.pid,
            self.udhi,
            self.format,
            _string("Src_terminal_Id", self.sender, version.number_length),
            *wide,
            self.report,
            len(self.content),
        )
        return head + self.content + bytes(version.tail_length)

    @classmethod
    def read(cls, body: bytes, version: Version) -> Self:
        """What comes after the text is not read: some gateways leave the LinkID short."""
        layout = cls.layouts[version]
        if len(body) < layout.size:
            raise BadFrame("the length of DELIVER")
        fields = list(layout.unpack_from(body))
        if version is Version.V3:
            del fields[7]  # Src_terminal_type
        id_, recipient, service, pid, udhi, format_, sender, report, length = fields
        content = body[layout.size : layout.size + length]
        if len(content) != length or len(body) > layout.size + length + version.tail_length:
            raise BadFrame("Msg_Length")
        return cls(
            message_id=id_,
            recipient=_text(recipient),
            sender=_text(sender),
            report=report,
            content=content,
            format=format_,
            udhi=udhi,
            pid=pid,
            service=_text(service),
        )


class DeliverResp(_Answer):
    """``message_id`` is that of the DELIVER itself, not of the message it reports on."""

    command: ClassVar = Command.DELIVER_RESP
    __slots__ = ()


@frozen
class Report:
    """A status report's content (7.4.5.1). Times are YYMMDDHHMM of China, or anything else."""

    layouts: ClassVar = {
        60: struct.Struct(">Q7s10s10s21sI"),
        71: struct.Struct(">Q7s10s10s32sI"),
    }

    message_id: int  # as the SUBMIT_RESP gave it
    stat: str
    submitted: str
    done: str
    recipient: str
    number: int = 0  # SMSC_sequence

    def content(self, length: int) -> bytes:
        """In 60 octets (2.0) or 71 (3.0)."""
        layout = self.layouts[length]
        return layout.pack(
            self.message_id,
            _string("Stat", self.stat, 7),
            _string("Submit_time", self.submitted, 10),
            _string("Done_time", self.done, 10),
            _string("Dest_terminal_Id", self.recipient, length - 39),
            self.number,
        )

    @classmethod
    def read(cls, content: bytes) -> Self:
        """By its length, not by the link's version: gateways of 3.0 send the shorter one too.

        Raises ``BadFrame``; the DELIVER around it is sound, so the link is not to be dropped.
        """
        layout = cls.layouts.get(len(content))
        if layout is None:
            raise BadFrame("the length of a status report")
        id_, stat, submitted, done, recipient, number = layout.unpack(content)
        return cls(id_, _text(stat), _text(submitted), _text(done), _text(recipient), number)


# ------------------------------------------------------ QUERY, CANCEL, ACTIVE_TEST, TERMINATE (7.4)


@dataclass(frozen=True, slots=True)
class Query:
    """A day's totals, ``day`` YYYYMMDD; of one service where ``kind`` is 1."""

    command: ClassVar = Command.QUERY
    layout: ClassVar = struct.Struct(">8sB10s8s")

    day: str
    kind: int = 0
    code: str = ""

    def body(self, _: Version) -> bytes:
        code = _string("Query_Code", self.code, 10)
        return self.layout.pack(_string("Time", self.day, 8), self.kind, code, bytes(8))

    @classmethod
    def read(cls, body: bytes, _: Version) -> Self:
        day, kind, code, _reserved = _unpack(cls.layout, "QUERY", body)
        return cls(_text(day), kind, _text(code))


@dataclass(frozen=True, slots=True)
class QueryResp:
    """``counts``: messages and recipients taken, forwarded, waiting, failed; of those that came
    from telephones forwarded, waiting, failed.
    """

    command: ClassVar = Command.QUERY_RESP
    layout: ClassVar = struct.Struct(">8sB10s8I")

    day: str
    kind: int
    code: str
    counts: tuple[int, ...]

    def body(self, _: Version) -> bytes:
        code = _string("Query_Code", self.code, 10)
        return self.layout.pack(_string("Time", self.day, 8), self.kind, code, *self.counts)

    @classmethod
    def read(cls, body: bytes, _: Version) -> Self:
        day, kind, code, *counts = _unpack(cls.layout, "QUERY_RESP", body)
        return cls(_text(day), kind, _text(code), tuple(counts))


@dataclass(frozen=True, slots=True)
class Cancel:
    command: ClassVar = Command.CANCEL
    layout: ClassVar = struct.Struct(">Q")

    message_id: int

    def body(self, _: Version) -> bytes:
        return self.layout.pack(self.message_id)

    @classmethod
    def read(cls, body: bytes, _: Version) -> Self:
        return cls(*_unpack(cls.layout, "CANCEL", body))


@dataclass(frozen=True, slots=True)
class CancelResp:
    """``success`` is 0 when it was done."""

    command: ClassVar = Command.CANCEL_RESP

    success: int

    def body(self, version: Version) -> bytes:
        return self.success.to_bytes(version.status_length)

    @classmethod
    def read(cls, body: bytes, version: Version) -> Self:
        if len(body) != version.status_length:
            raise BadFrame("the length of CANCEL_RESP")
        return cls(int.from_bytes(body))


@dataclass(frozen=True, slots=True)
class _Empty:
    def body(self, _: Version) -> bytes:
        return b""

    @classmethod
    def read(cls, body: bytes, _: Version) -> Self:
        if body:
            raise BadFrame(f"the length of {cls.__name__}")
        return cls()


class ActiveTest(_Empty):
    command: ClassVar = Command.ACTIVE_TEST
    __slots__ = ()


class ActiveTestResp(_Empty):
    """With one reserved octet; without it too, as it was before 2.0."""

    command: ClassVar = Command.ACTIVE_TEST_RESP
    __slots__ = ()

    def body(self, _: Version) -> bytes:
        return b"\0"

    @classmethod
    def read(cls, body: bytes, _: Version) -> Self:
        if len(body) > 1:
            raise BadFrame("the length of ACTIVE_TEST_RESP")
        return cls()


class Terminate(_Empty):
    command: ClassVar = Command.TERMINATE
    __slots__ = ()


class TerminateResp(_Empty):
    command: ClassVar = Command.TERMINATE_RESP
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a command we do not know, well framed: to be noted, and passed over."""

    number: int


Pdu = (
    Connect
    | ConnectResp
    | Submit
    | SubmitResp
    | Deliver
    | DeliverResp
    | Query
    | QueryResp
    | Cancel
    | CancelResp
    | ActiveTest
    | ActiveTestResp
    | Terminate
    | TerminateResp
)

_READERS = {each.command: each.read for each in Pdu.__args__}


def encode(pdu: Pdu, sequence: int, version: Version) -> bytes:
    """The octets of a message; raises ``ValueError`` for a value its field does not take."""
    return _frame(pdu.command, sequence, pdu.body(version))


def decode(frame: bytes, version: Version) -> tuple[int, Pdu | Unknown]:
    """The sequence number and the message of what ``Frames`` cut; raises ``BadFrame``."""
    if len(frame) < HEADER or int.from_bytes(frame[:4]) != len(frame):
        raise BadFrame("Total_Length")
    _, command, sequence = _HEADER.unpack_from(frame)
    read = _READERS.get(command)
    if read is None:
        return sequence, Unknown(command)
    return sequence, read(frame[HEADER:], version)
