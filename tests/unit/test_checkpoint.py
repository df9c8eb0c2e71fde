"""Signed checkpoints: read back only as they were written, and only under a key that signed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import ConfigurationError
from outreach.ledger.checkpoint import (
    BadCheckpoint,
    Checkpoint,
    LogKey,
    LogKeys,
    PublicKey,
    read_note,
    sign,
)

ORIGIN = "bank.test/outreach"
OLD, NEW = LogKey(1, ORIGIN, bytes(32)), LogKey(2, ORIGIN, bytes([1] * 32))
AT = datetime(2026, 11, 26, 2, 0, 0, 1, tzinfo=UTC)
GIVEN = Checkpoint(ORIGIN, 20_852_163, bytes(range(32)), AT, 20_851_000)
NOTE = sign(GIVEN, [NEW])


def test_as_the_specification_writes_it() -> None:
    name, size, root, signed, after, blank, signature, end = NOTE.split("\n")
    assert (name, size) == (ORIGIN, "20852163")
    assert root == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert signed == "signed 2026-11-26T02:00:00.000001Z"
    assert after == "after 20851000"
    assert (blank, end) == ("", "")
    assert signature.startswith(f"— {ORIGIN} ")


def test_a_key_as_the_specification_writes_it() -> None:
    name, digest, encoded = NEW.public.verifier.split("+")
    assert name == ORIGIN
    assert digest == NEW.public.hash.hex()
    assert len(encoded) == 44


def test_read_back() -> None:
    note = read_note(NOTE, [OLD.public, NEW.public])
    assert note.checkpoint == GIVEN
    assert note.signers == (NEW.public,)


def test_two_signatures_after_a_rotation() -> None:
    note = read_note(sign(GIVEN, [NEW, OLD]), [OLD.public, NEW.public])
    assert note.signers == (OLD.public, NEW.public)
    assert read_note(sign(GIVEN, [NEW, OLD]), [OLD.public]).signers == (OLD.public,)


def test_a_signature_nobody_knows_does_no_harm() -> None:
    stranger = LogKey(9, "witness.test/w", bytes([7] * 32))
    assert read_note(sign(GIVEN, [stranger, NEW]), [NEW.public]).signers == (NEW.public,)


@pytest.mark.parametrize("keys", [[], [OLD.public], [PublicKey("other.test/log", NEW.public.raw)]])
def test_under_no_other_key(keys: list[PublicKey]) -> None:
    with pytest.raises(BadCheckpoint, match="none of the known keys"):
        read_note(NOTE, keys)


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(0, 7))
def test_any_bit_changed_is_refused(at: int, bit: int) -> None:
    content = bytearray(NOTE.encode())
    content[at] ^= 1 << bit
    with pytest.raises((BadCheckpoint, UnicodeDecodeError)):
        read_note(content.decode(), [NEW.public])


def test_a_signature_has_one_spelling_too() -> None:
    """Base64 leaves bits unused; flipped, they would decode to the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = NOTE[-3]
    assert NOTE.endswith("=\n")
    other = alphabet[alphabet.index(last) ^ 1]
    with pytest.raises(BadCheckpoint):
        read_note(NOTE[:-3] + other + NOTE[-2:], [NEW.public])


@given(st.integers(0, len(NOTE) - 1))
def test_cut_short_it_is_refused(length: int) -> None:
    with pytest.raises(BadCheckpoint):
        read_note(NOTE[:length], [NEW.public])


@given(st.text(max_size=80))
def test_whatever_comes_is_refused(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        read_note(text, [NEW.public])


@pytest.mark.parametrize(
    "change",
    [
        ("20852163", "020852163"),
        ("AAEC", "AAEC\n"),
        ("signed ", "at "),
        (".000001", ""),
        ("after 2", "after 02"),
        ("after", "before"),
    ],
)
def test_one_spelling_only(change: tuple[str, str]) -> None:
    body = GIVEN.body.decode().replace(*change)
    with pytest.raises(BadCheckpoint):
        Checkpoint.parse(body)


def test_keys_from_the_environment() -> None:
    text = "2:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=, 1:" + "A" * 43 + "="
    keys = LogKeys.parse(text).of(ORIGIN)
    assert [key.version for key in keys] == [1, 2]
    assert keys[-1].public == NEW.public
    for wrong in ("", "1", "x:AAAA", "0:" + "A" * 43 + "=", "1:AAAA", "1:" + "A" * 44):
        with pytest.raises(ConfigurationError, match="OUTREACH_LOG_KEYS"):
            LogKeys.parse(wrong)


def test_a_fingerprint_to_compare_by_eye() -> None:
    key = NEW.public
    assert key.printed.replace(" ", "") == key.fingerprint
    assert len(key.printed.split()) == 16
