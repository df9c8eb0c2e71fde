"""SMS are counted in UTF-16 units and split where the network splits them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.templating.sms import SmsLength, measure, split


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", SmsLength(0, 0)),
        ("字" * 70, SmsLength(70, 1)),
        ("字" * 71, SmsLength(71, 2)),
        ("字" * 134, SmsLength(134, 2)),
        ("字" * 135, SmsLength(135, 3)),
        ("a" * 71, SmsLength(71, 2)),
        ("𠮷" * 35, SmsLength(70, 1)),
        ("字" * 66 + "𠮷" + "字" * 66, SmsLength(134, 3)),
    ],
)
def test_measure(text: str, length: SmsLength) -> None:
    assert measure(text) == length
    assert len(split(text)) == length.parts


TEXT = st.text(st.characters(codec="utf-16", max_codepoint=0x2FFFF), max_size=400)


@given(TEXT)
def test_parts_join_to_the_whole_and_never_break_a_surrogate_pair(text: str) -> None:
    parts = split(text)
    assert "".join(parts) == text
    sizes = [len(part.encode("utf-16-le")) // 2 for part in parts]
    assert sum(sizes) == measure(text).units
    assert len(parts) == measure(text).parts
    assert len(parts) <= 1 or all(66 <= size <= 67 for size in sizes[:-1])
    assert not parts or 1 <= sizes[-1] <= (70 if len(parts) == 1 else 67)
