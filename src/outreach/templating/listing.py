"""A debtor's contact history as a PDF, set by typst in the fixed layout ``listing.typ``.

It shows what was written, by us and by others, so nothing in it may stop it from being set: a
character the font cannot draw is shown by its number, ``[U+1F600]``.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import typst

from outreach.templating.font import LETTER_FONT, coverage

LAYOUT = Path(__file__).parent / "listing.typ"
_RUN = re.compile(r"[!-~]{48,}")
_PIECE = re.compile(r".{1,8}")
_BREAK = "\u200b"  # a line may end here; nothing is printed


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: when in the debtor's zone, by which way, what, in words; then what was written."""

    time: str
    way: str
    name: str
    detail: str
    to: str = ""
    subject: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """``about`` are labels and values of the head; ``notes`` stand under the table."""

    title: str
    subject: str  # stands on every page
    about: Sequence[tuple[str, str]]
    columns: tuple[str, str, str, str, str]  # number, time, way, event, detail
    entries: Sequence[Entry]
    notes: Sequence[str]


class ListingPress:
    """Sets listings; its fonts and compiler are opened once."""

    def __init__(self) -> None:
        self._drawable = coverage() | {"\n"}
        fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[LETTER_FONT.parent],
        )
        self._compiler = typst.Compiler(
            LAYOUT, root=LAYOUT.parent, font_paths=fonts, ignore_system_fonts=True
        )

    def press(self, listing: Listing, made_at: datetime) -> bytes:
        """The PDF; its bytes depend on the listing and ``made_at`` alone."""
        source = json.dumps(self._drawn(asdict(listing)), ensure_ascii=False)
        pdf = self._compiler.compile(
            format="pdf",
            timestamp=made_at.replace(microsecond=0),
            sys_inputs={"listing": source},
        )
        assert isinstance(pdf, bytes)
        return pdf

    def _drawn(self, value: object) -> object:
        if isinstance(value, str):
            return self.drawable(value)
        if isinstance(value, dict):
            return {key: self._drawn(part) for key, part in value.items()}
        return [self._drawn(part) for part in value] if isinstance(value, list | tuple) else value

    def drawable(self, text: str) -> str:
        """The text with what the font lacks shown by number, and long runs made breakable."""
        text = text.replace("\r\n", "\n").replace("\t", "  ")
        shown = "".join(char if char in self._drawable else f"[U+{ord(char):04X}]" for char in text)
        return _RUN.sub(lambda run: _BREAK.join(_PIECE.findall(run.group())), shown)
