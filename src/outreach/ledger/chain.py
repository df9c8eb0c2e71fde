"""The chain of one stream: each head commits to all envelopes before it, in order."""

from hashlib import sha256

GENESIS = bytes(32)


def next_head(previous: bytes, seq: int, envelope: bytes) -> bytes:
    """SHA-256(0x02 || previous head || seq as 8 bytes || SHA-256(envelope)); seq counts from 1.

    0x00 and 0x01 are the leaf and node prefixes of RFC 6962, kept free for the log of heads.
    """
    return sha256(b"\x02" + previous + seq.to_bytes(8) + sha256(envelope).digest()).digest()
