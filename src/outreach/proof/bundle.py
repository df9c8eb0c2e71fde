"""A bundle of evidence as files: what an outsider needs to check one debtor's history, and no more.

```
certificate.pdf            the answer in words, for people
说明.txt  verify.sh        how to check it, and a check that needs bash, coreutils and openssl only
index.json                 what was asked for, and every event of the history: included or not, why
chain.txt                  a line an event: seq, SHA-256 of its envelope, head of the chain
events/<seq>.json          an envelope exactly as it was chained
payloads/<seq>.json .salt  what it held, opened, and the salt of its digest
letters/<number>.pdf       a letter, set anew from what was kept: the bytes are the same
scans/<number>-<seq>.png   a receipt's picture, as it was filed; also .jpg, .pdf
templates/ policies/       the versions that were used, by digest
log/<index>.leaf .path     the leaf that covers the chain up to a seq, and its path to a checkpoint
checkpoints/<size>.txt     signed notes; .tsr, a time stamp; <old>-<new>.proof, that one log grew
keys/<fingerprint>.pem     the keys they are signed with
SHA256SUMS                 of everything but itself
```

The bytes depend on the history, the request and the stated time of making alone.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib import resources
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import orjson

from outreach.ledger.envelope import instant
from outreach.proof.timeline import Line

FORMAT = "outreach-proof-1"
SUMS = "SHA256SUMS"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip knows no earlier time, and no zone


@dataclass(frozen=True, slots=True)
class Link:
    """One event of the stream: its envelope, its place in the chain, and what it held.

    ``payload`` and ``salt`` are None of what holds nothing or was erased.
    """

    seq: int
    head: bytes
    envelope: bytes
    line: Line
    salt: bytes | None
    payload: bytes | None

    @property
    def name(self) -> str:
        return f"{self.seq:06d}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf of the log over this stream, and its path to the root of a checkpoint's tree."""

    index: int
    content: bytes
    size: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    size: int
    note: bytes
    token: bytes | None  # RFC 3161, as the time stamping authority gave it


@dataclass(frozen=True, slots=True)
class Growth:
    """That the log of the ``new`` checkpoint began as that of the ``old`` one."""

    old: int
    new: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Proof:
    """What binds the chain to signed checkpoints. ``keys`` are PEM by fingerprint."""

    leaves: Sequence[Leaf]
    checkpoints: Sequence[Checkpoint]
    growths: Sequence[Growth]  # from each checkpoint to the next
    keys: Mapping[str, bytes]
    stampers: bytes | None = None  # certificates of the time stamping authority, PEM


@dataclass(frozen=True, slots=True)
class Shown:
    """How much of an event the bundle holds: its envelope, and beside it what it held."""

    envelope: bool
    payload: bool


def files(
    stream: str,
    request: Mapping[str, Any],
    links: Sequence[Link],
    shown: Mapping[int, Shown],
    proof: Proof,
    made_at: datetime,
) -> dict[str, bytes]:
    """All but the certificate, letters, templates, policies and what is made of the whole."""
    made: dict[str, bytes] = {}
    for link in links:
        if shown[link.seq].envelope:
            made[f"events/{link.name}.json"] = link.envelope
        if shown[link.seq].payload and link.payload is not None and link.salt is not None:
            made[f"payloads/{link.name}.json"] = link.payload
            made[f"payloads/{link.name}.salt"] = link.salt
    made["chain.txt"] = "".join(
        f"{link.seq} {sha256(link.envelope).hexdigest()} {link.head.hex()}\n" for link in links
    ).encode()
    made |= _proof_files(proof)
    made["index.json"] = _index(stream, request, links, shown, made_at)
    for name in ("verify.sh", "说明.txt"):
        made[name] = (resources.files("outreach.proof") / "enclosed" / name).read_bytes()
    return made


def _proof_files(proof: Proof) -> dict[str, bytes]:
    """The log's part: leaves with their paths, checkpoints, and the keys they are signed with."""
    made: dict[str, bytes] = {}
    for leaf in proof.leaves:
        made[f"log/{leaf.index}.leaf"] = leaf.content
        path = "".join(f"{each.hex()}\n" for each in leaf.path)
        made[f"log/{leaf.index}.path"] = f"{leaf.index} {leaf.size}\n{path}".encode()
    for checkpoint in proof.checkpoints:
        made[f"checkpoints/{checkpoint.size}.txt"] = checkpoint.note
        if checkpoint.token is not None:
            made[f"checkpoints/{checkpoint.size}.tsr"] = checkpoint.token
    for growth in proof.growths:
        path = "".join(f"{each.hex()}\n" for each in growth.path)
        made[f"checkpoints/{growth.old}-{growth.new}.proof"] = path.encode()
    for fingerprint, pem in proof.keys.items():
        made[f"keys/{fingerprint}.pem"] = pem
    if proof.stampers is not None:
        made["keys/tsa.pem"] = proof.stampers
    return made


def _index(
    stream: str,
    request: Mapping[str, Any],
    links: Sequence[Link],
    shown: Mapping[int, Shown],
    made_at: datetime,
) -> bytes:
    index = {
        "format": FORMAT,
        "made_at": instant(made_at),
        "stream": stream,
        "request": dict(request),
        "events": [{"seq": link.seq, **_state(link, shown[link.seq])} for link in links],
    }
    return orjson.dumps(index, option=orjson.OPT_INDENT_2) + b"\n"


def _state(link: Link, shown: Shown) -> dict[str, str]:
    """``envelope`` and ``payload``: ``included``, ``withheld``, ``erased`` or ``none``."""
    payload = "included" if shown.payload else "withheld"
    if link.line.payload_digest is None:
        payload = "none"
    elif link.payload is None:
        payload = "erased"
    return {"envelope": "included" if shown.envelope else "withheld", "payload": payload}


def sums(made: Mapping[str, bytes]) -> bytes:
    """In the form of coreutils' ``sha256sum``."""
    lines = (f"{sha256(made[name]).hexdigest()}  {name}\n" for name in sorted(made))
    return "".join(lines).encode()


def packed(made: Mapping[str, bytes]) -> bytes:
    """The zip, its members in order of name and of no time of their own."""
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        for name in sorted(made):
            member = ZipInfo(name, _EPOCH)
            member.compress_type = ZIP_DEFLATED
            member.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            archive.writestr(member, made[name])
    return file.getvalue()
