"""The two fields of a notice: one table of moves, and a merge that no order can disturb."""

from collections import Counter
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.token import Tokens
from outreach.clock import Clock
from outreach.demo.stock import attempts, cross_check
from outreach.domain.states import (
    COUNTS_AS_CONTACT,
    IN_FLIGHT,
    MOVES,
    RANK,
    Delivery,
    State,
    merge_part,
    merge_parts,
)
from outreach.sandbox.book import Entry

words = st.sampled_from(list(Delivery))
states = st.sampled_from(list(State))

# ------------------------------------------------------------------------------------- moves


@pytest.mark.parametrize(("old", "new"), list(product(State, State)))
def test_what_the_promises_forbid(old: State, new: State) -> None:
    """Nothing sent is taken back, and nothing uncertain goes straight to the wire again."""
    allowed = new in MOVES[old]
    if old in {State.SENT, State.FAILED, State.CANCELLED, State.EXPIRED}:
        assert not allowed
    if new is State.SENDING:
        assert allowed is (old is State.PENDING)
    if new is State.UNCERTAIN:
        assert allowed is (old in {State.SENDING, State.PENDING}), "pending: of a rewound database"
    if new is State.SENT:
        assert allowed is (old in IN_FLIGHT | {State.PENDING})
    assert old is not new or not allowed


def test_every_state_is_in_the_table() -> None:
    assert set(MOVES) == set(State)
    final = {state for state, onward in MOVES.items() if not onward}
    assert final == {State.SENT, State.FAILED, State.CANCELLED, State.EXPIRED}
    assert {State.SENDING, State.UNCERTAIN, State.SENT} == COUNTS_AS_CONTACT
    reachable = {State.PENDING} | {new for moves in MOVES.values() for new in moves}
    assert reachable == set(State)


# ------------------------------------------------------------------------------------ delivery


def merged(receipts: list[tuple[int, Delivery]], expected: int) -> Delivery:
    """What the receipts of a message's parts come to, one after another."""
    parts: dict[int, Delivery] = {}
    for number, word in receipts:
        parts[number] = merge_part(parts.get(number, Delivery.NONE), word)
    return merge_parts(list(parts.values()), expected)


receipts = st.lists(st.tuples(st.integers(0, 2), words), max_size=12)


@given(receipts, st.integers(1, 3), st.randoms(use_true_random=False), st.data())
def test_order_and_repetition_cannot_matter(
    given_: list[tuple[int, Delivery]], expected: int, random: object, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(given_), max_size=6)) if given_ else []
    shuffled = [*given_, *again]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merged(shuffled, expected) == merged(given_, expected)


@given(st.lists(words, min_size=1), words)
def test_a_part_never_falls_back(before: list[Delivery], new: Delivery) -> None:
    now = Delivery.NONE
    for word in before:
        now = merge_part(now, word)
    assert RANK[merge_part(now, new)] == max(RANK[now], RANK[new])
    assert now == max(before, key=RANK.__getitem__) or RANK[now] == 0


@given(st.lists(words, max_size=3), st.integers(1, 3))
def test_delivered_means_every_part(parts: list[Delivery], expected: int) -> None:
    result = merge_parts(parts, expected)
    arrived = [part for part in parts if part in (Delivery.DELIVERED, Delivery.READ)]
    if result in (Delivery.DELIVERED, Delivery.READ):
        assert len(arrived) == len(parts) >= expected
    elif arrived:
        assert result is Delivery.PARTIAL
    if result is Delivery.READ:
        assert set(parts) == {Delivery.READ}
    assert (result is Delivery.NONE) == (set(parts) <= {Delivery.NONE})


def test_ranks_are_a_strict_order() -> None:
    assert set(RANK) == set(Delivery)
    assert len(set(RANK.values())) == len(RANK)
    order = sorted(Delivery, key=RANK.__getitem__)
    assert order.index(Delivery.UNDELIVERED) < order.index(Delivery.DELIVERED)


# --------------------------------------------------------------------------------- taking stock

TOKENS = Tokens(b"k" * 32)


def entry(notice: int, attempt: int = 1, *, accepted: bool = True, letter: bool = False) -> Entry:
    token = str(UUID(int=notice)) if letter else TOKENS.mint(UUID(int=notice), attempt)
    return Entry(Clock().now(), token, "m", "", "", "delivered", accepted)


def check(entries: list[Entry], **by_state: list[int]) -> tuple[int, int]:
    states = {UUID(int=n): State(state) for state, ids in by_state.items() for n in ids}
    return cross_check(attempts(entries, TOKENS, {"10690000": UUID(int=8)}), states)


def test_all_is_well() -> None:
    entries = [entry(1), entry(2, letter=True), entry(3, accepted=False), entry(3, 2)]
    assert check(entries, sent=[1, 2, 3], pending=[4], blocked=[5], failed=[6]) == (0, 0)


@pytest.mark.parametrize(
    ("entries", "sent", "found"),
    [
        ([], [1], (1, 0)),  # we say sent, and nobody took it
        ([entry(1, accepted=False)], [1], (1, 0)),  # refused is not taken
        ([entry(1), entry(9)], [1], (1, 0)),  # somebody took what we know nothing of
        ([entry(1), entry(1)], [1], (0, 1)),  # the same attempt twice
        ([entry(1), entry(1, 2)], [1], (0, 1)),  # a second attempt after a taken one
        ([entry(1), entry(1), entry(1)], [1], (0, 1)),  # one notice, however often
        ([entry(1, letter=True), entry(1, letter=True)], [1], (0, 1)),
    ],
)
def test_one_planted_fault_is_found(
    entries: list[Entry], sent: list[int], found: tuple[int, int]
) -> None:
    assert check(entries, sent=sent) == found


def test_what_is_openly_uncertain_is_not_lost() -> None:
    assert check([entry(1)], uncertain=[1]) == (0, 0)
    assert check([], uncertain=[1]) == (0, 0)
    assert check([entry(1)], pending=[1]) == (1, 0), "taken, and we would send it again"
    assert check([entry(1)], failed=[1]) == (1, 0)


@given(st.lists(st.integers(1, 6), max_size=12), st.sets(st.integers(1, 6)))
def test_counts(taken: list[int], sent: set[int]) -> None:
    lost, duplicated = check([entry(n) for n in taken], sent=sorted(sent))
    assert lost == len(sent ^ set(taken))
    assert duplicated == sum(count > 1 for count in Counter(taken).values())
