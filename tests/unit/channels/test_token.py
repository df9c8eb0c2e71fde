from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.token import Tokens

KEYS = st.binary(min_size=16, max_size=32)
NOTICES = st.uuids()
ATTEMPTS = st.integers(0, 255)


@given(KEYS, NOTICES, ATTEMPTS)
def test_a_token_reads_back(key: bytes, notice: UUID, attempt: int) -> None:
    tokens = Tokens(key)
    token = tokens.mint(notice, attempt)
    assert tokens.read(token) == (notice, attempt)
    assert tokens.read(token.upper()) == (notice, attempt)


@given(NOTICES, ATTEMPTS)
def test_a_token_stands_in_a_url_path_and_a_mailbox_name(notice: UUID, attempt: int) -> None:
    token = Tokens(b"k" * 16).mint(notice, attempt)
    assert len(token) == 50
    assert set(token) <= set("0123456789abcdef")


@given(KEYS, KEYS, NOTICES, ATTEMPTS)
def test_another_key_reads_nothing(one: bytes, other: bytes, notice: UUID, attempt: int) -> None:
    read = Tokens(other).read(Tokens(one).mint(notice, attempt))
    assert (read is None) == (one != other)


@given(NOTICES, ATTEMPTS, st.integers(0, 39), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_changed_letter_reads_nothing(notice: UUID, attempt: int, at: int, letter: str) -> None:
    tokens = Tokens(b"k" * 16)
    token = tokens.mint(notice, attempt)
    changed = token[:at] + letter + token[at + 1 :]
    assert (tokens.read(changed) is None) == (changed != token)


@given(st.text(max_size=60))
def test_anything_else_reads_nothing_and_never_raises(text: str) -> None:
    assert Tokens(b"k" * 16).read(text) is None


def test_the_key_is_not_shown() -> None:
    assert "kkkk" not in repr(Tokens(b"k" * 16))
