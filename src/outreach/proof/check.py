"""Check a bundle: offline, without a database, and without a line of what made it.

It shares no code with the rest of the package, on purpose: a fault in how bundles are written must
not be repeated by how they are read. Beside Python it needs ``cryptography`` for the signatures.
Formats: RFC 9162 (section 2.1.3.2, inclusion), C2SP tlog-checkpoint and signed-note.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

MOST_BYTES = 2 << 30
"""Of a bundle unpacked: more is no bundle but an attack on whoever opens it."""

_EVENT = re.compile(r"events/(\d{6,})\.json")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, in a plain sentence; ``faults`` name files and numbers."""

    good: bool
    sentence: str
    faults: tuple[str, ...] = ()


class NoBundle(Exception):
    """The file cannot be read as a bundle at all."""


@dataclass(slots=True)
class Found:
    """What was found out on the way, for the checks after it."""

    files: Mapping[str, bytes]
    stream: str = ""
    heads: dict[int, bytes] = field(default_factory=dict)  # recomputed, by seq
    roots: dict[int, bytes] = field(default_factory=dict)  # of signed checkpoints, by size
    fingerprints: tuple[str, ...] = ()
    covered: int = 0  # the highest seq that a signed checkpoint covers


def check_bundle(path: Path) -> tuple[list[Check], Found]:
    """Every check with its result; raises ``NoBundle``."""
    found = Found(_read(path))
    checks = [
        _sums(found),
        _chain(found),
        _payloads(found),
        _recorded(found, "letters", "pdf_sha256"),
        _recorded(found, "scans", "scan_sha256"),
        _versions(found),
        _checkpoints(found),
        _log(found),
        _growth(found),
    ]
    return checks, found


def _read(path: Path) -> dict[str, bytes]:
    try:
        with ZipFile(path) as archive:
            members = archive.infolist()
            if sum(each.file_size for each in members) > MOST_BYTES:
                raise NoBundle("it would unpack to more than 2 GiB")
            names = [each.filename for each in members]
            if len(set(names)) < len(names):
                raise NoBundle("it holds two files of one name")
            return {each.filename: archive.read(each) for each in members}
    except (OSError, BadZipFile, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise NoBundle(f"no zip file that can be read: {type(error).__name__}") from None


# ---------------------------------------------------------------------------------------- files


def _sums(found: Found) -> Check:
    said: dict[str, str] = {}
    faults = []
    for line in _lines(found, "SHA256SUMS"):
        digest, _, name = line.partition("  ")
        if not _HEX.fullmatch(digest) or name in said:
            faults.append(f"SHA256SUMS: {line[:80]!r}")
        said[name] = digest
    for name, content in sorted(found.files.items()):
        if name != "SHA256SUMS" and said.get(name) != sha256(content).hexdigest():
            faults.append(f"{name}: {'altered' if name in said else 'not listed'}")
    faults += [f"{name}: missing" for name in sorted(said.keys() - found.files.keys())]
    return _result(f"{len(said)} files are as they were when the bundle was made", faults)


def _text(found: Found, name: str) -> str:
    return found.files.get(name, b"").decode("utf-8", "replace")


def _lines(found: Found, name: str) -> list[str]:
    """Lines as line feeds end them, and nothing else does."""
    lines = _text(found, name).split("\n")
    return lines[:-1] if not lines[-1] else lines


def _result(sentence: str, faults: list[str]) -> Check:
    return Check(not faults, sentence, tuple(faults))


# ---------------------------------------------------------------------------------------- chain


def _chain(found: Found) -> Check:
    """Each head is SHA-256(0x02 || head before || seq || SHA-256(envelope)), from 32 zero bytes."""
    faults = []
    head = bytes(32)
    for due, line in enumerate(_lines(found, "chain.txt"), 1):
        fields = line.split(" ")
        if len(fields) != 3 or fields[0] != str(due) or not all(map(_HEX.fullmatch, fields[1:])):
            faults.append(f"chain.txt: line {due} is not that of event {due}")
            break
        digest = bytes.fromhex(fields[1])
        head = sha256(b"\x02" + head + due.to_bytes(8, "big") + digest).digest()
        if head.hex() != fields[2]:
            faults.append(f"chain.txt: event {due} does not follow from the one before")
            break
        found.heads[due] = head
        name = f"events/{due:06d}.json"
        if name in found.files and sha256(found.files[name]).digest() != digest:
            faults.append(f"{name}: not what was chained")
    index = _json(found, "index.json")
    found.stream = str(index.get("stream", ""))
    faults += _events(found, index)
    total = sum(1 for name in found.files if _EVENT.fullmatch(name))
    return _result(
        f"{len(found.heads)} events follow one another without a gap; {total} of them are enclosed",
        faults,
    )


def _events(found: Found, index: Mapping[str, Any]) -> Iterator[str]:
    """What does not fit of the events as files: of another history, unknown, missing."""
    states = {str(each.get("seq")): each for each in _list(index.get("events"))}
    if list(states) != [str(seq) for seq in range(1, len(found.heads) + 1)]:
        yield "index.json: it does not list every event of the chain, once and in order"
    for seq, state in states.items():
        name = f"events/{int(seq):06d}.json" if seq.isdecimal() else seq
        if (state.get("envelope") == "included") != (name in found.files):
            yield f"{name}: index.json says otherwise of whether it is enclosed"
    for name in sorted(found.files):
        if not _EVENT.fullmatch(name):
            continue
        if _json(found, name).get("stream") != found.stream:
            yield f"{name}: of another history"
        if int(name[7:-5]) not in found.heads:
            yield f"{name}: past the end of the chain"


def _json(found: Found, name: str) -> dict[str, Any]:
    try:
        value = json.loads(found.files.get(name, b"{}"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


# ------------------------------------------------------------------------------------- contents


def _payloads(found: Found) -> Check:
    """SHA-256(salt || payload) is the digest its envelope holds."""
    faults, count = [], 0
    for name in sorted(found.files):
        if not name.startswith("payloads/") or not name.endswith(".json"):
            continue
        count += 1
        stem = name[len("payloads/") : -len(".json")]
        envelope = _json(found, f"events/{stem}.json")
        salt = found.files.get(f"payloads/{stem}.salt", b"")
        if envelope.get("payload_sha256") != sha256(salt + found.files[name]).hexdigest():
            faults.append(f"{name}: not what its event recorded")
        elif not _of_its_file(_json(found, name), _data(found, f"events/{stem}.json")):
            faults.append(f"{name}: not a row of the file its event names")
    return _result(f"{count} contents (words sent, answers, replies) are those recorded", faults)


def _of_its_file(payload: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """A row of a carrier's file leads by its path to the digest of the whole file's rows."""
    place = payload.get("of")
    if place is None:
        return True
    try:
        row = str(payload["original"]).encode()
        root = _root(row, int(place["row"]), int(place["rows"]), list(map(str, place["path"])))
    except (KeyError, TypeError, ValueError):
        return False
    return root is not None and root.hex() == data.get("file")


def _recorded(found: Found, folder: str, field: str) -> Check:
    """A letter's PDF is the one whose digest its event recorded before it was printed, and a scan
    the one that was filed.
    """
    recorded = {
        digest
        for name in found.files
        if _EVENT.fullmatch(name) and isinstance(digest := _data(found, name).get(field), str)
    }
    files = [name for name in sorted(found.files) if name.startswith(f"{folder}/")]
    faults = [
        f"{name}: no event recorded it"
        for name in files
        if sha256(found.files[name]).hexdigest() not in recorded
    ]
    return _result(f"{len(files)} {folder} are those that were recorded", faults)


def _data(found: Found, name: str) -> dict[str, Any]:
    data = _json(found, name).get("data")
    return data if isinstance(data, dict) else {}


def _versions(found: Found) -> Check:
    """Templates and policies are named by their own digest."""
    folders = ("templates/", "policies/")
    versions = [name for name in sorted(found.files) if name.startswith(folders)]
    faults = [
        f"{name}: not the version of that name"
        for name in versions
        if sha256(found.files[name]).hexdigest() != Path(name).stem
    ]
    return _result(f"{len(versions)} templates and policies are of the versions named", faults)


# ------------------------------------------------------------------------------------------ log


def _checkpoints(found: Found) -> Check:
    """Each signed note bears a signature of an enclosed key."""
    faults: list[str] = []
    keys = dict(_keys(found, faults))
    found.fingerprints = tuple(keys)
    names = [name for name in sorted(found.files) if re.fullmatch(r"checkpoints/\d+\.txt", name)]
    for name in names:
        note = _text(found, name)
        body, _, signatures = note.partition("\n\n")
        lines = body.split("\n")
        signed = body.encode() + b"\n"
        if len(lines) < 3 or lines[1] != Path(name).stem:
            faults.append(f"{name}: no checkpoint of that size")
        elif not any(_signs(key, signed, signatures) for key in keys.values()):
            faults.append(f"{name}: not signed by an enclosed key")
        else:
            found.roots[int(lines[1])] = _base64(lines[2])
        token = found.files.get(name.replace(".txt", ".tsr"))
        if token is not None and sha256(found.files[name]).digest() not in token:
            faults.append(f"{name}: its time stamp is of something else")
    return _result(f"{len(names)} checkpoints are signed by the enclosed keys", faults)


def _keys(found: Found, faults: list[str]) -> Iterator[tuple[str, Ed25519PublicKey]]:
    for name in sorted(found.files):
        if not name.startswith("keys/") or name == "keys/tsa.pem":
            continue
        try:
            key = load_pem_public_key(found.files[name])
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            faults.append(f"{name}: no Ed25519 key")
            continue
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        yield sha256(raw).hexdigest(), key


def _signs(key: Ed25519PublicKey, signed: bytes, signatures: str) -> bool:
    """Whether a line ``— <name> <base64 of key hash (4) and signature>`` is the key's."""
    for line in signatures.split("\n"):
        blob = _base64(line.rpartition(" ")[2])
        try:
            key.verify(blob[4:], signed)
        except InvalidSignature:
            continue
        return True
    return False


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _log(found: Found) -> Check:
    """The chain's heads stand in leaves of the log under signed checkpoints."""
    faults = []
    names = [name for name in sorted(found.files) if re.fullmatch(r"log/\d+\.leaf", name)]
    for name in names:
        leaf = found.files[name]
        seq = _leaf_seq(found, leaf)
        head, *hashes = _lines(found, name.replace(".leaf", ".path")) or [""]
        index, _, size = head.partition(" ")
        if seq is None:
            faults.append(f"{name}: not a head of this chain")
        elif not (index.isdecimal() and size.isdecimal() and all(map(_HEX.fullmatch, hashes))):
            faults.append(f"{name}: its path cannot be read")
        elif int(size) not in found.roots:
            faults.append(f"{name}: no signed checkpoint of size {size} is enclosed")
        elif _root(leaf, int(index), int(size), hashes) != found.roots[int(size)]:
            faults.append(f"{name}: its path does not lead to the checkpoint")
        else:
            found.covered = max(found.covered, seq)
    rest = len(found.heads) - found.covered
    waiting = f"; {rest} newer events are not covered yet" if rest else ""
    return _result(f"signed checkpoints cover events 1 to {found.covered}{waiting}", faults)


def _leaf_seq(found: Found, leaf: bytes) -> int | None:
    """The seq whose head the leaf holds, if it is of this stream and as the chain has it.

    A leaf is JSON with sorted keys and no blanks: ``{"head", "seq", "stream"}``.
    """
    try:
        fields = json.loads(leaf)
        seq, head, stream = fields["seq"], fields["head"], fields["stream"]
    except (ValueError, KeyError, TypeError):
        return None
    known = found.heads.get(seq) if isinstance(seq, int) else None
    fits = known is not None and stream == found.stream and head == known.hex()
    return seq if fits else None


def _root(leaf: bytes, index: int, size: int, hashes: list[str]) -> bytes | None:
    """The root a path leads to, as RFC 9162, section 2.1.3.2, computes it; None if it cannot."""
    node, last = index, size - 1
    if node > last:
        return None
    result = sha256(b"\x00" + leaf).digest()
    for each in map(bytes.fromhex, hashes):
        if last == 0:
            return None
        if node & 1 or node == last:
            result = sha256(b"\x01" + each + result).digest()
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            result = sha256(b"\x01" + result + each).digest()
        node, last = node >> 1, last >> 1
    return result if last == 0 else None


def _growth(found: Found) -> Check:
    """From each enclosed checkpoint to the next: one log that only grew."""
    sizes = sorted(found.roots)
    faults = []
    for old, new in pairwise(sizes):
        name = f"checkpoints/{old}-{new}.proof"
        path = _lines(found, name)
        if name not in found.files or not all(map(_HEX.fullmatch, path)):
            faults.append(f"{name}: missing or cannot be read")
        elif not _grew(old, new, found.roots, [bytes.fromhex(each) for each in path]):
            faults.append(f"{name}: the newer log did not begin as the older one")
    return _result(f"{len(sizes)} checkpoints are of one log that only grew", faults)


def _grew(old: int, new: int, roots: Mapping[int, bytes], path: list[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2."""
    if old & (old - 1) == 0:
        path = [roots[old], *path]
    if not path:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    was = now = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            was = sha256(b"\x01" + each + was).digest()
            now = sha256(b"\x01" + each + now).digest()
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            now = sha256(b"\x01" + now + each).digest()
        node, last = node >> 1, last >> 1
    return last == 0 and was == roots[old] and now == roots[new]
