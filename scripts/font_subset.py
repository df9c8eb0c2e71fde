"""How the vendored letter font was made: a subset of Noto Serif CJK SC Regular (SIL OFL 1.1).

Needs fontTools (extra ``dev``) and a copy of ``NotoSerifCJKsc-Regular.otf``; takes about a minute::

    python scripts/font_subset.py NotoSerifCJKsc-Regular.otf \
        src/outreach/templating/fonts/NotoSerifCJKsc-Regular-subset.otf

Hinting and positioning are dropped; every Chinese ideograph the font has is kept, which covers
GB18030-2022 level 2 and the rare characters in people's names that the font knows.
"""

import argparse
from pathlib import Path

from fontTools import subset

KEPT = (
    (0x20, 0x7E),  # ASCII
    (0xA0, 0xFF),  # Latin-1
    (0x2000, 0x206F),  # punctuation
    (0x20A0, 0x20BF),  # currency signs
    (0x2100, 0x214F),  # letter-like
    (0x2150, 0x218B),  # number forms
    (0x2190, 0x21FF),  # arrows
    (0x2200, 0x22FF),  # mathematics
    (0x2460, 0x24FF),  # enclosed numbers
    (0x2500, 0x257F),  # lines
    (0x25A0, 0x25FF),  # shapes
    (0x2E80, 0x2FDF),  # radicals
    (0x3000, 0x303F),  # Chinese punctuation
    (0x3100, 0x312F),  # bopomofo
    (0x3200, 0x33FF),  # enclosed and squared
    (0x3400, 0x4DBF),  # ideographs, extension A
    (0x4E00, 0x9FFF),  # ideographs
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFE30, 0xFE4F),  # vertical forms
    (0xFF01, 0xFFEE),  # full-width forms
    (0x20000, 0x3FFFF),  # ideographs, extension B and beyond
)


def main() -> None:
    arguments = argparse.ArgumentParser(description="Make the subset font letters are set in.")
    arguments.add_argument("source", type=Path, help="NotoSerifCJKsc-Regular.otf")
    arguments.add_argument("target", type=Path, help="where to write the subset")
    chosen = arguments.parse_args()

    options = subset.Options()
    options.hinting = False
    options.layout_features = ["vert"]
    options.name_IDs = ["*"]
    options.notdef_outline = True
    options.desubroutinize = False
    options.drop_tables += ["GPOS", "BASE", "VORG"]

    font = subset.load_font(str(chosen.source), options)
    kept = [c for c in font.getBestCmap() if any(low <= c <= high for low, high in KEPT)]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=kept)
    subsetter.subset(font)
    subset.save_font(font, str(chosen.target), options)


if __name__ == "__main__":
    main()
