"""Documents about a history, set by typst in a fixed layout from one JSON value.

They show what was written, by us and by others, so nothing in it may stop them from being set: a
character the font cannot draw is shown by its number, ``[U+1F600]``.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import typst

from outreach.templating.font import LETTER_FONT, coverage

LAYOUTS: Final = Path(__file__).parent
_RUN = re.compile(r"[!-~]{48,}")
_PIECE = re.compile(r".{1,8}")
_DIGEST = re.compile(r"[a-z/]*[0-9a-f]{64}(\.[a-z]+)?")
"""Or a file named by one: whole, for who copies it."""
_BREAK = "\u200b"  # a line may end here; nothing is printed


class DocumentPress:
    """Sets documents of one layout, ``<name>.typ``; its fonts and compiler are opened once.

    ``archival``: as PDF/A-3b (ISO 19005-3), which may carry files.
    """

    def __init__(self, name: str, *, archival: bool = False) -> None:
        self._name = name
        self._archival = archival
        self._drawable = coverage() | {"\n"}
        fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[LETTER_FONT.parent],
        )
        self._compiler = typst.Compiler(
            LAYOUTS / f"{name}.typ", root=LAYOUTS, font_paths=fonts, ignore_system_fonts=True
        )

    def press(
        self, content: Mapping[str, Any], made_at: datetime, files: Mapping[str, str] | None = None
    ) -> bytes:
        """The PDF; its bytes depend on content, ``files`` carried along and ``made_at`` alone."""
        inputs = {self._name: json.dumps(self._drawn(content), ensure_ascii=False)}
        if files:
            inputs["files"] = json.dumps(files, ensure_ascii=False)
        pdf = self._compiler.compile(
            format="pdf",
            pdf_standards=["a-3b"] if self._archival else [],
            timestamp=made_at.replace(microsecond=0),
            sys_inputs=inputs,
        )
        assert isinstance(pdf, bytes)
        return pdf

    def _drawn(self, value: object) -> object:
        if isinstance(value, str):
            return self._shown(value)
        if isinstance(value, Mapping):
            return {key: self._drawn(part) for key, part in value.items()}
        return [self._drawn(part) for part in value] if isinstance(value, list | tuple) else value

    def _shown(self, text: str) -> str:
        """The text with what the font lacks shown by number, and long runs made breakable."""
        text = text.replace("\r\n", "\n").replace("\t", "  ")
        shown = "".join(char if char in self._drawable else f"[U+{ord(char):04X}]" for char in text)
        if _DIGEST.fullmatch(shown):
            return shown
        return _RUN.sub(lambda run: _BREAK.join(_PIECE.findall(run.group())), shown)
