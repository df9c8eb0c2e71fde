"""The log's tree against RFC 6962 as it is written: roots, paths, proofs, tiles."""

from collections.abc import Sequence
from hashlib import sha256
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.ledger.merkle import (
    EMPTY,
    HASH,
    WIDTH,
    Range,
    Tile,
    consistency,
    edge,
    grow,
    inclusion,
    is_consistent,
    leaf_hash,
    range_hash,
    root_of_path,
    tiles_of,
)

# RFC 6962 test vectors of the Certificate Transparency reference code: eight leaves and the roots
# of the trees of the first one to eight of them.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def hashes(count: int, seed: int = 0) -> list[bytes]:
    random = Random(seed)
    return [random.randbytes(HASH) for _ in range(count)]


def grown(leaves: Sequence[bytes], steps: Sequence[int]) -> dict[Tile, bytes]:
    """Tiles after so many leaves at a time, of which only the edge is ever handed on."""
    tiles: dict[Tile, bytes] = {}
    size = 0
    for step in steps:
        known = {tile: tiles[tile] for tile in edge(size)}
        tiles |= grow(size, known, leaves[size : size + step])
        size += step
    assert size == len(leaves)
    return tiles


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1, over hashes of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_vectors_of_the_standard(size: int) -> None:
    tiles = grown([leaf_hash(leaf) for leaf in LEAVES], [8])
    assert range_hash(Range(0, size), tiles).hex() == ROOTS[size - 1]


def test_no_leaves() -> None:
    assert range_hash(Range(0, 0), {}) == EMPTY == sha256(b"").digest()
    assert edge(0) == set()
    assert grow(0, {}, []) == {}


FEW = hashes(500)
FEW_TILES = grown(FEW, [500])


@pytest.mark.parametrize("size", range(1, 501, 7))
def test_every_path_of_every_size(size: int) -> None:
    root = mth(FEW[:size])
    assert range_hash(Range(0, size), FEW_TILES) == root
    for index in range(size):
        path = [range_hash(each, FEW_TILES) for each in inclusion(index, size)]
        assert root_of_path(FEW[index], index, size, path) == root


def test_every_size_to_five_hundred() -> None:
    """Roots of all, and for each a path of its first, middle and last leaf."""
    for size in range(1, 501):
        root = mth(FEW[:size])
        assert range_hash(Range(0, size), FEW_TILES) == root
        for index in {0, size // 2, size - 1}:
            path = [range_hash(each, FEW_TILES) for each in inclusion(index, size)]
            assert root_of_path(FEW[index], index, size, path) == root


def test_every_older_size_is_proved() -> None:
    roots = [EMPTY, *(range_hash(Range(0, size), FEW_TILES) for size in range(1, 501))]
    for new in [1, 2, 3, 7, 8, 9, 255, 256, 257, 499, 500]:
        for old in range(1, new + 1):
            path = [range_hash(each, FEW_TILES) for each in consistency(old, new)]
            assert is_consistent(old, roots[old], new, roots[new], path)
            if old < new:
                assert not is_consistent(old, roots[old - 1], new, roots[new], path)
                assert not is_consistent(old, roots[old], new, roots[new - 1], path)
                assert not is_consistent(old, roots[old], new, roots[new], [*path, HASH * b"x"])
                assert not is_consistent(old, roots[old], new, roots[new], path[:-1])


MANY = hashes(100_000, 1)
MANY_TILES = grown(MANY, [100_000])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 100_000), st.data())
def test_large_trees(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    root = range_hash(Range(0, size), MANY_TILES)
    asked = inclusion(index, size)
    tiles = {tile: MANY_TILES[tile] for tile in tiles_of(asked)}
    path = [range_hash(each, tiles) for each in asked]
    assert len(path) <= 17
    assert root_of_path(MANY[index], index, size, path) == root
    proof = [range_hash(each, MANY_TILES) for each in consistency(old, size)]
    old_root = range_hash(Range(0, old), MANY_TILES)
    assert is_consistent(old, old_root, size, root, proof)
    at, bit = data.draw(st.integers(0, len(path) - 1)) if path else 0, 1
    for other in (index - 1, index + 1):
        assert root_of_path(MANY[index], other, size, path) != root or other == index
    if path:
        bent = [*path]
        bent[at] = bytes([bent[at][0] ^ bit]) + bent[at][1:]
        assert root_of_path(MANY[index], index, size, bent) != root
        assert root_of_path(MANY[index], index, size, path[:-1]) != root


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_tiles_do_not_know_in_what_steps_they_grew(steps: list[int]) -> None:
    total = sum(steps)
    assert grown(MANY[:total], steps) == grown(MANY[:total], [total])


def test_a_tile_of_tiles() -> None:
    """Level 1 holds the roots of level 0's full tiles, and no more."""
    size = WIDTH * WIDTH + 3
    tiles = grown(MANY[:size], [size])
    assert len(tiles[Tile(1, 0)]) == WIDTH * HASH
    assert tiles[Tile(1, 0)][:HASH] == mth(MANY[:WIDTH])
    assert tiles[Tile(2, 0)] == mth(MANY[: WIDTH * WIDTH])
    assert edge(size) == {Tile(0, WIDTH), Tile(2, 0)}


def test_what_cannot_be_is_refused() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion(index, size)
        assert root_of_path(FEW[0], index, size, []) is None
    for old, new in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="no tree"):
            consistency(old, new)
        assert not is_consistent(old, FEW[0], new, FEW[0], [])
    with pytest.raises(KeyError):
        range_hash(Range(0, 501), FEW_TILES)
