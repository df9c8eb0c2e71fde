"""Sealing keys: a random key per debtor and per contact point, wrapped by a master key.

Destroying a wrapped key makes what it sealed unreadable for ever, while every digest in the
history stays checkable: that is how a person is forgotten and the log still holds.
"""

import base64
import binascii
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.clock import random_bytes
from outreach.domain.errors import ConfigurationError
from outreach.domain.frozen import frozen

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = b"\x01\x01"  # version 1, algorithm 1: AES-256-GCM (NIST SP 800-38D)


@frozen
class WrappedKey:
    """A sealing key as stored: ciphertext and the version of the master key that wrapped it."""

    id: UUID
    wrapped: bytes
    master_version: int


class SealingKey:
    """An opened sealing key; ciphertext is format (2) || key id (16) || nonce (12) || sealed."""

    __slots__ = ("_cipher", "id")

    def __init__(self, key_id: UUID, key: bytes) -> None:
        self.id = key_id
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, place: str) -> bytes:
        """Seal ``plain`` for one place (``table.column:row``); it opens nowhere else."""
        nonce = random_bytes(NONCE_BYTES)
        head = FORMAT + self.id.bytes
        return head + nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raise ``ValueError`` if the bytes were altered, moved or sealed under another key."""
        if sealed[:2] != FORMAT or sealed[2:18] != self.id.bytes:
            raise ValueError("sealed under another key or format")
        try:
            return self._cipher.decrypt(sealed[18:30], sealed[30:], place.encode())
        except InvalidTag:
            raise ValueError("sealed bytes do not open: altered or moved") from None


class MasterKeys:
    """The master keys by version; the highest wraps, any of them unwraps."""

    def __init__(self, keys: dict[int, bytes]) -> None:
        self._ciphers = {version: AESGCM(key) for version, key in keys.items()}
        self.current = max(keys)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"2:<base64 of 32 bytes>,1:<...>"``; raises ``ConfigurationError``."""
        return cls(parse_versions("OUTREACH_MASTER_KEYS", text))

    def new_key(self, key_id: UUID) -> tuple[SealingKey, WrappedKey]:
        """Draw a fresh sealing key, opened and wrapped."""
        key = random_bytes(KEY_BYTES)
        return SealingKey(key_id, key), self._wrap(key_id, key)

    def unwrap(self, stored: WrappedKey) -> SealingKey:
        return SealingKey(stored.id, self._unwrap(stored))

    def rewrap(self, stored: WrappedKey) -> WrappedKey:
        """The same key under the current master key: nothing sealed needs to be touched."""
        return self._wrap(stored.id, self._unwrap(stored))

    def _wrap(self, key_id: UUID, key: bytes) -> WrappedKey:
        nonce = random_bytes(NONCE_BYTES)
        wrapped = nonce + self._ciphers[self.current].encrypt(nonce, key, key_id.bytes)
        return WrappedKey(key_id, wrapped, self.current)

    def _unwrap(self, stored: WrappedKey) -> bytes:
        cipher = self._ciphers.get(stored.master_version)
        if cipher is None:
            raise ConfigurationError(
                f"master key version {stored.master_version} is missing",
                "put it back into OUTREACH_MASTER_KEYS beside the newer one",
            )
        try:
            nonce, wrapped = stored.wrapped[:NONCE_BYTES], stored.wrapped[NONCE_BYTES:]
            return cipher.decrypt(nonce, wrapped, stored.id.bytes)
        except InvalidTag:
            raise ConfigurationError(
                f"master key version {stored.master_version} does not open this database's keys",
                "set OUTREACH_MASTER_KEYS to the key this database was created with",
            ) from None


def _decode(encoded: str) -> bytes | None:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def parse_versions(name: str, text: str) -> dict[int, bytes]:
    """Read ``"2:<base64 of 32 bytes>,1:<...>"``, newest first; raises ``ConfigurationError``."""
    keys: dict[int, bytes] = {}
    for item in text.split(","):
        version, _, encoded = item.strip().partition(":")
        key = _decode(encoded)
        if not version.isdecimal() or not 0 < int(version) < 256 or key is None:
            raise ConfigurationError(
                f"{name}: each key must read <version>:<base64 of 32 bytes>",
                "make one with: openssl rand -base64 32",
            )
        keys[int(version)] = key
    return keys


def parse_key(name: str, text: str) -> bytes:
    """Read one base64 key of 32 bytes; raises ``ConfigurationError`` naming the variable."""
    key = _decode(text.strip())
    if key is None:
        raise ConfigurationError(
            f"{name} must be the base64 of 32 bytes", "make one with: openssl rand -base64 32"
        )
    return key
