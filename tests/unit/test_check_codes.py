"""Check codes: read back as they were minted, whoever types them, and not to be guessed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.ledger.check_codes import CheckCodes

CODES = CheckCodes(b"k" * 32)
numbers = st.integers(0, 2**40 - 1)


@given(numbers)
def test_a_code_is_read_back(number: int) -> None:
    code = CODES.mint(number)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{8}", code)
    assert CODES.read(code) == number


@given(numbers)
def test_as_people_type_it(number: int) -> None:
    code = CODES.mint(number)
    typed = f" {code[:4].lower()}-{code[4:]} ".replace("0", "o").replace("1", "l")
    assert CODES.read(typed) == number


@given(st.text(max_size=20))
def test_what_is_no_code_is_none(text: str) -> None:
    number = CODES.read(text)
    assert number is None or 0 <= number < 2**40


@pytest.mark.parametrize(
    "text", ["", "1234567", "123456789", "UUUUUUUU", "12345678!", "１２３４５６７８"]
)
def test_too_short_too_long_and_other_letters(text: str) -> None:
    assert CODES.read(text) is None


def test_neighbours_have_nothing_in_common() -> None:
    codes = [CODES.mint(number) for number in range(2000)]
    assert len(set(codes)) == 2000
    for place in range(8):
        assert len({code[place] for code in codes}) == 32


def test_a_code_thought_up_is_hardly_ever_one_of_ours() -> None:
    """Of a million notices one in a million codes."""
    hits = sum((CODES.read(f"{guess:08d}") or 2**40) <= 1_000_000 for guess in range(50_000))
    assert hits <= 2


def test_another_key_makes_other_codes() -> None:
    other = CheckCodes(b"j" * 32)
    assert sum(other.mint(n) == CODES.mint(n) for n in range(1000)) == 0
