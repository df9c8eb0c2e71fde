"""An event's envelope and its sealed payload, in the one form that digests are made of."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import orjson

from outreach.clock import random_bytes
from outreach.domain.events import Event
from outreach.domain.frozen import frozen
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.keys import SealingKey

SALT_BYTES = 16


@frozen
class Entry:
    """An event ready to be stored: envelope fields, and apart from them what may be deleted."""

    id: UUID
    event: Event
    payload_digest: bytes | None = None
    salt: bytes | None = None
    sealed: bytes | None = None
    key_id: UUID | None = None


def canonical(value: object) -> bytes:
    """JSON with sorted keys, no blanks, UTF-8 (RFC 8785 for strings, integers, booleans, null).

    Floats are refused: they have no one spelling.
    """
    _refuse_floats(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


_PLAIN = frozenset({str, int, bool, type(None)})


def _refuse_floats(value: object) -> None:
    items: Iterable[object]
    if isinstance(value, dict):
        items = value.values()
    elif isinstance(value, (list, tuple)):
        items = value
    elif isinstance(value, float):
        raise TypeError("an event holds no floats")
    else:
        return
    for item in items:
        if type(item) not in _PLAIN:
            _refuse_floats(item)


def payload_digest(salt: bytes, plain: bytes) -> bytes:
    """SHA-256(salt || payload): without the salt a low-entropy payload cannot be guessed back."""
    return sha256(salt + plain).digest()


def prepare(event: Event, key: SealingKey | None = None) -> Entry:
    """Give the event its id and seal its payload, if it has one, under ``key``."""
    event_id = new_id()
    if event.payload is None:
        return Entry(event_id, event)
    if key is None:
        raise ValueError("a payload needs a key to be sealed under")
    plain, salt = canonical(event.payload), random_bytes(SALT_BYTES)
    sealed = key.seal(plain, places.payload(event_id))
    return Entry(event_id, event, payload_digest(salt, plain), salt, sealed, key.id)


def instant(at: datetime) -> str:
    """The one spelling of an instant in an envelope: UTC, microseconds, ``Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def envelope(event_id: UUID, event: Event, digest: bytes | None) -> bytes:
    """The bytes a stream's chain is made over; every stored column of the envelope is in them."""
    fields = {
        "v": 1,
        "id": str(event_id),
        "kind": event.kind,
        "at": instant(event.at),
        "stream": event.stream,
        "creditor": event.creditor_id,
        "actor": event.actor,
        "debtor": _text(event.debtor_id),
        "notice": _text(event.notice_id),
        "account": _text(event.account_id),
        "channel": event.channel,
        "policy": event.policy_version,
        "data": event.data,
        "payload_sha256": digest.hex() if digest else None,
    }
    return canonical(fields)


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
