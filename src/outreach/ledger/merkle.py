"""The Merkle tree of a log: hashes, paths and proofs over tiles, by RFC 9162 (2.1) and C2SP tiles.

A tree of ``size`` leaves is kept as tiles of up to 256 hashes (C2SP tlog-tiles): tile ``n`` of
level 0 holds the hashes of leaves 256n to 256n+255, of level 1 the roots of 256 full tiles of
level 0, and so on. Only the last tile of a level ever grows, so a tile cut short is the tile of an
older tree, and every older tree can be read from today's tiles.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

HEIGHT = 8
WIDTH = 1 << HEIGHT
HASH = 32
EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""


class Range(NamedTuple):
    """Leaves from ``begin`` to before ``end``, as a subtree has them: ``begin`` is a multiple of a
    power of two that is not smaller than their number.
    """

    begin: int
    end: int


class Tile(NamedTuple):
    level: int
    number: int


Tiles = Mapping[Tile, bytes]


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


# ---------------------------------------------------------------------------------- reading tiles


class _Perfect(NamedTuple):
    """A full subtree: leaves ``number << height`` to before ``(number + 1) << height``."""

    height: int
    number: int

    @property
    def tile(self) -> Tile:
        level, inner = divmod(self.height, HEIGHT)
        return Tile(level, self.number >> (HEIGHT - inner))

    def hash(self, tiles: Tiles) -> bytes:
        inner = self.height % HEIGHT
        first = (self.number << inner) % WIDTH
        hashes = tiles[self.tile][first * HASH : (first + (1 << inner)) * HASH]
        if len(hashes) < HASH << inner:
            raise KeyError(self.tile)
        return _full_root(hashes)


def _full_root(hashes: bytes) -> bytes:
    """The root over hashes that are a power of two in number."""
    row = [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _perfect(leaves: Range) -> Iterator[_Perfect]:
    """The full subtrees a range is made of, from the largest to the smallest."""
    at = leaves.begin
    while at < leaves.end:
        height = (leaves.end - at).bit_length() - 1
        yield _Perfect(height, at >> height)
        at += 1 << height


def tiles_of(ranges: Iterable[Range]) -> set[Tile]:
    """The tiles that ``range_hash`` of these ranges reads."""
    return {each.tile for leaves in ranges for each in _perfect(leaves)}


def range_hash(leaves: Range, tiles: Tiles) -> bytes:
    """The root over a range; raises ``KeyError`` for a tile that is missing or too short."""
    if leaves.begin == leaves.end:
        return EMPTY
    *others, result = [each.hash(tiles) for each in _perfect(leaves)]
    for left in reversed(others):
        result = node_hash(left, result)
    return result


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(index: int, size: int) -> list[Range]:
    """Whose hashes make the path of a leaf, from the leaf up (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[Range] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(begin, middle))
            begin = middle
    return path[::-1]


def consistency(old: int, new: int) -> list[Range]:
    """Whose hashes prove that a tree of ``new`` leaves began as that of ``old`` (2.1.4.1)."""
    if not 0 < old <= new:
        raise ValueError(f"no tree of {old} leaves before one of {new}")
    path: list[Range] = []
    begin, end, known = 0, new, True  # known: the old root itself, which needs no telling
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(begin, middle))
            begin, known = middle, False
    return [*([] if known else [Range(begin, end)]), *path[::-1]]


# --------------------------------------------------------------------------------- checking proofs


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf's hash and its path lead to, or None if they cannot (2.1.3.2)."""
    node, last = index, size - 1
    if not 0 <= node <= last:
        return None
    result = leaf
    for each in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            result = node_hash(each, result)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, each)
        node, last = node >> 1, last >> 1
    return result if last == 0 else None


def is_consistent(
    old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path proves that the new tree began as the old one (2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    proof = list(path)
    if old & (old - 1) == 0:
        proof.insert(0, old_root)
    if not proof:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    was = now = proof[0]
    for each in proof[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            was, now = node_hash(each, was), node_hash(each, now)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            now = node_hash(now, each)
        node, last = node >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root


# ------------------------------------------------------------------------------------------ growing


def edge(size: int) -> set[Tile]:
    """The last, unfinished tile of each level of a tree: all that ``grow`` must know of it."""
    tiles, level = set(), 0
    while size:
        if size % WIDTH:
            tiles.add(Tile(level, size // WIDTH))
        size, level = size // WIDTH, level + 1
    return tiles


def grow(size: int, tiles: Tiles, leaves: Sequence[bytes]) -> dict[Tile, bytes]:
    """The tiles that change when leaves of these hashes are added to a tree of ``size``."""
    changed: dict[Tile, bytes] = {}
    level, hashes = 0, list(leaves)
    while hashes:
        number, filled = divmod(size, WIDTH)
        joined = tiles[Tile(level, number)] if filled else b""
        joined += b"".join(hashes)
        hashes = []
        for begin in range(0, len(joined), WIDTH * HASH):
            part = joined[begin : begin + WIDTH * HASH]
            tile = Tile(level, number + begin // (WIDTH * HASH))
            changed[tile] = part
            if len(part) == WIDTH * HASH:
                hashes.append(_full_root(part))
        size, level = size // WIDTH, level + 1
    return changed
