"""A bundle of an invented history under a log of its own, by the plainest code there is."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from outreach.domain.contact import Channel
from outreach.domain.events import Event, EventKind
from outreach.ledger.chain import GENESIS, next_head
from outreach.ledger.envelope import canonical, envelope, payload_digest
from outreach.proof import bundle
from outreach.proof.bundle import Checkpoint, Growth, Leaf, Link, Proof, Shown
from outreach.proof.timeline import Line

DEBTOR = UUID("019ab000-0000-7000-8000-000000000001")
STREAM = f"debtor:{DEBTOR}"
BEGAN = datetime(2026, 11, 26, 2, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LETTER = b"%PDF-1.7 a letter"
SCAN = b"\x89PNG a receipt that somebody signed"
TEMPLATE = b"a template"


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = split(len(leaves))
    return sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def split(n: int) -> int:
    """The largest power of two smaller than ``n``."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def a_line(number: int, event: Event, plain: bytes | None, salt: bytes) -> Line:
    return Line(
        id=UUID(int=number),
        at=event.at,
        kind=event.kind,
        channel=Channel.SMS,
        actor=event.actor,
        notice_id=event.notice_id,
        account_id=None,
        policy_version=None,
        data=event.data,
        payload_digest=payload_digest(salt, plain) if plain else None,
        state="opened" if plain else "none",
        payload=event.payload,
    )


KINDS = (EventKind.SENDING, EventKind.SENT, EventKind.DELIVERED, EventKind.NOTE)


def links(count: int, stream: str = STREAM) -> list[Link]:
    """Every third event holds nothing."""
    made, head = [], GENESIS
    for seq in range(1, count + 1):
        data: dict[str, object] = {"attempt": 1}
        if seq == 1:
            data |= {"pdf_sha256": sha256(LETTER).hexdigest()}
            data |= {"scan_sha256": sha256(SCAN).hexdigest()}
        event = Event(
            kind=KINDS[seq % len(KINDS)],
            at=BEGAN + timedelta(seconds=seq),
            stream=stream,
            creditor_id="qinglan-bank",
            actor="job:dispatch",
            debtor_id=DEBTOR,
            notice_id=UUID(int=7),
            channel="sms",
            data=data,
            payload={"text": f"您好,第 {seq} 条"} if seq % 3 else None,
        )
        plain = canonical(event.payload) if event.payload else None
        salt = sha256(f"salt {seq}".encode()).digest()[:16]
        line = a_line(seq, event, plain, salt)
        written = envelope(line.id, event, line.payload_digest)
        head = next_head(head, seq, written)
        made.append(Link(seq, head, written, line, salt if plain else None, plain))
    return made


def a_leaf(stream: str, seq: int, head: bytes) -> bytes:
    return canonical({"head": head.hex(), "seq": seq, "stream": stream})


def subproof(m: int, leaves: Sequence[bytes], *, known: bool = True) -> list[bytes]:
    """RFC 6962, section 2.1.2."""
    n = len(leaves)
    if m == n:
        return [] if known else [mth(leaves)]
    k = split(n)
    if m <= k:
        return [*subproof(m, leaves[:k], known=known), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], known=False), mth(leaves[:k])]


def log_of(history: Sequence[Link], seqs: Sequence[int], others: int) -> Proof:
    """Leaves at ``seqs``, each after ``others`` of other streams, and a checkpoint over each."""
    leaves: list[bytes] = []
    mine = {}
    for seq in seqs:
        leaves += [a_leaf(f"debtor:{len(leaves) + n}", 1, bytes([n] * 32)) for n in range(others)]
        mine[len(leaves)] = a_leaf(STREAM, seq, history[seq - 1].head)
        leaves.append(mine[len(leaves)])
    sizes = [at + 1 for at in mine]
    raw = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return Proof(
        leaves=[Leaf(at, leaf, at + 1, path(at, leaves[: at + 1])) for at, leaf in mine.items()],
        checkpoints=[Checkpoint(size, a_note(size, mth(leaves[:size])), None) for size in sizes],
        growths=[Growth(m, n, subproof(m, leaves[:n])) for m, n in pairwise(sizes)],
        keys={sha256(raw).hexdigest(): pem},
    )


def a_note(size: int, root: bytes) -> bytes:
    body = f"outreach.test/log\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = base64.b64encode(b"hash" + KEY.sign(body.encode())).decode()
    return f"{body}\n— outreach.test/log {signature}\n".encode()


def bundle_files(
    count: int = 9, seqs: Sequence[int] = (4, 9), others: int = 3, withheld: Sequence[int] = ()
) -> dict[str, bytes]:
    history = links(count)
    shown = {n: Shown(n not in withheld, n not in withheld) for n in range(1, count + 1)}
    proof = log_of(history, seqs, others)
    made = bundle.files(STREAM, {"audience": "court"}, history, shown, proof, BEGAN)
    made["letters/7-1.pdf"] = LETTER
    made["scans/7-2.png"] = SCAN
    made[f"templates/{sha256(TEMPLATE).hexdigest()}.txt"] = TEMPLATE
    made["certificate.pdf"] = b"%PDF-1.7 the certificate"
    made[bundle.SUMS] = bundle.sums(made)
    return made


def resummed(made: dict[str, bytes]) -> dict[str, bytes]:
    """As somebody would who changes a file and the list of sums."""
    rest = {name: content for name, content in made.items() if name != bundle.SUMS}
    return rest | {bundle.SUMS: bundle.sums(rest)}
