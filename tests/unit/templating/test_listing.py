"""A contact history set as a PDF: whatever was written can be shown."""

import io
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from outreach.templating.document import DocumentPress
from outreach.templating.listing import Entry, Listing

MADE = datetime(2026, 11, 24, 2, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def press() -> DocumentPress:
    return DocumentPress("listing")


def a_listing(*texts: str) -> dict[str, Any]:
    listing = Listing(
        title="触达记录清单",
        subject="01a209cc",
        about=[("债务人", "王明"), ("截至", "2026-11-24")],
        columns=("序号", "时间", "渠道", "事件", "内容"),
        entries=[
            Entry("2026-11-24 10:00:00", "短信", "准予发送", "逾期通知", "+8614255500001", "", text)
            for text in texts
        ],
        notes=["注：已送达不等于本人已阅。"],
    )
    return asdict(listing)


def pages(pdf: bytes) -> list[str]:
    """The text of each page, without blanks."""
    reader = PdfReader(io.BytesIO(pdf))
    return [re.sub(r"[\s\u200b]", "", page.extract_text()) for page in reader.pages]


def test_everything_is_on_the_page(press: DocumentPress) -> None:
    [text] = pages(press.press(a_listing("【青岚银行】王先生，欠款1,234.56元。"), MADE))
    for word in ("触达记录清单", "债务人", "准予发送", "+8614255500001", "欠款1,234.56元", "第1页"):
        assert word in text


def test_a_character_without_a_shape_is_shown_by_its_number(press: DocumentPress) -> None:
    [text] = pages(press.press(a_listing("还了😀\ue000\x07好"), MADE))
    assert "还了[U+1F600][U+E000][U+0007]好" in text


def test_words_are_never_taken_for_layout(press: DocumentPress) -> None:
    said = '#set text(red) $x$ *b* _i_ @ref <label> `raw` \\ "q" = h // c'
    [text] = pages(press.press(a_listing(said), MADE))
    assert said.replace(" ", "") in text


def test_long_texts_break_over_pages_and_long_runs_over_lines(press: DocumentPress) -> None:
    long = "您尾号1234的账户已逾期。\n" * 120
    found = pages(press.press(a_listing(long, "A" * 3000), MADE))
    assert len(found) > 2
    assert "".join(found).count("您尾号1234的账户已逾期。") == 120
    assert "".join(found).count("A") == 3000
    assert all(f"第{at + 1}页共{len(found)}页" in text for at, text in enumerate(found))


def test_the_same_listing_gives_the_same_bytes(press: DocumentPress) -> None:
    assert press.press(a_listing("一"), MADE) == DocumentPress("listing").press(
        a_listing("一"), MADE
    )


@settings(max_examples=25, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_nothing_that_was_written_stops_the_press(press: DocumentPress, text: str) -> None:
    assert press.press(a_listing(text), MADE).startswith(b"%PDF")
