"""Check one event's sealed payload against the digest in its envelope."""

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

import asyncpg

from outreach.domain.errors import ConfigurationError
from outreach.ledger import places
from outreach.ledger.envelope import payload_digest
from outreach.ledger.keys import MasterKeys, WrappedKey
from outreach.proof.report import Kind

DIGEST_BYTES = sha256().digest_size


class Fate(StrEnum):
    NONE = "none"  # the event never had a payload
    WHOLE = "whole"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    sentence: str


def check_payload(
    masters: MasterKeys,
    event_id: UUID,
    digest: bytes | None,
    row: asyncpg.Record,
    erased: Container[UUID],
) -> Fate | Fault:
    """``row`` has ``sealed, salt, key_id, wrapped, master_version``.

    ``erased`` holds the ids of events whose payload, and of keys, whose end an event tells.
    """
    if digest is None:
        return Fault(Kind.INSERTED, "a payload was put beside it") if row["sealed"] else Fate.NONE
    if len(digest) != DIGEST_BYTES:
        return Fault(Kind.ALTERED, "payload_digest is no SHA-256 digest")
    if row["sealed"] is None:
        if event_id in erased:
            return Fate.ERASED
        return Fault(Kind.REMOVED, "its payload is gone and no erased event names it")
    if row["sealed"][2:18] != row["key_id"].bytes:
        return Fault(Kind.ALTERED, "its payload is not sealed under the key stored with it")
    if row["wrapped"] is None:
        if row["key_id"] in erased:
            return Fate.ERASED
        return Fault(Kind.REMOVED, "its payload's key is gone and no erased event names it")
    return _open(masters, event_id, digest, row)


def _open(masters: MasterKeys, event_id: UUID, digest: bytes, row: asyncpg.Record) -> Fate | Fault:
    try:
        key = masters.unwrap(WrappedKey(row["key_id"], row["wrapped"], row["master_version"]))
        plain = key.open(row["sealed"], places.payload(event_id))
    except ConfigurationError:
        return Fault(Kind.ALTERED, "its payload's key does not open under the master keys")
    except ValueError:
        return Fault(Kind.ALTERED, "its payload does not open")
    if payload_digest(row["salt"], plain) != digest:
        return Fault(Kind.ALTERED, "its payload and salt do not fit its digest")
    return Fate.WHOLE
