"""The opaque token of one attempt at one notice: it travels with the message and comes back.

It holds nothing but an id of ours, and nobody without the key can make one: what a
carrier or a bounce brings back is believed only if it reads.
"""

import hmac
from dataclasses import dataclass, field
from hashlib import blake2b
from uuid import UUID

_SEAL = 8  # octets of the seal: 2^64 guesses against one key
_LENGTH = 50  # hex of 16 + 1 + 8 octets: fits a URL path and an SMTP local part


def nameless(token: str, part: int) -> str:
    """Stands for a carrier's id of a part, counted from 1, that got none or whose is not known."""
    return f"{token}:{part}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Mints and reads tokens: hex of notice id, attempt and a seal, keyed BLAKE2b (RFC 7693).

    Reading ignores case, because mail systems may change it.
    """

    key: bytes = field(repr=False)

    def mint(self, notice_id: UUID, attempt: int) -> str:
        """50 characters of ``0-9a-f``; ``attempt`` is 0 to 255."""
        body = notice_id.bytes + attempt.to_bytes(1)
        return (body + self._seal(body)).hex()

    def read(self, token: str) -> tuple[UUID, int] | None:
        """The notice id and the attempt, or None for anything not minted under this key."""
        if len(token) != _LENGTH or not token.isalnum():
            return None
        try:
            raw = bytes.fromhex(token)
        except ValueError:
            return None
        body, seal = raw[:-_SEAL], raw[-_SEAL:]
        if not hmac.compare_digest(seal, self._seal(body)):
            return None
        return UUID(bytes=body[:16]), body[16]

    def _seal(self, body: bytes) -> bytes:
        return blake2b(body, digest_size=_SEAL, key=self.key).digest()
