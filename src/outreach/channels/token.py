"""The opaque token of one attempt at one notice: it travels with the message and comes back.

It holds nothing but an id of ours, and nobody without the key can make one: what a
carrier or a bounce brings back is believed only if it reads.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

_SEAL = 8  # octets of HMAC kept: 2^64 guesses against one key
_LENGTH = 40  # base32 of 16 + 1 + 8 octets: no padding, fits a URL path and an SMTP local part


@dataclass(frozen=True, slots=True)
class Tokens:
    """Mints and reads tokens: base32 in lower case of notice id, attempt, truncated HMAC-SHA256.

    Reading ignores case, because mail systems may change it.
    """

    key: bytes = field(repr=False)

    def mint(self, notice_id: UUID, attempt: int) -> str:
        """40 characters of ``a-z2-7``; ``attempt`` is 0 to 255."""
        body = notice_id.bytes + attempt.to_bytes(1)
        return base64.b32encode(body + self._seal(body)).decode().lower()

    def read(self, token: str) -> tuple[UUID, int] | None:
        """The notice id and the attempt, or None for anything not minted under this key."""
        if len(token) != _LENGTH or not token.isascii():
            return None
        try:
            raw = base64.b32decode(token, casefold=True)
        except binascii.Error:
            return None
        body, seal = raw[:-_SEAL], raw[-_SEAL:]
        if not hmac.compare_digest(seal, self._seal(body)):
            return None
        return UUID(bytes=body[:16]), body[16]

    def _seal(self, body: bytes) -> bytes:
        return hmac.digest(self.key, body, sha256)[:_SEAL]
