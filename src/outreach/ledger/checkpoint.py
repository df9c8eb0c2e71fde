"""Checkpoints: the log's size and root, signed, as C2SP tlog-checkpoint and signed-note write it.

```
bank.example/outreach                    the log's name
20852163                                 how many leaves
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
signed 2026-11-26T02:00:00.000000Z       by our clock; an extension line
after 20851000                           the size of the checkpoint before; 0 of the first

— bank.example/outreach Az3grl...        key hash (4) and Ed25519 signature (64), base64
```

A note may bear several signatures, of an old key and its successor. Each names the one before it,
so that none can be taken out unseen.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from outreach.domain.frozen import frozen
from outreach.ledger.envelope import canonical, instant
from outreach.ledger.keys import parse_versions

ED25519 = b"\x01"  # C2SP signed-note's number of the algorithm
_NAME = re.compile(r"[^\s+]{1,200}")
_SIGNED = "signed "
_AFTER = "after "
_SIZE = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)


class BadCheckpoint(ValueError):
    """What is wrong with a note; says no more than that."""


def leaf(stream: str, seq: int, head: bytes) -> bytes:
    """A leaf of the log, ``{"head", "seq", "stream"}``: a stream's head after ``seq`` events."""
    return canonical({"head": head.hex(), "seq": seq, "stream": stream})


@frozen
class Checkpoint:
    """A tree's size and root at an instant; ``after`` is the size of the one before, or 0."""

    origin: str
    size: int
    root: bytes
    at: datetime
    after: int

    @property
    def body(self) -> bytes:
        """What is signed."""
        root = base64.b64encode(self.root).decode()
        extensions = f"{_SIGNED}{instant(self.at)}\n{_AFTER}{self.after}\n"
        return f"{self.origin}\n{self.size}\n{root}\n{extensions}".encode()

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read a note's text; raises ``BadCheckpoint``."""
        lines = body.split("\n")
        if len(lines) < 6 or lines[-1] or not _NAME.fullmatch(lines[0]):
            raise BadCheckpoint("no checkpoint: it needs a name, a size, a root and a time")
        origin, size, root, signed, after = lines[:5]
        if not _SIZE.fullmatch(size):
            raise BadCheckpoint("its size is no number")
        if not after.startswith(_AFTER) or not _SIZE.fullmatch(after.removeprefix(_AFTER)):
            raise BadCheckpoint("it does not say which one came before")
        if not signed.startswith(_SIGNED):
            raise BadCheckpoint("its time is missing")
        try:
            found = cls(
                origin,
                int(size),
                base64.b64decode(root, validate=True),
                datetime.fromisoformat(signed.removeprefix(_SIGNED)),
                int(after.removeprefix(_AFTER)),
            )
        except (ValueError, binascii.Error):
            raise BadCheckpoint("its root or time cannot be read") from None
        if found.body.decode() != body or len(found.root) != 32:
            raise BadCheckpoint("it is not written as checkpoints are")
        return found


@frozen
class PublicKey:
    """A key that checks signatures, and the log it signs for."""

    origin: str
    raw: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the 32 bytes of the key, in hex: what a contract's annex names."""
        return sha256(self.raw).hexdigest()

    @property
    def printed(self) -> str:
        """The fingerprint to be compared by eye, four digits at a time."""
        text = self.fingerprint
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))

    @property
    def hash(self) -> bytes:
        """What a signature line begins with, so that a reader finds the key."""
        return sha256(self.origin.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    @property
    def verifier(self) -> str:
        """As C2SP signed-note writes keys: ``<name>+<hash>+<base64>``."""
        return f"{self.origin}+{self.hash.hex()}+{base64.b64encode(ED25519 + self.raw).decode()}"

    @property
    def pem(self) -> bytes:
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class LogKey:
    """A key that signs checkpoints; ``version`` is its place in ``OUTREACH_LOG_KEYS``."""

    __slots__ = ("_key", "public", "version")

    def __init__(self, version: int, origin: str, seed: bytes) -> None:
        self.version = version
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = PublicKey(origin, raw)

    def signature(self, body: bytes) -> str:
        """The line of a note that signs ``body``."""
        blob = base64.b64encode(self.public.hash + self._key.sign(body)).decode()
        return f"— {self.public.origin} {blob}\n"


class LogKeys:
    """The keys at hand by version; the highest signs. After it came, those before it sign beside it
    once: so whoever trusts the old one learns of the new one from it.
    """

    def __init__(self, seeds: Mapping[int, bytes]) -> None:
        self._seeds = dict(sorted(seeds.items()))

    def of(self, origin: str) -> list[LogKey]:
        """The keys of the log of this name, the current one last."""
        return [LogKey(version, origin, seed) for version, seed in self._seeds.items()]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"2:<base64 of 32 bytes>,1:<...>"``; raises ``ConfigurationError``."""
        return cls(parse_versions("OUTREACH_LOG_KEYS", text))


def sign(checkpoint: Checkpoint, keys: Sequence[LogKey]) -> str:
    """The note, signed by each key in turn."""
    body = checkpoint.body
    return body.decode() + "\n" + "".join(key.signature(body) for key in keys)


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was read: its checkpoint, and which of the keys asked about signed it."""

    checkpoint: Checkpoint
    signers: tuple[PublicKey, ...]


def read_note(text: str, keys: Sequence[PublicKey]) -> Note:
    """Read a note; raises ``BadCheckpoint`` if none of the keys signed it."""
    body, mark, rest = text.partition("\n\n")
    checkpoint = Checkpoint.parse(body + "\n")
    if not mark or not rest.endswith("\n"):
        raise BadCheckpoint("it is not signed")
    signers = tuple(key for key in keys if _signed_by(key, checkpoint, rest))
    if not signers:
        raise BadCheckpoint("none of the known keys signed it")
    return Note(checkpoint, signers)


def _signed_by(key: PublicKey, checkpoint: Checkpoint, signatures: str) -> bool:
    for line in signatures.splitlines():
        dash, _, signed = line.partition(" ")
        name, _, blob = signed.partition(" ")
        if dash != "—" or name != key.origin:
            continue
        try:
            bytes_ = base64.b64decode(blob, validate=True)
            if bytes_[:4] == key.hash and base64.b64encode(bytes_).decode() == blob:
                verifier = Ed25519PublicKey.from_public_bytes(key.raw)
                verifier.verify(bytes_[4:], checkpoint.body)
                return True
        except (ValueError, binascii.Error, InvalidSignature):
            continue
    return False
