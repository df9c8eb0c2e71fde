"""Originals: what a carrier wrote, kept with the event that tells it, and only the person's part.

A file that speaks of several people is cut into its rows. Each debtor's history holds their own row
and a path from it to the digest of the whole file (a Merkle tree over its rows, RFC 9162), which
stands in every event made of the file: whoever has the original can see that the row is of it.
"""

import base64
from functools import lru_cache

from outreach.channels.base import FileRow
from outreach.ledger.merkle import Range, Tile, grow, inclusion, leaf_hash, range_hash

MOST_BYTES = 1 << 16
"""Of one original; of a longer one the beginning is kept, and that it is cut is said."""


def original(body: bytes, row: FileRow | None) -> tuple[dict[str, object], dict[str, object]]:
    """``(data, payload)``: what the event says openly of the original, and the original."""
    if row is None:
        return {}, _written(body)
    rows = tuple(row.rows)
    tiles = _tiles(rows)
    path = [range_hash(each, tiles).hex() for each in inclusion(row.number, len(rows))]
    root = range_hash(Range(0, len(rows)), tiles).hex()
    place: dict[str, object] = {"row": row.number, "rows": len(rows), "path": path}
    return {"file": root}, {**_written(rows[row.number]), "of": place}


@lru_cache(maxsize=4)  # a file's facts come one after another
def _tiles(rows: tuple[bytes, ...]) -> dict[Tile, bytes]:
    return grow(0, {}, [leaf_hash(row) for row in rows])


def _written(body: bytes) -> dict[str, object]:
    """As text where it is text."""
    kept = body[:MOST_BYTES]
    cut: dict[str, object] = {"cut": len(body)} if len(body) > MOST_BYTES else {}
    try:
        return {"original": kept.decode(), **cut}
    except UnicodeDecodeError:
        return {"original_base64": base64.b64encode(kept).decode(), **cut}
