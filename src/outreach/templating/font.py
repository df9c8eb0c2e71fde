"""Which characters the vendored letter font can draw, read from its own character map."""

import struct
from pathlib import Path

LETTER_FONT = Path(__file__).parent / "fonts" / "NotoSerifCJKsc-Regular-subset.otf"


def coverage(path: Path = LETTER_FONT) -> frozenset[str]:
    """Every character in the font's format 12 character map (OpenType, ``cmap`` table)."""
    with path.open("rb") as file:
        (tables,) = struct.unpack(">4xH6x", file.read(12))
        directory = file.read(16 * tables)
        places = {
            tag: (offset, length)
            for tag, offset, length in struct.iter_unpack(">4s4xII", directory)
        }
        offset, length = places[b"cmap"]
        file.seek(offset)
        cmap = file.read(length)
    (count,) = struct.unpack_from(">2xH", cmap)
    for _, _, start in struct.iter_unpack(">HHI", cmap[4 : 4 + 8 * count]):
        kind, groups = struct.unpack_from(">H10xI", cmap, start)
        if kind == 12:
            body = cmap[start + 16 : start + 16 + 12 * groups]
            return frozenset(
                chr(code)
                for first, last, _ in struct.iter_unpack(">III", body)
                for code in range(first, last + 1)
            )
    raise ValueError(f"{path.name} has no format 12 character map")
