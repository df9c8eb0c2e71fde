"""Barcodes: known patterns, and every number reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import TemplateError
from outreach.templating.code128 import _PATTERNS, widths


def _symbols(bars: tuple[int, ...]) -> list[int]:
    text = "".join(map(str, bars))
    assert text.endswith("2331112")
    body = text[:-7]
    return [_PATTERNS.index(body[at : at + 6]) for at in range(0, len(body), 6)]


def _scan(bars: tuple[int, ...]) -> str:
    """What a reader sees: start, data with changes of set, check symbol modulo 103."""
    start, *data, check = _symbols(bars)
    assert check == (start + sum(at * value for at, value in enumerate(data, 1))) % 103
    compact, text = start == 105, ""
    for value in data:
        if value == 99 and not compact:
            compact = True
        elif value == 100 and compact:
            compact = False
        else:
            text += f"{value:02d}" if compact else chr(value + 32)
    return text


def test_known_symbols() -> None:
    # the usual worked example, PJJ123C: check symbol 54 when begun in set A (103), so 55 in set B
    assert _symbols(widths("PJJ123C")) == [104, 48, 42, 42, 17, 18, 19, 35, 55]
    assert _symbols(widths("1234")) == [105, 12, 34, (105 + 12 + 68) % 103]


def test_patterns_are_eleven_modules_of_even_bars() -> None:
    assert len(set(_PATTERNS)) == 106
    for pattern in _PATTERNS:
        modules = [int(width) for width in pattern]
        assert sum(modules) == 11
        assert sum(modules[::2]) % 2 == 0


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30))
def test_every_number_reads_back(number: str) -> None:
    assert _scan(widths(number)) == number


def test_digits_take_half_the_room() -> None:
    assert len(_symbols(widths("00012345"))) == 1 + 4 + 1
    assert len(_symbols(widths("CS-20261123"))) == 1 + 3 + 1 + 4 + 1


@pytest.mark.parametrize("number", ["", "函1", "a\n"])
def test_only_printable_ascii(number: str) -> None:
    with pytest.raises(TemplateError, match="printable ASCII"):
        widths(number)
