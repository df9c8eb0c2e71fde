"""Texts in parts: none longer than a part may be, no character cut, all of it read back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.cmpp_text import (
    Format,
    Part,
    TooLong,
    decoded,
    joined,
    read_minute,
    read_part,
    split,
    valid_until,
)
from outreach.templating.sms import measure

SPOKEN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=400)


@given(SPOKEN, st.sampled_from([Format.UCS2, Format.GB]), st.integers(0, 70_000), st.booleans())
def test_read_back_whatever_the_order(text: str, format_: Format, number: int, wide: bool) -> None:
    contents = split(text, format_, number, wide=wide)
    assert all(len(content) <= 140 for content in contents)
    parts = [read_part(content, has_header=len(contents) > 1) for content in contents]
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert {part.total for part in parts} == {len(parts)}
    assert len({part.reference for part in parts}) == 1
    assert decoded(joined(parts[::-1]), format_) == text
    for part in parts:  # no character was cut
        assert "\ufffd" not in decoded(part.content, format_).replace(
            "\ufffd", "", text.count("\ufffd")
        )


@given(SPOKEN)
def test_as_many_parts_as_the_template_s_length_says(text: str) -> None:
    assert len(split(text, Format.UCS2, 0)) == measure(text).parts


@pytest.mark.parametrize(
    ("length", "wide", "sizes"),
    [
        (70, False, [140]),
        (71, False, [6 + 134, 6 + 8]),
        (134, False, [140, 140]),
        (135, False, [140, 140, 6 + 2]),
        (71, True, [7 + 132, 7 + 10]),
    ],
)
def test_how_much_a_part_holds(length: int, wide: bool, sizes: list[int]) -> None:
    assert [len(each) for each in split("款" * length, Format.UCS2, 7, wide=wide)] == sizes


def test_headers_as_the_standard_has_them() -> None:
    one, two = split("款" * 71, Format.UCS2, 0x1A7)
    assert (one[:6].hex(), two[:6].hex()) == ("050003a70201", "050003a70202")
    one, two = split("款" * 71, Format.UCS2, 0x1A7, wide=True)
    assert (one[:7].hex(), two[:7].hex()) == ("06080401a70201", "06080401a70202")


def test_a_surrogate_pair_begins_the_next_part() -> None:
    contents = split("款" * 66 + "😀" + "款" * 10, Format.UCS2, 1)
    assert len(contents[0]) == 6 + 132
    assert decoded(contents[1][6:], Format.UCS2).startswith("😀")


def test_more_than_can_be_counted() -> None:
    with pytest.raises(TooLong):
        split("款" * 67 * 256, Format.UCS2, 1)


def test_other_elements_of_a_header_are_passed_over() -> None:
    header = bytes.fromhex("0a" + "0504" + "13880000" + "0002" + "0000")
    assert read_part(header + b"text", has_header=True) == Part(0, 1, 1, b"text")
    both = bytes.fromhex("0b" + "0504" + "13880000" + "0003" + "2a0201")
    assert read_part(both + b"text", has_header=True) == Part(0x2A, 2, 1, b"text")


@given(st.binary(max_size=160), st.booleans())
def test_whatever_comes_is_read_and_nothing_is_invented(content: bytes, has_header: bool) -> None:
    part = read_part(content, has_header=has_header)
    assert 1 <= part.number <= part.total
    assert content.endswith(part.content)


@given(st.binary(max_size=160), st.integers(0, 255))
def test_any_octets_of_any_charset_become_text(content: bytes, format_: int) -> None:
    decoded(content, format_).encode()


@pytest.mark.parametrize(
    ("octets", "named", "says"),
    [
        ("退订".encode("utf-16-be"), 8, "退订"),
        ("退订".encode("utf-16-be"), 24, "退订"),
        ("退订".encode("gbk"), 15, "退订"),
        (b"T", 0, "T"),
        ("退订T".encode("gbk"), 8, "退订T"),  # an odd number of octets is no UCS-2
        ("退订".encode("gbk"), 0, "退订"),
    ],
)
def test_charsets_named_rightly_and_wrongly(octets: bytes, named: int, says: str) -> None:
    assert decoded(octets, named) == says


def test_times() -> None:
    assert valid_until(datetime(2026, 11, 23, 10, 30, tzinfo=UTC)) == "261123183000032+"
    assert read_minute("2611231830") == datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    for none in ("", "0000000000", "26112318300", "今天"):
        assert read_minute(none) is None
